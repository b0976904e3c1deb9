# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Documents to judge: one that breaks no rule, and any that hypothesis can think of."""

import datetime
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal
from typing import NamedTuple

from hypothesis import strategies as st
from tools.dte.document import (
    EXEMPT,
    NOT_INVOICED,
    SURCHARGE,
    CdgItem,
    Detalle,
    Documento,
    DscRcgGlobal,
    Emisor,
    ImptoReten,
    MntPagos,
    OtraMoneda,
    OtrMnda,
    Receptor,
    Referencia,
)
from tools.dte.tax_codes import IN_FULL, WITHHELD

TODAY = datetime.date(2026, 3, 2)

EMISOR = Emisor(
    RUTEmisor="76101010-7",
    RznSoc="Logística Peñalmira SpA",
    GiroEmis="Transporte de carga",
    Acteco=("492300",),
    DirOrigen="Av. Los Aromos 4210",
    CmnaOrigen="Quilicura",
    CiudadOrigen="Santiago",
)
RECEPTOR = Receptor(
    RUTRecep="76202020-3",
    RznSocRecep="Viña Piedra Torcaza SpA",
    GiroRecep="Elaboración de vinos",
    DirRecep="Fundo La Torcaza",
    CmnaRecep="Santa Cruz",
)
REFERENCE = Referencia(
    TpoDocRef="33", FolioRef="41", FchRef=TODAY, CodRef=1, RazonRef="Anula"
)


def line(number=1, amount=100_000, **values):
    return Detalle(
        **{
            "NroLinDet": number,
            "NmbItem": "Flete",
            "QtyItem": 1.0,
            "PrcItem": float(amount),
            "MontoItem": amount,
            **values,
        }
    )


def document(code="33", lines=None, **values):
    """A document that breaks no rule, except through what is given."""
    if lines is None:
        lines = (line(IndExe=code == "34", **withheld(code)),)
    lines = tuple(lines)
    discounts = values.get("DscRcgGlobal", ())
    net, exempt = (
        sum(each.MontoItem for each in lines if each.IndExe == is_exempt)
        - sum(each.ValorDR for each in discounts if each.IndExeDR == is_exempt)
        for is_exempt in (False, True)
    )
    iva = pesos(Decimal(net) * 19 / 100)
    if code == "46":
        values.setdefault("ImptoReten", (withheld_iva(iva),))
        kept = sum(tax.MontoImp for tax in values["ImptoReten"])
        values.setdefault("IVANoRet", max(iva + kept, 0))
    elif code == "52":
        values.setdefault("IndTraslado", 1)
    taxes = sum(tax.MontoImp for tax in values.get("ImptoReten", ()))
    if code in ("56", "61"):
        # A debit note cancels no invoice.
        reference = replace(REFERENCE, CodRef=3 if code == "56" else 1)
        values.setdefault("Referencia", (reference,))
    else:
        values.setdefault("FmaPago", 1)
    return Documento(
        **{
            "TipoDTE": code,
            "Folio": 4187,
            "FchEmis": TODAY,
            "Emisor": EMISOR,
            "Receptor": RECEPTOR,
            "Detalle": lines,
            "MntNeto": net,
            "MntExe": exempt,
            "TasaIVA": 19.0 if net else 0.0,
            "IVA": iva,
            "MntTotal": net + exempt + iva + taxes,
            **values,
        }
    )


def full_document():
    """A document with every element that ours may have; not one that makes sense."""
    base = document(
        lines=[
            line(
                DscItem="Con todo",
                UnmdItem="Unid",
                QtyItem=2.5,
                PrcItem=44_444.444444,
                DescuentoPct=10.0,
                DescuentoMonto=11_111,
                CdgItem=(CdgItem("INT1", "FL-1"), CdgItem("EAN13", "7801234567895")),
                CodImpAdic=(27,),
                OtrMnda=OtrMnda(46.771, "USD", 950.25, 11.6928, 0.0, 105.2349),
            ),
            line(2, 10_000, PrcItem=9_000.0, RecargoPct=11.11, RecargoMonto=1_000),
            line(3, 5_000, IndExe=EXEMPT),
            line(4, 7_000, IndExe=NOT_INVOICED),
        ],
        DscRcgGlobal=(DscRcgGlobal(1, "Dcto", 1_000),),
        ImptoReten=(ImptoReten(27, 10.0, 10_000), ImptoReten(28, 0.0, 500)),
        Referencia=(
            replace(REFERENCE, IndGlobal=True),
            replace(REFERENCE, CodRef=None),
        ),
    )
    freight = DscRcgGlobal(2, "Flete", 2.5, EXEMPT, SURCHARGE, "%")
    return replace(
        base,
        DscRcgGlobal=(*base.DscRcgGlobal, freight),
        Emisor=replace(EMISOR, Sucursal="Talca", CdgSIISucur=80123456),
        Receptor=replace(RECEPTOR, CiudadRecep="Curicó"),
        FmaPago=2,
        FchVenc=TODAY,
        MntPagos=(MntPagos(TODAY, 100_000, "Pie"), MntPagos(TODAY, 30_000)),
        IVANoRet=1_000,
        MontoNF=7_000,
        OtraMoneda=OtraMoneda("DOLAR USA", 950.25, 100.5, 20.25, 19.0, 139.75),
    )


def withheld(code):
    """What a line of a purchase invoice says besides: its IVA is withheld."""
    return {"CodImpAdic": (IN_FULL,)} if code == "46" else {}


def withheld_iva(amount):
    return ImptoReten(TipoImp=IN_FULL, TasaImp=19.0, MontoImp=-amount)


def pesos(amount):
    return int(amount.quantize(Decimal(1), ROUND_HALF_UP))


# === Any document ===

TEXTS = st.one_of(
    st.sampled_from(["Flete", "Año Ñandú & Cía <S.A.>", "“Comillas” — y más…", " "]),
    st.text(max_size=30),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=120),
    st.text("abc ñ", min_size=75, max_size=1_100),
)


@st.composite
def texts(draw):
    """As Odoo's fields are read: without spaces at the ends, or two of them."""
    return " ".join(draw(TEXTS).split())


LATIN = st.text(
    st.characters(min_codepoint=33, max_codepoint=255, exclude_categories=["Cc"]),
    min_size=1,
    max_size=120,
)


def fixed(good, flawed, chance=8):
    """Mostly what is right; sometimes any text, of a flawed document without limits."""
    return st.integers(0, chance).flatmap(
        lambda number: st.just(good) if number else texts() if flawed else LATIN
    )


@st.composite
def parties(draw, flawed):
    def text(good):
        return draw(fixed(good, flawed))

    actecos = [("492300",)] * 6 + [("1", "2")]
    ruts = ["76202020-3"] * 8 + ["66666666-6", "1-9"]
    if flawed:
        actecos += [(), ("1234567",), ("x",), ("1", "2", "3", "4", "5")]
        ruts += ["76202020-K", "", "x-y", "55555555-5"]
    emisor = replace(
        EMISOR,
        RznSoc=text(EMISOR.RznSoc),
        GiroEmis=text(EMISOR.GiroEmis),
        DirOrigen=text(EMISOR.DirOrigen),
        Acteco=draw(st.sampled_from(actecos)),
    )
    receptor = replace(
        RECEPTOR,
        RUTRecep=draw(st.sampled_from(ruts)),
        RznSocRecep=text(RECEPTOR.RznSocRecep),
        GiroRecep=text(RECEPTOR.GiroRecep),
        CmnaRecep=text(RECEPTOR.CmnaRecep),
    )
    return emisor, receptor


class Entry(NamedTuple):
    """A line of an invoice as Odoo computes it; what is negative is a discount."""

    quantity: Decimal
    price: Decimal
    percent: Decimal
    is_exempt: bool
    tax: int | None

    @property
    def gross(self):
        return pesos(self.quantity * self.price)

    @property
    def amount(self):
        return pesos(self.quantity * self.price * (100 - self.percent) / 100)


@st.composite
def entries(draw, flawed, code):
    quantities = st.one_of(
        st.integers(1, 1_000).map(Decimal),
        st.decimals("0.001", 10_000, places=3),
        st.just(Decimal("0.000001")),
    )
    prices = st.one_of(
        st.integers(1, 5_000_000).map(Decimal),
        st.decimals("0.01", 100_000, places=2),
    )
    if flawed:
        quantities |= st.sampled_from([Decimal(0), Decimal(-1)])
        prices |= st.sampled_from([Decimal(0), Decimal(10) ** 12]) | st.decimals(
            -1_000, 0, places=2
        )
    return Entry(
        draw(quantities),
        draw(prices),
        draw(st.sampled_from([Decimal(0)] * 4 + [Decimal("7.5"), Decimal(100)])),
        True
        if code == "34" and not flawed
        else draw(st.sampled_from([False] * 3 + [True])),
        draw(st.sampled_from(_taxes(code) + [99, 15] * flawed)),
    )


RATES = {27: 10, 25: Decimal("20.5"), 28: Decimal("3.3"), 15: 19, 34: 4, 99: 5}
WITHOUT_RATE = (28,)


def _taxes(code):
    return [None, None, 15, 34] if code == "46" else [None] * 5 + [27, 25, 28]


def references(flawed):
    kinds, numbers = ["801", "HES"], ["41", "OC-77/A", "1" * 30, "ñ"]
    dates = [TODAY]
    if flawed:
        kinds, numbers = [*kinds, "33", "34", ""], [*numbers, ""]
        dates += [None, datetime.date(2001, 1, 1)]
    return st.lists(
        st.builds(
            Referencia,
            TpoDocRef=st.sampled_from(kinds),
            FolioRef=st.sampled_from(numbers),
            FchRef=st.sampled_from(dates),
            CodRef=st.sampled_from([1, 2, 3, None] if flawed else [None]),
            RazonRef=texts() if flawed else LATIN | st.just(""),
        ),
        max_size=2,
    )


class _Drawn:
    """What the lines of a document add up to, as they are drawn.

    :ivar amounts: in pesos, by whether exempt
    :ivar taxes: in pesos, by code; withheld ones are negative
    """

    def __init__(self, draw, flawed):
        self.draw, self.flawed = draw, flawed
        self.lines, self.discounts = [], []
        self.amounts, self.taxes = {False: 0, True: 0}, {}

    def add(self, entry):
        self.amounts[entry.is_exempt] += entry.amount
        if entry.amount < 0:
            self.discounts.append(self._discount(entry))
        else:
            self.lines.append(self._line(entry, self._taxed(entry)))

    def _discount(self, entry):
        return DscRcgGlobal(
            NroLinDR=len(self.discounts) + 1,
            GlosaDR=self.draw(texts() if self.flawed else LATIN),
            ValorDR=-entry.amount,
            IndExeDR=entry.is_exempt,
        )

    def _taxed(self, entry):
        """Add a line's further tax; return its code, None where it has none."""
        if entry.is_exempt or not entry.tax:
            return None
        part = pesos(Decimal(entry.amount) * RATES[entry.tax] / 100)
        if not part and not self.flawed:
            return None
        sign = -1 if entry.tax in WITHHELD else 1
        self.taxes[entry.tax] = self.taxes.get(entry.tax, 0) + sign * part
        return entry.tax

    def _line(self, entry, tax):
        units = ["", "Unidades", "kg", "Saco de 25 kg", "m²"]
        discount = max(entry.gross - entry.amount, 0) if entry.percent else 0
        return Detalle(
            NroLinDet=len(self.lines) + 1,
            NmbItem=self.draw(fixed("Flete de carga", self.flawed, 3)),
            DscItem=self.draw(fixed("", self.flawed, 4)),
            UnmdItem=self.draw(st.sampled_from(units)),
            QtyItem=float(entry.quantity),
            PrcItem=float(entry.price),
            DescuentoPct=float(entry.percent),
            DescuentoMonto=discount,
            CodImpAdic=(tax,) if tax else (),
            MontoItem=entry.amount,
            IndExe=entry.is_exempt,
        )

    def totals(self, code):
        """Return the amounts of a document of this type."""
        net, exempt = self.amounts[False], self.amounts[True]
        iva = pesos(Decimal(net) * 19 / 100) + self.draw(st.sampled_from([0] * 8 + [1]))
        if code == "34" and not self.flawed:
            iva = 0
        others = sum(self.taxes.values())
        return {
            "MntNeto": net,
            "MntExe": exempt,
            "TasaIVA": 19.0 if net else 0.0,
            "IVA": iva,
            "MntTotal": net + exempt + iva + others,
            "IVANoRet": max(iva + others, 0) if code == "46" else 0,
            "ImptoReten": tuple(
                ImptoReten(
                    TipoImp=tax,
                    TasaImp=0.0 if tax in WITHOUT_RATE else float(RATES[tax]),
                    MontoImp=amount,
                )
                for tax, amount in self.taxes.items()
            ),
        }


@st.composite
def payments(draw, flawed):
    """Return how a document is paid, and until when."""
    due = [None, TODAY] + [datetime.date(2051, 1, 1)] * flawed
    return {
        "FmaPago": draw(st.sampled_from([1, 2, 2, 3])),
        "FchVenc": draw(st.sampled_from(due)),
    }


@st.composite
def entries_of(draw, flawed, code):
    """Return what a document of this type is about, with a discount on the whole."""
    given = draw(st.lists(entries(flawed, code), min_size=int(not flawed), max_size=8))
    if not flawed and code == "33":  # with something that has IVA
        given.append(Entry(Decimal(1), Decimal(1_000), Decimal(0), False, None))
    if draw(st.integers(0, 5)) == 0:
        given.append(Entry(Decimal(-1), Decimal(100), Decimal(0), code == "34", None))
    return given


@st.composite
def documents(draw):
    flawed = draw(st.sampled_from([False, False, True]))
    codes = ["33"] * 4 + ["34", "56", "61", "46", "52"] + ["39"] * flawed
    code = draw(st.sampled_from(codes))
    emisor, receptor = draw(parties(flawed))
    drawn = _Drawn(draw, flawed)
    for entry in draw(entries_of(flawed, code)):
        drawn.add(entry)
    days = st.dates(datetime.date(2003, 4, 1), datetime.date(2026, 4, 1))
    is_note = code in ("56", "61")
    corrected = (replace(REFERENCE, CodRef=3),) if is_note and not flawed else ()
    return Documento(
        TipoDTE=code,
        Folio=draw(st.sampled_from([1, 4187, 10**10 - 1] + [10**10] * flawed)),
        IndTraslado=draw(st.integers(1, 9 + flawed)) if code == "52" else None,
        FchEmis=draw(st.just(TODAY) | days),
        **({} if is_note else draw(payments(flawed))),
        Emisor=emisor,
        Receptor=receptor,
        Detalle=tuple(drawn.lines),
        DscRcgGlobal=tuple(drawn.discounts),
        Referencia=(*corrected, *draw(references(flawed))),
        **drawn.totals(code),
    )
