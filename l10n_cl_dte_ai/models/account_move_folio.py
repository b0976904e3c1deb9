# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from contextlib import contextmanager

from odoo import api, fields, models
from odoo.exceptions import UserError

# What a document is known by at the SII.
IDENTITY = (
    "name",
    "l10n_latam_document_number",
    "l10n_latam_document_type_id",
    "invoice_date",
    "journal_id",
    "company_id",
    "move_type",
)
# Of the transaction: what Odoo's resequencing may rename. No user writes the cursor's
# cache.
RENUMBERING = "l10n_cl_dte_renumbering"
# Odoo reads no more than nine digits of a name as its number; the SII's schema allows
# ten.
MAX_FOLIO = 999_999_999


# pylint: disable=consider-merging-classes-inherited
class AccountMove(models.Model):
    """One folio, one document; and what its file says stays what it is."""

    _inherit = "account.move"

    l10n_cl_dte_folio_ids = fields.One2many(
        "l10n_cl_dte.folio", "move_id", string="DTE Folio", copy=False
    )

    # === One folio, one document === #

    def _compute_split_sequence(self):
        # EXTENDS 'account': which would take the last digits for the number, on every
        # road to a name.
        for move in self.filtered("l10n_cl_dte_is_candidate"):
            number = (move.name or "").rpartition(" ")[2]
            if number.isdecimal() and int(number) > MAX_FOLIO:
                raise UserError(
                    self.env._(
                        "%(number)s is no folio that Odoo can keep: they go up to "
                        "%(largest)s. Look whether a digit is too many.",
                        number=number,
                        largest=MAX_FOLIO,
                    )
                )
        return super()._compute_split_sequence()

    def _locked_increment(self, format_string, format_values):
        # EXTENDS 'account': the next number that no other journal, supplier or branch
        # has.
        if not self.l10n_cl_dte_is_candidate:
            return super()._locked_increment(format_string, format_values)
        while True:
            sequence = super()._locked_increment(format_string, dict(format_values))
            if self._l10n_cl_dte_take_folio(sequence):
                return sequence

    def _l10n_cl_dte_folio_key(self, name):
        """Return what a folio is unique by: issuer, type and number; None
        without one.
        """
        number = (name or "").rpartition(" ")[2]
        if not number.isdecimal() or not self.l10n_latam_document_type_id:
            return None
        return (
            self.company_id._l10n_cl_dte_issuer(),
            self.l10n_latam_document_type_id.code,
            str(int(number)),
        )

    def _l10n_cl_dte_take_folio(self, name):
        key = self._l10n_cl_dte_folio_key(name)
        return not key or self.env["l10n_cl_dte.folio"]._take(self, key)

    def _l10n_cl_dte_folio_problem(self):
        """Return which document has this one's folio, for a person, or None."""
        self.ensure_one()
        key = self._l10n_cl_dte_folio_key(self.name)
        [*row] = self.sudo().l10n_cl_dte_folio_ids
        if not key or (row and (row[0].issuer, row[0].type_code, row[0].number) == key):
            return None
        if self._l10n_cl_dte_take_folio(self.name):
            return None
        return self.env._(
            "Folio %(folio)s of type %(type)s is already that of “%(document)s”: the "
            "SII takes each folio of an issuer once. Give this document another "
            "number.",
            folio=key[2],
            type=key[1],
            document=self.env["l10n_cl_dte.folio"]._holder(key),
        )

    def _l10n_cl_dte_secure_folios(self):
        """Take the folios that these confirmed documents have.

        :raise UserError: for those that another document has, all at once
        """
        candidates = self.filtered(
            lambda move: move.l10n_cl_dte_is_candidate and move.state == "posted"
        )
        nameless = candidates.filtered(lambda move: move.name in (False, "/"))
        if nameless:
            self.env["l10n_cl_dte.folio"]._release(nameless)
        problems = [move._l10n_cl_dte_folio_problem() for move in candidates - nameless]
        if any(problems):
            raise UserError("\n".join(filter(None, problems)))

    def _post(self, soft=True):
        # EXTENDS 'account': a folio that somebody entered is not given by the sequence.
        posted = super()._post(soft)
        posted._l10n_cl_dte_secure_folios()
        return posted

    # === What a file says stays === #

    def write(self, vals):
        # EXTENDS 'account'
        identity = {name: vals[name] for name in IDENTITY if name in vals}
        if identity:
            self._l10n_cl_dte_check_identity(identity)
        result = super().write(vals)
        if identity:
            self._l10n_cl_dte_secure_folios()
        return result

    def _l10n_cl_dte_check_identity(self, vals):
        """:raise UserError: where the number, type or date of a file would change"""
        renumbered = self.env.cr.cache.get(RENUMBERING, ())
        for move in self.filtered(lambda move: move.state == "posted"):
            if not move.l10n_cl_dte_document_id or move.id in renumbered:
                continue
            if any(move._l10n_cl_dte_changes(name, vals[name]) for name in vals):
                raise UserError(
                    self.env._(
                        "The DTE of “%s” is generated, and says its number, type and "
                        "date. To change them, reset the document to draft, or use "
                        "Odoo's resequencing; then generate the DTE again.",
                        move.display_name,
                    )
                )

    @contextmanager
    def _l10n_cl_dte_renumbering(self):
        """Within it these may get other numbers, and their files are outdated."""
        self._l10n_cl_dte_check_frozen()
        self.l10n_cl_dte_document_id.sudo().renumbered_on = fields.Datetime.now()
        cache = self.env.cr.cache
        before = cache.get(RENUMBERING, frozenset())
        cache[RENUMBERING] = before | set(self.ids)
        try:
            yield
        finally:
            cache[RENUMBERING] = before

    def _l10n_cl_dte_changes(self, name, value):
        field = self._fields[name]
        return field.convert_to_cache(value, self) != field.convert_to_cache(
            self[name], self
        )

    def _l10n_cl_dte_check_frozen(self):
        """:raise UserError: where the document was sent, and may not change any more"""
        for move in self:
            version = move.l10n_cl_dte_document_id
            if version and version._is_frozen():
                raise UserError(
                    self.env._(
                        "“%s” was sent to the SII, so it cannot be changed, cancelled "
                        "or deleted. Correct it with a credit or debit note.",
                        move.display_name,
                    )
                )

    def button_draft(self):
        # EXTENDS 'account'
        self._l10n_cl_dte_check_frozen()
        return super().button_draft()

    def button_cancel(self):
        # EXTENDS 'account'
        self._l10n_cl_dte_check_frozen()
        return super().button_cancel()

    @api.ondelete(at_uninstall=False)
    def _unlink_except_frozen_dte(self):
        self._l10n_cl_dte_check_frozen()
