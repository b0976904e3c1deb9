# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The documents that this one corrects or names."""

# pylint: disable=prefer-env-translation
# `_` is the caller's `env._`: there is no Odoo in here.

import datetime
import re

from ..document import (
    CANCELS,
    CORRECTS_TEXT,
    NOTA_CREDITO,
    NOTA_DEBITO,
    NOTES,
    is_tax_document,
)
from .base import ERROR, LAST_DATE, REFERENCE, WARNING, Finding, pesos, rule

MAX_REFERENCES = 40
FIRST_REFERENCE_DATE = datetime.date(2002, 8, 1)


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
        elif each.known and each.known.MntTotal != document.MntTotal:
            message = _(
                "The note says that it cancels document %(folio)s of $ %(other)s, and "
                "is of $ %(total)s. Correct the amounts, or the code of the reference.",
                folio=each.FolioRef,
                other=pesos(each.known.MntTotal),
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


@rule(49, "F: REF-3-415")
def corrected_document(document, _today, _):
    """A note corrects a tax document, and not an order; not itself, nor its like."""
    if document.TipoDTE not in NOTES or not document.Referencia:
        return
    taxed = [each for each in document.Referencia if is_tax_document(each.TpoDocRef)]
    # A note that cancels takes back what the other one did.
    same = NOTA_DEBITO, NOTA_CREDITO
    for each in taxed:
        if (each.TpoDocRef, each.FolioRef) == (document.TipoDTE, str(document.Folio)):
            message = _(
                "The note refers to itself. Enter the document that it corrects in the "
                "references."
            )
        elif each.CodRef == CANCELS and (
            (document.TipoDTE == NOTA_DEBITO and each.TpoDocRef not in same)
            or each.TpoDocRef == document.TipoDTE
        ):
            message = _(
                "A debit note cancels credit notes only, and a credit note anything "
                "but those. Choose in the reference that it corrects amounts, or make "
                "a note of the other kind."
            )
        else:
            continue
        yield Finding("corrected_document", ERROR, message, REFERENCE, "TpoDocRef")
    if not taxed:
        yield Finding(
            "corrected_document",
            ERROR,
            _(
                "The note refers to no tax document, only to orders or the like. Add "
                "the document that it corrects to the references."
            ),
            REFERENCE,
            "TpoDocRef",
        )


@rule(50, "F")
def reference_folio(document, _today, _):
    """The folio of a tax document is a number; only one for many of them is 0."""
    for number, each in enumerate(document.Referencia, start=1):
        if not is_tax_document(each.TpoDocRef) or not each.FolioRef:
            continue
        is_number = re.fullmatch("[0-9]{1,10}", each.FolioRef)
        digits = re.search("([0-9]+)$", each.FolioRef)
        if is_number and (int(each.FolioRef) > 0) != each.IndGlobal:
            continue
        if digits and not is_number:
            message = _(
                "Reference %(number)s has the folio “%(folio)s”: the folio of a tax "
                "document is a number, here %(right)s. Correct it in the references.",
                number=number,
                folio=each.FolioRef,
                right=int(digits[1]),
            )
        else:
            message = _(
                "Reference %(number)s has the folio “%(folio)s”: the folio of a tax "
                "document is a number from 1 on. Correct it in the references.",
                number=number,
                folio=each.FolioRef,
            )
        yield Finding("reference_folio", ERROR, message, REFERENCE, "FolioRef")


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
        elif document.FchEmis and each.FchRef > document.FchEmis:
            field, what = "FchRef", _("date (it is after the document's own)")
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
