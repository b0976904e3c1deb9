# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import fields, models
from odoo.tools import SQL

RULES = [
    ("acteco", "Activity code (acteco)"),
    ("address", "Address"),
    ("affected_line", "Invoice without a line with IVA"),
    ("amounts", "Negative amount"),
    ("cancellation", "Note that cancels: total"),
    ("cash_rounding", "Cash rounding"),
    ("corrected_customer", "Note: customer of the original"),
    ("corrected_date", "Note: date of the original"),
    ("corrected_document", "Note: no original"),
    ("corrected_origin", "Note: what it corrects"),
    ("credited_twice", "Credited twice"),
    ("date", "Date"),
    ("discount_amount", "Discount without an amount"),
    ("discounts", "Too many discounts"),
    ("document_type", "Document type"),
    ("due_date", "Due date"),
    ("exempt_without_iva", "Exempt invoice with IVA"),
    ("folio", "Folio"),
    ("giro_emisor", "Company's giro"),
    ("giro_receptor", "Customer's giro"),
    ("identity_country", "Customer's country"),
    ("identity_has_rut", "Customer's kind of identification"),
    ("identity_taxpayer", "Customer's taxpayer type"),
    ("item_code", "Item code"),
    ("item_name", "Line without a text"),
    ("iva", "IVA's amount"),
    ("iva_not_withheld", "IVA not withheld (46)"),
    ("latin_1", "Characters that a DTE cannot hold"),
    ("length", "Text that is cut"),
    ("line_amount", "Line's amount"),
    ("lines", "Number of lines"),
    ("name_emisor", "Company's name"),
    ("name_receptor", "Customer's name"),
    ("negative_line", "Negative line"),
    ("numbering", "Numbering of lines"),
    ("other_currency", "Other currency"),
    ("other_taxes", "Other taxes"),
    ("payment_form", "Form of payment"),
    ("payments", "Payments in parts"),
    ("quantity", "Quantity or price"),
    ("reference", "Note without a reference"),
    ("reference_code", "Note without what it does"),
    ("reference_folio", "Folio of a reference"),
    ("references", "References"),
    ("rut", "Missing or wrong RUT"),
    ("stand_in", "Stand-in RUT"),
    ("sums", "Sums of the lines"),
    ("tax_amount", "Tax amount"),
    ("tax_rate", "Tax rate"),
    ("tax_settings", "Settings of taxes"),
    ("tax_type", "Tax on another type"),
    ("text_correction", "Note that corrects texts"),
    ("total", "Total"),
    ("transfer", "Reason of a transfer"),
    ("withheld_iva", "Withheld IVA (46)"),
    ("other", "Other"),
]


class L10nClDteFinding(models.Model):
    """What the rules find in documents, one row for each: for statistics.

    Read from what each invoice keeps; nobody writes it.
    """

    _name = "l10n_cl_dte.finding"
    _description = "What the SII's Rules Find"
    _auto = False
    _order = "invoice_date desc, id desc"
    _rec_name = "message"
    _depends = {
        "account.move": [
            "l10n_cl_dte_findings",
            "l10n_cl_dte_state",
            "commercial_partner_id",
            "company_id",
            "invoice_date",
            "invoice_user_id",
            "journal_id",
            "l10n_latam_document_type_id",
        ]
    }

    move_id = fields.Many2one("account.move", string="Document", readonly=True)
    company_id = fields.Many2one("res.company", readonly=True)
    partner_id = fields.Many2one("res.partner", string="Customer", readonly=True)
    journal_id = fields.Many2one("account.journal", readonly=True)
    user_id = fields.Many2one("res.users", string="Salesperson", readonly=True)
    document_type_id = fields.Many2one(
        "l10n_latam.document.type", string="Type", readonly=True
    )
    invoice_date = fields.Date(string="Date", readonly=True)
    state = fields.Selection(related="move_id.l10n_cl_dte_state", string="DTE")
    code = fields.Selection(RULES, string="Rule", readonly=True)
    severity = fields.Selection(
        [("error", "Error"), ("warning", "Warning")], readonly=True
    )
    message = fields.Char(string="What Was Found", readonly=True)

    @property
    def _table_query(self):
        return SQL(
            """
            SELECT move.id * 1000::bigint + found.number AS id,
                   move.id AS move_id,
                   move.company_id,
                   move.commercial_partner_id AS partner_id,
                   move.journal_id,
                   move.invoice_user_id AS user_id,
                   move.l10n_latam_document_type_id AS document_type_id,
                   move.invoice_date,
                   CASE WHEN found.finding ->> 'code' = ANY(%(codes)s)
                        THEN found.finding ->> 'code' ELSE 'other' END AS code,
                   found.finding ->> 'severity' AS severity,
                   coalesce(found.finding -> 'messages' ->> %(lang)s,
                            found.finding -> 'messages' ->> 'en_US') AS message
              FROM account_move move
        CROSS JOIN LATERAL jsonb_array_elements(move.l10n_cl_dte_findings)
                   WITH ORDINALITY AS found(finding, number)
             WHERE move.l10n_cl_dte_state IS NOT NULL
               AND jsonb_typeof(move.l10n_cl_dte_findings) = 'array'
            """,
            codes=[code for code, _label in self._fields["code"].selection],
            lang=self.env.lang or "en_US",
        )
