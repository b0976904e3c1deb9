# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
from typing import NamedTuple

from odoo import models
from odoo.tools import SQL, groupby

from ..tools.dte import payload
from ..tools.dte.document import Documento
from .texts import one_line, pesos

# How many of a customer's documents the service may compare a new one with, and how
# many lines of each. With the longest names these are half of the 100 kB of the
# contract.
HISTORY_LIMIT, HISTORY_ITEMS = 20, 20
MAX_NAME_LENGTH = 80  # of NmbItem


class Question(NamedTuple):
    """A document, what the service is asked about it, and what identifies that."""

    document: Documento
    dte_data: dict
    digest: str


# pylint: disable=consider-merging-classes-inherited
class AccountMove(models.Model):
    """What the AI service is asked about an invoice, and which answer is of it."""

    _inherit = "account.move"

    # A customer's latest documents, while a person waits: without it PostgreSQL reads
    # all of them, or those of all customers.
    _l10n_cl_dte_ai_history_idx = models.Index(
        "(commercial_partner_id, company_id, move_type, invoice_date DESC, id DESC)"
        " WHERE state = 'posted' AND l10n_latam_document_type_id IS NOT NULL"
    )

    # === What is asked about it === #

    def _l10n_cl_dte_ai_questions(self, documents=None):
        """Return what the service is asked about each document.

        What posting alone assigns is left out, so that a verdict on the draft holds for
        the posted document: the folio, and the date of an undated draft.

        :param documents: what `_l10n_cl_dte_as_documents` returns, where that is known
        :rtype: dict[AccountMove, Question]
        """
        questions = {}
        if documents is None:
            documents = self._l10n_cl_dte_as_documents()
        for move, document in documents.items():
            dte_data = payload.as_dte_data(document)
            dte_data.pop("folio", None)
            if move.invoice_date == move.l10n_cl_dte_posting_date:
                dte_data.pop("fecha_emision", None)
            questions[move] = Question(
                document, dte_data, payload.digest(dte_data, move.company_id.id)
            )
        return questions

    def _l10n_cl_dte_ai_digests(self):
        """:rtype: dict[AccountMove, str]"""
        return {
            move: question.digest
            for move, question in self._l10n_cl_dte_ai_questions().items()
        }

    def _l10n_cl_dte_ai_request_bodies(self, questions):
        """Return what the service is sent about each document, as JSON.

        Names are left out here and not of the questions: the digest says which document
        it is, so that nothing is asked again when the company changes its mind, and a
        customer's new name outdates a verdict in any case.

        :param dict[AccountMove, Question] questions:
        :rtype: dict[AccountMove, str]
        """
        # Another service would take it for past rejections.
        compared = self.filtered(
            lambda m: m.company_id.sudo().l10n_cl_dte_ai_service_id.understands_history
        )
        histories = compared._l10n_cl_dte_ai_histories() if compared else {}
        return {
            move: json.dumps(
                {
                    "dte_data": move.company_id._l10n_cl_dte_ai_to_send(
                        questions[move].dte_data
                    ),
                    "company_id": move.company_id.id,
                    "history": histories.get(move.id, []),
                },
                ensure_ascii=False,
            )
            for move in self
        }

    def _l10n_cl_dte_ai_histories(self):
        """Return the customers' previous documents, newest first.

        Of a purchase invoice's supplier only those that we issued.
        Of their lines only those that this document has as well, by name: it is them
        that a price can be compared with. Their prices are net, in pesos and before
        the discount, as they were booked.

        Context for the service, not part of the digest: a verdict does not become
        outdated because another invoice was posted. One query for any number of
        documents.

        :return: rows of the contract's `history` by the document's id
        :rtype: dict[int, list[dict]]
        """
        self.env["account.move"].flush_model()
        self.env["account.move.line"].flush_model()
        rows = self.env.execute_query_dict(
            SQL(
                """
                WITH customer AS (
                    SELECT DISTINCT commercial_partner_id, company_id, move_type
                      FROM account_move
                     WHERE id IN %(ids)s),
                past AS MATERIALIZED (
                    SELECT customer.*, latest.*
                      FROM customer
                CROSS JOIN LATERAL (
                        SELECT past.id, type.code, past.sequence_number AS folio,
                               past.invoice_date AS date,
                               abs(past.amount_total_signed) AS total
                          FROM account_move past
                          JOIN l10n_latam_document_type type
                            ON type.id = past.l10n_latam_document_type_id
                         WHERE past.commercial_partner_id
                                = customer.commercial_partner_id
                           AND past.company_id = customer.company_id
                           AND past.move_type = customer.move_type
                           AND (past.move_type != 'in_invoice' OR type.code = '46')
                           AND past.state = 'posted'
                           AND past.l10n_latam_document_type_id IS NOT NULL
                         ORDER BY past.invoice_date DESC, past.id DESC
                         LIMIT %(limit)s + 1) latest)
                SELECT move.id, past.code, past.folio, past.date, past.total, same.items
                  FROM account_move move
                  JOIN past USING (commercial_partner_id, company_id, move_type)
            CROSS JOIN LATERAL (
                        SELECT json_agg(json_build_array(item.name, item.price)) items
                          FROM (
                                SELECT %(name)s AS name,
                                       abs(line.balance / line.quantity)
                                       / (1 - coalesce(line.discount, 0) / 100) AS price
                                  FROM account_move_line line
                                 WHERE line.move_id = past.id
                                   AND line.display_type = 'product'
                                   AND line.balance != 0
                                   AND line.quantity != 0
                                   AND coalesce(line.discount, 0) < 100
                                   AND length(%(name)s) BETWEEN 1 AND %(length)s
                                   AND lower(%(name)s) IN (
                                        SELECT lower(%(own_name)s)
                                          FROM account_move_line own
                                         WHERE own.move_id = move.id
                                           AND own.display_type = 'product')
                                 ORDER BY line.sequence, line.id
                                 LIMIT %(items)s) item) same
                 WHERE move.id IN %(ids)s
                   AND move.id != past.id
                 ORDER BY move.id, past.date DESC, past.id DESC
                """,
                limit=HISTORY_LIMIT,
                items=HISTORY_ITEMS,
                length=MAX_NAME_LENGTH,
                name=_first_line("line"),
                own_name=_first_line("own"),
                ids=tuple(self.ids),
            )
        )
        return {
            move_id: [
                payload.as_history_entry(
                    row["code"],
                    row["folio"],
                    row["date"],
                    pesos(row["total"]),
                    [(one_line(name), price) for name, price in row["items"] or ()],
                )
                for row in latest[:HISTORY_LIMIT]
            ]
            for move_id, latest in groupby(rows, lambda row: row["id"])
        }

    # === Asking, and what was answered === #

    def _l10n_cl_dte_ai_ask(self):
        """Have an opinion on the document as it is, or a row in the queue for it.

        Errors that Odoo's data shows stop here: no request is spent on a document that
        has to change anyway.
        """
        self.ensure_one()
        service = self.company_id.sudo().l10n_cl_dte_ai_service_id
        if service._no_call_reason() == "not_configured":
            return
        questions = self._l10n_cl_dte_ai_questions()
        if self._l10n_cl_dte_has_errors(questions[self].document):
            return
        validation = self.env["l10n_cl_dte_ai.validation"]._get_or_queue(
            self, questions
        )
        if validation.state == "failed" and validation.reason != "refused":
            validation.with_user(self.env.user)._requeue()
        validation._ask_now()

    def _l10n_cl_dte_ai_current_validation(self):
        """Return the row of the document as it is now, also one not yet answered."""
        self.ensure_one()
        return self._l10n_cl_dte_ai_current_validations()[self]

    def _l10n_cl_dte_ai_current_validations(self, documents=None):
        """Return the row of each document as it is now, also one not yet answered.

        :param documents: what `_l10n_cl_dte_as_documents` returns, where that is known
        :rtype: dict[AccountMove, L10nClDteAiValidation]
        """
        questions = self._l10n_cl_dte_ai_questions(documents)
        return {
            move: move._l10n_cl_dte_ai_row(question).filtered(
                lambda row: row.state != "cancelled"
            )
            for move, question in questions.items()
        }

    def _l10n_cl_dte_ai_row(self, question):
        """Return the row on a question of this document, none where there is none.

        As long as a file holds, the opinion under which it was made is the document's:
        it is not outdated by a customer who moves years later.
        """
        rows = self.sudo().l10n_cl_dte_ai_validation_ids
        row = rows.filtered(lambda row: row.digest == question.digest)
        version = self.sudo().l10n_cl_dte_document_id
        if not row and version.validation_id:
            fingerprint = self._l10n_cl_dte_fingerprint_of(question.document)
            if version.fingerprint == fingerprint:
                row = version.validation_id
        return row[:1]


def _first_line(table):
    """Return in SQL the name of a line's item; its description follows."""
    name = SQL.identifier(table, "name")
    return SQL("split_part(btrim(%s, E' \\n'), E'\\n', 1)", name)
