# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the tests share: a Chilean company, its people, its documents, a service."""

from contextlib import contextmanager
from unittest.mock import patch

from odoo import Command, fields
from odoo.tests import new_test_user

from odoo.addons.account.tests.common import AccountTestInvoicingCommon

from ..models import dispatch, l10n_cl_dte_ai_dispatcher
from ..tools import ai
from .loopback import Loopback

KEY = "sk-test-Zorzal7Chercan9Queltehue"
DOCUMENT_TYPES = {
    "33": "l10n_cl.dc_a_f_dte",
    "34": "l10n_cl.dc_y_f_dte",
    "46": "l10n_cl.dc_fc_f_dte",
    "56": "l10n_cl.dc_nd_f_dte",
    "61": "l10n_cl.dc_nc_f_dte",
}


class DteAiCommon(AccountTestInvoicingCommon):
    """A company that is set up, and an accountant who only invoices.

    `self.env` is the accountant's: no test has more rights than the people who press
    the button. `self.admin_env` is the administrator's.
    """

    # Odoo's own runner leaves inherited tests out otherwise.
    allow_inherited_tests_method = True

    @classmethod
    @AccountTestInvoicingCommon.setup_country("cl")
    def setUpClass(cls):
        super().setUpClass()
        cls.server = Loopback()
        cls.addClassCleanup(cls.server.close)
        for lang in ("en_US", "es_419"):
            cls.env["res.lang"].sudo()._activate_lang(lang)
        cls.set_up_company(cls.company_data["company"], "76101010-7")
        cls.vat_19 = cls.company_data["default_tax_sale"]
        cls.customer = cls.create_customer("Comercial Los Boldos SpA", "76202020-3")
        cls.other_customer = cls.create_customer(
            "Panadería Quirquincho SpA", "76303030-K"
        )
        cls.accountant = cls.create_user("accountant", "account.group_account_invoice")
        cls.overrider = cls.create_user(
            "overrider", "account.group_account_invoice,l10n_cl_dte_ai.group_override"
        )
        cls.service = cls.create_service(cls.company_data["company"])
        cls.admin_env = cls.env
        cls.env = cls.env(user=cls.accountant)

    @classmethod
    def _create_company(cls, **values):
        """Take one that stands ready, where `dev` has prepared the database: to load a
        chart of accounts takes seconds, and each class would.
        """
        ready = cls.env["res.company"].sudo()
        if values.keys() == {"name"}:
            ready = ready.search([("name", "=like", "Prepared for tests%")], limit=1)
        if not ready:
            return super()._create_company(**values)
        ready.write(values)
        cls.env.user.company_ids = [Command.link(ready.id)]
        return ready.with_env(cls.env)

    # Requests of the background under way at once: one, so that their order is sure.
    concurrency = 1

    def setUp(self):
        super().setUp()
        self.server.reset()
        self.addCleanup(self.server.check)
        self.commits = []
        # `retrying` commits on its own account; here all is one transaction.
        self.startPatcher(patch.object(self.cr, "commit", self._commit))
        # A person waits for 3 s at least; a test need not.
        self.total_seconds = None
        self.slept = []
        self.startPatcher(patch.object(ai, "AIServiceClient", self._client))

    def _commit(self):
        self.cr.flush()
        self.commits.append(len(self.server.requests))

    def _client(self, url, key, limits, *, _client=ai.AIServiceClient):
        self.limits = limits
        if self.total_seconds:
            limits = limits._replace(total=self.total_seconds)
        return _client(url, key, limits, sleep=self.slept.append)

    # === People and companies === #

    @classmethod
    def set_up_company(cls, company, rut):
        company.partner_id.write(
            {
                "name": f"Servicios Peumo {rut} SpA",
                "vat": rut,
                "l10n_latam_identification_type_id": cls.env.ref("l10n_cl.it_RUT").id,
                "l10n_cl_sii_taxpayer_type": "1",
                "l10n_cl_activity_description": "Servicios de ingeniería",
                "country_id": cls.env.ref("base.cl").id,
                "street": "Av. Los Peumos 1200",
                "city": "Providencia",
            }
        )
        activity = cls.env["l10n_cl.company.activities"].search(
            [("code", "=", "711002")]
        ) or cls.env["l10n_cl.company.activities"].create(
            {"code": "711002", "name": "Servicios de ingeniería"}
        )
        company.l10n_cl_company_activity_ids = activity
        # Many tests are on confirmed documents that the rules refuse.
        company.l10n_cl_dte_ai_on_post = "off"

    @classmethod
    def create_customer(cls, name, rut, **values):
        return cls.env["res.partner"].create(
            {
                "name": name,
                "is_company": True,
                "vat": rut,
                "l10n_latam_identification_type_id": cls.env.ref("l10n_cl.it_RUT").id,
                "l10n_cl_sii_taxpayer_type": "1",
                "l10n_cl_activity_description": "Venta de abarrotes",
                "country_id": cls.env.ref("base.cl").id,
                "street": "Calle Los Boldos 45",
                "city": "Talca",
                **values,
            }
        )

    @classmethod
    def create_user(cls, login, groups, companies=None):
        companies = companies or cls.company_data["company"]
        return new_test_user(
            cls.env,
            login,
            groups=groups,
            company_id=companies[0].id,
            company_ids=[Command.set(companies.ids)],
            email=f"{login}@peumo.example",
            tz="America/Santiago",
            # The texts in the source, whatever the language of the database is.
            lang="en_US",
        )

    @classmethod
    def create_service(cls, companies, **values):
        service = cls.env["l10n_cl_dte_ai.service"].create(
            {
                "url": cls.server.url,
                "new_key": KEY,
                "rate_per_minute": 0,
                **values,
            }
        )
        # As its /health says, see test_recovery.
        service.sudo().understands_history = True
        companies.sudo().l10n_cl_dte_ai_service_id = service
        return service

    # === Documents === #

    def create_document(self, code="33", lines=None, **values):
        """A draft, made by the accountant; one line of $ 100.000 unless told."""
        env = values.pop("env", self.env)
        return env["account.move"].create(
            {
                "move_type": "out_refund" if code == "61" else "out_invoice",
                "partner_id": self.customer.id,
                "invoice_date": fields.Date.context_today(env.user),
                "l10n_latam_document_type_id": env.ref(DOCUMENT_TYPES[code]).id,
                "invoice_line_ids": [
                    Command.create(self.line(**line))
                    for line in lines or [{"exempt": code == "34"}]
                ],
                **values,
            }
        )

    def line(self, name="Asesoría", price=100_000, exempt=False, **values):
        if values.get("display_type"):
            return {"name": name, **values}
        taxes = self.vat_19.browse() if exempt else self.vat_19
        return {
            "name": name,
            "quantity": 1,
            "price_unit": price,
            "tax_ids": [Command.set(taxes.ids)],
            **values,
        }

    def create_posted(self, code="33", folio=None, **values):
        document = self.create_document(code, **values)
        if folio:
            document.l10n_latam_document_number = folio
        document.action_post()
        return document

    # === What people do === #

    def click(self, document, user=None):
        """Press *Generate DTE*; return the wizard that opens."""
        if user:
            document = document.with_user(user)
        action = document.action_l10n_cl_dte_generate()
        return (
            document.env[action["res_model"]]
            .with_context(**action["context"])
            .create({})
        )

    def validation(self, document):
        """The row of the document as it is now."""
        return document._l10n_cl_dte_ai_current_validation()

    def messages(self, document):
        return " ".join(document.sudo().message_ids.mapped("body"))

    def run_cron(self, seconds=2):
        """Run the cron of the queue, as the scheduler's user does."""
        with (
            patch.object(dispatch, "CONCURRENCY", self.concurrency),
            patch.object(l10n_cl_dte_ai_dispatcher, "SLICE", seconds),
        ):
            self.env["l10n_cl_dte_ai.validation"].sudo()._cron_ask()

    def make_due(self, validation):
        """Let the time pass until a row's next attempt, and the service's limit."""
        validation.sudo().next_attempt_at = fields.Datetime.subtract(
            fields.Datetime.now(), seconds=1
        )
        self.service.sudo().write(
            {"blocked_until": False, "breaker_failures": 0, "breaker_until": False}
        )

    @contextmanager
    def bus(self):
        """Collect what is sent over the bus, as (target, type, payload)."""
        sent = []

        def sendone(_self, target, notification_type, message, **kwargs):
            sent.append((target, notification_type, message))

        with patch.object(self.registry["bus.bus"], "_sendone", sendone):
            yield sent
