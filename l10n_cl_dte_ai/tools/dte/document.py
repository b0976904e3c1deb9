# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A DTE as immutable values, under the SII's own element names.

The names are those of the SII's "Formato Documentos Tributarios Electrónicos", so that
whoever knows the format can read the code.  Amounts are whole pesos; an absent text is
an empty string, an absent number None.  Odoo's models build a :class:`Documento` with
all that it says; `rules` judge it, the AI service is asked about its `payload`, `texts`
cuts it to what the format holds, and `xml` writes that to a file.
"""

import datetime
from dataclasses import dataclass, field

FACTURA, FACTURA_EXENTA, NOTA_DEBITO, NOTA_CREDITO = "33", "34", "56", "61"
FACTURA_COMPRA, GUIA = "46", "52"
NOTES = (NOTA_DEBITO, NOTA_CREDITO)
# What is built from Odoo's invoices.
COVERED_TYPES = (
    FACTURA,
    FACTURA_EXENTA,
    FACTURA_COMPRA,
    NOTA_DEBITO,
    NOTA_CREDITO,
)
# What rules and XML know. Receipts (39, 41) and exports (110, 111, 112) are documents
# of other forms.
KNOWN_TYPES = (*COVERED_TYPES, GUIA)

# `Detalle.IndExe`, and that of a discount: what is not subject to IVA, or not invoiced
# by this document at all.
EXEMPT, NOT_INVOICED = 1, 2
DISCOUNT, SURCHARGE = "D", "R"  # `DscRcgGlobal.TpoMov`
# `Referencia.CodRef`
CANCELS, CORRECTS_TEXT, CORRECTS_AMOUNT = 1, 2, 3

MICRO = 10**6  # quantities and prices have six decimals


@dataclass(frozen=True, slots=True)
class Emisor:
    """The company that issues the document."""

    RUTEmisor: str
    RznSoc: str
    GiroEmis: str = ""
    Acteco: tuple[str, ...] = ()
    Sucursal: str = ""
    CdgSIISucur: int | None = None
    DirOrigen: str = ""
    CmnaOrigen: str = ""
    CiudadOrigen: str = ""


@dataclass(frozen=True, slots=True)
class Receptor:
    """The customer."""

    RUTRecep: str
    RznSocRecep: str
    GiroRecep: str = ""
    DirRecep: str = ""
    CmnaRecep: str = ""
    CiudadRecep: str = ""
    # Not in the document, and None where nobody says: the code of the country, the
    # taxpayer's type of Odoo, and whether it is a RUT by which the receiver is known.
    country: str | None = field(default=None, compare=False)
    taxpayer: str | None = field(default=None, compare=False)
    has_rut: bool | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class CdgItem:
    """A code of what is invoiced: the seller's own (INT1), a barcode (EAN13), ..."""

    TpoCodigo: str
    VlrCodigo: str


@dataclass(frozen=True, slots=True)
class OtrMnda:
    """What a line says in the currency in which the parties agreed on it.

    `FctConv` is how many pesos one of `Moneda` is worth, which is a code of three
    letters.
    """

    PrcOtrMon: float
    Moneda: str
    FctConv: float = 0.0
    DctoOtrMnda: float = 0.0
    RecargoOtrMnda: float = 0.0
    MontoItemOtrMnda: float = 0.0


@dataclass(frozen=True, slots=True)
class Detalle:
    """A line. `MontoItem` is what remains after the discount, without taxes.

    `IndExe` is 0, or says why there is no IVA: :data:`EXEMPT`, :data:`NOT_INVOICED`.
    """

    NroLinDet: int
    NmbItem: str
    QtyItem: float
    PrcItem: float
    MontoItem: int
    DscItem: str = ""
    UnmdItem: str = ""
    DescuentoPct: float = 0.0
    DescuentoMonto: int = 0
    RecargoPct: float = 0.0
    RecargoMonto: int = 0
    CodImpAdic: tuple[int, ...] = ()
    IndExe: int = 0
    CdgItem: tuple[CdgItem, ...] = ()
    OtrMnda: "OtrMnda | None" = None


@dataclass(frozen=True, slots=True)
class DscRcgGlobal:
    """A discount (or surcharge) on the whole document.

    A line cannot be negative, so it goes here. `ValorDR` is in pesos, or a percentage
    where `TpoValor` says so, which is not what Odoo's invoices give: nor do they give a
    surcharge, for a line that adds to the others is a line.
    """

    NroLinDR: int
    GlosaDR: str
    ValorDR: float
    IndExeDR: int = 0
    TpoMov: str = DISCOUNT
    TpoValor: str = "$"

    def change(self, amount):
        """Return by how many pesos it changes a sum of lines: negative of a discount.

        :param int amount: what the lines add up to that it is meant for
        """
        value = self.ValorDR
        if self.TpoValor == "%":
            value = round(amount * value / 100 + 1e-9)
        return value if self.TpoMov == SURCHARGE else -value


@dataclass(frozen=True, slots=True)
class ImptoReten:
    """A tax other than IVA; `MontoImp` is negative where it is withheld.

    `TasaImp` is 0 where the tax is no percentage. `name` is not in the document.
    """

    TipoImp: int
    TasaImp: float
    MontoImp: int
    name: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class MntPagos:
    """One payment of several, of terms in parts."""

    FchPago: datetime.date
    MntPago: int
    GlosaPagos: str = ""


@dataclass(frozen=True, slots=True)
class OtraMoneda:
    """The totals in the currency in which the parties agreed on them.

    `TpoCambio` is how many pesos one of `TpoMoneda` is worth.
    """

    TpoMoneda: str
    TpoCambio: float
    MntNetoOtrMnda: float
    MntExeOtrMnda: float
    IVAOtrMnda: float
    MntTotOtrMnda: float


@dataclass(frozen=True, slots=True)
class Known:
    """What our books say of a document of ours that another one refers to.

    :param int credited: in pesos, what other credit notes have taken off it
    :param str cancelled_by: the name of another note that cancels it
    """

    TipoDTE: str
    Folio: int
    FchEmis: datetime.date | None
    RUTRecep: str
    MntTotal: int
    credited: int = 0
    cancelled_by: str = ""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """How a document came to be: it is not in it, and rules want to know it.

    :param Known origin: the document that a note was made from
    :param int rounding: in pesos, the cash rounding that the total leaves out
    :param bool rounds_taxes: a cash rounding changes the tax, by its settings
    :param bool discounts_taxes: an early payment discount changes the tax
    """

    origin: Known | None = None
    rounding: int = 0
    rounds_taxes: bool = False
    discounts_taxes: bool = False


@dataclass(frozen=True, slots=True)
class Referencia:
    """Another document that this one corrects, cancels or refers to.

    `CodRef`: 1 cancels it, 2 corrects its texts, 3 corrects its amounts.
    """

    TpoDocRef: str
    FolioRef: str
    FchRef: datetime.date | None = None
    CodRef: int | None = None
    RazonRef: str = ""
    IndGlobal: bool = False
    # Not in the document: what our books say of the other one, where it is ours.
    known: Known | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Documento:
    """The whole document.

    `Folio` and `FchEmis` are None until posting assigns them.
    """

    TipoDTE: str
    Emisor: Emisor
    Receptor: Receptor
    Detalle: tuple[Detalle, ...]
    MntNeto: int
    MntExe: int
    IVA: int
    MntTotal: int
    Folio: int | None = None
    FchEmis: datetime.date | None = None
    FmaPago: int | None = None
    FchVenc: datetime.date | None = None
    IndTraslado: int | None = None
    MntPagos: tuple[MntPagos, ...] = ()
    TasaIVA: float = 0.0
    IVANoRet: int = 0
    MontoNF: int = 0
    OtraMoneda: "OtraMoneda | None" = None
    circumstances: Circumstances = field(default=Circumstances(), compare=False)
    DscRcgGlobal: tuple[DscRcgGlobal, ...] = ()
    ImptoReten: tuple[ImptoReten, ...] = ()
    Referencia: tuple[Referencia, ...] = ()

    @property
    def is_purchase(self):
        """Whether this is a purchase invoice (46), or a note on one."""
        return self.TipoDTE == FACTURA_COMPRA or (
            self.TipoDTE in NOTES
            and any(each.TpoDocRef == FACTURA_COMPRA for each in self.Referencia)
        )


def is_tax_document(code):
    """Tell whether a code of `TpoDocRef` is a tax document's, and not an order's.

    Folios of tax documents are numbers; orders, contracts and the like have codes from
    500 on, or letters.
    """
    return code.isdecimal() and 20 < int(code) < 500


def half_up(quantity, price):
    """Return quantity × price in pesos, half rounded up, of numbers of six decimals.

    With whole numbers: a float holds neither 0.1 nor the half of an odd price.
    """
    product = round(quantity * MICRO) * round(price * MICRO)
    return (product + MICRO * MICRO // 2) // (MICRO * MICRO)
