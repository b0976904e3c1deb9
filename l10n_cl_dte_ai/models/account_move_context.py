# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import statistics

from odoo import fields, models
from odoo.tools import SQL

from ..tools.dte import payload
from .texts import one_line

# How long what others paid is worth something, and of how many of the newest lines it
# is taken.
PRICE_DAYS, PRICE_LINES = 120, 200
# The contract allows more; these are what a person could have decided of late.
MAX_DECISIONS = 100
# Beside the receiver's documents, which get the rest of the contract's 100 kB.
CONTEXT_BYTES = 30_000
MAX_NAME_LENGTH = 80  # of NmbItem


# pylint: disable=consider-merging-classes-inherited
class AccountMove(models.Model):
    """What makes an opinion worth more: `contexto` of the service's contract.

    What other receivers pay, what a note corrects, the last folio, and what persons
    have decided. No part of the digest, as the history: a verdict is not outdated by
    another invoice. A fixed number of queries for any number of documents.
    """

    _inherit = "account.move"

    def _l10n_cl_dte_ai_contexts(self, questions):
        """Return the contract's `contexto` of each document, where there is any.

        :param dict[AccountMove, Question] questions:
        :rtype: dict[AccountMove, dict]
        """
        # As the documents are built: the same for whoever asks.
        self = self.sudo().with_context(lang=self._l10n_cl_dte_lang())
        prices = self._l10n_cl_dte_ai_prices()
        corrected = self._l10n_cl_dte_ai_corrected(questions)
        last = self._l10n_cl_dte_ai_last_issued()
        decisions = self._l10n_cl_dte_ai_decisions()
        contexts = {}
        for move in self:
            context = {
                # What there is most of comes last: it is what is cut.
                "folio_anterior": last.get(move.id),
                "documento_corregido": corrected.get(move),
                "decisiones": decisions.get(move._l10n_cl_dte_ai_customer()),
                "precios": prices.get(move.id),
            }
            if context := within_bytes(payload.present(context)):
                contexts[move] = context
        return contexts

    # === What others pay === #

    def _l10n_cl_dte_ai_prices(self):
        """Return what other customers paid of late for the products of each invoice.

        Net, in pesos and before the discount, as the history has them; for what has a
        product: words alone do not say that two things are the same.

        :rtype: dict[int, list[dict]]
        """
        sales = self.filtered(lambda move: move.move_type == "out_invoice")
        lines = sales.line_ids.filtered(
            lambda line: line.display_type == "product" and line.product_id
        )
        paid = {}
        for row in sales._l10n_cl_dte_ai_price_rows(lines.product_id):
            of_product = paid.setdefault((row["company_id"], row["product_id"]), [])
            of_product.append(row)
        found = {}
        for line in lines:
            move = line.move_id
            customer = move.commercial_partner_id.id
            by_unit = {}
            for row in paid.get((move.company_id.id, line.product_id.id), ()):
                if row["partner_id"] != customer:
                    by_unit.setdefault(row["unit"], []).append(row)
            entries = found.setdefault(move.id, {})
            name = line._l10n_cl_dte_item_texts()[0]
            for unit, rows in by_unit.items():
                entries[name, unit] = _as_price(name, unit, rows)
        return {
            move_id: [entries[key] for key in sorted(entries)]
            for move_id, entries in found.items()
            if entries
        }

    def _l10n_cl_dte_ai_price_rows(self, products):
        """Return what each customer paid for each product in each unit: the last, the
        least and the most.
        """
        if not products:
            return []
        since = fields.Date.subtract(
            self[:1].company_id._l10n_cl_dte_today(), days=PRICE_DAYS
        )
        return self.env.execute_query_dict(
            SQL(
                """
                SELECT company.id AS company_id, product.id AS product_id,
                       paid.partner_id,
                       coalesce(unit.name ->> %(lang)s, unit.name ->> 'en_US', '')
                       AS unit,
                       count(*) AS count, min(paid.price) AS least,
                       max(paid.price) AS most,
                       (array_agg(paid.price ORDER BY paid.date DESC, paid.id DESC))[1]
                       AS last
                  FROM unnest(%(companies)s) AS company (id)
            CROSS JOIN unnest(%(products)s) AS product (id)
            CROSS JOIN LATERAL (
                        SELECT line.id, line.date, line.product_uom_id,
                               move.commercial_partner_id AS partner_id,
                               abs(line.balance / line.quantity)
                               / (1 - coalesce(line.discount, 0) / 100) AS price
                          FROM account_move_line line
                          JOIN account_move move ON move.id = line.move_id
                         WHERE line.product_id = product.id
                           AND line.company_id = company.id
                           AND line.parent_state = 'posted'
                           AND line.display_type = 'product'
                           AND line.date >= %(since)s
                           AND move.move_type = 'out_invoice'
                           AND line.quantity > 0
                           AND line.balance != 0
                           AND coalesce(line.discount, 0) < 100
                         ORDER BY line.date DESC, line.id DESC
                         LIMIT %(limit)s) paid
             LEFT JOIN uom_uom unit ON unit.id = paid.product_uom_id
                 GROUP BY company.id, product.id, paid.partner_id, unit.id
                """,
                lang=self._l10n_cl_dte_lang(),
                companies=self.company_id.ids,
                products=products.ids,
                since=since,
                limit=PRICE_LINES,
            )
        )

    # === What a note corrects === #

    def _l10n_cl_dte_ai_corrected(self, questions):
        """Return the document that each note corrects, as it was issued.

        :rtype: dict[AccountMove, dict]
        """
        known = {}
        for move in self:
            for reference in questions[move].document.Referencia:
                named = questions[move].dte_data.get("documento_referencia", {})
                key = reference.TpoDocRef, reference.FolioRef
                is_it = key == (named.get("tipo_doc"), named.get("folio"))
                if is_it and reference.known and reference.known.MntTotal > 0:
                    known[move] = reference.known
        if not known:
            return {}
        keys = {(each.TipoDTE, str(each.Folio)) for each in known.values()}
        by_key = {
            (move.company_id.root_id, move._l10n_cl_dte_key()): move
            for move in self.sudo()._l10n_cl_dte_named(keys)
            if move._l10n_cl_dte_is_ours()
        }
        items = self._l10n_cl_dte_ai_items({move.id for move in by_key.values()})
        return {
            move: payload.as_corrected(
                each,
                items.get(
                    by_key.get(
                        (move.company_id.root_id, (each.TipoDTE, str(each.Folio))),
                        self.browse(),
                    ).id
                ),
            )
            for move, each in known.items()
        }

    def _l10n_cl_dte_ai_items(self, move_ids):
        """Return the lines of some documents as the history has them.

        :rtype: dict[int, list[dict]]
        """
        if not move_ids:
            return {}
        self.env["account.move.line"].flush_model()
        rows = self.env.execute_query_dict(
            SQL(
                "SELECT move.id, json_agg(%(item)s ORDER BY line.sequence, line.id)"
                " AS items FROM account_move move JOIN account_move_line line"
                " ON line.move_id = move.id LEFT JOIN uom_uom unit"
                " ON unit.id = line.product_uom_id"
                " WHERE move.id IN %(ids)s AND %(counts)s GROUP BY move.id",
                item=item_as_json(self._l10n_cl_dte_lang()),
                counts=is_item(),
                ids=tuple(move_ids),
            )
        )
        return {row["id"]: [as_item(each) for each in row["items"]] for row in rows}

    # === Folios, and decisions === #

    def _l10n_cl_dte_ai_last_issued(self):
        """Return the last document of its type of the same journal, for each draft.

        What is confirmed has its folio, which a later date of another says nothing of.

        :rtype: dict[int, dict]
        """
        drafts = self.filtered(lambda move: move.state == "draft")._origin
        if not drafts:
            return {}
        rows = self.env.execute_query_dict(
            SQL(
                """
                WITH kind AS (
                    SELECT journal_id, company_id, l10n_latam_document_type_id AS type,
                           array_agg(id) AS ids
                      FROM account_move
                     WHERE id IN %(ids)s
                       AND l10n_latam_document_type_id IS NOT NULL
                     GROUP BY 1, 2, 3)
                SELECT kind.ids, last.*
                  FROM kind
            CROSS JOIN LATERAL (
                        SELECT past.sequence_number AS folio, past.invoice_date AS date
                          FROM account_move past
                         WHERE past.journal_id = kind.journal_id
                           AND past.company_id = kind.company_id
                           AND past.l10n_latam_document_type_id = kind.type
                           AND past.state = 'posted'
                         ORDER BY past.date DESC, past.sequence_number DESC
                         LIMIT 1) last
                 WHERE last.folio > 0 AND last.date IS NOT NULL
                """,
                ids=tuple(drafts.ids),
            )
        )
        return {
            move_id: {
                "folio": row["folio"],
                "fecha_emision": row["date"].isoformat(),
            }
            for row in rows
            for move_id in row["ids"]
        }

    def _l10n_cl_dte_ai_decisions(self):
        """Return what persons have decided on findings in each customer's documents.

        :return: the newest first, by what `_l10n_cl_dte_ai_customer` returns
        :rtype: dict[tuple, list[dict]]
        """
        self.env["l10n_cl_dte_ai.finding"].flush_model()
        rows = self.env.execute_query_dict(
            SQL(
                """
                SELECT DISTINCT ON (move.commercial_partner_id, move.company_id, side,
                                    finding.key)
                       move.commercial_partner_id AS partner_id, move.company_id,
                       split_part(move.move_type, '_', 1) AS side, finding.id,
                       finding.key, finding.value, finding.message
                  FROM l10n_cl_dte_ai_finding finding
                  JOIN account_move move ON move.id = finding.move_id
                 WHERE finding.decision IS NOT NULL
                   AND finding.partner_id IN %(partners)s
                   AND finding.company_id IN %(companies)s
                 ORDER BY move.commercial_partner_id, move.company_id, side,
                          finding.key, finding.decided_on DESC, finding.id DESC
                """,
                partners=tuple(self.commercial_partner_id.ids) or (None,),
                companies=tuple(self.company_id.ids) or (None,),
            )
        )
        found = {}
        for row in sorted(rows, key=lambda row: -row["id"]):
            customer = row["partner_id"], row["company_id"], row["side"]
            of_customer = found.setdefault(customer, [])
            if len(of_customer) < MAX_DECISIONS:
                of_customer.append(
                    payload.present(
                        {
                            "key": row["key"],
                            "value": row["value"],
                            "message": row["message"],
                        }
                    )
                )
        return found


def _as_price(name, unit, rows):
    """Return what others paid, each of them counted once in the median."""
    return payload.as_price(
        name,
        one_line(unit),
        statistics.median(row["last"] for row in rows),
        min(row["least"] for row in rows),
        max(row["most"] for row in rows),
        sum(row["count"] for row in rows),
    )


def within_bytes(context, limit=CONTEXT_BYTES):
    """Return as much of a context as there is room for: whole entries, in its order."""
    room, kept = limit, {}
    for name, value in context.items():
        if isinstance(value, list):
            value = payload.within_bytes(value, room)
        room -= payload.size(value)
        if value and room >= 0:
            kept[name] = value
    return kept


# === Lines, as the history and a corrected document have them === #


def first_line(table):
    """Return in SQL the name of a line's item; its description follows."""
    name = SQL.identifier(table, "name")
    return SQL("split_part(btrim(%s, E' \\n'), E'\\n', 1)", name)


def is_item():
    """Return in SQL whether a `line` is an item with a name and a price."""
    return SQL(
        "line.display_type = 'product' AND line.balance != 0 AND line.quantity != 0"
        " AND coalesce(line.discount, 0) < 100"
        " AND length(%s) BETWEEN 1 AND %s",
        first_line("line"),
        MAX_NAME_LENGTH,
    )


def item_as_json(lang):
    """Return in SQL a `line` with its `unit` as the history has it."""
    return SQL(
        "json_build_object('name', %(name)s, 'quantity', abs(line.quantity),"
        " 'unit', coalesce(unit.name ->> %(lang)s, unit.name ->> 'en_US', ''),"
        " 'price', abs(line.balance / line.quantity)"
        " / (1 - coalesce(line.discount, 0) / 100),"
        " 'discount', coalesce(line.discount, 0))",
        name=first_line("line"),
        lang=lang,
    )


def as_item(row):
    return {**row, "name": one_line(row["name"]), "unit": one_line(row["unit"])}
