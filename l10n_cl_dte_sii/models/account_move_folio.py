# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.exceptions import UserError

from odoo.addons.l10n_cl_dte_ai.models.l10n_cl_dte_ai_service import USER_GROUP


# pylint: disable=consider-merging-classes-inherited
class AccountMove(models.Model):
    """The number of a document: a folio that the SII gave, and the ledger's row
    of it.
    """

    _inherit = "account.move"

    # Computed, and not a list of rows that commands could write.
    l10n_cl_dte_sii_folio_id = fields.Many2one(
        "l10n_cl_dte_sii.folio",
        string="Folio",
        compute="_compute_l10n_cl_dte_sii_folio_id",
        groups=USER_GROUP,
    )

    def _compute_l10n_cl_dte_sii_folio_id(self):
        folios = (
            self.env["l10n_cl_dte_sii.folio"]
            .sudo()
            .search([("move_id", "in", self.ids), ("state", "!=", "free")])
        )
        # Of several, the one in use; without one, the last that it had.
        folios = folios.sorted(
            lambda each: (each.state in ("used", "accepted"), each.id)
        )
        found = {folio.move_id.id: folio.id for folio in folios}
        for move in self:
            move.l10n_cl_dte_sii_folio_id = found.get(move._origin.id)

    # === Which documents === #

    def _l10n_cl_dte_sii_takes_folio(self):
        """Tell whether this document's number comes from the company's CAFs."""
        self.ensure_one()
        return bool(
            self._l10n_cl_dte_is_covered()
            and self.company_id._l10n_cl_dte_sii_with_settings()
            and not self._l10n_cl_dte_has_edi()
        )

    def _l10n_cl_dte_sii_folio(self):
        """Return the row of the folio that this document has now, as superuser."""
        self.ensure_one()
        return self.sudo().l10n_cl_dte_sii_folio_id

    # === Taking one === #

    def _l10n_cl_dte_let_through(self, soft=True):
        # EXTENDS 'l10n_cl_dte_ai': what has no folio is not confirmed, and says so
        # before; what the policy stops takes none.
        moves = super()._l10n_cl_dte_let_through(soft)
        today = fields.Date.context_today(self)
        takers = moves.filtered(
            lambda move: (
                move._l10n_cl_dte_sii_takes_folio()
                and not (soft and move.date and move.date > today)
            )
        )
        takers._l10n_cl_dte_sii_settle_names()
        takers._l10n_cl_dte_sii_require_folios()
        return moves

    def _l10n_cl_dte_sii_settle_names(self):
        """Reconcile the number on each draft with the ledger, before it is confirmed.

        A document that is confirmed again keeps its folio. A number that a person wrote
        must be a free folio of ours. What no longer fits is given back.
        """
        for move in self:
            folio = move._l10n_cl_dte_sii_folio()
            has_name = move.name and move.name != "/"
            number = move._l10n_cl_dte_sii_written_number()
            code = move.l10n_latam_document_type_id.code
            if folio and (folio.code, folio.number) == (code, number):
                if folio.state == "to_annul":
                    folio.state = "used"
                if folio.state in ("used", "accepted"):
                    continue
                number = 0  # the SII was told that it is null
            elif folio and folio.state == "used":
                move._l10n_cl_dte_sii_leave(folio)
                # The number of another type is none of this one.
                number = number if folio.code == code else 0
            if number:
                self.env["l10n_cl_dte_sii.folio"]._take_number(move, number)
            elif has_name:
                move.name = False

    def _l10n_cl_dte_sii_written_number(self):
        """Return the number in this document's name, confirmed or not; 0 without
        one.
        """
        number = self.l10n_latam_document_number or ""
        return int(number) if number.isdecimal() else 0

    def _l10n_cl_dte_sii_leave(self, folio):
        """Part from a folio: it is free where nobody can have seen the document."""
        if self._l10n_cl_dte_sii_was_signed():
            folio._to_annul()
        else:
            folio._give_back()

    def _l10n_cl_dte_sii_was_signed(self):
        """Tell whether a signed file of this document may be in somebody's hands."""
        return False

    def _l10n_cl_dte_sii_require_folios(self):
        """:raise UserError: where there are more documents of a type than folios"""
        waiting = self.filtered(lambda move: not move.name or move.name == "/")
        problems = []
        for moves in waiting.grouped(
            lambda move: (
                move.company_id._l10n_cl_dte_sii_rut(),
                move.l10n_latam_document_type_id,
            )
        ).values():
            cafs = self.env["l10n_cl_dte_sii.caf"]._usable(moves[:1])
            left = sum(cafs.mapped("left_count"))
            if not left:
                problems.append(
                    self.env["l10n_cl_dte_sii.folio"]._no_folio_left(moves[:1])
                )
            elif left < len(moves):
                problems.append(
                    self.env._(
                        "Not confirmed: there are %(left)s folios left for “%(type)s” "
                        "and %(count)s documents. Choose fewer, or load another CAF.",
                        left=left,
                        type=moves.l10n_latam_document_type_id.display_name,
                        count=len(moves),
                    )
                )
        if problems:
            raise UserError("\n\n".join(problems))

    def _locked_increment(self, format_string, format_values):
        # EXTENDS 'account': the number is a folio, whose row is the lock.
        if not self._l10n_cl_dte_sii_takes_folio():
            return super()._locked_increment(format_string, format_values)
        folio = self.env["l10n_cl_dte_sii.folio"]._take(self)
        return self._l10n_cl_get_formatted_sequence(folio.number)

    # === Keeping it === #

    def write(self, vals):
        # EXTENDS 'account': a confirmed document's number is a fact, not a wish.
        if {"name", "l10n_latam_document_type_id"} & vals.keys():
            for move in self.filtered(lambda move: move.state == "posted"):
                move._l10n_cl_dte_sii_check_number(vals)
        return super().write(vals)

    def _l10n_cl_dte_sii_check_number(self, vals):
        """:raise UserError: where another number or type is written than the folio's"""
        folio = self._l10n_cl_dte_sii_folio()
        name = vals.get("name", self.name)
        code = vals.get(
            "l10n_latam_document_type_id", self.l10n_latam_document_type_id.id
        )
        if folio and (
            name not in (self.name, folio.document_name)
            or code != self.l10n_latam_document_type_id.id
        ):
            raise UserError(
                self.env._(
                    "“%s” has a folio of the SII, which cannot be changed: reset it to "
                    "draft first.",
                    self.display_name,
                )
            )

    def button_cancel(self):
        # EXTENDS 'account': its folio will not be used by another document.
        result = super().button_cancel()
        for move in self.filtered(lambda move: move.state == "cancel"):
            move._l10n_cl_dte_sii_folio()._to_annul()
        return result

    @api.ondelete(at_uninstall=False)
    def _l10n_cl_dte_sii_give_back(self):
        """A deleted document gives its folio back, or leaves it to be annulled."""
        for move in self:
            folio = move._l10n_cl_dte_sii_folio()
            if folio.state == "used":
                move._l10n_cl_dte_sii_leave(folio)
