# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Any invoice that Odoo computes: a rule's error, or a file with Odoo's own amounts."""

import random

from lxml import etree

from odoo import Command
from odoo.tests import tagged

from ..tools.dte import rules, xml
from .common import DOCUMENT_TYPES
from .test_dte_file import DteFileCommon

COUNT = 120
SEED = 20260302
NAMES = (
    "Flete",
    "Año Ñandú & Cía <S.A.>",
    "“Comillas” — y más…",
    "Palabra " * 15,
    "x" * 170,
    "Servicio\ncon detalle\n\nde tres líneas",
    "Caja 📦",
    "  dos  espacios ",
)
NAMESPACES = {"s": xml.NAMESPACE}


@tagged("post_install_l10n", "post_install", "-at_install")
class TestRandomDocuments(DteFileCommon):
    """Made by the real ORM, whose taxes, rounding and currencies no fixture invents."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        chart = cls.env["account.chart.template"].with_company(cls.own_company).sudo()
        cls.other_taxes = [
            chart.ref(name) for name in ("ila_a_100_s", "ila_v_205_s", "ila_l_315_s")
        ]
        dollar = cls.env.ref("base.USD").sudo()
        dollar.active = True
        dollar.rate_ids = [
            Command.create(
                {
                    "name": "2026-01-01",
                    "inverse_company_rate": 943.37,
                    "company_id": cls.own_company.id,
                }
            )
        ]
        cls.dollar = dollar.sudo(False)
        cls.terms = cls.admin_env["account.payment.term"].create(
            {
                "name": "Tres cuotas",
                "line_ids": [
                    Command.create(
                        {"value": "percent", "value_amount": part, "nb_days": days}
                    )
                    for part, days in ((33.33, 0), (33.33, 30), (33.34, 60))
                ],
            }
        )
        account = cls.company_data["default_account_revenue"].id
        cls.rounding = cls.admin_env["account.cash.rounding"].create(
            {
                "name": "A diez pesos",
                "rounding": 10,
                "strategy": "add_invoice_line",
                "profit_account_id": account,
                "loss_account_id": account,
                "rounding_method": "HALF-UP",
            }
        )
        cls.branch = cls.customer.with_env(cls.admin_env).copy(
            {"name": "Bodega", "parent_id": cls.customer.id, "type": "delivery"}
        )
        cls.create_taxes()

    @classmethod
    def create_taxes(cls):
        """Taxes of all kinds: IVA included and in a group, by quantity, of nothing."""
        vat = cls.vat_19.sudo()
        common = {"tax_group_id": vat.tax_group_id.id, "company_id": vat.company_id.id}
        create = cls.admin_env["account.tax"].create
        included = vat.copy(
            {"name": "IVA incluido", "price_include_override": "tax_included"}
        )
        diesel = {"amount": 103.5, "amount_type": "fixed", "l10n_cl_sii_code": 28}
        fuel = create({"name": "Diésel", **diesel, **common})
        exempt = create({"name": "Exento", "amount": 0, **common})
        inner = vat.copy({"name": "IVA del grupo"})
        group = create(
            {
                "name": "Grupo",
                "amount_type": "group",
                "amount": 0,
                "children_tax_ids": [Command.set(inner.ids)],
                **common,
            }
        )
        cls.mixes = [included, group, exempt, vat + fuel]

    # === False alarms === #

    def clean_values(self, rng):
        """An invoice that somebody would send, with what it may have."""
        in_pesos = rng.random() < 0.7
        # Documents with an amount by quantity are in pesos: so is the amount.
        mixes = self.mixes if in_pesos else self.mixes[:3]
        lines = [
            {
                "name": rng.choice(
                    ("Flete", "Año Ñandú & Cía", "Servicio\nCon detalle")
                ),
                "quantity": rng.choice([1, 2, 3, 12]),
                "price_unit": rng.randint(50_000, 900_000) / (1 if in_pesos else 500),
                "discount": rng.choice([0, 0, 5]),
                "tax_ids": [Command.set(taxes.ids)],
            }
            for taxes in [self.vat_19, *rng.sample(mixes, 2)]
        ]
        return {
            "move_type": "out_invoice",
            "partner_id": rng.choice([self.customer, self.branch]).id,
            "invoice_date": "2026-03-02",
            "currency_id": (
                self.own_company.currency_id if in_pesos else self.dollar
            ).id,
            "l10n_latam_document_type_id": self.env.ref(DOCUMENT_TYPES["33"]).id,
            "invoice_payment_term_id": rng.choice([False, self.terms.id]),
            "invoice_cash_rounding_id": in_pesos
            and rng.choice([False, False, self.rounding.id]),
            "invoice_line_ids": [Command.create(line) for line in lines],
        }

    def test_nothing_is_found_in_documents_without_fault(self):
        """But what Odoo's own rounding makes of the IVA, and a cash rounding."""
        rng = random.Random(SEED)
        documents = self.env["account.move"].create(
            [self.clean_values(rng) for _number in range(30)]
        )
        documents.action_post()
        notes = documents.union(*map(self.reverse, documents[:5])) - documents
        for move, document in (documents + notes)._l10n_cl_dte_as_documents().items():
            findings = move._l10n_cl_dte_apply_rules(document)
            allowed = {"length", "date"}  # it is dated as the others are
            if move.invoice_cash_rounding_id:
                allowed.add("cash_rounding")
            found = {each.code for each in findings} - allowed
            # Odoo rounds the IVA line by line, which is told, and never altered.
            off = abs(document.IVA - document.MntNeto * 0.19)
            found -= {"iva"} if off <= len(document.Detalle) else set()
            with self.subTest(document=document):
                self.assertEqual(found, set(), [each.message for each in findings])

    def random_line(self, rng, code, in_pesos):
        price = rng.choice(
            [
                rng.randint(1, 999),
                rng.randint(1_000, 5_000_000),
                rng.uniform(0.5, 9_999),
            ]
        )
        price = round(price if in_pesos else price / 500 + 0.01, rng.choice([0, 2]))
        taxes = self.vat_19.browse()
        if code != "34" and rng.random() < 0.75:
            taxes = self.vat_19
            if rng.random() < 0.25:
                taxes += rng.choice(self.other_taxes)
        return {
            "name": rng.choice(NAMES),
            "quantity": rng.choice([1, 3, 12.25, 0.333, rng.randint(1, 500)]),
            "price_unit": max(price, 1),
            "discount": rng.choice([0, 0, 0, 5, 7.5, 33.33, 100, -10]),
            "tax_ids": [Command.set(taxes.ids)],
        }

    def random_values(self, rng):
        code = rng.choice(["33", "33", "33", "34", "61"])
        in_pesos = rng.random() < 0.75
        lines = [
            self.random_line(rng, code, in_pesos) for _line in range(rng.randint(1, 4))
        ]
        if rng.random() < 0.3:  # a discount on the whole
            off = self.random_line(rng, code, in_pesos)
            lines.append({**off, "quantity": 1, "price_unit": -1.5, "discount": 0})
        return {
            "move_type": "out_refund" if code == "61" else "out_invoice",
            "partner_id": self.customer.id,
            "invoice_date": "2026-03-02",
            "currency_id": (
                self.own_company.currency_id if in_pesos else self.dollar
            ).id,
            "l10n_latam_document_type_id": self.env.ref(DOCUMENT_TYPES[code]).id,
            "l10n_cl_reference_ids": [
                Command.create(
                    {
                        "l10n_cl_reference_doc_type_id": self.env.ref(
                            DOCUMENT_TYPES["33"]
                        ).id,
                        "origin_doc_number": "41",
                        "date": "2026-03-01",
                        "reference_doc_code": "3",
                    }
                )
            ]
            if code == "61"
            else [],
            "invoice_line_ids": [Command.create(line) for line in lines],
        }

    def test_totals_agree_with_odoo_s_to_the_peso(self):
        rng = random.Random(SEED)
        documents = self.env["account.move"].create(
            [self.random_values(rng) for _number in range(COUNT)]
        )
        outcomes = {"error": 0, "file": 0}
        for move, plan in documents._l10n_cl_dte_plan_files().items():
            if any(found.severity == rules.ERROR for found in plan.findings):
                outcomes["error"] += 1
                continue
            outcomes["file"] += 1
            with self.subTest(lines=move.invoice_line_ids.mapped("price_subtotal")):
                self.assertAmounts(move, etree.fromstring(plan.content))
        # Neither half of the statement is empty.
        self.assertGreater(outcomes["error"], 5, outcomes)
        self.assertGreater(outcomes["file"], COUNT / 3, outcomes)

    def assertAmounts(self, move, file):
        """Compare a file with Odoo's journal entries, not with what it is built
        from.
        """

        def number(path, part=file):
            return float(part.findtext(path, 0, NAMESPACES))

        totals = file.find(".//s:Totales", NAMESPACES)
        net, exempt = (number(f"s:{name}", totals) for name in ("MntNeto", "MntExe"))
        iva, total = number("s:IVA", totals), number("s:MntTotal", totals)
        taxes = sum(
            number("s:MontoImp", each)
            for each in totals.iterfind("s:ImptoReten", NAMESPACES)
        )
        self.assertEqual(total, abs(move.amount_total_signed))
        self.assertEqual(net + exempt, abs(move.amount_untaxed_signed))
        self.assertEqual(
            iva + taxes,
            abs(move.amount_total_signed) - abs(move.amount_untaxed_signed),
        )
        for tax in move.line_ids.tax_line_id:
            entries = move.line_ids.filtered(
                lambda line, tax=tax: line.tax_line_id == tax
            )
            amount = abs(sum(entries.mapped("balance")))
            code = tax.l10n_cl_sii_code
            written = (
                iva
                if code == 14
                else number(f".//s:ImptoReten[s:TipoImp='{code}']/s:MontoImp")
            )
            self.assertEqual(written, amount)
        self.assertEqual(total, net + exempt + iva + taxes)

        # The same lines, and they add up as a reader would add them.
        lines = file.findall(".//s:Detalle", NAMESPACES)
        discounts = file.findall(".//s:DscRcgGlobal", NAMESPACES)
        self.assertEqual(len(lines) + len(discounts), len(move.invoice_line_ids))
        self.assertEqual(
            sum(number("s:MontoItem", line) for line in lines)
            - sum(number("s:ValorDR", each) for each in discounts),
            net + exempt,
        )
        positive = move.invoice_line_ids.filtered(lambda line: line.price_subtotal >= 0)
        for line, element in zip(positive, lines, strict=True):
            self.assertAlmostEqual(number("s:QtyItem", element), line.quantity, 6)
            self.assertEqual(number("s:MontoItem", element), abs(line.balance))
            said = " ".join(
                element.findtext(f"s:{name}", "", NAMESPACES)
                for name in ("NmbItem", "DscItem")
            )
            start = line.name.split()[0][:40].strip("“”")
            self.assertIn(start, said)
