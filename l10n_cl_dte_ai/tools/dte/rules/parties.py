# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Who issues the document, and whom it is for."""

# pylint: disable=prefer-env-translation
# `_` is the caller's `env._`: there is no Odoo in here.

import functools
import re

from ..document import FACTURA, FACTURA_COMPRA, FACTURA_EXENTA, GUIA
from .base import COMPANY, EMISOR, ERROR, RECEPTOR, WARNING, Finding, rule

MAX_ACTIVITIES = 4
ANYONE = "66666666-6"  # in receipts, instead of the buyer's RUT
FOREIGNER = "55555555-5"  # in exports, and a provider abroad of a 46
CHILE = "CL"
TAXPAYERS = ("1", "2", "3")  # of Odoo's types; the other one is a foreigner
WITH_ORIGIN = (FACTURA, FACTURA_EXENTA, GUIA)
WITH_DESTINATION = (FACTURA, FACTURA_EXENTA, FACTURA_COMPRA, GUIA)


RUT = re.compile("[1-9][0-9]{0,7}-[0-9K]")


@functools.lru_cache(maxsize=1024)  # the same parties again and again
def is_valid_rut(rut):
    """Tell whether a RUT has the form 12345678-5 and its check digit (modulo 11)."""
    if not RUT.fullmatch(rut or ""):
        return False
    number, check_digit = rut.split("-")
    weighted = sum(
        int(digit) * (2 + position % 6) for position, digit in enumerate(number[::-1])
    )
    return check_digit == "0123456789K0"[11 - weighted % 11]


@rule(1, "F, X")
def rut(document, _today, _):
    """Both RUT are there, with a correct check digit."""
    for value, name, target, field in (
        (document.Emisor.RUTEmisor, document.Emisor.RznSoc, EMISOR, "RUTEmisor"),
        (
            document.Receptor.RUTRecep,
            document.Receptor.RznSocRecep,
            RECEPTOR,
            "RUTRecep",
        ),
    ):
        if is_valid_rut(value):
            continue
        if not value:
            message = _(
                "%(name)s has no RUT. Enter it as 12345678-5 in its contact.", name=name
            )
        elif not RUT.fullmatch(value):
            message = _(
                "The RUT “%(rut)s” of %(name)s is not written as one. Enter it as "
                "12345678-5 in its contact.",
                rut=value,
                name=name,
            )
        else:
            message = _(
                "The RUT %(rut)s of %(name)s is not valid: its check digit does not "
                "match. Correct it in its contact.",
                rut=value,
                name=name,
            )
        yield Finding("rut", ERROR, message, target, field)


@rule(13, "F, X")
def giro(document, _today, _):
    """The company has a name and an activity (giro)."""
    if not document.Emisor.RznSoc:
        yield Finding(
            "name_emisor",
            ERROR,
            _("Your company has no name. Enter it in the company's contact."),
            EMISOR,
            "RznSoc",
        )
    if not document.Emisor.GiroEmis:
        yield Finding(
            "giro_emisor",
            ERROR,
            _(
                "Your company has no activity (giro). Enter it in the company's "
                "contact."
            ),
            EMISOR,
            "GiroEmis",
        )


@rule(17, "F")
def giro_receptor(document, _today, _):
    """The receiver has a name, and on an invoice an activity (giro)."""
    if not document.Receptor.RznSocRecep:
        yield Finding(
            "name_receptor",
            ERROR,
            _("Whom the document is for has no name. Enter it in the contact."),
            RECEPTOR,
            "RznSocRecep",
        )
    if document.TipoDTE in WITH_DESTINATION and not document.Receptor.GiroRecep:
        yield Finding(
            "giro_receptor",
            ERROR,
            _(
                "%(name)s has no activity (giro), which the SII requires. Enter it in "
                "the contact.",
                name=document.Receptor.RznSocRecep,
            ),
            RECEPTOR,
            "GiroRecep",
        )


@rule(14, "X")
def acteco(document, _today, _):
    """The company has 1 to 4 activity codes (acteco) of up to 6 digits."""
    codes = document.Emisor.Acteco
    if not codes:
        message = _(
            "Your company has no activity code (acteco), which every DTE needs. Enter "
            "it in the company, as the SII shows it among your activities."
        )
    elif len(codes) > MAX_ACTIVITIES:
        message = _(
            "Your company has %(count)s activity codes, and a DTE holds %(limit)s. "
            "Leave those that you invoice most.",
            count=len(codes),
            limit=MAX_ACTIVITIES,
        )
    elif wrong := next((c for c in codes if not re.fullmatch("[0-9]{1,6}", c)), None):
        message = _(
            "“%(code)s” is no activity code: they have up to six digits. Correct it "
            "in the company.",
            code=wrong,
        )
    else:
        return
    yield Finding("acteco", ERROR, message, COMPANY, "Acteco")


@rule(15, "F")
def address(document, _today, _):
    """On an invoice, both parties have a street and a comuna."""
    emisor, receptor = document.Emisor, document.Receptor
    texts = []
    if document.TipoDTE in WITH_ORIGIN:
        texts += [
            (emisor.DirOrigen, emisor.RznSoc, EMISOR, "DirOrigen"),
            (emisor.CmnaOrigen, emisor.RznSoc, EMISOR, "CmnaOrigen"),
        ]
    if document.TipoDTE in WITH_DESTINATION:
        texts += [
            (receptor.DirRecep, receptor.RznSocRecep, RECEPTOR, "DirRecep"),
            (receptor.CmnaRecep, receptor.RznSocRecep, RECEPTOR, "CmnaRecep"),
        ]
    for value, name, target, field in texts:
        if not value:
            yield Finding(
                "address",
                ERROR,
                _(
                    "The address of %(name)s has no %(what)s, which the SII requires. "
                    "Enter it in its contact.",
                    name=name,
                    what=_("comuna") if field.startswith("Cmna") else _("street"),
                ),
                target,
                field,
            )


@rule(18, "P, F", WARNING)
def stand_in(document, _today, _):
    """66666666-6 is for receipts (a warning); 55555555-5 for exports and 46 (an
    error).
    """
    if document.Receptor.RUTRecep == ANYONE:
        yield Finding(
            "stand_in",
            WARNING,
            _(
                "66666666-6 stands for an unknown buyer and belongs on receipts. Enter "
                "the RUT of %(name)s, or issue a receipt.",
                name=document.Receptor.RznSocRecep,
            ),
            RECEPTOR,
            "RUTRecep",
        )
    elif document.Receptor.RUTRecep == FOREIGNER and not document.is_purchase:
        yield Finding(
            "stand_in",
            ERROR,
            _(
                "55555555-5 stands for a foreign buyer and belongs on export invoices. "
                "Enter the RUT of %(name)s, or issue an export invoice.",
                name=document.Receptor.RznSocRecep,
            ),
            RECEPTOR,
            "RUTRecep",
        )


@rule(48, "P")
def identity(document, _today, _):
    """The receiver is set up as one of Chile: country, taxpayer's type, RUT."""
    receptor = document.Receptor
    if receptor.RUTRecep == FOREIGNER:
        return
    name = receptor.RznSocRecep
    if receptor.country not in (None, CHILE):
        yield _identity(
            "country",
            _(
                "%(name)s has no country, or another one than Chile: Odoo takes it for "
                "a foreign customer and does not confirm the document. Enter Chile in "
                "the contact.",
                name=name,
            ),
        )
    if receptor.taxpayer is not None and receptor.taxpayer not in TAXPAYERS:
        yield _identity(
            "taxpayer",
            _(
                "%(name)s has no taxpayer type, or that of a foreigner. Choose it in "
                "the contact.",
                name=name,
            ),
        )
    if receptor.has_rut is False and receptor.RUTRecep:
        yield _identity(
            "has_rut",
            _(
                "The identification of %(name)s is not of the kind RUT. Choose RUT in "
                "the contact.",
                name=name,
            ),
        )


def _identity(what, message):
    return Finding(f"identity_{what}", ERROR, message, RECEPTOR, "RUTRecep")
