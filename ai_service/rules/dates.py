# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The date of issue. A draft has none, and that is no defect."""

from collections.abc import Iterator
from datetime import date

from .base import Case, Finding, day, error, review, rule
from .past import whole

FIRST_DAY = date(2003, 4, 1)
STALE_DAYS = 61
BACKDATED_DAYS = 4
# Of what others are billed: many bill the month before in the first days of the next.
COMPANY_BACKDATED_DAYS = 15


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


@rule("folio", "fecha_emision")
def dates_follow_folios(case: Case) -> Iterator[Finding]:
    """A lower folio of the same type with a later date, or the reverse (P)."""
    folio = whole(case.dte.folio, 10)
    if folio is None:
        return
    known = [
        (each.folio, each.date)
        for each in case.peers
        if each.type == case.dte.tipo_dte and each.folio and each.date
    ]
    last = case.context.folio_anterior
    if last and last.fecha_emision:
        known.append((last.folio, last.fecha_emision))
    for other, issued in known:
        if other == folio:
            continue
        before = other < folio
        if issued > case.issued if before else issued < case.issued:
            word = "anterior" if before else "posterior"
            yield review(
                f"Fecha de emisión: el folio {word} {other} tiene fecha"
                f" {day(issued)} y este, {day(case.issued)}. Confirme la fecha.",
                certainty=0.9,
                about=f"{folio}/{case.issued}",
            )
            return


@rule("fecha_emision")
def date_follows_the_last(case: Case) -> Iterator[Finding]:
    """A document without folio, dated days before the last one of its type (P)."""
    if case.dte.folio:
        return
    dates = [
        each.date for each in case.peers if each.type == case.dte.tipo_dte and each.date
    ]
    last = case.context.folio_anterior
    if dates and (max(dates) - case.issued).days >= BACKDATED_DAYS:
        which = f"último documento de este receptor ({day(max(dates))})"
    elif (
        last
        and last.fecha_emision
        and (last.fecha_emision - case.issued).days >= COMPANY_BACKDATED_DAYS
    ):
        which = f"último folio emitido, el {last.folio} ({day(last.fecha_emision)})"
    else:
        return
    yield review(
        f"Fecha de emisión: {day(case.issued)} es anterior al {which}. Confirme la"
        " fecha.",
        certainty=0.85,
        about=str(case.issued),
    )
