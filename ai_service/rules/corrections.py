# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A note against the document that it corrects: the client's word, or its history."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from .base import CREDIT_NOTE, NOTES, Case, Finding, day, quoted, review, rule
from .past import Line, whole
from .usual import number, pesos

# Pesos that rounding explains.
TOLERANCE = 2


@dataclass(frozen=True)
class Corrected:
    """What a note corrects."""

    folio: int | None
    date: date | None
    total: float
    lines: tuple[Line, ...]
    #: Total of earlier credit notes on it; None where it is not known.
    credited: float
    receiver: str | None = None


def corrected(case: Case) -> Corrected | None:
    """The document that a note refers to; None where nothing is known of it."""
    told = case.context.documento_corregido
    if told:
        return Corrected(
            whole(told.folio, 10),
            told.fecha_emision,
            float(told.monto_total),
            tuple(filter(None, map(Line.of, told.items))),
            float(told.acreditado or 0),
            told.rut_receptor,
        )
    reference = case.corrected
    named = whole(reference.tipo_doc, 3), whole(reference.folio, 10)
    for each in case.history:
        if named == (each.type, each.folio) and None not in named:
            credited = sum(
                float(note.total)
                for note in case.history
                if note.type == CREDIT_NOTE
                and note.corrects == named
                and note.folio != whole(case.dte.folio, 10)
            )
            return Corrected(
                each.folio, each.date, float(each.total), each.lines, credited
            )
    return None


@rule("corrected", types=NOTES)
def note_corrects_the_receivers(case: Case) -> Iterator[Finding]:
    """The document that a note refers to was issued to this receiver, that day (P)."""
    reference, found = case.corrected, corrected(case)
    if found is None:
        if _should_be_known(case):
            yield review(
                f"Documento de referencia: el {reference.tipo_doc} folio"
                f" {reference.folio} no está entre los {len(case.history)} documentos"
                " de este receptor. Confirme el folio y el cliente.",
                certainty=0.9,
                about=str(reference.folio),
            )
        return
    if found.receiver and found.receiver != case.dte.rut_receptor:
        yield review(
            f"Documento de referencia: el folio {reference.folio} se emitió a"
            f" {found.receiver} y esta nota es para {case.dte.rut_receptor}. Confirme"
            " el folio y el cliente.",
            certainty=0.97,
            about=str(reference.folio),
        )
    if found.date and reference.fecha and found.date != reference.fecha:
        yield review(
            f"Documento de referencia: el folio {reference.folio} es del"
            f" {day(found.date)} y la nota dice {day(reference.fecha)}. Confirme el"
            " folio y la fecha.",
            certainty=0.9,
            about=f"{reference.folio}/fecha",
        )


def _should_be_known(case: Case) -> bool:
    """Whether the history goes back far enough to hold what the note refers to."""
    reference = case.corrected
    code = whole(reference.tipo_doc, 3)
    days = [
        each.date
        for each in case.history
        if each.type == code and each.folio and each.date
    ]
    return bool(
        len(days) >= 3
        and reference.fecha
        and reference.folio
        and min(days) <= reference.fecha
    )


@rule("corrected", "monto_total", types={CREDIT_NOTE})
def note_credits_what_is_left(case: Case) -> Iterator[Finding]:
    """A credit note is at most what is left of the document; all of it to annul (P)."""
    found = corrected(case)
    if found is None:
        return
    total, left = float(case.dte.monto_total), found.total - found.credited
    folio = case.corrected.folio
    if total > left + TOLERANCE:
        before = f", ya acreditado en {pesos(found.credited)}" if found.credited else ""
        yield review(
            f"Monto total: la nota acredita {pesos(total)} y el folio {folio} es de"
            f" {pesos(found.total)}{before}: quedan {pesos(max(left, 0))}. Confirme el"
            " monto y el folio.",
            certainty=0.97,
            about=str(folio),
            value=total,
        )
    elif case.corrected.codigo == "1" and total < left - TOLERANCE:
        yield review(
            f"Código de referencia: 1 anula el folio {folio}, de {pesos(found.total)}, "
            f"y la nota es de {pesos(total)}. Use 3 (corrige montos) o el total.",
            certainty=0.95,
            about=str(folio),
            value=total,
        )


@rule("corrected", "lines", types={CREDIT_NOTE})
def note_has_lines_of_the_document(case: Case) -> Iterator[Finding]:
    """What is credited was billed, so much of it and at that price (P)."""
    found = corrected(case)
    if found is None or not found.lines:
        return
    strange = [line for line in case.lines if not _billed(line, found)]
    # A line of words, as "Anula factura 1021" or "Descuento por pronto pago", is fine.
    items = {line.key for line in found.lines}
    if len(strange) >= 2 or any(
        len(case.lines) > 1 or line.key in items for line in strange
    ):
        yield review(
            f"Líneas: {quoted(strange[0].name)} no está en el folio {found.folio}, que"
            " la nota corrige. Confirme el folio.",
            certainty=0.9,
            about=f"{found.folio}/{strange[0].key}",
        )
        return
    for line in case.lines:
        yield from _more_than_billed(line, found)


def _billed(line: Line, found: Corrected) -> bool:
    """Whether the document has the item; for a period, if both name one."""
    return any(
        line.key == other.key
        and (line.period == other.period or not (line.period and other.period))
        for other in found.lines
    )


def _more_than_billed(line: Line, found: Corrected) -> Iterator[Finding]:
    billed = [other for other in found.lines if other.key == line.key]
    quantity = sum(other.quantity or 0 for other in billed)
    price = max((other.price or 0 for other in billed), default=0)
    if line.quantity and quantity and line.quantity > quantity * 1.001:
        what, here, there = "Cantidad", number(line.quantity), number(quantity)
        value = line.quantity
    elif line.price and price and line.price > price * 1.01:
        what, here, there = "Precio", pesos(line.price), pesos(price)
        value = line.price
    else:
        return
    yield review(
        f"{what} de {quoted(line.name)}: la nota acredita {here} y el folio"
        f" {found.folio} tiene {there}. Confirme el folio y el valor.",
        certainty=0.95,
        about=f"{found.folio}/{what}/{line.key}",
        value=value,
    )
