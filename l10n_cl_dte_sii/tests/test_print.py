# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64
import io
import re

import zxingcpp
from PIL import Image, ImageOps

from odoo import fields
from odoo.tests import tagged

from ..tools import stamp
from .test_signing import SigningCommon

PICTURE = re.compile(
    r'src="data:image/png;base64,([^"]+)"[^>]*o_l10n_cl_dte_sii_stamp|'
    r'o_l10n_cl_dte_sii_stamp[^>]*src="data:image/png;base64,([^"]+)"'
)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestPrint(SigningCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The page is in the customer's language.
        cls.customer.sudo().lang = "en_US"
        cls.company.sudo().write(
            {
                "l10n_cl_dte_resolution_number": "80",
                "l10n_cl_dte_resolution_date": fields.Date.to_date("2014-08-22"),
                "l10n_cl_dte_sii_office": "SANTIAGO ORIENTE",
            }
        )

    def render(self, document, report="account.account_invoices"):
        html, _kind = self.env["ir.actions.report"]._render_qweb_html(
            report, document.ids
        )
        return html.decode()

    def read_barcode(self, html):
        match = PICTURE.search(html)
        self.assertTrue(match, "there is no barcode")
        picture = Image.open(io.BytesIO(base64.b64decode(match[1] or match[2])))
        picture = ImageOps.expand(picture.convert("L"), 40, 255)
        (found,) = zxingcpp.read_barcodes(picture)
        return found.bytes

    def test_the_barcode_holds_the_very_bytes_of_the_stamp(self):
        document = self.create_signed(
            invoice_line_ids=[
                fields.Command.create(self.line(name='Asesoría "ñandú" & <más>'))
            ]
        )
        for report in (
            "account.account_invoices",
            "l10n_cl_dte_sii.action_report_cedible",
            "l10n_cl_dte_sii.action_report_roll",
        ):
            with self.subTest(report):
                ted = self.read_barcode(self.render(document, report))
                self.assertIn(ted, self.content(document))
                self.assertEqual(stamp.read(ted).F, 1)

    def test_what_the_law_wants_beside_it(self):
        html = self.render(self.create_signed())
        for text in (
            "Timbre Electrónico SII",
            "Verifique documento: www.sii.cl",
            "S.I.I. - ",
            "SANTIAGO ORIENTE",
            "o_l10n_cl_dte_sii_box",
            "76.101.010-7",
            "Servicios de ingeniería",
            "Venta de abarrotes",
        ):
            self.assertIn(text, html)
        # In the simulator, as in certification, the resolution is number 0.
        self.assertIn("Res. 0 de 2014", html)
        self.assertIn("TEST (SIMULATOR)", html)
        self.assertNotIn("CEDIBLE", html)

    def test_production_has_the_companys_resolution_and_no_warning(self):
        document = self.create_signed()
        document.sudo().l10n_cl_dte_document_id.environment = "production"
        html = self.render(document)
        self.assertIn("Res. 80 de 2014", html)
        self.assertNotIn("NOT A TAX DOCUMENT", html)

    def test_the_cedible_copy_exists_where_it_belongs(self):
        invoice = self.create_signed()
        html = self.render(invoice, "l10n_cl_dte_sii.action_report_cedible")
        for text in ("CEDIBLE", "Recinto", "Ley 19.983"):
            self.assertIn(text, html)
        note = self.create_signed("61", reversed_entry_id=invoice.id)
        if note.l10n_cl_dte_state == "signed":
            html = self.render(note, "l10n_cl_dte_sii.action_report_cedible")
            self.assertNotIn("CEDIBLE", html)

    def test_what_is_not_signed_says_so_across_the_page(self):
        draft = self.create_document()
        posted = self.create_posted()
        outdated = self.create_signed()
        outdated.button_draft()
        outdated.invoice_line_ids.price_unit = 7
        outdated.action_post()
        for document in (draft, posted, outdated):
            html = self.render(document)
            self.assertIn("NOT SIGNED", html)
            self.assertNotIn("Timbre Electrónico", html)

    def test_others_print_as_before(self):
        self.company.l10n_cl_dte_sii_environment = False
        html = self.render(self.create_posted(folio="000500"))
        self.assertNotIn("o_l10n_cl_dte_sii_warning", html)
        self.assertNotIn("Timbre", html)

    def test_signing_sets_a_pdf_from_before_apart(self):
        document = self.create_posted()
        self.admin_env["ir.attachment"].create(
            {
                "name": "FAC.pdf",
                "raw": b"%PDF-1.4",
                "res_model": "account.move",
                "res_field": "invoice_pdf_report_file",
                "res_id": document.id,
            }
        )
        document.invalidate_recordset()
        self.assertTrue(document.invoice_pdf_report_id)
        document._l10n_cl_dte_generate()
        document.invalidate_recordset()
        self.assertFalse(document.invoice_pdf_report_id)

    def test_references_stand_there_in_words(self):
        invoice = self.create_signed()
        note = self.create_document("61", reversed_entry_id=invoice.id)
        day = f"{invoice.invoice_date:%d-%m-%Y}"
        name = invoice.with_context(
            lang=invoice._l10n_cl_dte_lang()
        ).l10n_latam_document_type_id.name
        for report in (
            "account.account_invoices",
            "l10n_cl_dte_sii.action_report_roll",
        ):
            self.assertIn(f"{name} N° 1 del {day}: anula", self.render(note, report))
        invoice.l10n_cl_reference_ids = [
            fields.Command.create(
                {
                    "l10n_cl_reference_doc_type_id": self.env.ref(kind).id,
                    "origin_doc_number": number,
                    "date": "2026-03-01",
                    "reason": reason,
                }
            )
            for kind, number, reason in (
                ("l10n_cl.dc_odc", "OC-7", "Bodega <Sur>"),
                ("l10n_cl.dc_gd_dte", "0", False),
            )
        ]
        html = self.render(invoice)
        self.assertIn("N° OC-7 del 01-03-2026 (Bodega &lt;Sur&gt;)", html)
        self.assertIn("(varias) del 01-03-2026", html)

    def test_each_of_odoos_layouts_has_it_all(self):
        document = self.create_signed()
        layouts = self.admin_env["report.layout"].search([]).view_id
        self.assertGreater(len(layouts), 3)
        for layout in layouts:
            self.company.sudo().external_report_layout_id = layout
            with self.subTest(layout.key):
                html = self.render(document)
                self.assertIn(self.read_barcode(html), self.content(document))
                for text in ("_sii_box", "_sii_warning", "www.sii.cl"):
                    self.assertIn(text, html)
