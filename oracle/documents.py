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


@st.composite
def documents(draw):
    flawed = draw(st.sampled_from([False, False, True]))
    codes = ["33"] * 4 + ["34", "56", "61", "46", "52"] + ["39"] * flawed
    code = draw(st.sampled_from(codes))
    emisor, receptor = draw(parties(flawed))
    lines, discounts, taxes, amounts = [], [], {}, {False: 0, True: 0}
    given = draw(
        st.lists(
            entries(flawed, code),
            min_size=int(not flawed),
            max_size=8,
        )
    )
    if not flawed and code == "33":  # with something that has IVA
        given.append(Entry(Decimal(1), Decimal(1_000), Decimal(0), False, None))
    if draw(st.integers(0, 5)) == 0:  # a discount on the whole
        given.append(Entry(Decimal(-1), Decimal(100), Decimal(0), code == "34", None))
    for entry in given:
        amount = entry.amount
        amounts[entry.is_exempt] += amount
        if amount < 0:
            discounts.append(
                DscRcgGlobal(
                    NroLinDR=len(discounts) + 1,
                    GlosaDR=draw(texts() if flawed else LATIN),
                    ValorDR=-amount,
                    IndExeDR=entry.is_exempt,
                )
            )
            continue
        tax = entry.tax if not entry.is_exempt else None
        if tax:
            part = pesos(Decimal(amount) * RATES[tax] / 100)
            if not part and not flawed:
                tax = None
            else:
                sign = -1 if tax in WITHHELD else 1
                taxes[tax] = taxes.get(tax, 0) + sign * part
        lines.append(
            Detalle(
                NroLinDet=len(lines) + 1,
                NmbItem=draw(fixed("Flete de carga", flawed, 3)),
                DscItem=draw(fixed("", flawed, 4)),
                UnmdItem=draw(
                    st.sampled_from(["", "Unidades", "kg", "Saco de 25 kg", "m²"])
                ),
                QtyItem=float(entry.quantity),
                PrcItem=float(entry.price),
                DescuentoPct=float(entry.percent),
                DescuentoMonto=max(entry.gross - amount, 0) if entry.percent else 0,
                CodImpAdic=(tax,) if tax else (),
                MontoItem=amount,
                IndExe=entry.is_exempt,
            )
        )
    net, exempt = amounts[False], amounts[True]
    iva = pesos(Decimal(net) * 19 / 100) + draw(st.sampled_from([0] * 8 + [1]))
    if code == "34" and not flawed:
        iva = 0
    today = st.just(TODAY)
    payable = code not in ("56", "61")
    return Documento(
        TipoDTE=code,
        Folio=draw(st.sampled_from([1, 4187, 10**10 - 1] + [10**10] * flawed)),
        IndTraslado=draw(st.integers(1, 9 + flawed)) if code == "52" else None,
        FchEmis=draw(
            today | st.dates(datetime.date(2003, 4, 1), datetime.date(2026, 4, 1))
        ),
        FmaPago=draw(st.sampled_from([1, 2, 2, 3])) if payable else None,
        FchVenc=draw(
            st.sampled_from([None, TODAY] + [datetime.date(2051, 1, 1)] * flawed)
        )
        if payable
        else None,
        Emisor=emisor,
        Receptor=receptor,
        Detalle=tuple(lines),
        DscRcgGlobal=tuple(discounts),
        ImptoReten=tuple(
            ImptoReten(
                TipoImp=code,
                TasaImp=0.0 if code in WITHOUT_RATE else float(RATES[code]),
                MontoImp=amount,
            )
            for code, amount in taxes.items()
        ),
        Referencia=(
            *(() if flawed or payable else (replace(REFERENCE, CodRef=3),)),
            *draw(references(flawed)),
        ),
        MntNeto=net,
        MntExe=exempt,
        TasaIVA=19.0 if net else 0.0,
        IVA=iva,
        MntTotal=net + exempt + iva + sum(taxes.values()),
        IVANoRet=max(iva + sum(taxes.values()), 0) if code == "46" else 0,
    )
