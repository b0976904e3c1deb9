# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64
import csv
import io

from psycopg2.errors import UniqueViolation

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, groupby

from odoo.addons.l10n_cl_dte_ai.tools.dte.document import COVERED_TYPES

from ..tools.errors import WHERE
from .environments import ENVIRONMENTS, MANAGER_GROUP


class L10nClDteSiiFolio(models.Model):
    """The ledger of folios: one row for each use of a number, and what became of it.

    Code alone makes and changes rows: nobody has the right to, not even over RPC. A
    number is taken by inserting its row, which the database lets only one do; whoever
    comes second waits for the first to commit or to give it back. What was given back
    stays as history, and its number can be taken by another row.
    """

    _name = "l10n_cl_dte_sii.folio"
    _description = "Folio of an Electronic Tax Document"
    _order = "environment, code, number desc, id desc"
    _rec_name = "number"

    company_id = fields.Many2one("res.company", required=True, index=True)
    issuer = fields.Char(string="RUT", required=True)
    environment = fields.Selection(ENVIRONMENTS, required=True)
    code = fields.Char(string="Type", required=True)
    number = fields.Integer(string="Folio", required=True, aggregator=None)
    # used ──the SII's word──> accepted
    #  │ │└──document deleted, never signed──> free (the number can be taken again)
    #  │ └──cancelled, or deleted after it was signed──> to_annul ──a person──> annulled
    #  └──<── confirmed again, while it is only to be annulled
    state = fields.Selection(
        [
            ("used", "Used"),
            ("accepted", "Accepted"),
            ("free", "Given Back"),
            ("to_annul", "To Annul at the SII"),
            ("annulled", "Annulled at the SII"),
        ],
        required=True,
        default="used",
    )
    move_id = fields.Many2one(
        "account.move", string="Document", ondelete="set null", index="btree_not_null"
    )
    document_name = fields.Char(help="Of the document that took it, should it be gone.")
    caf_id = fields.Many2one(
        "l10n_cl_dte_sii.caf", string="CAF", ondelete="restrict", index="btree_not_null"
    )

    _one_use = models.UniqueIndex(
        "(issuer, environment, code, number) WHERE state != 'free'",
        "This folio is used already.",
    )

    # === Taking === #

    @api.model
    def _take(self, move):
        """Take the next free folio for a document: oldest valid CAF first.

        Same transaction, so a rollback gives it back.

        :param move: a confirmed account.move of :meth:`_l10n_cl_dte_sii_takes_folio`
        :raise UserError: where none is left
        """
        for caf in self.env["l10n_cl_dte_sii.caf"]._usable(move):
            number = caf._next_number()
            while number and number <= caf.last:
                if folio := self._insert(move, caf, number):
                    return folio
                # Another transaction has it, which this one cannot see.
                number += 1
        raise UserError(self._no_folio_left(move))

    @api.model
    def _take_number(self, move, number):
        """Take the folio that a person wrote on a draft.

        :raise UserError: where it is no free folio of a valid CAF
        """
        cafs = self.env["l10n_cl_dte_sii.caf"]._usable(move)
        caf = cafs.filtered(lambda caf: caf.start <= number <= caf.last)
        if not caf:
            raise UserError(
                self.env._(
                    "Folio %(number)s of type %(code)s is in none of the valid CAFs: "
                    "empty the document's number, so that it gets the next one.",
                    number=number,
                    code=move.l10n_latam_document_type_id.code,
                )
            )
        if folio := self._insert(move, caf[:1], number):
            return folio
        raise UserError(
            self.env._(
                "Folio %(number)s of type %(code)s is used already: empty the "
                "document's number, so that it gets the next one.",
                number=number,
                code=move.l10n_latam_document_type_id.code,
            )
        )

    @api.model
    def _insert(self, move, caf, number):
        """Insert the row of a number, unless somebody has it: return the row, or none.

        In SQL, for a number that is taken is no error to log. With REPEATABLE READ
        neither a lock, a counter nor ON CONFLICT can do this: each fails instead of
        going on to the next number.
        """
        values = {
            "company_id": move.company_id.id,
            "issuer": caf.issuer,
            "environment": caf.environment,
            "code": caf.code,
            "number": number,
            "state": "used",
            "move_id": move.id,
            "document_name": move._l10n_cl_get_formatted_sequence(number),
            "caf_id": caf.id,
            "create_uid": self.env.uid,
            "write_uid": self.env.uid,
        }
        now = SQL("now() AT TIME ZONE 'UTC'")
        query = SQL(
            "INSERT INTO %s (%s, create_date, write_date) VALUES (%s, %s, %s)"
            " RETURNING id",
            SQL.identifier(self._table),
            SQL(", ").join(map(SQL.identifier, values)),
            SQL(", ").join(SQL("%s", value) for value in values.values()),
            now,
            now,
        )
        move.flush_recordset()
        try:
            with self.env.cr.savepoint(flush=False):
                # Of a draft that was confirmed before, it is not in this ledger.
                if not move._l10n_cl_dte_take_folio(values["document_name"]):
                    return self.browse()
                self.env.cr.execute(query, log_exceptions=False)
                (folio_id,) = self.env.cr.fetchone()
        except UniqueViolation:
            move.invalidate_recordset(["l10n_cl_dte_folio_ids"], flush=False)
            self.env["l10n_cl_dte.folio"].invalidate_model(flush=False)
            return self.browse()
        folio = self.browse(folio_id)
        move.invalidate_recordset(["l10n_cl_dte_sii_folio_id"], flush=False)
        caf._forget_counts()
        return folio

    @api.model
    def _no_folio_left(self, move, needed=1):
        document_type = move.l10n_latam_document_type_id
        return self.env._(
            "Not confirmed: %(company)s has no folio left for “%(type)s”. Ask the SII "
            "for more (%(where)s), and load the CAF under Accounting → Configuration → "
            "SII Folios (CAF).",
            company=move.company_id.name,
            type=document_type.display_name,
            where=WHERE,
        )

    @api.model
    def _entries(self, key, company=None):
        """Return the uses of a number, those that were given back left out.

        :param tuple key: issuer, type and number, as `l10n_cl_dte.folio` has them
        :param company: whose environment counts; all do where it has none
        """
        issuer, code, number = key
        domain = [
            ("issuer", "=", issuer),
            ("code", "=", code),
            ("number", "=", int(number)),
            ("state", "!=", "free"),
        ]
        if company and (
            environment
            := company._l10n_cl_dte_sii_with_settings().l10n_cl_dte_sii_environment
        ):
            domain.append(("environment", "=", environment))
        return self.sudo().search(domain)

    # === What becomes of them === #

    def _give_back(self):
        """Let other documents take these numbers: nobody has seen them."""
        self.sudo().write({"state": "free"})
        self.env["l10n_cl_dte.folio"]._release(self.move_id)
        self.move_id.invalidate_recordset(["l10n_cl_dte_sii_folio_id"], flush=False)
        self.caf_id.sudo().is_used_up = False
        self.env["l10n_cl_dte_sii.caf"]._forget_counts()

    def _to_annul(self):
        self.sudo().filtered(lambda folio: folio.state == "used").state = "to_annul"

    def action_annulled(self):
        """A person says: these were declared null on the SII's site."""
        self.check_access("read")
        if not self.env.user.has_group(MANAGER_GROUP):
            raise UserError(
                self.env._("Only administrators of DTE SII may say what was annulled.")
            )
        if any(folio.state != "to_annul" for folio in self):
            raise UserError(
                self.env._("Choose folios that are to be annulled, and no others.")
            )
        self.sudo().state = "annulled"

    def action_list_to_annul(self):
        """Give the chosen folios that are to be annulled as a file.

        One row for each range, as the SII's page (*Anulación masiva de folios*) asks
        for them: type, first and last folio.
        """
        self.check_access("read")
        if not self.env.user.has_group(MANAGER_GROUP):
            raise UserError(
                self.env._("Only administrators of DTE SII may say what was annulled.")
            )
        folios = self.filtered(lambda folio: folio.state == "to_annul")
        if not folios:
            raise UserError(
                self.env._("Choose folios that are to be annulled, and no others.")
            )
        file = io.StringIO()
        writer = csv.writer(file, delimiter=";")
        writer.writerow(("RUT", "Ambiente", "Tipo", "Desde", "Hasta", "Cantidad"))
        writer.writerows(folios._ranges())
        # With the mark by which Excel knows UTF-8.
        content = base64.b64encode(file.getvalue().encode("utf-8-sig"))
        name = "folios_por_anular.csv"
        row = self.env["l10n_cl_dte_sii.envelope"].create(
            {"name": name, "file": content}
        )
        return {
            "type": "ir.actions.act_url",
            "url": f"/web/content/{row._name}/{row.id}/file/{name}?download=true",
            "target": "download",
        }

    def _ranges(self):
        """Yield issuer, environment, type, first, last and count of each range."""
        environments = dict(
            self._fields["environment"]._description_selection(self.env)
        )
        for (issuer, environment, code), folios in sorted(
            self.grouped(
                lambda each: (each.issuer, each.environment, each.code)
            ).items()
        ):
            numbers = sorted(set(folios.mapped("number")))
            # Numbers that follow each other are as far from their positions.
            for _key, run in groupby(
                enumerate(numbers), lambda each: each[1] - each[0]
            ):
                run = [number for _position, number in run]
                name = environments[environment]
                yield issuer, name, code, run[0], run[-1], len(run)

    # === History === #

    @api.model
    def _import_history(self, company):
        """Enter the numbers of documents that a company issued before as used.

        A number that two documents have is entered once, for the one that has it in
        `l10n_cl_dte.folio`.

        :param company: with an environment
        """
        issuer = company._l10n_cl_dte_sii_rut()
        if not issuer:
            return
        companies = company._l10n_cl_dte_sii_with_rut(issuer)
        self.env["account.move"].flush_model()
        self.flush_model()
        self.env.cr.execute(
            SQL(
                """
                INSERT INTO l10n_cl_dte_sii_folio (
                    company_id, issuer, environment, code, number, state, move_id,
                    document_name, create_uid, write_uid, create_date, write_date)
                SELECT DISTINCT ON (type.code, move.sequence_number)
                       move.company_id, %(issuer)s, %(environment)s, type.code,
                       move.sequence_number,
                       CASE move.state WHEN 'cancel' THEN 'to_annul' ELSE 'used' END,
                       move.id, move.name, %(user)s, %(user)s,
                       now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
                  FROM account_move AS move
                  JOIN l10n_latam_document_type AS type
                    ON type.id = move.l10n_latam_document_type_id
             LEFT JOIN l10n_cl_dte_folio AS taken ON taken.move_id = move.id
                 WHERE move.company_id IN %(companies)s
                   AND type.code IN %(codes)s
                   AND (move.move_type IN ('out_invoice', 'out_refund')
                        OR move.move_type = 'in_invoice' AND type.code = '46')
                   AND (move.state = 'posted' OR move.posted_before)
                   AND move.sequence_number > 0
                 ORDER BY type.code, move.sequence_number,
                       taken.move_id IS NULL, move.id
                    ON CONFLICT DO NOTHING
                """,
                issuer=issuer,
                environment=company.l10n_cl_dte_sii_environment,
                companies=tuple(companies.ids),
                codes=tuple(COVERED_TYPES),
                user=self.env.uid,
            )
        )
        self.invalidate_model()

    @api.model
    def _link_history(self, caf):
        """Let documents that Odoo numbered within a new CAF's range be stamped with it.

        Only those from its first free folio on: the others were issued elsewhere.
        """
        self.sudo().search(
            [
                ("issuer", "=", caf.issuer),
                ("environment", "=", caf.environment),
                ("code", "=", caf.code),
                ("number", ">=", caf.start),
                ("number", "<=", caf.last),
                ("caf_id", "=", False),
            ]
        ).caf_id = caf
