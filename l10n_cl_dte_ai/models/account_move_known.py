# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models
from odoo.fields import Domain

from ..tools.dte.document import CANCELS, Known, Referencia, is_tax_document
from .payload_fields import READ_OF_MOVE, read_ahead
from .texts import folio, one_line, pesos

READ_OF_KNOWN = (
    *READ_OF_MOVE,
    "company_id.parent_path",
    "company_id.account_fiscal_country_id",
    "invoice_cash_rounding_id",
    "partner_id.commercial_partner_id.vat",
)


# pylint: disable=consider-merging-classes-inherited
class AccountMove(models.Model):
    """The references of a document, and what our books say of what they name."""

    _inherit = "account.move"

    def _l10n_cl_dte_reference_rows(self):
        """Return the references of a document, before anything is known of them.

        A note without references has that to what it was made from.

        :rtype: list[Referencia]
        """
        origin = self.reversed_entry_id or self.debit_origin_id
        references = self.l10n_cl_reference_ids.sorted("id")
        if not references and origin:
            return [
                Referencia(
                    TpoDocRef=origin.l10n_latam_document_type_id.code or "",
                    FolioRef=folio(origin.l10n_latam_document_number),
                    FchRef=origin.invoice_date or None,
                    CodRef=int(self._l10n_cl_dte_reference_code()),
                )
            ]
        found = []
        for each in references:
            code = each.l10n_cl_reference_doc_type_id.code or ""
            number = folio(each.origin_doc_number)
            found.append(
                Referencia(
                    TpoDocRef=code,
                    FolioRef=number,
                    FchRef=each.date or None,
                    CodRef=int(each.reference_doc_code or 0) or None,
                    RazonRef=one_line(each.reason),
                    # Many documents at once, as all the month's guides.
                    IndGlobal=is_tax_document(code) and number == "0",
                )
            )
        return found

    def _l10n_cl_dte_known(self):
        """Return what our books say of the documents that these ones refer to.

        A fixed number of queries, however many they are; none where nothing is referred
        to.

        :param self: in the environment of the superuser
        :return: by company, type and folio, and for each of `self` what other documents
            make of it
        :rtype: dict[AccountMove, dict[tuple[str, str], Known]]
        """
        wanted = {}
        for move in self:
            wanted[move] = {
                (each.TpoDocRef, each.FolioRef)
                for each in move._l10n_cl_dte_reference_rows()
                if is_tax_document(each.TpoDocRef) and each.FolioRef.isdecimal()
            }
        origins = self.reversed_entry_id | self.debit_origin_id
        keys = set().union(*wanted.values()) if wanted else set()
        if not keys and not origins:
            return {}
        named = origins | self._l10n_cl_dte_named(keys)
        read_ahead(named, READ_OF_KNOWN)
        named = named.filtered(
            lambda move: move.state == "posted" and move._l10n_cl_dte_is_ours()
        )
        notes = named._l10n_cl_dte_notes_on()
        by_root = {}
        for move in named:
            root = move.company_id.root_id
            by_root.setdefault(root, {})[move._l10n_cl_dte_key()] = move
        known = {}
        for move in self:
            mine = by_root.get(move.company_id.root_id, {})
            origin = move.reversed_entry_id or move.debit_origin_id
            keys = (
                wanted[move] | {origin._l10n_cl_dte_key()} if origin else wanted[move]
            )
            known[move] = {
                key: mine[key]._l10n_cl_dte_as_known(notes[mine[key]], but=move)
                for key in keys
                if key in mine and mine[key] != move
            }
        return known

    def _l10n_cl_dte_key(self):
        return (
            self.l10n_latam_document_type_id.code or "",
            folio(self.l10n_latam_document_number),
        )

    def _l10n_cl_dte_is_ours(self):
        """Tell whether our company issued a document, and not a supplier."""
        return self.is_sale_document() or self.l10n_cl_dte_is_candidate

    def _l10n_cl_dte_named(self, keys):
        """Return the posted documents of our companies with a type and folio of
        these.
        """
        types = {code for code, _number in keys}
        folios = {int(number) for _code, number in keys if len(number) < 10}
        roots = self.company_id.root_id
        return self.env["account.move"].search(
            [
                ("company_id", "child_of", roots.ids),
                ("l10n_latam_document_type_id.code", "in", list(types)),
                ("sequence_number", "in", list(folios)),
                ("state", "=", "posted"),
            ]
        )

    def _l10n_cl_dte_notes_on(self):
        """Return the posted notes on each of these documents, with what they do.

        :return: (note, code of its reference) for each
        :rtype: dict[AccountMove, list[tuple[AccountMove, int]]]
        """
        found = {move: [] for move in self}
        by_key = {
            (move.company_id.root_id, move._l10n_cl_dte_key()): move for move in self
        }
        references = self.env["l10n_cl.account.invoice.reference"].search(
            Domain("move_id.state", "=", "posted")
            & Domain("move_id.company_id", "child_of", self.company_id.root_id.ids)
            & Domain("reference_doc_code", "!=", False)
            & Domain(
                "l10n_cl_reference_doc_type_id",
                "in",
                self.l10n_latam_document_type_id.ids,
            )
            & Domain(
                "origin_doc_number",
                "in",
                [
                    number
                    for move in self
                    for number in {
                        move.l10n_latam_document_number or "",
                        folio(move.l10n_latam_document_number),
                    }
                ],
            )
        )
        read_ahead(references.move_id, READ_OF_KNOWN)
        for reference in references:
            note = reference.move_id
            key = (
                reference.l10n_cl_reference_doc_type_id.code,
                folio(reference.origin_doc_number),
            )
            move = by_key.get((note.company_id.root_id, key))
            if move and note._l10n_cl_dte_is_ours():
                found[move].append((note, int(reference.reference_doc_code)))
        return found

    def _l10n_cl_dte_as_known(self, notes, but):
        """Return what our books say of this document.

        :param notes: what :meth:`_l10n_cl_dte_notes_on` says of it
        :param but: the note that asks, which does not count itself
        :rtype: Known
        """
        code, number = self._l10n_cl_dte_key()
        others = [(note, what) for note, what in notes if note != but._origin]
        return Known(
            TipoDTE=code,
            Folio=int(number) if number.isdecimal() else 0,
            FchEmis=self.invoice_date or None,
            RUTRecep=self.partner_id.commercial_partner_id._l10n_cl_dte_rut(),
            MntTotal=self._l10n_cl_dte_total(),
            credited=sum(
                note._l10n_cl_dte_total()
                for note, _what in others
                if note.move_type in ("out_refund", "in_refund")
            ),
            cancelled_by=next(
                (note.name for note, what in others if what == CANCELS), ""
            ),
        )

    def _l10n_cl_dte_total(self):
        """Return the document's total, without a rounding for payment in cash."""
        return pesos(abs(self.amount_total_signed)) - self._l10n_cl_dte_rounding()

    def _l10n_cl_dte_rounding(self):
        if not self.invoice_cash_rounding_id:
            return 0
        rounding = self.line_ids.filtered(lambda line: line.display_type == "rounding")
        return sum(line._l10n_cl_dte_amount() for line in rounding)
