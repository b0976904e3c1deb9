# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What can be said of a DTE without asking anyone: one small function for each rule.

A rule takes the :class:`~.dte_document.Documento`, the day of today and a function that
translates, and yields a :class:`Finding` for each thing that is wrong.  Its decorator
says its number in `docs/rules.md` and its source: *F* is the SII's "Formato Documentos
Tributarios Electrónicos", *X* its schema, *C* what certification demands, *P* our own
policy.

An **error** is what the SII refuses; a **warning** is what a person should look at.
"""

# pylint: disable=prefer-env-translation
# `_` is the caller's `env._`: there is no Odoo in here.

import datetime
import re
from typing import NamedTuple

from .dte_document import (
    FACTURA,
    FACTURA_COMPRA,
    FACTURA_EXENTA,
    GUIA,
    KNOWN_TYPES,
    LATIN_1,
    NOTES,
    WITHHELD,
    WITHHELD_IN_FULL,
    Detalle,
    Documento,
    DscRcgGlobal,
    Emisor,
    Receptor,
    fit,
    half_up,
    odd_characters,
)

ERROR, WARNING = "error", "warning"

# Where to mend it: the name of a record that the caller knows how to open.
DOCUMENT, LINE, REFERENCE = "document", "line", "reference"
COMPANY, EMISOR, RECEPTOR = "company", "emisor", "receptor"

IVA_RATE_PERCENT = 19
MAX_LINES = 60
MAX_DISCOUNTS = 20
MAX_REFERENCES = 40
MAX_TAXES = 20
MAX_TAXES_PER_LINE = 2
MAX_ACTIVITIES = 4
MAX_FOLIO = 10**10 - 1
FIRST_DATE = datetime.date(2003, 4, 1)
LAST_DATE = datetime.date(2050, 12, 31)
FIRST_REFERENCE_DATE = datetime.date(2002, 8, 1)
STALE_AFTER = datetime.timedelta(days=60)
ANYONE = "66666666-6"  # in receipts, instead of the buyer's RUT
FOREIGNER = "55555555-5"  # in exports
# As the schema enumerates them (ImpAdicDTEType).
TAX_CODES = frozenset(
    (14, 15, 16, 17, 18, 19, *range(23, 29), *range(30, 42), *range(44, 56))
    + (271, 301, 321, 331, 341, 361, 371, 481)
)
CANCELS, CORRECTS_TEXT, CORRECTS_AMOUNT = 1, 2, 3

WITH_PAYMENT = (FACTURA, FACTURA_EXENTA)
WITH_ORIGIN = (FACTURA, FACTURA_EXENTA, GUIA)
WITH_DESTINATION = (FACTURA, FACTURA_EXENTA, FACTURA_COMPRA, GUIA)


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


class Rule(NamedTuple):
    """A rule as the table in the docs shows it."""

    number: int
    source: str
    severity: str
    apply: object

    @property
    def title(self):
        return " ".join(self.apply.__doc__.split())


RULES = []


def check(document, today, translate):
    """Apply every rule.

    :param Documento document: the document
    :param datetime.date today: in the company's time zone
    :param translate: a function like gettext: `translate(text, **values)`
    :rtype: list[Finding]
    """
    return [
        finding for rule in RULES for finding in rule.apply(document, today, translate)
    ]


def check_emisor(emisor, translate):
    """Return what a company lacks to issue any document."""
    document = _only(emisor, Receptor("", ""))
    return _about(document, (EMISOR, COMPANY), translate)


def check_receptor(receptor, translate):
    """Return what a customer lacks to be sent an invoice."""
    return _about(_only(Emisor("", ""), receptor), (RECEPTOR,), translate)


def _only(emisor, receptor):
    return Documento(
        TipoDTE=FACTURA,
        Emisor=emisor,
        Receptor=receptor,
        Detalle=(),
        MntNeto=0,
        MntExe=0,
        IVA=0,
        MntTotal=0,
    )


def _about(document, targets, translate):
    findings = check(document, datetime.date.today(), translate)
    return [finding for finding in findings if finding.target in targets]


def _rule(number, source, severity=ERROR):
    def register(function):
        RULES.append(Rule(number, source, severity, function))
        return function

    return register


def is_valid_rut(rut):
    """Tell whether a RUT has the form 12345678-5 and its check digit (modulo 11)."""
    if not re.fullmatch(r"[1-9][0-9]{0,7}-[0-9K]", rut or ""):
        return False
    number, check_digit = rut.split("-")
    weighted = sum(
        int(digit) * (2 + position % 6) for position, digit in enumerate(number[::-1])
    )
    return check_digit == "0123456789K0"[11 - weighted % 11]


# === The parties ===


@_rule(1, "F, X")
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


@_rule(13, "F, X")
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
                "Your company has no activity (giro). Enter it in the company's contact."
            ),
            EMISOR,
            "GiroEmis",
        )


@_rule(17, "F")
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


@_rule(14, "X")
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


@_rule(15, "F")
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


@_rule(18, "P, F", WARNING)
def stand_in(document, _today, _):
    """66666666-6 is for receipts (a warning), 55555555-5 for exports (an error)."""
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
    elif document.Receptor.RUTRecep == FOREIGNER:
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


# === The heading ===


@_rule(2, "X")
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


@_rule(3, "X")
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


@_rule(8, "F")
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


@_rule(10, "P", WARNING)
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


@_rule(11, "F")
def payment_form(document, _today, _):
    """An invoice says how it is paid: 1 cash, 2 credit, 3 free of charge."""
    if document.TipoDTE in WITH_PAYMENT and document.FmaPago not in (1, 2, 3):
        yield Finding(
            "payment_form",
            ERROR,
            _("The invoice does not say how it is paid. Choose its form of payment."),
            DOCUMENT,
            "FmaPago",
        )


@_rule(12, "P", WARNING)
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


@_rule(38, "F")
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


# === The lines ===


@_rule(19, "X")
def lines(document, _today, _):
    """There are 1 to 60 lines."""
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


@_rule(20, "X")
def item_name(document, _today, _):
    """Each line says what it is."""
    for line in document.Detalle:
        if not line.NmbItem:
            yield Finding(
                "item_name",
                ERROR,
                _(
                    "Line %(number)s says nothing of what is invoiced. Give it a "
                    "description.",
                    number=line.NroLinDet,
                ),
                LINE,
                "NmbItem",
                line.NroLinDet,
            )


@_rule(21, "X")
def quantity(document, _today, _):
    """Quantities and prices are from 0.000001 to 999,999,999,999."""
    for line in document.Detalle:
        for value, field, what in (
            (line.QtyItem, "QtyItem", "quantity"),
            (line.PrcItem, "PrcItem", "price"),
        ):
            if 1e-6 <= value < 1e12 or (not value and not line.MontoItem):
                continue
            yield Finding(
                "quantity",
                ERROR,
                _(
                    "The quantity of line %(number)s, %(value)s, cannot be written in a "
                    "DTE: it holds from 0.000001 to 999,999,999,999.",
                    number=line.NroLinDet,
                    value=value,
                )
                if what == "quantity"
                else _(
                    "The price of line %(number)s, %(value)s, cannot be written in a "
                    "DTE: it holds from 0.000001 to 999,999,999,999.",
                    number=line.NroLinDet,
                    value=value,
                ),
                LINE,
                field,
                line.NroLinDet,
            )


@_rule(22, "F, C: DET-2-200", WARNING)
def line_amount(document, _today, _):
    """A line's amount is quantity × price, half up, − discount + surcharge."""
    for line in document.Detalle:
        expected = half_up(line.QtyItem, line.PrcItem)
        expected += line.RecargoMonto - line.DescuentoMonto
        if expected != line.MontoItem:
            yield Finding(
                "line_amount",
                WARNING,
                _(
                    "Line %(number)s amounts to $ %(amount)s, and its quantity, price "
                    "and discount give $ %(expected)s. Check the line; the document is "
                    "generated as Odoo computes it.",
                    number=line.NroLinDet,
                    amount=_pesos(line.MontoItem),
                    expected=_pesos(expected),
                ),
                LINE,
                "MontoItem",
                line.NroLinDet,
            )


@_rule(23, "C", WARNING)
def discount_amount(document, _today, _):
    """A percentage of discount or surcharge comes with its amount."""
    for line in document.Detalle:
        for percent, amount, field in (
            (line.DescuentoPct, line.DescuentoMonto, "DescuentoMonto"),
            (line.RecargoPct, line.RecargoMonto, "RecargoMonto"),
        ):
            if percent and not amount and line.MontoItem:
                yield Finding(
                    "discount_amount",
                    WARNING,
                    _(
                        "The discount of line %(number)s, %(percent)s %%, comes to less "
                        "than a peso. Take it off the line.",
                        number=line.NroLinDet,
                        percent=percent,
                    ),
                    LINE,
                    field,
                    line.NroLinDet,
                )


@_rule(24, "X")
def negative_line(document, _today, _):
    """No line is negative, and there are up to 20 discounts on the whole."""
    for line in document.Detalle:
        if line.MontoItem < 0:
            yield Finding(
                "negative_line",
                ERROR,
                _(
                    "Line %(number)s is negative, which a DTE cannot hold. Enter it as "
                    "a discount.",
                    number=line.NroLinDet,
                ),
                LINE,
                "MontoItem",
                line.NroLinDet,
            )
    if len(document.DscRcgGlobal) > MAX_DISCOUNTS:
        yield Finding(
            "discounts",
            ERROR,
            _(
                "The document has %(count)s discounts on the whole; the SII accepts "
                "%(limit)s. Add some of them up.",
                count=len(document.DscRcgGlobal),
                limit=MAX_DISCOUNTS,
            ),
            DOCUMENT,
            "DscRcgGlobal",
        )


# === The totals ===


@_rule(25, "F: HED-2-220", WARNING)
def sums(document, _today, _):
    """Net and exempt amount are the sums of their lines, less their discounts."""
    for total, is_exempt, field in (
        (document.MntNeto, False, "MntNeto"),
        (document.MntExe, True, "MntExe"),
    ):
        expected = sum(
            line.MontoItem for line in document.Detalle if line.IndExe == is_exempt
        ) - sum(
            discount.ValorDR
            for discount in document.DscRcgGlobal
            if discount.IndExeDR == is_exempt
        )
        if total != expected:
            yield Finding(
                "sums",
                WARNING,
                _(
                    "The lines add up to $ %(expected)s, and the total of them is "
                    "$ %(total)s. Check the document's lines.",
                    expected=_pesos(expected),
                    total=_pesos(total),
                ),
                DOCUMENT,
                field,
            )


@_rule(26, "F", WARNING)
def iva(document, _today, _):
    """IVA is 19 % of the net amount, half up. Odoo's rounding is never altered."""
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


@_rule(27, "F: HED-2-260", WARNING)
def total(document, _today, _):
    """The total is net + exempt + IVA + other taxes − withheld ones."""
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


@_rule(28, "X")
def amounts(document, _today, _):
    """Amounts are not negative."""
    for name in ("MntNeto", "MntExe", "IVA", "MntTotal"):
        value = getattr(document, name)
        if value < 0:
            yield Finding(
                "amounts",
                ERROR,
                _(
                    "An amount is negative: %(name)s, $ %(value)s. The discounts are "
                    "more than what is invoiced; issue a credit note instead.",
                    name=name,
                    value=_pesos(value),
                ),
                DOCUMENT,
                name,
            )


@_rule(29, "F")
def affected_line(document, _today, _):
    """A type 33 has a line with IVA."""
    if document.TipoDTE == FACTURA and document.Detalle and not document.MntNeto:
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


@_rule(30, "F")
def exempt_without_iva(document, _today, _):
    """A type 34 has an exempt amount and no IVA."""
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


@_rule(31, "F, X")
def other_taxes(document, _today, _):
    """Other taxes have a code of the SII and its sign; up to 20, two on a line."""
    for tax in document.ImptoReten:
        if tax.TipoImp not in TAX_CODES:
            message = _(
                "A tax of %(rate)s %% has the SII code %(code)s, which is none. Enter "
                "the code in the tax, or take the tax off the lines.",
                rate=_short(tax.TasaImp),
                code=tax.TipoImp,
            )
        elif not tax.MontoImp or (tax.MontoImp < 0) != (tax.TipoImp in WITHHELD):
            message = _(
                "The tax with the SII code %(code)s is $ %(amount)s: withheld taxes "
                "are subtracted and others added, and none is zero. Check the tax.",
                code=tax.TipoImp,
                amount=_pesos(tax.MontoImp),
            )
        else:
            continue
        yield Finding("other_taxes", ERROR, message, DOCUMENT, "ImptoReten")
    if len(document.ImptoReten) > MAX_TAXES:
        yield Finding(
            "other_taxes",
            ERROR,
            _(
                "The document has %(count)s taxes besides IVA; the SII accepts "
                "%(limit)s. Split it.",
                count=len(document.ImptoReten),
                limit=MAX_TAXES,
            ),
            DOCUMENT,
            "ImptoReten",
        )
    codes = {tax.TipoImp for tax in document.ImptoReten}
    for line in document.Detalle:
        if len(line.CodImpAdic) > MAX_TAXES_PER_LINE or not codes.issuperset(
            line.CodImpAdic
        ):
            yield Finding(
                "other_taxes",
                ERROR,
                _(
                    "The taxes of line %(number)s cannot be written in a DTE: up to two "
                    "besides IVA, and each of them in the totals.",
                    number=line.NroLinDet,
                ),
                LINE,
                "CodImpAdic",
                line.NroLinDet,
            )


@_rule(41, "P", WARNING)
def withheld_iva(document, _today, _):
    """A purchase invoice (46) withholds IVA; with code 15, all of it."""
    if document.TipoDTE != FACTURA_COMPRA or not document.IVA:
        return
    taxes = [tax for tax in document.ImptoReten if tax.TipoImp in WITHHELD]
    in_full = [tax for tax in taxes if tax.TipoImp == WITHHELD_IN_FULL]
    withheld = -sum(tax.MontoImp for tax in in_full)
    if not taxes:
        message = _(
            "The purchase invoice withholds no IVA, which is what it is made for. Add "
            "the tax that withholds it to the lines, or use another type of document."
        )
    elif in_full and withheld != document.IVA:
        message = _(
            "The IVA is $ %(iva)s, and $ %(withheld)s of it are withheld with the SII "
            "code 15, which stands for all of it. Check the taxes of the lines.",
            iva=_pesos(document.IVA),
            withheld=_pesos(withheld),
        )
    else:
        return
    yield Finding("withheld_iva", WARNING, message, DOCUMENT, "ImptoReten")


# === The references ===


@_rule(32, "F: REF-3-415")
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


@_rule(33, "F: REF-3-758")
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


@_rule(35, "F: REF-2-780", WARNING)
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
                other=_pesos(each.total),
                total=_pesos(document.MntTotal),
            )
        else:
            continue
        yield Finding("cancellation", WARNING, message, REFERENCE, "CodRef")
        return


@_rule(36, "F: REF-2-781", WARNING)
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
                "A note that corrects texts amounts to zero and refers to one document. "
                "Set its prices to zero, or choose another code in the reference."
            ),
            REFERENCE,
            "CodRef",
        )


@_rule(37, "X, F")
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


# === The texts ===


@_rule(40, "C: ENV-3-0")
def latin_1(document, _today, _):
    """The file is ISO 8859-1: no emoji, no control characters."""
    for text, target, field, number in _texts(document):
        if LATIN_1.fullmatch(text):
            continue
        # What a word processor makes of plain characters is written as these.
        if bad := odd_characters(text):
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


@_rule(16, "X", WARNING)
def length(document, _today, _):
    """A text that is longer than the format holds is cut, and which is said here."""
    for cut in fit(document)[1]:
        yield Finding(
            "length",
            WARNING,
            _(
                "“%(text)s” is too long for a DTE and is cut to “%(kept)s”. Shorten it "
                "if that does not say enough.",
                text=cut.text,
                kept=cut.kept,
            ),
            _TARGETS.get(cut.part, REFERENCE),
            cut.field,
            cut.number if cut.part is Detalle else None,
        )


_TARGETS = {
    Emisor: EMISOR,
    Receptor: RECEPTOR,
    Detalle: LINE,
    DscRcgGlobal: DOCUMENT,
}


def _texts(document):
    emisor, receptor = document.Emisor, document.Receptor
    for part, target, fields in (
        (emisor, EMISOR, ("RznSoc", "GiroEmis", "DirOrigen", "CmnaOrigen")),
        (emisor, COMPANY, ("CiudadOrigen",)),
        (receptor, RECEPTOR, ("RznSocRecep", "GiroRecep", "DirRecep", "CmnaRecep")),
        (receptor, RECEPTOR, ("CiudadRecep",)),
    ):
        for field in fields:
            yield getattr(part, field), target, field, None
    for line in document.Detalle:
        yield line.NmbItem, LINE, "NmbItem", line.NroLinDet
        if line.DscItem:
            yield line.DscItem, LINE, "DscItem", line.NroLinDet
        yield line.UnmdItem, LINE, "UnmdItem", line.NroLinDet
    for discount in document.DscRcgGlobal:
        yield discount.GlosaDR, DOCUMENT, "GlosaDR", None
    for each in document.Referencia:
        yield each.FolioRef, REFERENCE, "FolioRef", None
        yield each.RazonRef, REFERENCE, "RazonRef", None


def _pesos(amount):
    return f"{amount:,}".replace(",", ".")


def _short(number):
    return f"{number:.2f}".rstrip("0").rstrip(".")
