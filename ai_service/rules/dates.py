# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The date of issue. A draft has none, and that is no defect."""

from collections.abc import Iterator
from datetime import date

from .base import Case, Finding, day, error, review, rule

FIRST_DAY = date(2003, 4, 1)
STALE_DAYS = 61


@rule("fecha_emision")
def not_in_the_future(case: Case) -> Iterator[Finding]:
    """FchEmis after today (P). Two days and more are refused before (422)."""
    if case.issued > case.today:
        yield review(
            f"Fecha de emisión: {day(case.issued)} es posterior a hoy"
            f" ({day(case.today)}). Emita el documento ese día o corrija la fecha."
        )


@rule("fecha_emision")
def not_before_electronic_invoicing(case: Case) -> Iterator[Finding]:
    """FchEmis from 2003-04-01 on (F: FchEmis)."""
    if case.issued < FIRST_DAY:
        yield error(
            f"Fecha de emisión: {day(case.issued)} es anterior al {day(FIRST_DAY)},"
            " la primera que admite el SII. Corrija la fecha."
        )


@rule("fecha_emision")
def not_stale(case: Case) -> Iterator[Finding]:
    """FchEmis more than about two months back (P): its tax period was declared."""
    age = (case.today - case.issued).days
    if age > STALE_DAYS and case.issued >= FIRST_DAY:
        yield review(
            f"Fecha de emisión: {day(case.issued)} tiene {age} días. Confirme que el"
            " período tributario sigue abierto o use la fecha de hoy."
        )
