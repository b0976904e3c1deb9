# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Type, folio, dates and payment."""

# pylint: disable=prefer-env-translation
# `_` is the caller's `env._`: there is no Odoo in here.

import datetime

from ..document import FACTURA, FACTURA_EXENTA, GUIA, KNOWN_TYPES
from .base import DOCUMENT, ERROR, LAST_DATE, WARNING, Finding, rule

MAX_FOLIO = 10**10 - 1
FIRST_DATE = datetime.date(2003, 4, 1)
STALE_AFTER = datetime.timedelta(days=60)
WITH_PAYMENT = (FACTURA, FACTURA_EXENTA)


@rule(2, "X")
def document_type(document, _today, _):
    """The type is one of 33, 34, 46, 52, 56, 61."""
    if document.TipoDTE not in KNOWN_TYPES:
        yield Finding(
            "document_type",
            ERROR,
            _(
                "Documents of type %(type)s have another form and are not covered. Use "
                "33, 34, 46, 56 or 61.",
                type=document.TipoDTE or "?",
            ),
            DOCUMENT,
            "TipoDTE",
        )


@rule(3, "X")
def folio(document, _today, _):
    """The folio, once there is one, is a whole number of up to 10 digits."""
    if document.Folio is not None and not 0 < document.Folio <= MAX_FOLIO:
        yield Finding(
            "folio",
            ERROR,
            _(
                "The folio %(folio)s is not a number from 1 to 9,999,999,999. Reset "
                "the document to draft and correct its number.",
                folio=document.Folio,
            ),
            DOCUMENT,
            "Folio",
        )


@rule(8, "F")
def date_range(document, _today, _):
    """The date is from April 2003 to the end of 2050."""
    if not document.FchEmis or FIRST_DATE <= document.FchEmis <= LAST_DATE:
        return
    if document.FchEmis < FIRST_DATE:
        message = _(
            "The date is before April 2003: no DTE existed. Correct the invoice date."
        )
    else:
        message = _(
            "The date is after 2050, which a DTE cannot hold. Correct the invoice date."
        )
    yield Finding("date", ERROR, message, DOCUMENT, "FchEmis")


@rule(10, "P", WARNING)
def date(document, today, _):
    """The date is not in the future and not older than two months."""
    if not document.FchEmis or not FIRST_DATE <= document.FchEmis <= LAST_DATE:
        return
    if document.FchEmis > today:
        message = _(
            "The date is in the future. Date the document with today or earlier."
        )
    elif document.FchEmis < today - STALE_AFTER:
        message = _("The date is more than two months ago. Check that it is right.")
    else:
        return
    yield Finding("date", WARNING, message, DOCUMENT, "FchEmis")


@rule(11, "F")
def payment_form(document, _today, _):
    """An invoice says how it is paid: 1 cash, 2 credit, 3 free of charge."""
    is_needed = document.TipoDTE in WITH_PAYMENT or document.FmaPago is not None
    if is_needed and document.FmaPago not in (1, 2, 3):
        yield Finding(
            "payment_form",
            ERROR,
            _("The invoice does not say how it is paid. Choose its form of payment."),
            DOCUMENT,
            "FmaPago",
        )


@rule(12, "P", WARNING)
def due_date(document, _today, _):
    """The due date is not before the date, and one that a DTE can hold."""
    due = document.FchVenc
    if due and (due < (document.FchEmis or due) or due > LAST_DATE):
        yield Finding(
            "due_date",
            WARNING if due <= LAST_DATE else ERROR,
            _(
                "The due date %(due)s is before the document's own, or after 2050. "
                "Correct the due date or the payment terms.",
                due=due.isoformat(),
            ),
            DOCUMENT,
            "FchVenc",
        )


@rule(38, "F")
def transfer(document, _today, _):
    """A dispatch guide says why the goods move (1 to 9)."""
    if document.TipoDTE == GUIA and document.IndTraslado not in range(1, 10):
        yield Finding(
            "transfer",
            ERROR,
            _("The dispatch guide does not say why the goods move. Choose the reason."),
            DOCUMENT,
            "IndTraslado",
        )
