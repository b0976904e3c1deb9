# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A DTE as immutable values, under the SII's own element names.

The names are those of the SII's "Formato Documentos Tributarios Electrónicos", so that
whoever knows the format can read the code.  Amounts are whole pesos; an absent text is
an empty string, an absent number None.  Odoo's models build a :class:`Documento` with
all that it says; the rules judge it, the AI service is asked about it, :func:`fit` cuts
it to what the format holds, and `dte_xml` writes that to a file.
"""

import dataclasses
import datetime
import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass, field
from typing import NamedTuple

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

# `ImptoReten.TipoImp` that the buyer withholds: they are subtracted from the total.
# The SII's schema names those up to 41 ("IVA Retenido ..."); the others are in its
# "Formato de Información de Compras y Ventas": gold, cardboard and raspberries, and
# with a 1 behind it what is withheld in full of what is withheld in part as a rule.
WITHHELD_IN_FULL = 15
WITHHELD = frozenset(
    (WITHHELD_IN_FULL, 16, *range(30, 35), *range(36, 42), 46, 47, 48)
    + (301, 321, 331, 341, 361, 371, 481)
)

# Raised when the same document would be sent in another form: every digest changes,
# and no verdict that was given on the old form is taken for one on the new.
SCHEMA_VERSION = 1

# Names and addresses, and what is sent where the company keeps them to itself. A word and
# not nothing: what is missing is an error of the document.
NAMES = frozenset(
    (
        "razon_social_emisor",
        "razon_social_receptor",
        "direccion_receptor",
        "comuna_receptor",
    )
)
LEFT_OUT = "(omitido)"

MICRO = 10**6  # quantities and prices have six decimals
MAX_UNIT_LENGTH = 4


@dataclass(frozen=True, slots=True)
class Emisor:
    """The company that issues the document."""

    RUTEmisor: str
    RznSoc: str
    GiroEmis: str = ""
    Acteco: tuple[str, ...] = ()
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
    DescuentoMonto: int = 0
    RecargoPct: float = 0.0
    RecargoMonto: int = 0
    CodImpAdic: tuple[int, ...] = ()
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
    RazonRef: str = ""
    # Not in the document: the total of the other one, where it is known.
    total: int | None = field(default=None, compare=False)


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
    TasaIVA: float = 0.0
    DscRcgGlobal: tuple[DscRcgGlobal, ...] = ()
    ImptoReten: tuple[ImptoReten, ...] = ()
    Referencia: tuple[Referencia, ...] = ()


def half_up(quantity, price):
    """Return quantity × price in pesos, half rounded up, of numbers of six decimals.

    With whole numbers: a float holds neither 0.1 nor the half of an odd price.
    """
    product = round(quantity * MICRO) * round(price * MICRO)
    return (product + MICRO * MICRO // 2) // (MICRO * MICRO)


# === As what the AI service is asked ===


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
                        "unidad": line.UnmdItem[:MAX_UNIT_LENGTH],
                        "precio_unitario": _number(line.PrcItem),
                        "descuento_pct": _number(line.DescuentoPct - line.RecargoPct),
                        "monto": line.MontoItem,
                        "exento": line.IndExe,
                    }
                )
                for line in document.Detalle
            ],
        }
    )


def without_names(dte_data):
    """Return `dte_data` without names and addresses of those whom the document names.

    :rtype: dict
    """
    return {key: LEFT_OUT if key in NAMES else value for key, value in dte_data.items()}


def as_history_entry(code, folio, date, total, prices):
    """Return another document of the same customer, to compare this one with.

    Few decimals: it is about what is out of line, and has to be the same each time.

    :param datetime.date date: when it was issued
    :param int total: in pesos
    :param prices: (name of the item, price of one in pesos), of some of its lines
    :rtype: dict
    """
    return _present(
        {
            # A v1.2.0 service fails open on an entry without these two texts.
            "message": f"{_date(date)}: tipo {code}, folio {folio}, total {total}",
            "error_code": "PREVIOUS_DOCUMENT",
            "tipo_dte": code,
            "folio": folio,
            "fecha_emision": _date(date),
            "monto_total": total,
            "items": [
                {"nombre": name, "precio_unitario": _number(round(price, 2))}
                for name, price in prices
            ],
        }
    )


# What the contract's document says of its two parties.
PARTIES = frozenset(
    f"{name}_{party}"
    for name in ("rut", "razon_social", "giro", "direccion", "comuna")
    for party in ("emisor", "receptor")
)


def is_same_but_for_parties(one, other):
    """Tell whether two `dte_data` differ at most in what they say of the parties."""
    return all(one.get(name) == other.get(name) for name in {*one, *other} - PARTIES)


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


# === As what the format holds ===

# The longest texts that the schema allows.
LIMITS = {
    Emisor: (
        ("RznSoc", 100),
        ("GiroEmis", 80),
        ("DirOrigen", 70),
        ("CmnaOrigen", 20),
        ("CiudadOrigen", 20),
    ),
    Receptor: (
        ("RznSocRecep", 100),
        ("GiroRecep", 40),
        ("DirRecep", 70),
        ("CmnaRecep", 20),
        ("CiudadRecep", 20),
    ),
    Detalle: (("NmbItem", 80), ("DscItem", 1000), ("UnmdItem", MAX_UNIT_LENGTH)),
    DscRcgGlobal: (("GlosaDR", 45),),
    Referencia: (("FolioRef", 18), ("RazonRef", 90)),
}

# The file is ISO 8859-1, whose two ranges of control codes XML does not want.
LATIN_1 = re.compile(r"[\x20-\x7e\xa0-\xff]*")
_NOT_LATIN_1 = re.compile(r"[^\x20-\x7e\xa0-\xff]")
# What a word processor makes of plain characters says the same without it.
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′", "'"),
        **dict.fromkeys("“”„‟″", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("\t\n\r\u2002\u2003\u2007\u2008\u2009\u200a\u202f", " "),
        **dict.fromkeys("\u200b\u200c\u200d\u200e\u200f\u2060\ufe0e\ufe0f\ufeff", ""),
        "…": "...",
        "•": "-",
        "€": "EUR",
        "™": "(TM)",
        "№": "Nº",
        "ﬁ": "fi",
        "ﬂ": "fl",
    }
)


class Cut(NamedTuple):
    """A text that lost something: what it was and what remains of it."""

    part: type
    field: str
    number: int
    text: str
    kept: str


def plain(text):
    """Return a text in the characters of ISO 8859-1, as far as nothing is lost."""
    if LATIN_1.fullmatch(text):
        return text
    return unicodedata.normalize("NFC", text).translate(_PLAIN)


def odd_characters(text):
    """Return the characters of a text that a DTE cannot hold."""
    if LATIN_1.fullmatch(text):
        return ""
    return "".join(_NOT_LATIN_1.findall(plain(text)))


def fit(document):
    """Return the document as the format can hold it, and what was cut for that.

    A line's long name goes on in its description, and typographic characters become
    plain ones: nothing is lost, so these are no cuts.

    :rtype: tuple[Documento, list[Cut]]
    """
    cuts = []
    changes = {
        "Emisor": _fit(document.Emisor, 0, cuts),
        "Receptor": _fit(document.Receptor, 0, cuts),
        "Detalle": tuple(
            _fit(_spread(line), line.NroLinDet, cuts) for line in document.Detalle
        ),
    }
    for name in ("DscRcgGlobal", "Referencia"):
        parts = getattr(document, name)
        if parts:
            changes[name] = tuple(
                _fit(part, number, cuts) for number, part in enumerate(parts, start=1)
            )
    return dataclasses.replace(document, **changes), cuts


def _fit(part, number, cuts):
    kind, changes = type(part), {}
    for name, limit in LIMITS[kind]:
        text = getattr(part, name)
        if len(text) <= limit and LATIN_1.fullmatch(text):
            continue
        whole = plain(text)
        kept = changes[name] = _NOT_LATIN_1.sub(_substitute, whole)[:limit].rstrip()
        if len(whole) > limit and not (
            name == "UnmdItem" and _is_abbreviation(whole, kept)
        ):
            cuts.append(Cut(kind, name, number, text, kept))
    return dataclasses.replace(part, **changes) if changes else part


def _substitute(match):
    return "?" if match[0].isprintable() else ""


def _is_abbreviation(unit, kept):
    """“Unid” says “Unidades”; “Saco” does not say “Saco de 25 kg”."""
    return unit.isalpha() and len(kept) > 2


def _spread(line):
    """Let a long name go on in the description, whole words if possible."""
    limit = 80
    name = plain(line.NmbItem)
    if len(name) <= limit:
        return line
    end = name.rfind(" ", limit // 2, limit + 1)
    end = end if end > 0 else limit
    rest = f"{name[end:].strip()} {line.DscItem}".strip()
    return dataclasses.replace(line, NmbItem=name[:end], DscItem=rest)
