# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Defects of references, and of notes against our books."""

import datetime
from dataclasses import replace

from clean import DAY, ORDER
from defects import (
    KINDS,
    LONG,
    NOTES,
    changes,
    kind,
    of_part,
)
from documents import TODAY
from tools.dte.document import (
    CANCELS,
    CORRECTS_TEXT,
)

# === The references ===

coded = {"when": lambda each: each.CodRef}
taxed = {"when": lambda each: each.TpoDocRef != "801"}
known = {"when": lambda each: each.known}
changes("note without reference", NOTES, Referencia=())
changes("note to an order only", NOTES, Referencia=(replace(ORDER, CodRef=3),))
changes("41 references", Referencia=(ORDER,) * 41)
of_part("Referencia", "reference without type", TpoDocRef="")
of_part("Referencia", "type of reference in words", TpoDocRef="FACTURA")
of_part("Referencia", "reference without folio", FolioRef="")
of_part("Referencia", "reference without date", FchRef=None)
of_part("Referencia", "reference of 2001", FchRef=datetime.date(2001, 1, 1))
of_part("Referencia", "reference after the document", FchRef=TODAY + DAY)
of_part("Referencia", "printed name for a folio", **taxed, FolioRef="FAC 000041")
of_part("Referencia", "folio of reference 0", **coded, FolioRef="0")
of_part("Referencia", "folio of reference of eleven digits", **taxed, FolioRef="1" * 11)
of_part("Referencia", "one folio for many", **coded, IndGlobal=True)
of_part("Referencia", "reason too long", RazonRef=LONG)
of_part("Referencia", "reason with an emoji", RazonRef="📦")
of_part("Referencia", "note that says not why", NOTES, **coded, CodRef=None)
of_part(
    "Referencia", "note on another folio", NOTES, **coded, FolioRef="42", known=None
)


@kind
def note_on_itself(document):
    if document.TipoDTE in NOTES:
        itself = {"TpoDocRef": document.TipoDTE, "FolioRef": str(document.Folio)}
        yield replace(
            document,
            Referencia=tuple(
                replace(each, **itself, known=None) if each.CodRef else each
                for each in document.Referencia
            ),
        )


@kind
def debit_note_that_cancels_an_invoice(document):
    for each in document.Referencia:
        if document.TipoDTE == "56" and each.TpoDocRef == "33":
            yield replace(document, Referencia=(replace(each, CodRef=CANCELS),))


@kind
def note_that_cancels_and_corrects_another(document):
    first = document.Referencia[-1] if document.Referencia else None
    if first and first.CodRef == CANCELS:
        other = replace(first, FolioRef="77", CodRef=3, known=None)
        yield replace(document, Referencia=(*document.Referencia, other))


@kind
def text_correction_with_amounts(document):
    for index, each in enumerate(document.Referencia):
        if each.CodRef and document.MntTotal:
            wrong = replace(each, CodRef=CORRECTS_TEXT)
            rest = document.Referencia
            yield replace(
                document, Referencia=(*rest[:index], wrong, *rest[index + 1 :])
            )


def of_known(name, when=None, **values):
    """A kind of note that does not agree with our books."""

    def apply(document):
        for index, each in enumerate(document.Referencia):
            if each.known and each.CodRef and (not when or when(document, each)):
                wrong = replace(each, known=replace(each.known, **values))
                rest = document.Referencia
                yield replace(
                    document, Referencia=(*rest[:index], wrong, *rest[index + 1 :])
                )

    KINDS[name] = apply


def credits_something(document, _reference):
    return document.TipoDTE == "61" and document.MntTotal


of_known("note for another customer", RUTRecep="76303030-K")
of_known("note that dates its invoice wrongly", FchEmis=TODAY - DAY)
of_known("note on what is credited in full", when=credits_something, credited=119_000)
of_known("note on what is cancelled", when=credits_something, cancelled_by="N/C 000007")
of_known("note of more than was invoiced", when=credits_something, MntTotal=1_189)
of_known(
    "note that cancels another amount",
    when=lambda document, each: each.CodRef == CANCELS,
    MntTotal=119_777,
)


@kind
def note_made_from_another_document(document):
    origin = document.circumstances.origin
    if origin:
        for values in ({"Folio": 42}, {"TipoDTE": "34"}):
            other = replace(document.circumstances, origin=replace(origin, **values))
            yield replace(document, circumstances=other)
