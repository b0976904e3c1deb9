# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Defects of totals, taxes and payment."""

from dataclasses import replace

from clean import DAY, off, tax
from defects import INVOICES, KINDS, LONG, changes, kind, of_part
from documents import TODAY
from tools.dte.document import (
    Circumstances,
    MntPagos,
)
from tools.dte.tax_codes import WITHHELD

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
