# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A note against what our books say of the document that it corrects."""

# pylint: disable=prefer-env-translation
# `_` is the caller's `env._`: there is no Odoo in here.

from ..document import CANCELS, NOTA_CREDITO, NOTES, is_tax_document
from .base import ERROR, REFERENCE, WARNING, Finding, pesos, rule


@rule(51, "P, C")
def corrects_what_it_says(document, _today, _):
    """A note's customer is that of what it corrects, and date and folio agree
    (warnings).
    """
    if document.TipoDTE not in NOTES:
        return
    for each in document.Referencia:
        known = each.known
        if not known:
            continue
        if known.RUTRecep != document.Receptor.RUTRecep:
            yield Finding(
                "corrected_customer",
                ERROR,
                _(
                    "The note is for %(rut)s, and document %(folio)s, which it refers "
                    "to, was for %(other)s. Correct the customer or the reference.",
                    rut=document.Receptor.RUTRecep or "?",
                    folio=each.FolioRef,
                    other=known.RUTRecep or "?",
                ),
                REFERENCE,
                "FolioRef",
            )
        if each.FchRef and known.FchEmis and each.FchRef != known.FchEmis:
            yield Finding(
                "corrected_date",
                WARNING,
                _(
                    "The reference dates document %(folio)s %(date)s, and it is of "
                    "%(right)s. Correct the date in the reference.",
                    folio=each.FolioRef,
                    date=each.FchRef.isoformat(),
                    right=known.FchEmis.isoformat(),
                ),
                REFERENCE,
                "FchRef",
            )
    yield from _names_its_origin(document, _)


def _names_its_origin(document, _):
    origin = document.circumstances.origin
    if not origin or not any(
        is_tax_document(each.TpoDocRef) for each in document.Referencia
    ):
        return  # that it names none is said elsewhere
    named = {(each.TpoDocRef, each.FolioRef) for each in document.Referencia}
    if (origin.TipoDTE, str(origin.Folio)) not in named:
        yield Finding(
            "corrected_origin",
            WARNING,
            _(
                "The note was made from the document of type %(type)s and folio "
                "%(folio)s, and its references do not name it. Correct type and folio "
                "in the references.",
                type=origin.TipoDTE,
                folio=origin.Folio,
            ),
            REFERENCE,
            "FolioRef",
        )


@rule(52, "P", WARNING)
def credited_twice(document, _today, _):
    """No more is credited than was invoiced, and nothing is cancelled twice."""
    if document.TipoDTE not in NOTES:
        return
    for each in document.Referencia:
        known = each.known
        if not known or not each.CodRef:
            continue
        left = known.MntTotal - known.credited
        if known.cancelled_by and document.MntTotal:
            message = _(
                "Document %(folio)s is already cancelled, by %(other)s. Check whether "
                "this note is needed.",
                folio=each.FolioRef,
                other=known.cancelled_by,
            )
        elif document.TipoDTE == NOTA_CREDITO and document.MntTotal > left:
            message = _(
                "The note credits $ %(total)s, and of document %(folio)s $ %(left)s "
                "are left to credit. Correct the amounts.",
                total=pesos(document.MntTotal),
                folio=each.FolioRef,
                left=pesos(max(left, 0)),
            )
        else:
            continue
        # Of a note that cancels, another rule says that the totals differ.
        if each.CodRef == CANCELS and not known.credited and not known.cancelled_by:
            continue
        yield Finding("credited_twice", WARNING, message, REFERENCE, "FolioRef")
