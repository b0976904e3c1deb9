# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Each model and each public method of ours, called by who should not.

`python3 -m dev test attack` runs it and prints the table: method, user, and whether it
was refused, or is harmless and why.
"""

import os
from collections import defaultdict
from pathlib import Path

from odoo import Command, fields
from odoo.exceptions import UserError
from odoo.tests import HttpCase, new_test_user, tagged

from . import attacks
from .attacks import NOWHERE, Attempt
from .common import KEY, DteAiCommon
from .loopback import opinion

CANARIES = {
    "line": "CanarioLineaLoica",
    "customer": "CanarioClienteChucao",
    "service": "CanarioServicioZorzal",
    "answer": "CanarioOpinionQueltehue",
    "price": "7654321",
    "total": "9108642",
    "folio": "087654",
    "key": KEY,
}
# What goes through and changes something, and why it may; by model, method and user.
HARMLESS = {
    **{
        ("l10n_cl.account.invoice.reference", method, "accountant"): (
            "her own document; what the rules find in it follows"
        )
        for method in ("copy", "create", "load", "unlink", "web_save", "write")
    },
    ("l10n_cl_dte_ai.batch", "action_cancel", "accountant"): (
        "her work: whoever can start a batch of her company can end one"
    ),
    ("l10n_cl_dte_ai.generate", "action_check_again", "accountant"): (
        "her work: a question about her own document"
    ),
    ("l10n_cl_dte_ai.generate", "action_reviewed", "accountant"): (
        "her work: her decision on her own document, kept with her name"
    ),
    **{
        ("l10n_cl_dte_ai.finding", method, "accountant"): (
            "her work: her decision on a finding, kept with her name"
        )
        for method in ("action_not_useful", "action_bring_up_again")
    },
    ("l10n_cl_dte_ai.generate.batch", "action_start", "accountant"): (
        "her work: questions about her own documents"
    ),
}


class AttackCase(DteAiCommon):
    """A company whose documents are known by canaries, and strangers to them."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.admin_env
        company = cls.company_data["company"]
        cls.other = cls.setup_other_company(name="Otra SpA")["company"]
        cls.set_up_company(cls.other, "76404040-6")
        cls.service.name = CANARIES["service"]
        cls.customer.write({"name": CANARIES["customer"], "company_id": company.id})
        cls.strangers = {
            "portal": new_test_user(
                cls.env, "attack_portal", "base.group_portal", company_id=company.id
            ),
            "employee": cls.create_user("attack_employee", "base.group_user"),
            "other company": cls.create_user(
                "attack_other", "account.group_account_invoice", cls.other
            ),
        }
        cls.env = cls.env(user=cls.accountant)

    def setUp(self):
        super().setUp()
        self.document = self.create_document(
            lines=[{"name": CANARIES["line"], "price": 7_654_321}],
            l10n_latam_document_number=CANARIES["folio"],
            l10n_cl_reference_ids=[
                Command.create(
                    {
                        "l10n_cl_reference_doc_type_id": self.env.ref(
                            "l10n_cl.dc_a_f_dte"
                        ).id,
                        "origin_doc_number": CANARIES["folio"],
                        "date": fields.Date.today(),
                    }
                )
            ],
        )
        self.draft = self.document.copy({"invoice_date": self.document.invoice_date})
        self.document.action_post()
        finding = {"key": "rule:1", "rule": "rule", "message": CANARIES["answer"]}
        self.server.script(
            opinion("review", warnings=[CANARIES["answer"]], findings=[finding])
        )
        self.click(self.document)
        self.document._l10n_cl_dte_generate()
        wizard = self.env["l10n_cl_dte_ai.generate.batch"].create(
            {"move_ids": [Command.set(self.document.ids)], "generates": True}
        )
        wizard.action_start()
        self.complete()
        self.env.flush_all()
        self.records = {
            name: self.admin_env[name].sudo().search([], limit=3, order="id desc").ids
            for name in attacks.our_models(self.admin_env)
            if not self.admin_env[name]._abstract
        }
        self.records |= {
            "account.move": self.document.ids,
            "res.company": self.document.company_id.ids,
            "res.partner": self.customer.ids,
            "res.config.settings": [],
        }
        self.context = {
            **dict.fromkeys(attacks.context_keys(self.admin_env), True),
            "active_model": "account.move",
            "active_id": self.document.id,
            "active_ids": self.document.ids,
            "default_move_id": self.document.id,
            "allowed_company_ids": self.document.company_id.ids,
        }
        self.table, self.tried = [], set()

    def complete(self):
        """Make a record of each model that has none yet, in a company that is set
        up.
        """
        company = self.document.company_id.sudo()
        env = self.admin_env(su=True, context={"allowed_company_ids": company.ids})
        for name in attacks.our_fields(env, "res.company"):
            field = company._fields[name]
            if field.type == "selection" and field.store and not company[name]:
                company[name] = field.get_values(env)[0]
        for name in attacks.our_models(env):
            if env[name]._abstract or env[name].search([], limit=1):
                continue
            if not env[name]._auto:  # a view has what its table says
                continue
            try:
                with self.cr.savepoint():
                    attacks.minimal(env, name)
            except (UserError, ValueError):
                # A wizard may refuse to be opened on nothing; rows of it are no facts.
                self.assertTrue(env[name]._transient, name)

    # === The attempts === #

    def ids_of(self, model):
        return self.records.get(model) or []

    def calls(self, model, method, *arguments):
        """A call on the strangers' records, on none, and with a context of our keys."""
        method_ = getattr(self.admin_env.registry[model], method)
        if getattr(method_, "_api_model", False):
            heads = [[]]
        else:
            heads = [[self.ids_of(model)], [[]], [[NOWHERE]]]
        for head in heads:
            yield Attempt(model, method, [*head, *arguments], {})
        yield Attempt(
            model, method, [*heads[0], *arguments], {"context": dict(self.context)}
        )

    def business(self):
        """Our own methods, with and without hostile arguments."""
        for model, method in attacks.our_methods(self.admin_env):
            for arguments in attacks.argument_sets(self.admin_env, model, method):
                yield from self.calls(model, method, *arguments)

    def on_our_models(self, reads=True):
        """All that any model can do, on those that are ours."""
        for model in attacks.our_models(self.admin_env):
            if self.admin_env[model]._abstract:
                continue
            for method in attacks.orm_methods(self.admin_env, model):
                yield from self.calls(model, method)
                yield Attempt(
                    model, method, [self.ids_of(model), [["id", "!=", 0]]], {}
                )
            yield from self.on_fields(model, reads=reads)

    def on_fields(self, model, only_facts=False, reads=True):
        """Each field of ours: read by every road, and forged by every road."""
        ids = self.ids_of(model)
        for name in attacks.our_fields(self.admin_env, model):
            field = self.admin_env[model]._fields[name]
            if name in ("id", "display_name"):
                continue
            if only_facts and not (field.readonly and field.store):
                continue
            spec = {name: {"fields": {"display_name": {}}} if field.relational else {}}
            if reads:
                yield from self.readings(model, ids, name, spec)
            others = self.ids_of(field.comodel_name) if field.relational else []
            if field.type == "many2one_reference" or name.endswith("_id"):
                others = others or self.document.ids
            for value in attacks.forged(field, others):
                yield from self.forgeries(model, ids, name, value, spec)

    def readings(self, model, ids, name, spec):
        """The roads by which a value gets out of a field."""
        domain = [["id", "in", ids]]
        yield from (
            Attempt(model, "read", [ids, [name]], {}),
            Attempt(model, "web_read", [ids, spec], {}),
            Attempt(model, "search_read", [domain, [name]], {}),
            Attempt(model, "web_search_read", [domain, spec], {}),
            Attempt(model, "export_data", [ids, [name]], {}),
            Attempt(model, "search_count", [[[name, "!=", False]]], {}),
            Attempt(model, "formatted_read_group", [domain, [name], ["__count"]], {}),
            Attempt(model, "default_get", [[name]], {"context": self.context}),
        )

    def forgeries(self, model, ids, name, value, spec):
        """The roads by which a value gets into a field."""
        values, context = {name: value}, {**self.context, f"default_{name}": value}
        yield from (
            Attempt(model, "write", [ids, values], {}),
            Attempt(model, "create", [values], {}),
            Attempt(model, "onchange", [[], values, [], spec], {}),
        )
        if model == "account.move":
            new = {"move_type": "out_invoice", **values}
            yield Attempt(model, "create", [new], {})
            yield Attempt(model, "write", [self.draft.ids, values], {})
        if (model, name) in self.tried:  # by the others one value of each is enough
            return
        self.tried.add((model, name))
        yield from (
            Attempt(model, "write", [ids, values], {"context": dict(self.context)}),
            Attempt(model, "create", [{}], {"context": context}),
            Attempt(model, "copy", [ids, values], {}),
            Attempt(model, "web_save", [ids, values, spec], {}),
            Attempt(model, "web_save", [[], values, spec], {}),
            Attempt(
                model, "onchange", [[], values, [name], self.all_fields(model)], {}
            ),
            Attempt(model, "onchange", [ids, values, [name], spec], {}),
            Attempt(model, "load", [[name], [[str(value)]]], {}),
            Attempt(model, "load", [[".id", name], [[str(i), "x"] for i in ids]], {}),
        )

    def all_fields(self, model):
        return {
            name: {"fields": {"display_name": {}}} if field.relational else {}
            for name in attacks.our_fields(self.admin_env, model)
            for field in [self.admin_env[model]._fields[name]]
        }

    def on_others_models(self):
        for model in attacks.extended_models(self.admin_env):
            yield from self.on_fields(model)

    def on_facts(self):
        """Fields of ours on documents that nobody writes; the others are hers."""
        for model in attacks.extended_models(self.admin_env):
            may_write = self.env[model].has_access("write")
            yield from self.on_fields(model, only_facts=may_write, reads=False)

    def attachments(self):
        """The generated files, and what would pass for one."""
        files = self.admin_env["ir.attachment"].search(
            [
                "|",
                *("&", ("res_model", "=", "account.move")),
                ("res_id", "=", self.document.id),
                ("res_model", "=like", "l10n_cl_dte%"),
                ("res_field", "!=", "no such field"),
            ]
        )
        self.assertTrue(files)
        model = "ir.attachment"
        for ids in [[file.id] for file in files]:
            yield Attempt(model, "read", [ids, ["raw", "datas", "name"]], {})
            yield Attempt(model, "write", [ids, {"raw": "Forged"}], {})
            yield Attempt(model, "write", [ids, {"name": "../../evil"}], {})
            yield Attempt(model, "unlink", [ids], {})
            yield Attempt(model, "copy", [ids], {})
        for name, ids in self.records.items():
            for field in attacks.our_fields(self.admin_env, name):
                values = {"name": "Forged", "raw": "Forged", "res_model": name}
                values |= {"res_id": (ids or [1])[0], "res_field": field}
                yield Attempt(model, "create", [values], {})

    # === The tests === #

    def assault(self, who, user, attempts, stranger=True):
        canaries = CANARIES.values() if stranger else [KEY]
        watch = attacks.Watch(self, user, canaries, stranger)
        found = defaultdict(list)
        for attempt in attempts:
            found[attempt.model, attempt.method].append((attempt, watch.try_(attempt)))
        wrong = []
        for (model, method), tries in sorted(found.items()):
            reason = HARMLESS.get((model, method, who))
            bad = [
                (attempt, outcome)
                for attempt, outcome in tries
                if outcome.effects or outcome.leaks
            ]
            passed = [outcome for _attempt, outcome in tries if not outcome.error]
            if bad and not reason:
                wrong.append(
                    f"{model}.{method} as {who}: {bad[0]} (and {len(bad) - 1})"
                )
                verdict = "NOT REFUSED"
            elif bad:
                verdict = f"harmless: {reason}"
            elif passed:
                verdict = "harmless: nothing changed, nothing learnt"
            else:
                verdict = "refused"
            self.table.append((f"{model}.{method}", who, len(tries), verdict))
        self.report()
        self.assertFalse(wrong, "\n".join(wrong))

    def report(self):
        """Add to the table that `python3 -m dev test attack` prints."""
        if path := os.environ.get("DTE_AI_TABLE"):
            with Path(path).open("a") as file:
                for name, who, count, verdict in self.table:
                    file.write(f"{name} | {who} | {count} | {verdict}\n")
        self.table.clear()


@tagged("post_install_l10n", "post_install", "-at_install")
class TestAttack(AttackCase):
    """Strangers learn nothing and change nothing; nobody forges what our code says."""

    def test_there_is_a_record_of_each_model_to_attack(self):
        for name, ids in self.records.items():
            model = self.admin_env[name]
            if model._auto and not model._transient:
                self.assertTrue(ids, name)

    def test_a_wizard_is_its_maker_s(self):
        """Also for who has every right of ours."""
        groups = "account.group_account_manager,base.group_system"
        ours = attacks.our_addons(self.admin_env)
        every = self.admin_env["ir.model.data"].search(
            [("module", "in", list(ours)), ("model", "=", "res.groups")]
        )
        names = [f"{each.module}.{each.name}" for each in every]
        peer = new_test_user(
            self.admin_env,
            "attack_peer",
            ",".join([groups, *names]),
            company_id=self.document.company_id.id,
        )
        for name in attacks.our_models(self.admin_env):
            if self.admin_env[name]._transient:
                with self.subTest(name):
                    self.assertFalse(self.admin_env[name].with_user(peer).search([]))

    def test_strangers_call_our_methods(self):
        for who, user in self.strangers.items():
            with self.subTest(who):
                self.assault(who, user, self.business())

    def test_strangers_on_our_models(self):
        for who, user in self.strangers.items():
            with self.subTest(who):
                self.assault(who, user, self.on_our_models())

    def test_strangers_on_our_fields(self):
        for who, user in self.strangers.items():
            with self.subTest(who):
                self.assault(who, user, self.on_others_models())

    def test_strangers_on_files(self):
        for who, user in self.strangers.items():
            with self.subTest(who):
                self.assault(who, user, self.attachments())

    def test_an_accountant_forges_in_her_own_company(self):
        attempts = (*self.on_our_models(reads=False), *self.on_facts())
        self.assault("accountant", self.accountant, attempts, stranger=False)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestAttackOverHttp(AttackCase, HttpCase):
    """The same over the roads that a browser and a program take."""

    def assertNothing(self, text, called):
        leaks = [canary for canary in CANARIES.values() if canary in text]
        self.assertFalse(leaks, called)

    def test_our_methods_over_call_kw(self):
        requests = len(self.server.requests)
        for who, user in self.strangers.items():
            self.authenticate(user.login, user.login)
            for model, method in attacks.our_methods(self.admin_env):
                with self.subTest(f"{model}.{method}", who=who):
                    response = self.url_open(
                        f"/web/dataset/call_kw/{model}/{method}",
                        json={
                            "jsonrpc": "2.0",
                            "method": "call",
                            "params": {
                                "model": model,
                                "method": method,
                                "args": [self.ids_of(model)],
                                "kwargs": {"context": self.context},
                            },
                        },
                    )
                    self.assertEqual(response.status_code, 200)
                    self.assertNothing(response.text, response.text[:300])
        self.assertEqual(len(self.server.requests), requests)

    def test_our_methods_over_json_2(self):
        requests = len(self.server.requests)
        user = self.strangers["other company"]
        key = (
            self.env["res.users.apikeys"]
            .with_user(user)
            ._generate(
                "rpc", "attack", fields.Datetime.add(fields.Datetime.now(), days=1)
            )
        )
        for model, method in attacks.our_methods(self.admin_env):
            with self.subTest(f"{model}.{method}"):
                response = self.url_open(
                    f"/json/2/{model}/{method}",
                    json={"ids": self.ids_of(model), "context": self.context},
                    headers={"Authorization": f"Bearer {key}"},
                )
                self.assertNothing(response.text, response.text[:300])
        self.assertEqual(len(self.server.requests), requests)
