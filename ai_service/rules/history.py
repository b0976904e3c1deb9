# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The document against the earlier ones of the same receiver."""

import statistics
from collections.abc import Iterator
from datetime import timedelta

from .base import EXPORTS, NOTES, Case, Finding, half_up, money, review, rule

UNUSUAL_FACTOR = 5
MIN_DOCUMENTS = 3
DUPLICATE_DAYS = 7


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
            yield review(
                f"Posible duplicado: el {previous.date:%d-%m-%Y} se emitió a este"
                f" receptor otro documento {dte.tipo_dte} por {money(previous.total)}."
                " Confirme que es una venta distinta.",
                certainty=0.65,
            )
            return
