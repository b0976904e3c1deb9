# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The key goes to the service and nowhere else, and a copy asks nobody."""

import json
import logging
import os
import runpy
from unittest.mock import patch

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, HttpCase, new_test_user, tagged
from odoo.tools import file_open, file_path, mute_logger

from ..models.l10n_cl_dte_ai_service import KEY_VARIABLE, URL_VARIABLE
from . import misbehaving_server as wire
from .common import KEY, DteAiCommon
from .loopback import HEALTH, drop, healthy, opinion, refusal, reply

SERVICE = "l10n_cl_dte_ai.service"


def migrate(cr):
    path = file_path("l10n_cl_dte_ai/migrations/19.0.1.1.0/post-secrets.py")
    runpy.run_path(path)["migrate"](cr, "19.0.1.0.0")


class SecrecyCase(DteAiCommon):
    def everybody(self):
        return {
            "accountant": self.env,
            "administrator": self.admin_env,
        }


class KeyTests:
    def test_it_cannot_be_read_by_anyone(self):
        for who, env in self.everybody().items():
            service = self.service.with_env(env(su=False))
            model, company = service.browse(), service.env["res.company"]
            for name, attempt in {
                "read": lambda s=service: s.read(["key"]),
                "search_read": lambda m=model: m.search_read([], ["key"]),
                "web_read": lambda s=service: s.web_read({"key": {}}),
                "export": lambda s=service: s.export_data(["key"]),
                "domain": lambda m=model: m.search([("key", "=like", "s%")]),
                "company": lambda c=company: c.search(
                    [("l10n_cl_dte_ai_service_id.key", "=like", "s%")]
                ),
                "order": lambda m=model: m.search([], order="key"),
                "group": lambda m=model: m.formatted_read_group([], ["key"]),
                "group over a path": lambda c=company: c.formatted_read_group(
                    [], ["l10n_cl_dte_ai_service_id.key"]
                ),
                "aggregate": lambda m=model: m.formatted_read_group(
                    [], aggregates=["key:array_agg"]
                ),
                "mapped": lambda c=service: c.mapped("key"),
                "attribute": lambda s=service: s.key,
                "write": lambda s=service: s.write({"key": "x" * 20}),
                "domain on the input": lambda m=model: m.search(
                    [("new_key", "=like", "s%")]
                ),
            }.items():
                with self.subTest(name, who=who), mute_logger("odoo.models"):
                    self.assertDenied(attempt)

    def assertDenied(self, attempt):
        try:
            answer = attempt()
        except (AccessError, UserError, ValueError) as error:
            self.assertNotIn(KEY, str(error))
        else:
            self.fail(f"Answered {str(answer).replace(KEY, 'THE KEY')}")

    def test_what_can_be_read_does_not_hold_it(self):
        for who, env in self.everybody().items():
            with self.subTest(who=who):
                service = self.service.with_env(env(su=False))
                everything = service.read()
                everything += service.web_read(
                    {name: {} for name in service.fields_get() if name != "key"}
                )
                if env == self.admin_env:
                    export = service.export_data(["name", "new_key", "url"])
                    everything += export["datas"]
                everything.append(service.fields_get())
                everything.append(service.default_get(list(service.fields_get())))
                self.assertNotIn(KEY, str(everything))
                self.assertNotIn("key", service.fields_get())
                self.assertFalse(service.new_key)

    def test_saving_it_does_not_give_it_back(self):
        admin = self.admin_env
        spec = {"new_key": {}, "key_source": {}, "url": {}}
        service = self.service.with_env(admin)
        answers = [
            service.web_save({"new_key": KEY, "name": "A"}, spec),
            service.browse().web_save({"new_key": KEY, "url": "https://x.cl"}, spec),
        ]
        form = Form(admin["res.config.settings"])
        form.l10n_cl_dte_ai_new_key = KEY
        settings = form.save()
        answers += [form._values, settings.read()]
        self.assertNotIn(KEY, str(answers))
        self.assertEqual(answers[0][0]["key_source"], "database")
        self.assertEqual(self.stored(), KEY)
        # The settings' own table keeps its rows for a while.
        self.env.flush_all()
        self.env.cr.execute("SELECT row_to_json(s)::text FROM res_config_settings s")
        self.assertNotIn(KEY, str(self.env.cr.fetchall()))

    def test_an_empty_input_keeps_it(self):
        self.service.with_env(self.admin_env).web_save({"new_key": ""}, {})
        self.service.with_env(self.admin_env).web_save({"new_key": False}, {})
        self.assertEqual(self.stored(), KEY)

    def test_a_copy_has_none(self):
        copy = self.service.with_env(self.admin_env).copy()
        self.assertFalse(self.stored(copy))
        self.assertFalse(copy.key_source)

    def test_what_cannot_be_a_key_is_refused_and_not_repeated(self):
        service = self.service.with_env(self.admin_env)
        secret = "sk-short-€"
        for key in (f"{KEY}\r\nX: 1", f"{KEY} {KEY}", f"{KEY}€", secret, "x" * 600):
            with (
                self.subTest(ascii(key)[:30]),
                self.assertRaisesRegex(ValidationError, "16 to 512") as caught,
            ):
                service.new_key = key
            self.assertNotIn(key, str(caught.exception))
        service.invalidate_recordset()
        self.assertEqual(self.stored(), KEY)

    def test_only_an_administrator_of_odoo_changes_the_settings(self):
        manager = new_test_user(
            self.admin_env,
            "manager",
            groups="l10n_cl_dte_ai.group_manager",
            company_id=self.company_data["company"].id,
        )
        for user in (self.accountant, self.overrider, manager):
            service = self.service.with_user(user)
            for values in ({"url": "https://evil.example"}, {"new_key": KEY}):
                with self.subTest(user.login, **values), self.assertRaises(AccessError):
                    service.write(values)
            with self.assertRaises(AccessError):
                service.create({"url": "https://evil.example"})
            with self.assertRaises(AccessError):
                service.env.company.write({"l10n_cl_dte_ai_service_id": False})
        with self.assertRaises(AccessError):
            self.service.with_user(self.accountant).action_test_connection()

    def environment(self, key, url):
        self.service.invalidate_recordset()
        return patch.dict(os.environ, {KEY_VARIABLE: key, URL_VARIABLE: url})

    def test_the_environment_wins_and_shows_only_that_it_does(self):
        service = self.service.with_env(self.admin_env)
        self.assertEqual(service.key_source, "database")
        other = "sk-from-the-environment-1"
        with self.environment(f"{other}\n", f"{self.server.url}/\n"):
            self.assertEqual(service.key_source, "environment")
            self.assertNotIn(other, str(service.read()))
            self.server.script(opinion())
            self.click(self.create_document())
        [request] = self.server.requests
        self.assertEqual(request.headers["Authorization"], f"Bearer {other}")

    def test_the_environments_key_goes_to_its_address_alone(self):
        """Another administrator entered his address, and his server got the key."""
        other = "sk-from-the-environment-1"
        second = self.service.with_env(self.admin_env).create({"url": self.server.url})
        for url in ("https://ai.example.cl", "", f"{self.server.url}/other"):
            with self.subTest(url=url), self.environment(other, url):
                second.invalidate_recordset()
                self.assertEqual(self.service.key_source, "database")
                self.assertEqual(second.key_source, "elsewhere")
                self.assertFalse(second.sudo()._key())
                action = second.action_test_connection()
                self.assertIn("No AI service is configured", str(action))
                self.assertFalse(self.server.requests)
                self.server.script(opinion())
                self.click(self.create_document())
                [request] = self.server.requests
                self.assertEqual(request.headers["Authorization"], f"Bearer {KEY}")
                self.server.reset()

    def test_a_key_that_comes_back_is_in_nothing_that_is_kept(self):
        """A 422 that quoted the request showed the key to accountants."""
        names = [name for name in wire.FAULTS if name.startswith("echo-")]
        documents = [self.create_document() for _name in names]
        with self.bus() as sent, self.assertLogs("odoo.addons", logging.DEBUG) as logs:
            for name, document in zip(names, documents, strict=True):
                self.server.script(wire.FAULTS[name].answer)
                wizard = self.click(document)
                self.assertNotIn(KEY[:10], str(wizard.read()))
                self.assertIn("bad request, you sent", str(wizard.ai_findings))
            # What has no opinion yet would be asked again.
            rows = self.env["l10n_cl_dte_ai.validation"].sudo()
            rows.search([("state", "=", "pending")]).action_cancel()
            for name in names[:4]:
                document = self.create_document()
                rows._get_or_queue(document)
                self.server.script(wire.FAULTS[name].answer)
            self.run_cron()
        self.assertNotIn(KEY[:10], "".join(logs.output) + str(sent))
        self.env.flush_all()
        for table in ("mail_message", "l10n_cl_dte_ai_validation", "bus_bus"):
            self.env.cr.execute(f"SELECT row_to_json(t)::text FROM {table} t")
            self.assertNotIn(KEY[:10], str(self.env.cr.fetchall()), table)

    def test_a_health_text_that_holds_it(self):
        self.server.script(healthy(version=f"1.2 {KEY}"), to=HEALTH)
        self.server.script(refusal("empty"))
        action = self.service.with_env(self.admin_env).action_test_connection()
        self.assertIn("1.2 •••", str(action))
        self.assertNotIn(KEY[:10], str(action))

    def test_what_was_stored_before_is_cleaned(self):
        """By the migration to 19.0.1.1.0."""
        documents = [self.create_document() for _number in range(3)]
        self.server.script(*[opinion("review", warnings=["Nota"])] * 3)
        for document in documents:
            self.click(document)
        rows = [self.validation(document).sudo() for document in documents]
        other = "sk-from-the-environment-1"
        texts = [f"you sent Bearer {KEY}", f"you sent {other[:12]}…", "Nota"]
        for row, text in zip(rows, texts, strict=True):
            row.findings = [{"severity": "error", "message": text}]
            row.move_id.sudo()._message_log(body=f"The service says: {text}")
        self.env.flush_all()
        with self.environment(other, ""):
            migrate(self.env.cr)
        self.env.invalidate_all()
        cleaned = [row.findings[0]["message"] for row in rows]
        self.assertEqual(cleaned, ["you sent Bearer •••", "you sent •••…", "Nota"])
        for document, text in zip(documents, cleaned, strict=True):
            self.assertIn(f"The service says: {text}", self.messages(document))
        self.assertNotIn(KEY[:10], self.messages(documents[0]))

    def test_it_is_in_no_log_and_no_record(self):
        documents = [self.create_document() for _number in range(5)]
        self.server.script(
            opinion(warnings=["Nota"]),
            refusal("RUT"),
            reply(500, f"Bearer {KEY}"),
            drop,
            reply(403, f"Bearer {KEY}"),
        )
        with (
            self.assertLogs("odoo.addons", logging.DEBUG) as ours,
            self.assertLogs("urllib3", logging.DEBUG) as libraries,
        ):
            for document in documents:
                self.click(document)
            self.service.with_env(self.admin_env).new_key = KEY
            self.server.script(healthy(), to=HEALTH)
            self.server.script(refusal("empty"))
            self.service.with_env(self.admin_env).action_test_connection()
        lines = "\n".join(ours.output + libraries.output)
        self.assertIn("AI service: send in", lines)
        self.assertNotIn(KEY, lines)
        self.assertNotIn("76202020-3", lines, "nor a customer's data")
        self.env.flush_all()
        for table in (
            "ir_logging",
            "mail_message",
            "l10n_cl_dte_ai_validation",
            "bus_bus",
            "ir_attachment",
        ):
            self.env.cr.execute(f"SELECT row_to_json(t)::text FROM {table} t")
            self.assertNotIn(KEY, str(self.env.cr.fetchall()), table)

    def stored(self, service=None):
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT key FROM l10n_cl_dte_ai_service WHERE id = %s",
            [(service or self.service).id],
        )
        return self.env.cr.fetchone()[0]


class AddressTests:
    def test_where_documents_and_key_may_go(self):
        service = self.service.with_env(self.admin_env)
        for values, text in (
            ({"url": "http://ai.example.cl"}, "must begin with https"),
            ({"url": "https://user:secret@ai.example.cl"}, "user or password"),
            ({"url": "https://169.254.169.254"}, "cannot be an AI service"),
            ({"url": "https://[::ffff:169.254.169.254]"}, "cannot be an AI service"),
            (
                {"url": "http://169.254.169.254", "allow_http": True},
                "cannot be an AI service",
            ),
            ({"url": "https://ai.example.cl?key=1"}, "must look like"),
            ({"url": "javascript:alert(1)"}, "must look like"),
        ):
            with self.subTest(**values):
                with self.assertRaisesRegex(ValidationError, text):
                    service.write(values)
                with self.assertRaisesRegex(ValidationError, text):
                    service.create(values)
        service.write({"url": "http://ai.example.cl", "allow_http": True})
        with self.assertRaisesRegex(ValidationError, "must begin with https"):
            service.allow_http = False

    def test_a_new_address_starts_afresh(self):
        service = self.service.with_env(self.admin_env)
        generation = service.generation
        service.sudo()._write_state(
            {"health": "misconfigured", "health_reason": "redirect"}
        )
        service.url = "https://ai.example.cl"
        self.assertEqual(service.generation, generation + 1)
        self.assertEqual((service.health, service.health_reason), ("unknown", False))
        service.name = "Another name"
        self.assertEqual(service.generation, generation + 1)


class CopiedDatabaseTests:
    """Not one request leaves a database that is not the one of the settings."""

    def assertAsksNobody(self, reason, text):
        document = self.create_document()
        wizard = self.click(document)
        self.assertIn(text, wizard.message)
        self.assertEqual(self.validation(document).reason, reason)
        self.run_cron()
        self.service.sudo()._cron_check_health()
        action = self.service.with_env(self.admin_env).action_test_connection()
        self.assertEqual(action["params"]["type"], "warning")
        self.assertIn(text, str(action["params"]["message"]))
        self.assertFalse(self.server.requests)
        info = self.env["ir.http"].lazy_session_info()["l10n_cl_dte_ai"]
        self.assertEqual(info[self.env.company.id]["state"], "not_configured")
        self.assertEqual(info[self.env.company.id]["reason"], reason)
        return document

    def set_parameter(self, name, value):
        self.env["ir.config_parameter"].sudo().set_param(name, value)

    def test_a_neutralized_database(self):
        self.set_parameter("database.is_neutralized", True)
        self.assertAsksNobody("neutralized", "neutralized test database")

    def test_a_database_with_another_uuid(self):
        self.set_parameter("database.uuid", "00000000-aaaa-bbbb-cccc-000000000000")
        document = self.assertAsksNobody("copied", "is a copy of the one")
        # To use the service from here is a decision: to enter the key again.
        self.service.with_env(self.admin_env).new_key = KEY
        self.server.script(opinion())
        self.run_cron()
        self.assertEqual(document.l10n_cl_dte_ai_state, "approved")

    def test_what_neutralizing_clears(self):
        documents = [self.create_document() for _number in range(3)]
        self.server.script(opinion(), reply(500, b""), reply(429, b""))
        for document in documents:
            self.click(document)
        answered, down, limited = (self.validation(d) for d in documents)
        self.env.flush_all()
        with file_open("l10n_cl_dte_ai/data/neutralize.sql") as file:
            self.env.cr.execute(file.read())
        self.env.invalidate_all()
        self.assertFalse(self.service.sudo().key)
        self.assertFalse(self.service.key_source)
        self.assertEqual(self.service.health, "unknown")
        self.assertFalse(self.service.blocked_until)
        self.assertEqual((answered.state, answered.outcome), ("done", "approved"))
        for row in (down, limited):
            self.assertEqual((row.state, row.outcome), ("cancelled", "cancelled"))
        # What was answered is still known.
        self.assertEqual(documents[0].l10n_cl_dte_ai_state, "approved")
        self.assertFalse(documents[1].l10n_cl_dte_ai_state)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestSecrecy(KeyTests, AddressTests, CopiedDatabaseTests, SecrecyCase):
    """One class: what it shares takes seconds to set up."""


@tagged("post_install_l10n", "post_install", "-at_install")
class TestOverTheWire(DteAiCommon, HttpCase):
    """What a browser is given, and a click as a browser makes it."""

    def call(self, model, method, *args, **kwargs):
        response = self.url_open(
            f"/web/dataset/call_kw/{model}/{method}",
            data=json.dumps(
                {
                    "jsonrpc": "2.0",
                    "params": {
                        "model": model,
                        "method": method,
                        "args": args,
                        "kwargs": kwargs,
                    },
                }
            ),
            headers={"Content-Type": "application/json"},
        )
        return response.json()

    def test_a_click_and_a_page(self):
        document = self.create_document()
        self.server.script(opinion("review", 71))
        self.authenticate("accountant", "accountant")
        answer = self.call("account.move", "action_l10n_cl_dte_generate", document.ids)
        self.assertEqual(answer["result"]["res_model"], "l10n_cl_dte_ai.generate")
        answer = self.call(SERVICE, "web_search_read", [], {"display_name": {}})
        self.assertEqual(len(answer["result"]["records"]), 1)
        with mute_logger("odoo.http"):
            answer = self.call(SERVICE, "read", self.service.ids, ["key"])
        self.assertIn("AccessError", answer["error"]["data"]["name"])
        page = self.url_open("/odoo")
        self.assertEqual(page.status_code, 200)
        self.assertNotIn(KEY, page.text)
        self.assertEqual(len(self.server.requests), 1, "a page load asks nobody")

    def test_private_methods_cannot_be_called(self):
        self.authenticate("accountant", "accountant")
        document = self.create_document()
        for model, method, ids in (
            (SERVICE, "_key", self.service.ids),
            (SERVICE, "_client", self.service.ids),
            ("account.move", "_l10n_cl_dte_generate", document.ids),
            ("l10n_cl_dte_ai.validation", "_cron_ask", []),
        ):
            with self.subTest(method), mute_logger("odoo.http"):
                self.assertIn("error", self.call(model, method, ids))
