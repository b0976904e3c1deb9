# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Situations that real invoices are in: a right document, or what to do about it."""

from odoo import Command
from odoo.tests import tagged

from ..tools.dte.document import CdgItem, MntPagos
from ..tools.dte.reader import read
from ..tools.dte.rules import ERROR, WARNING
from ..tools.dte.texts import fit
from .test_dte_file import DteFileCommon


class SituationCommon(DteFileCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.chart = (
            cls.admin_env["account.chart.template"].with_company(cls.own_company).sudo()
        )

    def create_tax(self, name, amount, code=0, amount_type="percent", **values):
        group = self.vat_19.sudo().tax_group_id
        return (
            self.admin_env["account.tax"]
            .create(
                {
                    "name": name,
                    "amount": amount,
                    "amount_type": amount_type,
                    "l10n_cl_sii_code": code,
                    "type_tax_use": "sale",
                    "company_id": self.own_company.id,
                    "tax_group_id": group.id,
                    **values,
                }
            )
            .with_env(self.env)
        )

    def with_taxes(self, *taxes, price=100_000, **values):
        """A line's values, with IVA and these taxes."""
        return {
            "price": price,
            "tax_ids": [Command.set([self.vat_19.id, *(tax.id for tax in taxes)])],
            **values,
        }

    def found(self, document):
        """What the rules find: the severity of each, by code."""
        return {each.code: each.severity for each in document._l10n_cl_dte_findings()}

    def message(self, document, code):
        return next(
            each.message
            for each in document._l10n_cl_dte_findings()
            if each.code == code
        )

    def assertClean(self, document):
        """The rules find nothing, and the file is read again as the same document."""
        self.assertEqual(self.found(document), {})
        built = document._l10n_cl_dte_as_document()
        if not built.Folio or not built.FchEmis:
            return built
        [reading] = read(document._l10n_cl_dte_xml(built))
        self.assertEqual(reading.document, fit(built)[0])
        self.assertEqual(reading.left_out, [])
        return built


@tagged("post_install_l10n", "post_install", "-at_install")
class TestTaxes(SituationCommon):
    def test_a_tax_by_quantity_has_no_rate(self):
        """Diesel, code 28: 103.5 $ a litre is no 103.5 %."""
        for amount in (103.5, 50.5):
            diesel = self.create_tax(f"Diésel {amount}", amount, 28, "fixed")
            document = self.create_posted(lines=[self.with_taxes(diesel, quantity=10)])
            with self.subTest(amount=amount):
                [tax] = self.assertClean(document).ImptoReten
                self.assertEqual((tax.TipoImp, tax.TasaImp), (28, 0.0))
                self.assertEqual(tax.MontoImp, round(amount * 10))

    def test_a_tax_included_by_division_has_no_rate(self):
        tax = self.create_tax(
            "Incluido", 10, 27, "division", price_include_override="tax_excluded"
        )
        document = self.create_posted(lines=[self.with_taxes(tax)])
        [built] = document._l10n_cl_dte_as_document().ImptoReten
        self.assertEqual(built.TasaImp, 0.0)
        self.assertClean(document)

    def test_the_rate_is_that_of_the_code(self):
        """Odoo's own “18% ILA” has the code of beer, which is 20.5 %."""
        wrong = self.create_tax("18% de ILA", 18, 26)
        document = self.create_document(lines=[self.with_taxes(wrong)])
        self.assertEqual(self.found(document), {"tax_rate": WARNING})
        message = self.message(document, "tax_rate")
        self.assertIn("18% de ILA", message)
        self.assertIn("271", message)
        right = self.create_tax("18% azúcar", 18, 271)
        self.assertClean(self.create_document(lines=[self.with_taxes(right)]))

    def test_the_type_is_one_of_the_code(self):
        withheld = self.create_tax("Retención", -19, 15)
        document = self.create_document(lines=[self.with_taxes(withheld)])
        self.assertEqual(self.found(document)["tax_type"], ERROR)

    def test_a_group_of_taxes_is_what_is_in_it(self):
        beer = self.create_tax("Cerveza", 20.5, 26)
        vat = self.vat_19.sudo().copy({"name": "IVA del grupo"})
        for taxes, codes in ((vat, ()), (vat + beer.sudo(), (26,))):
            group = self.create_tax(
                f"Grupo {codes}",
                0,
                amount_type="group",
                children_tax_ids=[Command.set(taxes.ids)],
            )
            document = self.create_posted(lines=[{"tax_ids": [Command.set(group.ids)]}])
            with self.subTest(codes=codes):
                built = self.assertClean(document)
                self.assertEqual((built.MntNeto, built.IVA), (100_000, 19_000))
                self.assertEqual(built.Detalle[0].CodImpAdic, codes)

    def test_a_tax_of_nothing_says_exempt(self):
        exempt = self.create_tax("Exento", 0)
        for code in (0, 14):
            exempt.sudo().l10n_cl_sii_code = code
            for kind in ("34", "33"):
                lines = [{"tax_ids": [Command.set(exempt.ids)]}]
                if kind == "33":
                    lines.append({})
                document = self.create_posted(kind, lines=lines)
                with self.subTest(code=code, kind=kind):
                    built = self.assertClean(document)
                    self.assertEqual(built.MntExe, 100_000)
                    self.assertFalse(built.ImptoReten)

    def test_a_tax_without_code_is_named(self):
        tax = self.create_tax("Impuesto raro", 3)
        document = self.create_document(lines=[self.with_taxes(tax)])
        self.assertEqual(self.found(document)["other_taxes"], ERROR)
        self.assertIn("Impuesto raro", self.message(document, "other_taxes"))

    def test_a_negative_line_takes_no_tax_off_in_silence(self):
        ila = self.chart.ref("ila_a_100_s")
        lines = [
            self.with_taxes(ila, price=94_500),
            self.with_taxes(ila, price=-9_450, name="Descuento"),
        ]
        document = self.create_document(lines=lines)
        self.assertEqual(self.found(document), {"tax_amount": WARNING})
        lines[1] = {"price": -9_450, "name": "Descuento"}
        self.assertClean(self.create_posted(lines=lines))

    def test_a_document_of_nothing_is_not_called_exempt(self):
        document = self.create_document(lines=[{"price": 0}])
        self.assertIn("adds up to nothing", self.message(document, "affected_line"))


@tagged("post_install_l10n", "post_install", "-at_install")
class TestPurchase(SituationCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.purchase_vat = cls.company_data["default_tax_purchase"]
        cls.supplier = cls.customer.with_env(cls.admin_env).copy(
            {"name": "Fundo El Peral SpA", "vat": "76404040-6"}
        )

    def create_bill(self, *taxes, partner=None, **values):
        journal = self.company_data["default_journal_purchase"]
        journal.sudo().l10n_latam_use_documents = True
        bill = self.env["account.move"].create(
            {
                "move_type": "in_invoice",
                "journal_id": journal.id,
                "partner_id": (partner or self.supplier).id,
                "invoice_date": "2026-03-02",
                "l10n_latam_document_type_id": self.env.ref("l10n_cl.dc_fc_f_dte").id,
                "invoice_line_ids": [
                    Command.create(
                        {
                            "name": "Trigo",
                            "quantity": 1,
                            "price_unit": 100_000,
                            "tax_ids": [
                                Command.set(
                                    [self.purchase_vat.id, *(tax.id for tax in taxes)]
                                )
                            ],
                        }
                    )
                ],
                **values,
            }
        )
        bill.action_post()
        return bill

    def withheld(self, rate, code):
        return self.create_tax(
            f"Retención {code}", -rate, code, type_tax_use="purchase"
        )

    def test_what_is_not_withheld_is_said(self):
        bill = self.create_bill(self.withheld(4, 34))
        built = self.clean_but_old(bill)
        self.assertEqual((built.IVA, built.IVANoRet), (19_000, 15_000))
        self.assertEqual(built.MntTotal, 115_000)

    def clean_but_old(self, bill):
        found = self.found(bill)
        found.pop("date", None)  # it is dated as the fixtures are
        self.assertEqual(found, {})
        built = bill._l10n_cl_dte_as_document()
        [reading] = read(bill._l10n_cl_dte_xml(built))
        self.assertEqual(reading.document, built)
        return built

    def test_all_is_withheld(self):
        built = self.clean_but_old(self.create_bill(self.withheld(19, 15)))
        self.assertEqual(built.IVANoRet, 0)

    def test_nothing_is_withheld_and_the_code_says_so(self):
        built = self.clean_but_old(self.create_bill(self.withheld(0, 49)))
        self.assertEqual(built.IVANoRet, 19_000)
        self.assertEqual(built.Detalle[0].CodImpAdic, (49,))
        self.assertFalse(built.ImptoReten)

    def test_a_provider_abroad_has_the_rut_of_all_foreigners(self):
        abroad = self.supplier.copy(
            {
                "name": "Cloud Inc.",
                "vat": "55555555-5",
                "country_id": self.env.ref("base.us").id,
                "l10n_cl_sii_taxpayer_type": "4",
            }
        )
        self.clean_but_old(self.create_bill(self.withheld(19, 15), partner=abroad))

    def test_a_note_on_a_purchase_invoice(self):
        bill = self.create_bill(self.withheld(4, 34))
        note = self.reverse(bill, l10n_cl_dte_correction="1")
        self.assertTrue(note.l10n_cl_dte_is_candidate)
        note.l10n_latam_document_number = "8"
        note.action_post()
        built = self.clean_but_old(note)
        self.assertEqual((built.TipoDTE, built.Folio), ("61", 8))
        self.assertEqual((built.IVANoRet, built.MntTotal), (15_000, 115_000))
        [reference] = built.Referencia
        self.assertEqual((reference.TpoDocRef, reference.CodRef), ("46", 1))


@tagged("post_install_l10n", "post_install", "-at_install")
class TestSettingsThatChangeTotals(SituationCommon):
    def rounding(self, strategy):
        account = self.company_data["default_account_revenue"].id
        return self.admin_env["account.cash.rounding"].create(
            {
                "name": "A diez pesos",
                "rounding": 10,
                "strategy": strategy,
                "profit_account_id": account,
                "loss_account_id": account,
                "rounding_method": "HALF-UP",
            }
        )

    def test_a_cash_rounding_is_no_part_of_the_document(self):
        document = self.create_posted(
            lines=[{"price": 3_702}],
            invoice_cash_rounding_id=self.rounding("add_invoice_line").id,
        )
        self.assertEqual(document.amount_total, 4_410)
        self.assertEqual(self.found(document), {"cash_rounding": WARNING})
        built = document._l10n_cl_dte_as_document()
        self.assertEqual(built.MntTotal, 4_405)
        self.assertEqual(built.MntTotal, built.MntNeto + built.IVA)

    def test_a_rounding_of_the_tax_is_an_error_that_names_the_setting(self):
        document = self.create_document(
            lines=[{"price": 3_702}],
            invoice_cash_rounding_id=self.rounding("biggest_tax").id,
        )
        self.assertEqual(self.found(document)["tax_settings"], ERROR)
        self.assertIn("Add a rounding line", self.message(document, "tax_settings"))

    def test_an_early_payment_discount_of_the_tax_is_an_error(self):
        terms = self.admin_env["account.payment.term"].create(
            {
                "name": "2 % a 8 días",
                "early_discount": True,
                "discount_percentage": 2,
                "discount_days": 8,
                "early_pay_discount_computation": "mixed",
                "line_ids": [Command.create({"value": "percent", "value_amount": 100})],
            }
        )
        document = self.create_document(invoice_payment_term_id=terms.id)
        self.assertEqual(self.found(document), {"tax_settings": ERROR})
        self.assertIn("early payment", self.message(document, "tax_settings"))
        terms.early_pay_discount_computation = "included"
        self.assertClean(self.create_posted(invoice_payment_term_id=terms.id))

    def test_payment_in_parts(self):
        terms = self.admin_env["account.payment.term"].create(
            {
                "name": "Mitad y mitad",
                "line_ids": [
                    Command.create(
                        {"value": "percent", "value_amount": 50, "nb_days": days}
                    )
                    for days in (0, 30)
                ],
            }
        )
        document = self.create_posted(invoice_payment_term_id=terms.id)
        built = self.assertClean(document)
        self.assertEqual([part.MntPago for part in built.MntPagos], [59_500, 59_500])
        self.assertIsInstance(built.MntPagos[0], MntPagos)
        self.assertEqual(built.FmaPago, 2)

    def test_a_due_date_before_the_date_is_no_cash(self):
        document = self.create_document(invoice_payment_term_id=False)
        document.invoice_date_due = "2020-01-01"
        self.assertEqual(self.found(document).get("due_date"), WARNING)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestMoreThatUsersHave(SituationCommon):
    def test_the_codes_of_products(self):
        product = self.admin_env["product.product"].create(
            {"name": "Vino", "default_code": "VT-75", "barcode": "7801234567895"}
        )
        document = self.create_posted(lines=[{"product_id": product.id}])
        self.assertEqual(
            self.assertClean(document).Detalle[0].CdgItem,
            (CdgItem("INT1", "VT-75"), CdgItem("EAN13", "7801234567895")),
        )

    def test_notes_between_lines(self):
        document = self.create_posted(
            lines=[
                {"name": "Según cotización 77", "display_type": "line_note"},
                {"name": "Flete\nDe noche"},
                {"name": "Con peoneta", "display_type": "line_note"},
                {"name": "Bodegaje"},
            ]
        )
        first, freight, storage = self.assertClean(document).Detalle
        self.assertEqual((first.NmbItem, first.IndExe), ("Según cotización 77", 2))
        self.assertEqual(freight.DscItem, "De noche Con peoneta")
        self.assertEqual(storage.DscItem, "")

    def test_another_currency(self):
        for name, code in (("base.USD", "DOLAR USA"), ("l10n_cl.UF", "OTRAS MONEDAS")):
            currency = self.env.ref(name).sudo()
            currency.active = True
            currency.rate_ids = [
                Command.create(
                    {
                        "name": "2026-01-01",
                        "inverse_company_rate": 950,
                        "company_id": self.own_company.id,
                    }
                )
            ]
            document = self.create_posted(
                lines=[{"price": 100}, {"price": 50, "exempt": True}],
                currency_id=currency.id,
            )
            with self.subTest(currency=name):
                built = self.assertClean(document)
                other = built.OtraMoneda
                self.assertEqual((other.TpoMoneda, other.TpoCambio), (code, 950.0))
                self.assertEqual(
                    (other.MntNetoOtrMnda, other.MntExeOtrMnda, other.IVAOtrMnda),
                    (100, 50, 19),
                )
                self.assertEqual(other.MntTotOtrMnda, 169)
                self.assertEqual(built.MntTotal, 169 * 950)
                line = built.Detalle[0].OtrMnda
                self.assertEqual((line.PrcOtrMon, line.FctConv), (100, 950))
                self.assertEqual(line.Moneda, currency.name)
                self.assertEqual(line.MontoItemOtrMnda, 100)

    def test_a_line_in_another_currency_less_a_discount_and_the_tax_in_its_price(self):
        dollar = self.env.ref("base.USD").sudo()
        dollar.active = True
        rate = {"name": "2026-01-01", "inverse_company_rate": 950}
        dollar.rate_ids = [Command.create(rate | {"company_id": self.own_company.id})]
        included = self.vat_19.sudo().copy(
            {"name": "IVA incluido", "price_include_override": "tax_included"}
        )
        document = self.create_posted(
            lines=[{"price": 119}, {"price": 10}], currency_id=dollar.id
        )
        document.button_draft()
        first, free = document.invoice_line_ids
        first.write({"quantity": 2, "discount": 10, "tax_ids": included.ids})
        free.discount = 100
        line, nothing = document._l10n_cl_dte_as_document().Detalle
        self.assertEqual((line.OtrMnda.PrcOtrMon, line.OtrMnda.DctoOtrMnda), (100, 20))
        self.assertEqual(line.OtrMnda.MontoItemOtrMnda, 180)
        self.assertIsNone(nothing.OtrMnda)

    def test_the_branch(self):
        self.own_company.l10n_cl_dte_branch_code = 80123456
        built = self.assertClean(self.create_posted())
        self.assertEqual(built.Emisor.CdgSIISucur, 80123456)

    def test_an_invoice_for_many_guides(self):
        guides = Command.create(
            {
                "l10n_cl_reference_doc_type_id": self.env.ref("l10n_cl.dc_gd_dte").id,
                "origin_doc_number": "0",
                "date": "2026-01-31",
            }
        )
        [reference] = self.assertClean(
            self.create_posted(l10n_cl_reference_ids=[guides])
        ).Referencia
        self.assertTrue(reference.IndGlobal)
        self.assertEqual(reference.FolioRef, "0")

    def test_one_long_text_is_one_warning(self):
        text = "Descuento por volumen, por pronto pago y por buen cliente"
        document = self.create_document(
            lines=[{}, *({"name": text, "price": -1_000} for _number in range(3))]
        )
        findings = document._l10n_cl_dte_findings()
        self.assertEqual([each.code for each in findings], ["length"])
