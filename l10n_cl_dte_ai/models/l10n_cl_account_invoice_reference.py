# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models


class L10nClAccountInvoiceReference(models.Model):
    """A document that an invoice refers to: the one corrected, an order, a contract.

    Model and fields have the names of Odoo Enterprise's `l10n_cl_edi`, which replaces
    this one where it is installed: it is loaded later. So nothing else of ours may
    need more than these fields.
    """

    _name = "l10n_cl.account.invoice.reference"
    _inherit = "l10n_cl_dte.on.documents"
    _description = "Reference of an Electronic Tax Document"
    _order = "id"
    _rec_name = "origin_doc_number"

    move_id = fields.Many2one(
        "account.move",
        string="Document",
        required=True,
        index=True,
        ondelete="cascade",
    )
    l10n_cl_reference_doc_type_id = fields.Many2one(
        "l10n_latam.document.type",
        string="Document Type",
        domain=[("country_id.code", "=", "CL")],
        required=True,
    )
    # Odoo's own `l10n_cl` reads it when it posts a supplier's credit note.
    l10n_cl_reference_doc_type_selection = fields.Char(
        related="l10n_cl_reference_doc_type_id.code", string="Document Type Code"
    )
    origin_doc_number = fields.Char(string="Number", help="The folio of a DTE.")
    date = fields.Date()
    reference_doc_code = fields.Selection(
        [
            ("1", "1. Cancels the document"),
            ("2", "2. Corrects its texts"),
            ("3", "3. Corrects its amounts"),
        ],
        string="What It Does",
        compute="_compute_reference_doc_code",
        store=True,
        readonly=False,
    )
    reason = fields.Char(help="Up to 90 characters.")

    @api.depends("move_id.amount_total")
    def _compute_reference_doc_code(self):
        """A note of the same total cancels, another one corrects amounts."""
        for reference in self:
            move = reference.move_id
            origin = move.reversed_entry_id or move.debit_origin_id
            number = (origin.l10n_latam_document_number or "").lstrip("0")
            is_origin = number and number == (reference.origin_doc_number or "").lstrip(
                "0"
            )
            # To correct texts is somebody's decision, and has no amount to follow.
            if is_origin and reference.reference_doc_code != "2":
                reference.reference_doc_code = move._l10n_cl_dte_reference_code()
            else:
                reference.reference_doc_code = reference.reference_doc_code
