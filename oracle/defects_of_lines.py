# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Defects of parties, heading and lines."""

import datetime
from dataclasses import replace

from clean import DAY
from defects import (
    INVOICES,
    LONG,
    WITH_DESTINATION,
    changes,
    kind,
    of_part,
)
from documents import TODAY
from tools.dte.document import (
    EXEMPT,
    CdgItem,
)

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
