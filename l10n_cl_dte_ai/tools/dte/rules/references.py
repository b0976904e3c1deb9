# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The documents that this one corrects or names."""

# pylint: disable=prefer-env-translation
# `_` is the caller's `env._`: there is no Odoo in here.

import datetime

from ..document import NOTES
from .base import ERROR, LAST_DATE, REFERENCE, WARNING, Finding, pesos, rule

MAX_REFERENCES = 40
FIRST_REFERENCE_DATE = datetime.date(2002, 8, 1)
CANCELS, CORRECTS_TEXT, CORRECTS_AMOUNT = 1, 2, 3


@rule(32, "F: REF-3-415")
def reference(document, _today, _):
    """A note refers to the document that it corrects."""
    if document.TipoDTE in NOTES and not document.Referencia:
        yield Finding(
            "reference",
            ERROR,
            _(
                "The note does not say which document it corrects. Create it from the "
                "invoice, with its Credit Note or Debit Note button."
            ),
            REFERENCE,
            "Referencia",
        )


@rule(33, "F: REF-3-758")
def reference_code(document, _today, _):
    """A note's reference says whether it cancels, corrects a text or an amount."""
    if (
        document.TipoDTE in NOTES
        and document.Referencia
        and not any(each.CodRef in (1, 2, 3) for each in document.Referencia)
    ):
        yield Finding(
            "reference_code",
            ERROR,
            _(
                "The note does not say whether it cancels the document, corrects its "
                "texts or its amounts. Choose it in the reference."
            ),
            REFERENCE,
            "CodRef",
        )


@rule(35, "F: REF-2-780", WARNING)
def cancellation(document, _today, _):
    """A note that cancels is of the same total, and of one document."""
    coded = [each for each in document.Referencia if each.CodRef]
    for each in coded:
        if each.CodRef != CANCELS:
            continue
        if len(coded) > 1:
            message = _(
                "A note that cancels a document can correct no other one. Leave one "
                "reference, or make a note for each."
            )
        elif each.total is not None and each.total != document.MntTotal:
            message = _(
                "The note says that it cancels document %(folio)s of $ %(other)s, and "
                "is of $ %(total)s. Correct the amounts, or the code of the reference.",
                folio=each.FolioRef,
                other=pesos(each.total),
                total=pesos(document.MntTotal),
            )
        else:
            continue
        yield Finding("cancellation", WARNING, message, REFERENCE, "CodRef")
        return


@rule(36, "F: REF-2-781", WARNING)
def text_correction(document, _today, _):
    """A note that corrects texts amounts to nothing, and is of one document."""
    coded = [each for each in document.Referencia if each.CodRef]
    if any(each.CodRef == CORRECTS_TEXT for each in coded) and (
        document.MntTotal or len(coded) > 1
    ):
        yield Finding(
            "text_correction",
            WARNING,
            _(
                "A note that corrects texts amounts to zero and refers to one "
                "document. Set its prices to zero, or choose another code in the "
                "reference."
            ),
            REFERENCE,
            "CodRef",
        )


@rule(37, "X, F")
def references(document, _today, _):
    """Up to 40 references, each with type, folio, and a date from August 2002 on."""
    if len(document.Referencia) > MAX_REFERENCES:
        yield Finding(
            "references",
            ERROR,
            _(
                "The document has %(count)s references; the SII accepts %(limit)s.",
                count=len(document.Referencia),
                limit=MAX_REFERENCES,
            ),
            REFERENCE,
            "Referencia",
        )
    for number, each in enumerate(document.Referencia, start=1):
        if not each.TpoDocRef or len(each.TpoDocRef) > 3:
            field, what = "TpoDocRef", _("type of document")
        elif not each.FolioRef:
            field, what = "FolioRef", _("number")
        elif not each.FchRef or not FIRST_REFERENCE_DATE <= each.FchRef <= LAST_DATE:
            field, what = "FchRef", _("date (from August 2002 on)")
        else:
            continue
        yield Finding(
            "references",
            ERROR,
            _(
                "Reference %(number)s has no valid %(what)s. Enter it in the "
                "document's references.",
                number=number,
                what=what,
            ),
            REFERENCE,
            field,
        )
