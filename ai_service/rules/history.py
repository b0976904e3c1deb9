# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The document against the earlier ones of the same receiver."""

import statistics
from collections.abc import Iterator
from datetime import timedelta

from .base import EXPORTS, NOTES, Case, Finding, day, half_up, money, review, rule
from .lines import numbered

UNUSUAL_FACTOR = 5
MIN_DOCUMENTS = 3
DUPLICATE_DAYS = 7
MIN_PRICES = 2


def _kind(code: int | None) -> tuple[bool, bool]:
    """Notes are compared with notes, and exports (not in pesos) with exports."""
    return code in NOTES, code in EXPORTS


@rule("history", "monto_total")
def amount_is_usual(case: Case) -> Iterator[Finding]:
    """A total of 5 times the receiver's median, known from 3 documents (P)."""
    amount = case.dte.monto_total
    kind = _kind(case.dte.tipo_dte)
    totals = [
        previous.total for previous in case.history if _kind(previous.type) == kind
    ]
    if len(totals) < MIN_DOCUMENTS:
        return
    median = statistics.median(totals)
    if amount < UNUSUAL_FACTOR * median:
        return
    yield review(
        f"Monto total: {money(amount)} es unas {half_up(amount / median)} veces lo"
        f" habitual de este receptor ({money(half_up(median))}, mediana de"
        f" {len(totals)} documentos). Confirme cantidades y precios.",
        certainty=0.7,
    )


@rule("history", "monto_total")
def is_not_a_duplicate(case: Case) -> Iterator[Finding]:
    """Same type and total for the same receiver within 7 days (P)."""
    dte = case.dte
    for previous in case.history:
        if (
            (previous.type, previous.total) == (dte.tipo_dte, dte.monto_total)
            and previous.date is not None
            and abs(case.issued - previous.date) <= timedelta(days=DUPLICATE_DAYS)
        ):
            folio = f" con folio {previous.folio}" if previous.folio else ""
            yield review(
                f"Posible duplicado: el {previous.date:%d-%m-%Y} se emitió a este"
                f" receptor otro documento {dte.tipo_dte}{folio} por"
                f" {money(previous.total)}."
                " Confirme que es una venta distinta.",
                certainty=0.65,
            )
            return


@rule("history", "items")
def price_is_usual(case: Case) -> Iterator[Finding]:
    """A unit price of 5 times, or a fifth of, what the receiver paid for an item of
    this name, known from 2 documents (P)."""
    for where, item in numbered(case):
        if not item.nombre or not item.precio_unitario or item.precio_unitario < 0:
            continue
        name = item.nombre.casefold()
        paid = [
            previous.prices[name]
            for previous in case.history
            if name in previous.prices
            and _kind(previous.type) == _kind(case.dte.tipo_dte)
        ]
        if len(paid) < MIN_PRICES:
            continue
        median = statistics.median(paid)
        if median / UNUSUAL_FACTOR < item.precio_unitario < median * UNUSUAL_FACTOR:
            continue
        yield review(
            f"{where}: el precio {money(item.precio_unitario)} se aparta de lo que este"
            f" receptor pagó antes ({money(half_up(median))}, mediana de {len(paid)}"
            " documentos). Confirme el precio y la unidad.",
            certainty=0.65,
        )


@rule("history", "folio", "fecha_emision")
def dates_follow_folios(case: Case) -> Iterator[Finding]:
    """A lower folio of the same type with a later date, or the reverse (P)."""
    text = str(case.dte.folio)
    if not (text.isascii() and text.isdigit()):
        return
    folio = int(text)
    for previous in case.history:
        known = previous.folio and previous.date
        if previous.type != case.dte.tipo_dte or not known or previous.folio == folio:
            continue
        before = previous.folio < folio
        if previous.date > case.issued if before else previous.date < case.issued:
            word = "anterior" if before else "posterior"
            yield review(
                f"Fecha de emisión: el folio {word} {previous.folio} tiene fecha"
                f" {day(previous.date)} y este, {day(case.issued)}. Confirme la fecha.",
                certainty=0.6,
            )
            return
