# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Companies do not see each other's documents, and foreign ones see nothing of us."""

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, tagged

from .common import DteAiCommon
from .loopback import opinion, reply

MODEL = "l10n_cl_dte_ai.validation"


@tagged("post_install_l10n", "post_install", "-at_install")
class TestMultiCompany(DteAiCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.env = cls.admin_env
        cls.first = cls.company_data["company"]
        cls.second = cls.setup_other_company(name="Segunda SpA")["company"]
        cls.set_up_company(cls.second, "76404040-6")
        cls.chart_template = "generic_coa"
        cls.foreign = cls.setup_other_company(
            name="Foreign Inc.",
            country_id=cls.env.ref("base.us").id,
            currency_id=cls.env.ref("base.USD").id,
        )["company"]
        cls.create_service(cls.foreign + cls.second, name="Another")
        cls.second_service = cls.second.l10n_cl_dte_ai_service_id
        cls.foreign.l10n_cl_dte_ai_service_id = False
        group = "account.group_account_invoice"
        cls.second_accountant = cls.create_user("second", group, cls.second)
        cls.foreign_accountant = cls.create_user("foreign", group, cls.foreign)
        cls.both = cls.create_user("both", group, cls.first + cls.second)
        cls.reader = cls.create_user("reader", "account.group_account_readonly")
        cls.env = cls.env(user=cls.accountant)

    def create_for(self, user, company):
        env = self.env(user=user, context={"allowed_company_ids": company.ids})
        tax = (
            self.env["account.tax"]
            .sudo()
            .search(
                [
                    ("company_id", "=", company.id),
                    ("l10n_cl_sii_code", "=", 14),
                    ("type_tax_use", "=", "sale"),
                ],
                limit=1,
            )
        )
        values = {"company_id": company.id, "env": env}
        lines = [{"tax_ids": [Command.set(tax.ids)]}]
        return self.create_document(lines=lines, **values)

    def test_a_wizard_on_a_foreign_invoice_shows_nothing_of_it(self):
        """By `create` or only `onchange` it gave away total, customer and state."""
        theirs = self.create_for(self.second_accountant, self.second)
        names = ("move_id", "amount_total", "partner_id", "state", "company_id")
        spec = {name: {} for name in names}
        for model, values in {
            "l10n_cl_dte_ai.generate": {"move_id": theirs.id},
            "l10n_cl_dte_ai.generate.batch": {"move_ids": [Command.set(theirs.ids)]},
        }.items():
            wizards = self.env[model].with_user(self.accountant)
            known = {
                name: {} for name in (*names, "move_ids") if name in wizards._fields
            }
            default = {f"default_{name}": value for name, value in values.items()}
            for attack in (
                lambda w=wizards, v=values: w.create(v),
                lambda w=wizards, d=default: w.with_context(**d).create({}),
                lambda w=wizards, v=values, s=known: w.web_save(v, s),
                lambda w=wizards, v=values, s=known: w.onchange(v, [], s),
                lambda w=wizards, v=values, s=known: w.onchange(v, list(v), s),
                lambda w=wizards, d=default, s=known: w.with_context(**d).onchange(
                    {}, [], s
                ),
            ):
                with self.assertRaises(AccessError):
                    attack()
        # And a row of who may see it is her own.
        wizard = (
            self.env["l10n_cl_dte_ai.generate"]
            .with_user(self.second_accountant)
            .create({"move_id": theirs.id})
        )
        for user in (self.accountant, self.both):
            with self.assertRaises(AccessError):
                wizard.with_user(user).web_read(spec)

    def test_each_sees_the_validations_of_her_company(self):
        mine, theirs = (
            self.create_for(self.accountant, self.first),
            self.create_for(self.second_accountant, self.second),
        )
        self.server.script(opinion(), opinion("review"))
        self.click(mine)
        self.click(theirs)
        rows = {
            user: self.env[MODEL].with_user(user).search([]).move_id.ids
            for user in (self.accountant, self.second_accountant, self.both)
        }
        self.assertEqual(rows[self.accountant], mine.ids)
        self.assertEqual(rows[self.second_accountant], theirs.ids)
        with self.assertRaises(AccessError):
            self.validation(theirs).with_user(self.accountant).sudo(False).read(
                ["outcome"]
            )
        with self.assertRaises(AccessError):
            self.validation(theirs).with_user(self.accountant).sudo(
                False
            ).action_cancel()
        # The same invoice, in two companies, is asked about in each one's name.
        self.assertEqual(
            [request.json["company_id"] for request in self.server.requests],
            [self.first.id, self.second.id],
        )

    def test_the_service_of_another_company_cannot_be_read(self):
        service = self.second_service
        service.with_user(self.second_accountant).read(["url"])
        with self.assertRaises(AccessError):
            service.with_user(self.accountant).read(["url"])
        with self.assertRaises(AccessError):
            service.with_user(self.accountant).write({"name": "x"})

    def test_a_service_that_is_shared(self):
        """Its limit is one limit: what one company runs into holds for the other."""
        self.second.sudo().l10n_cl_dte_ai_service_id = self.service
        self.env.invalidate_all()
        for user in (self.accountant, self.second_accountant):
            self.service.with_user(user).read(["name", "health", "company_ids"])
            self.env.invalidate_all()  # each request has a cache of its own
        mine = self.create_for(self.accountant, self.first)
        theirs = self.create_for(self.second_accountant, self.second)
        self.server.script(reply(429, b"", {"Retry-After": "60"}))
        self.click(mine)
        self.assertIn("accepts no more", self.click(theirs).message)
        self.assertEqual(len(self.server.requests), 1)

    def test_the_cron_asks_for_all_companies(self):
        documents = [
            self.create_for(self.accountant, self.first),
            self.create_for(self.second_accountant, self.second),
        ]
        self.server.script(reply(500, b""), reply(500, b""))
        for document in documents:
            self.click(document)
            self.make_due(self.validation(document))
        self.server.script(opinion(), opinion("review"))
        self.run_cron()
        self.assertEqual(
            sorted(document.l10n_cl_dte_ai_state for document in documents),
            ["approved", "review"],
        )

    def test_a_foreign_company_is_left_alone(self):
        env = self.env(user=self.foreign_accountant, context={})
        invoice = env["account.move"].create(
            {
                "move_type": "out_invoice",
                "partner_id": self.customer.id,
                "invoice_line_ids": [
                    Command.create({"name": "Work", "price_unit": 100, "tax_ids": []})
                ],
            }
        )
        self.assertEqual(invoice.company_id, self.foreign)
        self.assertFalse(invoice.l10n_cl_dte_is_candidate)
        invoice.action_post()
        self.assertFalse(
            [name for name in invoice._get_alerts() if "l10n_cl_dte_ai" in name]
        )
        self.assertFalse(invoice.l10n_cl_dte_posting_date)
        with self.assertRaises(UserError):
            invoice.action_l10n_cl_dte_generate()
        self.assertNotIn("l10n_cl_dte_ai", env["ir.http"].lazy_session_info())
        Form(invoice)

    def test_who_works_in_no_chilean_company_sees_none_of_our_menus(self):
        ours = self.admin_env.ref("l10n_cl_dte_ai.menu_to_review").id
        for user, is_shown in (
            (self.accountant, True),
            (self.foreign_accountant, False),
        ):
            with self.subTest(user.login):
                menus = self.env(user=user, context={})["ir.ui.menu"]
                self.assertEqual(ours in menus.load_menus(False), is_shown)

    def test_the_indicator_knows_the_companies_of_a_user(self):
        info = self.env(user=self.both)["ir.http"].lazy_session_info()
        self.assertEqual(
            {
                company: status["id"]
                for company, status in info["l10n_cl_dte_ai"].items()
            },
            {self.first.id: self.service.id, self.second.id: self.second_service.id},
        )
        info = self.env(user=self.reader)["ir.http"].lazy_session_info()
        self.assertNotIn("l10n_cl_dte_ai", info)

    def test_who_only_reads_the_books_can_open_the_invoices(self):
        """Without the group nothing of ours is in her views, and nothing fails."""
        document = self.create_document()
        self.server.script(opinion("reject"))
        self.click(document)
        self.customer.l10n_cl_activity_description = False
        document = document.with_user(self.reader)
        self.assertFalse(self.reader.has_group("l10n_cl_dte_ai.group_user"))
        for view in ("account.view_invoice_tree", "account.view_move_form"):
            arch, fields = self.view_of(document, view)
            self.assertNotIn("action_l10n_cl_dte_generate", arch)
            self.assertNotIn("l10n_cl_dte_ai_state", fields)
            document.web_read({name: {} for name in fields})
        self.assertFalse(
            [name for name in document._get_alerts() if "l10n_cl_dte_ai" in name]
        )
        for model in (MODEL, "l10n_cl_dte_ai.service", "l10n_cl_dte_ai.generate"):
            with self.assertRaises(AccessError):
                document.env[model].search([])
        with self.assertRaises(AccessError):
            document.search([("l10n_cl_dte_ai_state", "=", "rejected")])

    def view_of(self, records, xmlid):
        view = records.env.ref(xmlid).sudo()
        views = records.get_views([(view.id, view.type)])
        return views["views"][view.type]["arch"], list(
            views["models"][records._name]["fields"]
        )
