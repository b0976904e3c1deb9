# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What can be said of a DTE without asking anyone: one small function for each rule.

A rule takes the :class:`~.dte_document.Documento`, the day of today and a function that
translates, and yields a :class:`Finding` for each thing that is wrong.  Its docstring
names the source: *F* is the SII's "Formato Documentos Tributarios Electrónicos", *X*
its schema, *C* what certification demands, *P* our own policy.

An **error** is what the SII refuses; a **warning** is what a person should look at.
"""

# pylint: disable=prefer-env-translation
# `_` is the caller's `env._`: there is no Odoo in here.

import datetime
import re
from typing import NamedTuple

from .dte_document import FACTURA, FACTURA_EXENTA, NOTA_CREDITO, NOTA_DEBITO

ERROR, WARNING = "error", "warning"

# Where to mend it: the name of a record that the caller knows how to open.
DOCUMENT, EMISOR, RECEPTOR, LINE = "document", "emisor", "receptor", "line"

IVA_RATE_PERCENT = 19
MAX_LINES = 60
FIRST_DATE = datetime.date(2003, 4, 1)
STALE_AFTER = datetime.timedelta(days=60)

RULES = []


class Finding(NamedTuple):
    """One thing to mend.

    :param code: a stable name of the rule
    :param target: the kind of record that holds it (:data:`RECEPTOR`, ...)
    :param field: the SII's element
    :param line: `NroLinDet` where the target is a line
    """

    code: str
    severity: str
    message: str
    target: str
    field: str
    line: int | None = None


def check(document, today, translate):
    """Apply every rule.

    :param Documento document: the document
    :param datetime.date today: in the company's time zone
    :param translate: a function like gettext: `translate(text, **values)`
    :rtype: list[Finding]
    """
    return [
        finding for rule in RULES for finding in rule(document, today, translate) or ()
    ]


def _rule(function):
    RULES.append(function)
    return function


def is_valid_rut(rut):
    """Tell whether a RUT has the form 12345678-5 and its check digit (modulo 11)."""
    if not re.fullmatch(r"[1-9][0-9]{0,7}-[0-9K]", rut or ""):
        return False
    number, check_digit = rut.split("-")
    weighted = sum(
        int(digit) * (2 + position % 6) for position, digit in enumerate(number[::-1])
    )
    return check_digit == "0123456789K0"[11 - weighted % 11]


@_rule
def rut(document, _today, _):
    """Rule 1 (F, X): both RUT with a correct check digit."""
    for value, name, target, field in (
        (document.Emisor.RUTEmisor, document.Emisor.RznSoc, EMISOR, "RUTEmisor"),
        (
            document.Receptor.RUTRecep,
            document.Receptor.RznSocRecep,
            RECEPTOR,
            "RUTRecep",
        ),
    ):
        if not value:
            message = _(
                "%(name)s has no RUT. Enter it as 12345678-5 in its contact.", name=name
            )
        elif not is_valid_rut(value):
            message = _(
                "The RUT %(rut)s of %(name)s is not valid: its check digit does not "
                "match. Correct it in its contact.",
                rut=value,
                name=name,
            )
        else:
            continue
        yield Finding("rut", ERROR, message, target, field)


@_rule
def giro(document, _today, _):
    """Rules 13 and 17 (F): both parties' activity, on the documents that need it."""
    if not document.Emisor.GiroEmis:
        yield Finding(
            "giro_emisor",
            ERROR,
            _(
                "Your company has no activity (giro). Enter it in the company's contact."
            ),
            EMISOR,
            "GiroEmis",
        )
    if not document.Receptor.GiroRecep:
        yield Finding(
            "giro_receptor",
            ERROR,
            _(
                "The customer %(name)s has no activity (giro), which the SII requires. "
                "Enter it in the customer's contact.",
                name=document.Receptor.RznSocRecep,
            ),
            RECEPTOR,
            "GiroRecep",
        )


@_rule
def address(document, _today, _):
    """Rules 15 and 17 (F): street and comuna of both parties."""
    emisor, receptor = document.Emisor, document.Receptor
    for value, name, target, field, what in (
        (emisor.DirOrigen, emisor.RznSoc, EMISOR, "DirOrigen", _("street")),
        (emisor.CmnaOrigen, emisor.RznSoc, EMISOR, "CmnaOrigen", _("comuna")),
        (receptor.DirRecep, receptor.RznSocRecep, RECEPTOR, "DirRecep", _("street")),
        (receptor.CmnaRecep, receptor.RznSocRecep, RECEPTOR, "CmnaRecep", _("comuna")),
    ):
        if not value:
            yield Finding(
                "address",
                ERROR,
                _(
                    "The address of %(name)s has no %(what)s, which the SII requires. "
                    "Enter it in its contact.",
                    name=name,
                    what=what,
                ),
                target,
                field,
            )


@_rule
def date(document, today, _):
    """Rules 8 and 10 (F, P): within the SII's range, neither in the future nor old."""
    if not document.FchEmis:
        return
    if document.FchEmis < FIRST_DATE:
        severity, message = ERROR, _("The date is before April 2003: no DTE existed.")
    elif document.FchEmis > today:
        severity, message = (
            WARNING,
            _("The date is in the future. Date the document with today or earlier."),
        )
    elif document.FchEmis < today - STALE_AFTER:
        severity, message = (
            WARNING,
            _("The date is more than two months ago. Check that it is right."),
        )
    else:
        return
    yield Finding("date", severity, message, DOCUMENT, "FchEmis")


@_rule
def lines(document, _today, _):
    """Rule 19 (X): 1 to 60 lines."""
    if not document.Detalle:
        yield Finding(
            "lines",
            ERROR,
            _("The document has no lines. Add what is invoiced."),
            DOCUMENT,
            "Detalle",
        )
    elif len(document.Detalle) > MAX_LINES:
        yield Finding(
            "lines",
            ERROR,
            _(
                "The document has %(count)s lines; the SII accepts %(limit)s. Split it.",
                count=len(document.Detalle),
                limit=MAX_LINES,
            ),
            DOCUMENT,
            "Detalle",
        )


@_rule
def latin_1(document, _today, _):
    """Rule 40 (C: ENV-3-0): the file is ISO 8859-1, so no emoji and no control codes."""
    texts = [
        (document.Emisor.RznSoc, EMISOR, "RznSoc", None),
        (document.Emisor.GiroEmis, EMISOR, "GiroEmis", None),
        (document.Receptor.RznSocRecep, RECEPTOR, "RznSocRecep", None),
        (document.Receptor.GiroRecep, RECEPTOR, "GiroRecep", None),
        (document.Receptor.DirRecep, RECEPTOR, "DirRecep", None),
        (document.Receptor.CmnaRecep, RECEPTOR, "CmnaRecep", None),
    ]
    for line in document.Detalle:
        texts.append((line.NmbItem, LINE, "NmbItem", line.NroLinDet))
        texts.append((line.DscItem, LINE, "DscItem", line.NroLinDet))
    for text, target, field, number in texts:
        # Tab and line breaks are spaces to the reader of an XML file.
        bad = re.sub(r"[\t\n\r\x20-\x7e\xa0-\xff]", "", text)
        if bad:
            yield Finding(
                "latin_1",
                ERROR,
                _(
                    "“%(text)s” has a character that a DTE cannot hold: %(character)s. "
                    "Take it out or replace it.",
                    text=text,
                    character=bad[0] if bad[0].isprintable() else ascii(bad[0]),
                ),
                target,
                field,
                number,
            )


@_rule
def affected_line(document, _today, _):
    """Rule 29 (F): a type 33 needs a line with IVA."""
    if document.TipoDTE == FACTURA and not document.MntNeto:
        yield Finding(
            "affected_line",
            ERROR,
            _(
                "All lines are exempt, and an invoice of type 33 needs one with IVA. "
                "Use an exempt invoice (34), or add the tax to the lines."
            ),
            DOCUMENT,
            "MntNeto",
        )


@_rule
def exempt_without_iva(document, _today, _):
    """Rule 30 (F): a type 34 has an exempt amount and no IVA."""
    if document.TipoDTE == FACTURA_EXENTA and (document.IVA or document.MntNeto):
        yield Finding(
            "exempt_without_iva",
            ERROR,
            _(
                "An exempt invoice (34) has lines with IVA. Use type 33, or take the "
                "tax off the lines."
            ),
            DOCUMENT,
            "IVA",
        )


@_rule
def reference(document, _today, _):
    """Rule 32 (F: REF-3-415): a note refers to the document that it corrects."""
    if document.TipoDTE in (NOTA_DEBITO, NOTA_CREDITO) and not document.Referencia:
        yield Finding(
            "reference",
            ERROR,
            _(
                "The note does not say which document it corrects. Create it from the "
                "invoice, with its Credit Note or Debit Note button."
            ),
            DOCUMENT,
            "Referencia",
        )


@_rule
def iva(document, _today, _):
    """Rule 26 (F): IVA is 19 % of the net amount, rounded half up to the peso."""
    expected = (document.MntNeto * IVA_RATE_PERCENT + 50) // 100
    if expected != document.IVA:
        yield Finding(
            "iva",
            WARNING,
            _(
                "The IVA is $ %(iva)s, and 19%% of the net amount is $ %(expected)s. "
                "Check the tax lines; the document is generated as Odoo computes it.",
                iva=_pesos(document.IVA),
                expected=_pesos(expected),
            ),
            DOCUMENT,
            "IVA",
        )


@_rule
def total(document, _today, _):
    """Rule 27 (F: HED-2-260): the total is net + exempt + IVA + other taxes."""
    expected = document.MntNeto + document.MntExe + document.IVA
    expected += sum(tax.MontoImp for tax in document.ImptoReten)
    if document.MntTotal != expected:
        yield Finding(
            "total",
            WARNING,
            _(
                "The total is $ %(total)s, and net, exempt amount and taxes add up to "
                "$ %(expected)s. Check the document's taxes.",
                total=_pesos(document.MntTotal),
                expected=_pesos(expected),
            ),
            DOCUMENT,
            "MntTotal",
        )


def _pesos(amount):
    return f"{amount:,}".replace(",", ".")
