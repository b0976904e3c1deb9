# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Kinds of defects, and whether the rules find each in every document that can have it.

A kind takes a document in which nothing is found, and yields it with the defect, once
for each place where it can be; nothing where the document can't have it. It counts as
caught when the rules find something in all of them.
"""

import datetime
from dataclasses import replace
from typing import NamedTuple

from clean import CLEAN, DAY, ORDER, off, tax
from documents import TODAY
from tools.dte import rules
from tools.dte.document import (
    CANCELS,
    CORRECTS_TEXT,
    EXEMPT,
    CdgItem,
    Circumstances,
    MntPagos,
)
from tools.dte.tax_codes import WITHHELD

KINDS = {}
INVOICES, NOTES = ("33", "34"), ("56", "61")
WITH_DESTINATION = ("33", "34", "46", "52")
LONG = "palabra " * 200


class Result(NamedTuple):
    """How often a kind was seeded, how often it was found, and where it was not."""

    name: str
    seeded: int
    caught: int
    missed: list


def run():
    """Seed every kind in every clean document.

    :rtype: list[Result]
    """
    results = []
    for name, kind in KINDS.items():
        seeded, missed = 0, []
        for title, document in CLEAN.items():
            for mutant in kind(document):
                seeded += 1
                if not rules.check(mutant, TODAY, translate):
                    missed.append(title)
        results.append(Result(name, seeded, seeded - len(missed), missed))
    return results


def translate(text, /, **values):
    return text % values if values else text


def table(results):
    """Return the results as Markdown."""
    rows = [
        f"| {each.name} | {each.seeded} | {each.caught} | {', '.join(each.missed)} |"
        for each in results
    ]
    caught = sum(not each.missed for each in results)
    head = ["| kind | seeded | caught | missed in |", "| --- | ---: | ---: | --- |"]
    seeded, found = (sum(each[n] for each in results) for n in (1, 2))
    return "\n".join(
        [*head, *rows, "", f"{caught} of {len(results)} kinds, {found} of {seeded}."]
    )


def kind(function):
    KINDS[function.__name__.replace("_", " ")] = function
    return function


def changes(name, types=None, when=None, **values):
    """A kind that gives fields of the document other values."""

    def apply(document):
        if (not types or document.TipoDTE in types) and (not when or when(document)):
            yield replace(document, **values)

    KINDS[name] = apply


def of_part(part, name, types=None, when=None, **values):
    """A kind that gives fields of a part other values: of each where there are many."""

    def apply(document):
        if types and document.TipoDTE not in types:
            return
        found = getattr(document, part)
        many = isinstance(found, tuple)
        for index, each in enumerate(found if many else [found]):
            if when and not when(each):
                continue
            new = replace(
                each, **{k: v(each) if callable(v) else v for k, v in values.items()}
            )
            if many:
                new = (*found[:index], new, *found[index + 1 :])
            yield replace(document, **{part: new})

    KINDS[name] = apply


# === The parties ===

for part, field in (("Emisor", "RUTEmisor"), ("Receptor", "RUTRecep")):
    of_part(part, f"{field} missing", **{field: ""})
    of_part(part, f"{field} with a wrong check digit", **{field: "76202020-4"})
    of_part(part, f"{field} with dots", **{field: "76.202.020-3"})
    of_part(part, f"{field} in lower case", **{field: "76303030-k"})
for part, field in (("Emisor", "RznSoc"), ("Receptor", "RznSocRecep")):
    of_part(part, f"{field} missing", **{field: ""})
    of_part(part, f"{field} too long", **{field: LONG})
    of_part(part, f"{field} with an emoji", **{field: "Peñalmira 📦"})
of_part("Emisor", "giro missing", GiroEmis="")
of_part("Emisor", "giro too long", GiroEmis=LONG)
of_part("Emisor", "no activity code", Acteco=())
of_part("Emisor", "five activity codes", Acteco=("1", "2", "3", "4", "5"))
of_part("Emisor", "activity code of seven digits", Acteco=("1234567",))
of_part("Emisor", "no street of origin", ("33", "34", "52"), DirOrigen="")
of_part("Emisor", "no comuna of origin", ("33", "34", "52"), CmnaOrigen="")
of_part("Receptor", "receiver without giro", WITH_DESTINATION, GiroRecep="")
of_part("Receptor", "receiver's giro too long", GiroRecep=LONG)
of_part("Receptor", "receiver without street", WITH_DESTINATION, DirRecep="")
of_part("Receptor", "receiver without comuna", WITH_DESTINATION, CmnaRecep="")
of_part("Receptor", "anyone's RUT", RUTRecep="66666666-6")
changes_abroad = {"RUTRecep": "55555555-5"}
of_part("Receptor", "a foreigner's RUT", INVOICES, **changes_abroad)
in_chile = {"when": lambda each: each.RUTRecep != "55555555-5"}
of_part("Receptor", "no country", **in_chile, country="")
of_part("Receptor", "another country", **in_chile, country="AR")
of_part("Receptor", "no type of taxpayer", **in_chile, taxpayer="")
of_part("Receptor", "a foreign taxpayer", **in_chile, taxpayer="4")
of_part("Receptor", "known by a passport", **in_chile, has_rut=False)

# === The heading ===

changes("receipt", TipoDTE="39")
changes("export", TipoDTE="110")
changes("folio 0", Folio=0)
changes("folio of eleven digits", Folio=10**10)
changes("date in the future", FchEmis=TODAY + DAY)
changes("date three months ago", FchEmis=TODAY - 92 * DAY)
changes("date before 2003", FchEmis=datetime.date(2003, 3, 31))
changes("date after 2050", FchEmis=datetime.date(2051, 1, 1))
changes("no form of payment", INVOICES, FmaPago=None)
changes("form of payment 4", (*INVOICES, "46"), FmaPago=4)
dated = {"when": lambda document: document.FchEmis}
changes("due before the date", INVOICES, **dated, FmaPago=2, FchVenc=TODAY - DAY)
changes("due after 2050", INVOICES, FmaPago=2, FchVenc=datetime.date(2051, 1, 1))
changes("guide without reason", ("52",), IndTraslado=None)
changes("guide with reason 10", ("52",), IndTraslado=10)

# === The lines ===

changes("no lines", Detalle=())
of_part("Detalle", "line without name", NmbItem="")
of_part("Detalle", "line's name with an emoji", NmbItem="Caja 📦")
of_part("Detalle", "description with a control character", DscItem="a\x07b")
of_part("Detalle", "description too long", DscItem=LONG)
of_part("Detalle", "unit too long", UnmdItem="Saco de 25 kg")
priced = {"when": lambda each: each.MontoItem}
of_part("Detalle", "quantity 0", **priced, QtyItem=0.0)
of_part("Detalle", "negative quantity", **priced, QtyItem=lambda each: -each.QtyItem)
of_part("Detalle", "quantity too large", QtyItem=1e12)
of_part("Detalle", "price 0", **priced, PrcItem=0.0)
of_part("Detalle", "negative price", **priced, PrcItem=lambda each: -each.PrcItem)
of_part("Detalle", "amount a peso more", MontoItem=lambda each: each.MontoItem + 1)
of_part("Detalle", "negative amount", **priced, MontoItem=lambda each: -each.MontoItem)
of_part(
    "Detalle",
    "discount's amount left out",
    when=lambda each: each.DescuentoMonto,
    DescuentoMonto=0,
)
undiscounted = {"when": lambda each: each.MontoItem and not each.DescuentoPct}
of_part("Detalle", "discount without effect", **undiscounted, DescuentoPct=10.0)
of_part(
    "Detalle",
    "surcharge's amount left out",
    when=lambda each: each.RecargoMonto,
    RecargoMonto=0,
)
of_part(
    "Detalle", "exempt and not exempt", **priced, IndExe=lambda each: 1 - each.IndExe
)
of_part("Detalle", "not invoiced, and in the totals", **priced, IndExe=2)
of_part("Detalle", "line numbered 61", NroLinDet=61)
of_part("Detalle", "code of a product too long", CdgItem=(CdgItem("INT1", "x" * 36),))
with_tax = {"when": lambda each: each.CodImpAdic}
of_part("Detalle", "unknown code of a tax", CodImpAdic=(99,))
of_part("Detalle", "code of a tax that is not in the totals", CodImpAdic=(19,))
of_part("Detalle", "three codes of taxes", **with_tax, CodImpAdic=(17, 18, 19))


@kind
def sixty_one_lines(document):
    last = document.Detalle[-1]
    more = range(len(document.Detalle) + 1, 62)
    yield replace(
        document,
        Detalle=(*document.Detalle, *(replace(last, NroLinDet=n) for n in more)),
    )


@kind
def two_lines_of_one_number(document):
    again = document.Detalle[0]
    yield replace(document, Detalle=(*document.Detalle, again))


@kind
def code_of_a_tax_left_out_of_its_lines(document):
    if document.ImptoReten:
        lines = tuple(replace(each, CodImpAdic=()) for each in document.Detalle)
        yield replace(document, Detalle=lines)


@kind
def all_exempt_on_a_33(document):
    if document.TipoDTE == "33":
        lines = tuple(
            replace(each, IndExe=EXEMPT, CodImpAdic=()) for each in document.Detalle
        )
        amount = sum(each.MontoItem for each in lines)
        yield replace(
            document,
            Detalle=lines,
            DscRcgGlobal=(),
            ImptoReten=(),
            MntNeto=0,
            IVA=0,
            MntExe=amount,
            MntTotal=amount,
        )


@kind
def all_taxed_on_a_34(document):
    if document.TipoDTE == "34":
        lines = tuple(replace(each, IndExe=0) for each in document.Detalle)
        net = document.MntExe
        iva = (net * 19 + 50) // 100
        yield replace(
            document,
            Detalle=lines,
            MntNeto=net,
            MntExe=0,
            IVA=iva,
            TasaIVA=19.0,
            MntTotal=net + iva,
        )


# === The totals ===


def more(name, step, when=bool):
    @kind
    def apply(document, field=name):
        if when(getattr(document, field)):
            yield replace(document, **{field: getattr(document, field) + step})

    KINDS[f"{name} {'+' if step > 0 else ''}{step}"] = KINDS.pop("apply")


for field in ("MntNeto", "MntExe", "IVA", "MntTotal"):
    more(field, 1, when=lambda value: True)
    more(field, -1)
more("MontoNF", 1, when=lambda value: True)
more("IVANoRet", 1, when=lambda value: True)
more("IVANoRet", -1)


@kind
def iva_of_ten_percent(document):
    if document.MntNeto:
        iva = (document.MntNeto * 10 + 50) // 100
        total = document.MntTotal - document.IVA + iva
        yield replace(document, IVA=iva, MntTotal=total)


@kind
def no_iva(document):
    if document.IVA:
        yield replace(document, IVA=0, MntTotal=document.MntTotal - document.IVA)


changes("rate of IVA 18", when=lambda document: document.IVA, TasaIVA=18.0)
changes("total of 0", when=lambda document: document.MntTotal, MntTotal=0)
of_part(
    "ImptoReten",
    "tax with another sign",
    when=lambda each: each.MontoImp,
    MontoImp=lambda each: -each.MontoImp,
)
of_part("ImptoReten", "tax of 0", when=lambda each: each.MontoImp, MontoImp=0)
of_part("ImptoReten", "tax above 100 percent", TasaImp=103.5)
of_part(
    "ImptoReten",
    "tax of another rate",
    when=lambda each: each.TasaImp,
    TasaImp=lambda each: each.TasaImp + 1,
)
of_part("ImptoReten", "tax with an unknown code", TipoImp=99)
of_part(
    "ImptoReten",
    "tax of half its amount",
    when=lambda each: each.TasaImp,
    MontoImp=lambda each: each.MontoImp // 2,
)


@kind
def tax_left_out_of_the_totals(document):
    for each in document.ImptoReten:
        rest = tuple(other for other in document.ImptoReten if other != each)
        total = document.MntTotal - each.MontoImp
        yield replace(document, ImptoReten=rest, MntTotal=total)


@kind
def tax_of_another_type_of_document(document):
    is_purchase = document.is_purchase
    other = tax(27, 10.0, 10_000) if is_purchase else tax(15, 19.0, -19_000)
    line = document.Detalle[0]
    if document.TipoDTE == "52" or line.MontoItem != 100_000 or line.IndExe:
        return
    line = replace(line, CodImpAdic=(*line.CodImpAdic, other.TipoImp))
    yield replace(
        document,
        Detalle=(line, *document.Detalle[1:]),
        ImptoReten=(*document.ImptoReten, other),
        MntTotal=document.MntTotal + other.MontoImp,
    )


@kind
def code_of_beer_with_the_rate_of_soft_drinks(document):
    """As Odoo's own “18% ILA”."""
    for index, each in enumerate(document.ImptoReten):
        if each.TasaImp and each.TipoImp not in WITHHELD:
            wrong = replace(each, TipoImp=26)
            lines = tuple(
                replace(
                    line,
                    CodImpAdic=tuple(
                        26 if code == each.TipoImp else code for code in line.CodImpAdic
                    ),
                )
                for line in document.Detalle
            )
            taxes = (
                *document.ImptoReten[:index],
                wrong,
                *document.ImptoReten[index + 1 :],
            )
            yield replace(document, Detalle=lines, ImptoReten=taxes)


@kind
def twenty_one_discounts(document):
    if not document.DscRcgGlobal and document.MntNeto > 100:
        discounts = tuple(off(1, number) for number in range(1, 22))
        yield replace(document, DscRcgGlobal=discounts)


of_part("DscRcgGlobal", "discount a peso more", ValorDR=lambda each: each.ValorDR + 1)
of_part("DscRcgGlobal", "discount's text too long", GlosaDR=LONG)
of_part("DscRcgGlobal", "discount's text with an emoji", GlosaDR="📦")
of_part("DscRcgGlobal", "discount of the other kind", IndExeDR=lambda e: 1 - e.IndExeDR)
of_part("DscRcgGlobal", "discount taken for a surcharge", TpoMov="R")
of_part("DscRcgGlobal", "discount numbered 7", NroLinDR=7)
changes("rounded for cash", circumstances=Circumstances(rounding=5))
changes("IVA rounded for cash", circumstances=Circumstances(rounds_taxes=True))
changes("IVA lowered early", circumstances=Circumstances(discounts_taxes=True))
of_part("MntPagos", "payment a peso more", MntPago=lambda each: each.MntPago + 1)
of_part("MntPagos", "payment before the date", FchPago=TODAY - DAY)
of_part("MntPagos", "payment of 0", MntPago=0)
changes("31 payments", INVOICES, FmaPago=2, MntPagos=(MntPagos(TODAY, 1),) * 31)


@kind
def currency_without_name(document):
    if other := document.OtraMoneda:
        yield replace(document, OtraMoneda=replace(other, TpoMoneda="USD"))


@kind
def another_exchange_rate(document):
    if other := document.OtraMoneda:
        for rate in (other.TpoCambio * 1.1, other.TpoCambio / 2, 0.0):
            yield replace(document, OtraMoneda=replace(other, TpoCambio=rate))


@kind
def another_total_in_the_other_currency(document):
    if other := document.OtraMoneda:
        total = other.MntTotOtrMnda * 1.1
        yield replace(document, OtraMoneda=replace(other, MntTotOtrMnda=total))


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
