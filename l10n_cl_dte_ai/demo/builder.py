# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The demo company: `load` it once, list its `showcase`, `unload` it."""

import logging
from datetime import timedelta

import psycopg2

from odoo import SUPERUSER_ID, Command, fields
from odoo.exceptions import UserError

from odoo.addons.account.models.chart_template import TEMPLATE_MODELS
from odoo.addons.base.models.ir_model import MODULE_UNINSTALL_FLAG

from .data import (
    ACCOUNTANT,
    ACTIVITIES,
    COMPANY,
    COMPANY_DTE,
    COMPANY_ONLINE,
    FIRST_FOLIO,
    SHOWCASE,
    documents,
    rows,
)

_logger = logging.getLogger(__name__)

MODULE = "l10n_cl_dte_ai"
DOCUMENT_TYPES = {
    "33": "l10n_cl.dc_a_f_dte",
    "34": "l10n_cl.dc_y_f_dte",
    "56": "l10n_cl.dc_nd_f_dte",
    "61": "l10n_cl.dc_nc_f_dte",
}
# Those that do not exist (yet) are skipped.
ACCOUNTANT_GROUPS = [
    "account.group_account_invoice",
    "account.group_account_user",
    "base.group_partner_manager",
    "product.group_product_manager",
    "l10n_cl_dte_ai.group_user",
]


def load(env):
    """Create the demo company, or find the one that is there. Returns it."""
    company = env.ref(f"{MODULE}.demo_company", raise_if_not_found=False)
    return company or _Builder(env).build().with_env(env)


def showcase(env):
    """(document, invoice) of each showcase document that is still there."""
    for document in SHOWCASE:
        move = env.ref(f"{MODULE}.{document.xmlid}", raise_if_not_found=False)
        if move:
            yield document, move


def unload(env):
    """Delete the demo company and all that is in it, for an uninstall hook.

    Odoo deletes on uninstall what has an external id of the module. It cannot delete
    a company that still has a chart of accounts, and logs errors when it tries.
    """
    company = env.ref(f"{MODULE}.demo_company", raise_if_not_found=False)
    if not company:
        return
    env = env(
        user=SUPERUSER_ID,
        su=True,
        context={
            "active_test": False,
            "allowed_company_ids": company.ids,
            MODULE_UNINSTALL_FLAG: True,
        },
    )
    try:
        with env.cr.savepoint():
            _unload(company.with_env(env))
    except (UserError, psycopg2.Error):
        _logger.info("Other records use the demo company: it stays", exc_info=True)


def _unload(company):
    env = company.env
    partners = company.partner_id
    accountant = env.ref(f"{MODULE}.demo_user_accountant", raise_if_not_found=False)
    if accountant:
        partners += accountant.partner_id
        accountant.unlink()
    models = (
        "account.payment",
        "account.move",
        "product.product",
        "res.partner",
        *reversed(TEMPLATE_MODELS),
    )
    for model in models:
        records = env[model]
        field = "company_id" if "company_id" in records else "company_ids"
        records.search([(field, "=", company.id)]).unlink()
    company.unlink()
    partners.unlink()


class _Builder:
    """Makes everything as the superuser, in Spanish and on Chile's date."""

    def __init__(self, env):
        env = env(user=SUPERUSER_ID, su=True, context={})
        lang = ACCOUNTANT["lang"]
        env["res.lang"]._activate_and_install_lang(lang)
        self.env = env(
            context={
                "lang": lang,
                "tz": ACCOUNTANT["tz"],
                "no_reset_password": True,
                "tracking_disable": True,
            }
        )
        self.today = fields.Date.context_today(self.env["res.company"])

    def build(self):
        company = self._create_company()
        self.env = company.with_company(company).env
        self.chart = self.env["account.chart.template"]
        self.accountant = self._create_accountant(company)
        self.partners = self._create_partners(company)
        self.products = self._create_products(company)
        self.moves = {}
        everything = list(documents())
        # A note can only refer to an invoice that is posted.
        self._create_moves([each for each in everything if not each.is_note])
        self._create_moves([each for each in everything if each.is_note])
        self._register_payments()
        return company

    def _load(self, model, values_by_key, prefix):
        """Create in one batch, with external ids. Returns records by key."""
        records = self.env[model]._load_records(
            [
                {
                    "xml_id": f"{MODULE}.{prefix}{key}",
                    "values": values,
                    "noupdate": True,
                }
                for key, values in values_by_key.items()
            ]
        )
        return dict(zip(values_by_key, records, strict=True))

    def _chilean(self, region, **values):
        """Values of a Chilean taxpayer, as a partner."""
        return {
            "is_company": True,
            "country_id": self.env.ref("base.cl").id,
            "state_id": self.env.ref(f"base.state_cl_{region}").id,
            "l10n_cl_sii_taxpayer_type": "1",
            "lang": ACCOUNTANT["lang"],
            **values,
        }

    def _create_company(self):
        partner = self._chilean(
            l10n_latam_identification_type_id=self.env.ref("l10n_cl.it_RUT").id,
            **COMPANY,
        )
        partners = self._load("res.partner", {"company_partner": partner}, "demo_")
        values = {
            "name": COMPANY["name"],
            "partner_id": partners["company_partner"].id,
            "country_id": self.env.ref("base.cl").id,
            "currency_id": self.env.ref("base.CLP").id,
        }
        company = self._load("res.company", {"company": values}, "demo_")["company"]
        company.write(COMPANY_ONLINE)
        activities = self.env["l10n_cl.company.activities"]
        for code, name in ACTIVITIES.items():
            activities |= activities.search([("code", "=", code)]) or self._load(
                activities._name, {code: {"code": code, "name": name}}, "demo_activity_"
            ).get(code)
        company.write({**COMPANY_DTE, "l10n_cl_company_activity_ids": activities.ids})
        # Not try_loading(): it warns when modules are still being loaded, as they
        # always are when Odoo loads demo data.
        self.env["account.chart.template"]._load("cl", company, install_demo=False)
        self.env.ref("base.user_admin").company_ids = [Command.link(company.id)]
        return company

    def _create_accountant(self, company):
        groups = [
            self.env.ref(xmlid, raise_if_not_found=False) for xmlid in ACCOUNTANT_GROUPS
        ]
        values = {
            **ACCOUNTANT,
            "company_id": company.id,
            "company_ids": [Command.set(company.ids)],
            "group_ids": [Command.link(group.id) for group in groups if group],
        }
        users = self._load("res.users", {"user_accountant": values}, "demo_")
        return users["user_accountant"]

    def _create_partners(self, company):
        def values(row):
            term = self.env.ref(f"account.account_payment_term_{row['payment_term']}")
            return self._chilean(
                row["region"],
                name=row["name"],
                vat=row["vat"],
                l10n_latam_identification_type_id=self.env.ref(
                    row["identification_type"]
                ).id,
                l10n_cl_activity_description=row["giro"],
                street=row["street"],
                city=row["comuna"],
                phone=row["phone"],
                email=f"facturas@{row['key']}.example",
                property_payment_term_id=term.id,
                company_id=company.id,
            )

        partners = {row["key"]: values(row) for row in rows("customers")}
        return self._load("res.partner", partners, "demo_partner_")

    def _create_products(self, company):
        vat = company.account_sale_tax_id
        income_of_services = self.chart.ref("account_310120")

        def values(row):
            return {
                "name": row["name"],
                "default_code": row["default_code"],
                "type": row["type"],
                "list_price": float(row["list_price"]),
                "uom_id": self.env.ref(f"uom.product_uom_{row['unit']}").id,
                # In l10n_cl "exempt" is a line without taxes.
                "taxes_id": [Command.set([] if row["exempt"] else vat.ids)],
                "property_account_income_id": (
                    row["type"] == "service" and income_of_services.id
                ),
                "company_id": company.id,
            }

        products = {row["key"]: values(row) for row in rows("products")}
        return self._load("product.product", products, "demo_product_")

    def _create_moves(self, batch):
        values = {each.xmlid: self._move_values(each) for each in batch}
        moves = self._load("account.move", values, "")
        self.moves |= {each.key: moves[each.xmlid] for each in batch}
        to_post = self.env["account.move"].union(
            *(moves[each.xmlid] for each in batch if not each.draft)
        )
        to_post = to_post.sorted(lambda move: (move.invoice_date, move.id))
        by_code = to_post.grouped(lambda m: m.l10n_latam_document_type_id.code)
        for code, same_code in by_code.items():
            same_code[0].l10n_latam_document_number = FIRST_FOLIO[code]
        to_post._post(soft=False)

    def _move_values(self, document):
        partner = self.partners[document.customer]
        document_type = self.env.ref(DOCUMENT_TYPES[document.code])
        values = {
            "move_type": "out_refund" if document.code == "61" else "out_invoice",
            "partner_id": partner.id,
            "invoice_user_id": self.accountant.id,
            "l10n_latam_document_type_id": document_type.id,
            "invoice_line_ids": [
                Command.create(
                    {
                        "product_id": self.products[line.product].id,
                        "quantity": line.quantity,
                        "discount": line.discount,
                        **({"name": line.name} if line.name else {}),
                    }
                )
                for line in document.lines
            ],
        }
        if document.days is not None:
            values["invoice_date"] = self.today + timedelta(days=document.days)
        if document.origin:
            origin = self.moves[document.origin]
            link = "reversed_entry_id" if document.code == "61" else "debit_origin_id"
            reference = origin._l10n_cl_dte_reference_values(document.reason)
            values["l10n_cl_reference_ids"] = [Command.create(reference)]
            # As the wizards of Odoo word it.
            values |= {link: origin.id, "ref": f"{origin.name}, {document.reason}"}
        return values

    def _register_payments(self):
        """Customers have paid what was due; only the last weeks are outstanding."""
        date = self.today - timedelta(days=20)
        due = self.env["account.move"].search(
            [
                ("company_id", "=", self.env.company.id),
                ("state", "=", "posted"),
                ("payment_state", "=", "not_paid"),
                ("invoice_date_due", "<", date),
            ]
        )
        register = self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=due.ids
        )
        values = {"group_payment": True, "payment_date": date}
        register.create(values)._create_payments()
