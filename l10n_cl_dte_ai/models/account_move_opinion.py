# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json
from typing import NamedTuple

from odoo import models
from odoo.tools import SQL

from ..tools.dte import payload
from ..tools.dte.document import Documento
from .account_move_context import as_item, is_item, item_as_json
from .texts import pesos

# How many of a customer's documents the service may compare a new one with, how many
# lines of each, and how large that may be: the contract allows 100 kB.
# What `contexto` has of that is no longer the history's.
HISTORY_LIMIT, HISTORY_ITEMS, MAX_BYTES = 40, 40, 90_000


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
        # Another service would take the history for past rejections.
        compared = self.filtered(
            lambda m: m.company_id.sudo().l10n_cl_dte_ai_service_id.understands_history
        )
        told = self.filtered(
            lambda m: m.company_id.sudo().l10n_cl_dte_ai_service_id.understands_context
        )
        contexts = told._l10n_cl_dte_ai_contexts(questions) if told else {}
        histories = compared._l10n_cl_dte_ai_histories(contexts) if compared else {}
        bodies = {}
        for move in self:
            body = {
                "dte_data": questions[move].dte_data,
                "company_id": move.company_id.id,
                "history": histories.get(move.id, []),
            }
            if context := contexts.get(move):
                body["contexto"] = context
            body = move.company_id._l10n_cl_dte_ai_to_send(body)
            bodies[move] = json.dumps(body, ensure_ascii=False)
        return bodies

    def _l10n_cl_dte_ai_histories(self, contexts=None):
        """Return the customers' previous documents, newest first, with all their lines.

        Of an invoice also the notes and of a note also the invoices: the service looks
        among them for what is corrected. Of a purchase invoice's supplier only those
        that we issued. Prices are net, in pesos and before the discount, as booked.

        Context for the service, not part of the digest: a verdict does not become
        outdated because another invoice was posted. One query for any number of
        documents.

        :param dict contexts: what else is sent, which shares the room with it
        :return: rows of the contract's `history` by the document's id
        :rtype: dict[int, list[dict]]
        """
        past = {}
        for row in self._l10n_cl_dte_ai_past_rows():
            customer = row["partner_id"], row["company_id"], row["side"]
            entry = payload.as_history_entry(
                row["code"],
                row["folio"],
                row["date"],
                pesos(row["total"]),
                pesos(row["net"]),
                [as_item(item) for item in row["items"] or ()],
                row["corrects"],
            )
            past.setdefault(customer, []).append((row["id"], entry))
        return {
            move.id: payload.within_bytes(
                [
                    entry
                    for move_id, entry in past[customer][: HISTORY_LIMIT + 1]
                    if move_id != move.id
                ][:HISTORY_LIMIT],
                MAX_BYTES - payload.size((contexts or {}).get(move)),
            )
            for move in self
            if (customer := move._l10n_cl_dte_ai_customer()) in past
        }

    def _l10n_cl_dte_ai_customer(self):
        """Return whose documents can be compared with this one, as the rows name it."""
        side = self.move_type.split("_")[0]
        return self.commercial_partner_id.id, self.company_id.id, side

    def _l10n_cl_dte_ai_past_rows(self):
        self.env["account.move"].flush_model()
        self.env["account.move.line"].flush_model()
        return self.env.execute_query_dict(
            SQL(
                """
                WITH customer AS (
                    SELECT DISTINCT commercial_partner_id, company_id,
                           split_part(move_type, '_', 1) AS side
                      FROM account_move
                     WHERE id IN %(ids)s)
                SELECT customer.commercial_partner_id AS partner_id,
                       customer.company_id, customer.side, past.*, bought.items
                  FROM customer
            CROSS JOIN (VALUES ('invoice'), ('refund')) AS kind (name)
            CROSS JOIN LATERAL (
                        SELECT past.id, type.code, past.sequence_number AS folio,
                               past.invoice_date AS date,
                               abs(past.amount_total_signed) AS total,
                               (SELECT coalesce(abs(sum(taxed.balance)), 0)
                                  FROM account_move_line taxed
                                 WHERE taxed.move_id = past.id
                                   AND taxed.display_type = 'product'
                                   AND EXISTS (
                                        SELECT FROM account_move_line_account_tax_rel
                                            AS of_line
                                          JOIN account_tax tax
                                            ON tax.id = of_line.account_tax_id
                                         WHERE of_line.account_move_line_id = taxed.id
                                           AND tax.amount != 0)) AS net,
                               (SELECT json_build_array(
                                        type.code, origin.sequence_number)
                                  FROM account_move origin
                                  JOIN l10n_latam_document_type type
                                    ON type.id = origin.l10n_latam_document_type_id
                                 WHERE origin.id = past.reversed_entry_id) AS corrects
                          FROM account_move past
                          JOIN l10n_latam_document_type type
                            ON type.id = past.l10n_latam_document_type_id
                         WHERE past.commercial_partner_id
                                = customer.commercial_partner_id
                           AND past.company_id = customer.company_id
                           AND past.move_type = customer.side || '_' || kind.name
                           AND (past.move_type != 'in_invoice' OR type.code = '46')
                           AND past.state = 'posted'
                           AND past.l10n_latam_document_type_id IS NOT NULL
                         ORDER BY past.invoice_date DESC, past.id DESC
                         LIMIT %(limit)s + 1) past
             LEFT JOIN LATERAL (
                        SELECT json_agg(line.item) AS items
                          FROM (
                                SELECT %(item)s AS item
                                  FROM account_move_line line
                             LEFT JOIN uom_uom unit ON unit.id = line.product_uom_id
                                 WHERE line.move_id = past.id AND %(counts)s
                                 ORDER BY line.sequence, line.id
                                 LIMIT %(items)s) line) bought ON TRUE
                 ORDER BY past.date DESC, past.id DESC
                """,
                limit=HISTORY_LIMIT,
                items=HISTORY_ITEMS,
                item=item_as_json(self._l10n_cl_dte_lang()),
                counts=is_item(),
                ids=tuple(self.ids),
            )
        )

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
