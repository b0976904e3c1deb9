# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A DTE as immutable values, under the SII's own element names.

The names are those of the SII's "Formato Documentos Tributarios Electrónicos", so that
whoever knows the format can read the code.  Amounts are whole pesos; an absent text is
an empty string, an absent number None.  Odoo's models build a :class:`Documento`; the
rules judge it, the AI service is asked about it, and *Generate* writes it to a file.
"""

import datetime
import hashlib
import json
from dataclasses import dataclass

# What we check and generate.  Receipts (39, 41), exports (110, 111, 112), purchase
# invoices (46) and dispatch guides (52) are other documents with rules of their own.
FACTURA, FACTURA_EXENTA, NOTA_DEBITO, NOTA_CREDITO = "33", "34", "56", "61"
COVERED_TYPES = (FACTURA, FACTURA_EXENTA, NOTA_DEBITO, NOTA_CREDITO)

# Raised when the same document would be sent in another form: every digest changes,
# and no verdict that was given on the old form is taken for one on the new.
SCHEMA_VERSION = 1


@dataclass(frozen=True, slots=True)
class Emisor:
    """The company that issues the document."""

    RUTEmisor: str
    RznSoc: str
    GiroEmis: str = ""
    DirOrigen: str = ""
    CmnaOrigen: str = ""


@dataclass(frozen=True, slots=True)
class Receptor:
    """The customer."""

    RUTRecep: str
    RznSocRecep: str
    GiroRecep: str = ""
    DirRecep: str = ""
    CmnaRecep: str = ""


@dataclass(frozen=True, slots=True)
class Detalle:
    """A line. `MontoItem` is what remains after the discount, without taxes."""

    NroLinDet: int
    NmbItem: str
    QtyItem: float
    PrcItem: float
    MontoItem: int
    DscItem: str = ""
    UnmdItem: str = ""
    DescuentoPct: float = 0.0
    IndExe: bool = False


@dataclass(frozen=True, slots=True)
class DscRcgGlobal:
    """A discount on the whole document: a line cannot be negative, so it goes here."""

    NroLinDR: int
    GlosaDR: str
    ValorDR: int
    IndExeDR: bool = False


@dataclass(frozen=True, slots=True)
class ImptoReten:
    """A tax other than IVA; `MontoImp` is negative where it is withheld."""

    TipoImp: int
    TasaImp: float
    MontoImp: int


@dataclass(frozen=True, slots=True)
class Referencia:
    """Another document that this one corrects, cancels or refers to.

    `CodRef`: 1 cancels it, 2 corrects its texts, 3 corrects its amounts.
    """

    TpoDocRef: str
    FolioRef: str
    FchRef: datetime.date | None = None
    CodRef: int | None = None


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
    DscRcgGlobal: tuple[DscRcgGlobal, ...] = ()
    ImptoReten: tuple[ImptoReten, ...] = ()
    Referencia: tuple[Referencia, ...] = ()


def as_dte_data(document):
    """Return the document as the `dte_data` of the AI service's contract.

    One canonical form, since the service's cache takes `119000` and `119000.0` for two
    documents: whole numbers as int, dates as text without time, absent and zero values
    left out.  Scalars come first and lines last: an older service reads no more than
    the first 2,000 characters.

    :rtype: dict
    """
    emisor, receptor = document.Emisor, document.Receptor
    return _present(
        {
            "tipo_dte": document.TipoDTE,
            "folio": document.Folio,
            "fecha_emision": _date(document.FchEmis),
            "rut_emisor": emisor.RUTEmisor,
            "rut_receptor": receptor.RUTRecep,
            "razon_social_emisor": emisor.RznSoc,
            "razon_social_receptor": receptor.RznSocRecep,
            "giro_emisor": emisor.GiroEmis,
            "giro_receptor": receptor.GiroRecep,
            "direccion_receptor": receptor.DirRecep,
            "comuna_receptor": receptor.CmnaRecep,
            "monto_neto": document.MntNeto,
            "monto_exento": document.MntExe,
            "monto_iva": document.IVA,
            "monto_otros_impuestos": sum(tax.MontoImp for tax in document.ImptoReten),
            "monto_descuento_global": sum(
                discount.ValorDR for discount in document.DscRcgGlobal
            ),
            "monto_total": document.MntTotal,
            # The contract knows one reference; the first is the document corrected.
            "documento_referencia": next(
                (
                    _present(
                        {
                            "tipo_doc": reference.TpoDocRef,
                            "folio": reference.FolioRef,
                            "fecha": _date(reference.FchRef),
                            "codigo": reference.CodRef,
                        }
                    )
                    for reference in document.Referencia
                ),
                None,
            ),
            "items": [
                _present(
                    {
                        "numero": line.NroLinDet,
                        "nombre": line.NmbItem,
                        "descripcion": line.DscItem,
                        "cantidad": _number(line.QtyItem),
                        "unidad": line.UnmdItem,
                        "precio_unitario": _number(line.PrcItem),
                        "descuento_pct": _number(line.DescuentoPct),
                        "monto": line.MontoItem,
                        "exento": line.IndExe,
                    }
                )
                for line in document.Detalle
            ],
        }
    )


def _present(values):
    return {key: value for key, value in values.items() if value}


def _date(value):
    return value.isoformat() if value else None


def _number(value):
    """Return a number as int where it is whole, else with the SII's six decimals."""
    value = round(value, 6)
    return int(value) if value == int(value) else value


def digest(dte_data, company_id):
    """Return what identifies a document's content, as 64 hexadecimal digits.

    Two documents that the service would be asked about in the same words have the same
    digest; it is the key of the verdict and the idempotency key of the request.

    :param dict dte_data: without what posting alone assigns (the caller's part)
    """
    content = json.dumps(
        [SCHEMA_VERSION, company_id, dte_data],
        sort_keys=True,
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return hashlib.sha256(content.encode()).hexdigest()
