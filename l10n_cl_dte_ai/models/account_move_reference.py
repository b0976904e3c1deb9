# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import Command, api, fields, models

from ..tools.dte.document import FACTURA_COMPRA, NOTA_CREDITO, NOTA_DEBITO


class AccountMove(models.Model):
    """What Community's invoices lack for a DTE, and names that its own code misses."""

    _inherit = "account.move"

    # As `l10n_cl_edi` calls it, which Odoo's own `l10n_cl` reads too.
    l10n_cl_reference_ids = fields.One2many(
        "l10n_cl.account.invoice.reference",
        "move_id",
        string="References",
        copy=False,
        help="Chile: the documents that this one corrects, cancels or refers to.",
    )
    l10n_cl_dte_payment_form = fields.Selection(
        [("1", "Cash"), ("2", "Credit"), ("3", "Free of Charge")],
        string="Form of Payment",
        help="Chile: how the DTE says that it is paid. Left empty, it is credit where "
        "the due date is later than the invoice's.",
    )
    l10n_cl_dte_shows_references = fields.Boolean(
        string="Shows DTE References",
        compute="_compute_l10n_cl_dte_shows_references",
    )

    @api.depends("l10n_cl_dte_is_candidate")
    def _compute_l10n_cl_dte_shows_references(self):
        # `l10n_cl_edi` has a tab of its own for the same records.
        shown = not self._l10n_cl_dte_has_edi()
        for move in self:
            move.l10n_cl_dte_shows_references = shown and move.l10n_cl_dte_is_candidate

    # === Notes on purchase invoices === #

    def _l10n_cl_dte_corrects_own_bill(self):
        """Tell whether this is a note on a purchase invoice (46): ours, as that one."""
        origin = self.reversed_entry_id or self.debit_origin_id
        return (
            origin.move_type == "in_invoice"
            and origin.l10n_latam_document_type_id.code == FACTURA_COMPRA
        )

    def _get_l10n_latam_documents_domain(self):
        # EXTENDS 'l10n_cl', which knows no notes from a provider abroad.
        self.ensure_one()
        if not self._l10n_cl_dte_corrects_own_bill():
            return super()._get_l10n_latam_documents_domain()
        code = NOTA_CREDITO if self.move_type == "in_refund" else NOTA_DEBITO
        return [("country_id.code", "=", "CL"), ("code", "=", code)]

    # === References === #

    @api.model_create_multi
    def create(self, vals_list):
        # EXTENDS 'account': a note that is made without the wizards has them too.
        moves = super().create(vals_list)
        if not self._l10n_cl_dte_has_edi():
            for move in moves:
                origin = move.reversed_entry_id or move.debit_origin_id
                if (
                    origin
                    and not move.l10n_cl_reference_ids
                    and move.l10n_cl_dte_is_candidate
                ):
                    move.l10n_cl_reference_ids = [
                        Command.create(origin._l10n_cl_dte_reference_values())
                    ]
                elif move._l10n_cl_dte_has_order():
                    move.l10n_cl_reference_ids = [
                        Command.create(move._l10n_cl_dte_order_values())
                    ]
        return moves

    def _l10n_cl_dte_has_order(self):
        """Tell whether an invoice was made of an order that has the customer's number.

        Odoo's sales write the order's name to `invoice_origin`, and what the customer
        calls it to `ref`.
        """
        return (
            self.move_type == "out_invoice"
            and self.l10n_cl_dte_is_candidate
            and not self.l10n_cl_reference_ids
            and bool(self.invoice_origin and self.ref)
        )

    def _l10n_cl_dte_order_values(self):
        """Return the values of a reference to the customer's order (801)."""
        date = self.invoice_date or self.company_id._l10n_cl_dte_today()
        if "sale_line_ids" in self.invoice_line_ids._fields:
            orders = self.invoice_line_ids.sale_line_ids.order_id
            date = min([date, *(order.date_order.date() for order in orders)])
        return {
            "l10n_cl_reference_doc_type_id": self.env.ref("l10n_cl.dc_odc").id,
            "origin_doc_number": self.ref,
            "date": date,
        }

    def _l10n_cl_dte_reference_values(self, reason="", code=False):
        """Return the values of a reference to this document.

        :param str code: what the note does to it; left out, its amounts say so
        """
        self.ensure_one()
        values = {"reference_doc_code": code} if code else {}
        return {
            **values,
            "l10n_cl_reference_doc_type_id": self.l10n_latam_document_type_id.id,
            "origin_doc_number": (self.l10n_latam_document_number or "").lstrip("0"),
            "date": self.invoice_date,
            "reason": reason,
        }

    def _l10n_cl_dte_refers_by_itself(self):
        """Tell whether a note on this document is to get a reference from us."""
        return (
            self.l10n_cl_dte_is_candidate
            and bool(self.l10n_latam_document_type_id)
            and not self._l10n_cl_dte_has_edi()
        )

    def _l10n_cl_dte_reference_code(self):
        """Return what a note does to its original, judged by the amounts.

        A credit note of the same total cancels an invoice, and a debit note of the
        same total a credit note.
        """
        self.ensure_one()
        origin = self.reversed_entry_id or self.debit_origin_id
        can_cancel = self.reversed_entry_id or origin.move_type == "out_refund"
        # In pesos: at another rate, the same dollars are another document.
        same = self._l10n_cl_dte_total() == origin._l10n_cl_dte_total()
        return "1" if can_cancel and same else "3"

    # === Names that `l10n_cl` calls and only `l10n_cl_edi` defines === #

    def _format_length(self, text, text_len):
        """Return a text cut to a length; printing in a foreign currency needs it."""
        parent = getattr(super(), "_format_length", None)
        if parent:
            return parent(text, text_len)
        return (text and text[:text_len]) or ""

    def _l10n_cl_normalize_currency_name(self, currency_name):
        """Return the customs' name of a currency, or its code where it has none."""
        parent = getattr(super(), "_l10n_cl_normalize_currency_name", None)
        if parent:
            return parent(currency_name)
        names = {"CLP": "PESO CL", "USD": "DOLAR USA", "EUR": "EURO"}
        return names.get(currency_name, currency_name)
