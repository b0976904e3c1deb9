# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import psycopg2

from odoo import api, fields, models
from odoo.tools import SQL, mute_logger

from .database import own_cursor


class L10nClDteFolio(models.Model):
    """Which document has a folio: one for each issuer (RUT) and type.

    Odoo numbers by company and type, but its unique indexes are of a journal, or of a
    supplier for a purchase invoice, and branches that share a RUT are companies of
    their own. The SII knows none of these: there a folio is of the issuer and the type
    alone. This row is what makes it so; where two transactions want the same folio, the
    second waits for the first, and takes the next number.
    """

    _name = "l10n_cl_dte.folio"
    _description = "Folio of an Electronic Tax Document"
    _order = "id desc"
    _log_access = False

    issuer = fields.Char(required=True, readonly=True, help="The RUT of the issuer.")
    type_code = fields.Char(required=True, readonly=True)
    number = fields.Char(required=True, readonly=True, help="Without leading zeros.")
    move_id = fields.Many2one(
        "account.move", required=True, readonly=True, ondelete="cascade"
    )

    _one_document = models.UniqueIndex("(issuer, type_code, number)")
    _one_folio = models.UniqueIndex("(move_id)")

    @api.model
    def _take(self, move, key):
        """Take a folio for a document; what it had before is free again.

        As core's `_locked_increment` does: the insert waits for another transaction
        that wants the same, and fails if that one got it.

        :param tuple key: issuer, type and number
        :return: whether it is the document's now
        """
        row = self.sudo().search(
            [
                ("issuer", "=", key[0]),
                ("type_code", "=", key[1]),
                ("number", "=", key[2]),
            ]
        )
        if row:
            return row.move_id == move
        self._release(move)
        try:
            with (
                mute_logger("odoo.sql_db"),
                self.env.cr.savepoint(flush=False),
            ):
                self.env.cr.execute(
                    SQL(
                        """
                        INSERT INTO l10n_cl_dte_folio
                               (issuer, type_code, number, move_id)
                        VALUES (%s, %s, %s, %s)
                        """,
                        *key,
                        move.id,
                    )
                )
        except psycopg2.errors.UniqueViolation:
            return False
        move.invalidate_recordset(["l10n_cl_dte_folio_ids"], flush=False)
        return True

    @api.model
    def _release(self, moves):
        """Forget which folios these documents had."""
        self.env.cr.execute(
            SQL("DELETE FROM l10n_cl_dte_folio WHERE move_id = ANY(%s)", moves.ids)
        )
        self.invalidate_model(flush=False)
        moves.invalidate_recordset(["l10n_cl_dte_folio_ids"], flush=False)

    @api.model
    def _holder(self, key):
        """Return who has a folio, for a person, also what another has just
        committed.
        """
        with own_cursor(self.env) as cr:
            cr.execute(
                SQL(
                    """
                    SELECT concat_ws(' · ', move.name, partner.name, company.name)
                      FROM l10n_cl_dte_folio folio
                      JOIN account_move move ON move.id = folio.move_id
                      JOIN res_company company ON company.id = move.company_id
                 LEFT JOIN res_partner partner
                        ON partner.id = move.commercial_partner_id
                     WHERE (issuer, type_code, number) = (%s, %s, %s)
                    """,
                    *key,
                )
            )
            found = cr.fetchone()
        return found[0] if found else self.env._("another document")

    @api.model
    def _take_all(self):
        """Take the folios of all documents that have none yet: where we are new.

        The first one that was confirmed gets a folio that several have.

        :return: the documents whose folio another one has
        :rtype: AccountMove
        """
        companies = (
            self.env["res.company"]
            .sudo()
            .search([("account_fiscal_country_id.code", "=", "CL")])
        )
        issuers = [(company.id, company._l10n_cl_dte_issuer()) for company in companies]
        if not issuers:
            return self.env["account.move"]
        self.env.cr.execute(
            SQL(
                """
                WITH issuer(company_id, rut) AS (VALUES %(issuers)s),
                document AS (
                    SELECT move.id, issuer.rut, type.code,
                           ltrim(substring(move.name FROM '([0-9]+)$'), '0') AS number
                      FROM account_move move
                      JOIN issuer ON issuer.company_id = move.company_id
                      JOIN account_journal journal ON journal.id = move.journal_id
                      JOIN l10n_latam_document_type type
                        ON type.id = move.l10n_latam_document_type_id
                     WHERE move.posted_before
                       AND journal.l10n_latam_use_documents
                       AND (move.move_type IN ('out_invoice', 'out_refund')
                            OR move.move_type = 'in_invoice' AND type.code = '46')
                       AND move.name ~ '[0-9]+$'),
                taken AS (
                    INSERT INTO l10n_cl_dte_folio (issuer, type_code, number, move_id)
                    SELECT rut, code, number, id FROM document ORDER BY id
                        ON CONFLICT DO NOTHING
                 RETURNING move_id)
                SELECT document.id FROM document
                 WHERE id NOT IN (SELECT move_id FROM taken)
                   AND id NOT IN (SELECT move_id FROM l10n_cl_dte_folio)
                """,
                issuers=SQL(", ").join(SQL("(%s, %s)", *each) for each in issuers),
            )
        )
        return self.env["account.move"].browse(row[0] for row in self.env.cr.fetchall())
