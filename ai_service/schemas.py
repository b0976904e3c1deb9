# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What goes over the wire: requests, answers and errors.

Field errors are what makes a request unusable (422). What is merely wrong with the
document is not a field error: the rules judge it, so that the accountant gets all of
it at once. Texts are Spanish because clients show them to their users.
"""

import json
import re
from datetime import date, timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from . import clock

DOCUMENT_TYPES = (33, 34, 39, 41, 43, 46, 52, 56, 61, 110, 111, 112)
# What a note can correct: also paper, settlements of invoices and exports.
TAX_DOCUMENTS = frozenset(
    map(
        str,
        (
            *(30, 32, 33, 34, 35, 38, 39, 40, 41, 43, 45, 46),
            *(52, 55, 56, 60, 61, 103, 110, 111, 112),
        ),
    )
)
MAX_HISTORY_ENTRIES = 100
MAX_HISTORY_CHARACTERS = 100_000
# Far above any real amount, and low enough that a product of three is exact.
MAX_NUMBER = 10**15


def _document_type(value: Any) -> int:
    if isinstance(value, (str, int)) and not isinstance(value, bool):
        text = str(value).strip()
        if text in {str(code) for code in DOCUMENT_TYPES}:
            return int(text)
    known = ", ".join(str(code) for code in DOCUMENT_TYPES)
    raise ValueError(f"debe ser uno de {known}")


def _calendar_date(value: Any) -> Any:
    if value is None or isinstance(value, date):
        return value
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError(
        "debe ser una fecha que existe, como AAAA-MM-DD, sin hora ni zona horaria"
    )


def _number(value: Any) -> Decimal:
    # A text is accepted where a JSON number is meant, but not what Decimal makes of
    # "1e-999999": writing that out would take a megabyte.
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_number or re.fullmatch(r"-?[0-9]{1,16}(\.[0-9]{1,12})?", str(value)):
        return Decimal(str(value))
    raise ValueError("debe ser un número")


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):  # Python takes it for 0 or 1.
        raise ValueError("debe ser un número")
    return value


DocumentType = Annotated[
    int,
    BeforeValidator(_document_type),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "enum": [str(code) for code in DOCUMENT_TYPES]},
                {"type": "integer", "enum": list(DOCUMENT_TYPES)},
            ],
            "description": "Código del SII, como texto o número.",
        }
    ),
]
CalendarDate = Annotated[
    date,
    BeforeValidator(_calendar_date),
    WithJsonSchema({"type": "string", "format": "date"}),
]
Integer = Annotated[int, BeforeValidator(_no_boolean)]
Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True),
    # A number is taken for its text: clients send a folio either way.
    WithJsonSchema({"type": ["string", "number"]}),
]
Number = Annotated[
    Decimal,
    BeforeValidator(_number),
    Field(ge=-MAX_NUMBER, le=MAX_NUMBER),
    WithJsonSchema({"type": "number", "minimum": -MAX_NUMBER, "maximum": MAX_NUMBER}),
]
Amount = Annotated[
    Decimal,
    BeforeValidator(_number),
    Field(gt=0, le=MAX_NUMBER),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": MAX_NUMBER}),
]


def _or_null(schema: dict[str, Any]) -> None:
    """Say of a list in the OpenAPI document that null stands for an empty one."""
    schema["type"] = ["array", "null"]


class _Received(BaseModel):
    # What we do not know is accepted and ignored: a client may be newer than we are.
    model_config = ConfigDict(
        extra="allow",
        frozen=True,
        coerce_numbers_to_str=True,
        hide_input_in_errors=True,
    )


class Item(_Received):
    """Una línea de detalle."""

    numero: Integer | None = None
    nombre: Text | None = None
    descripcion: Text | None = None
    cantidad: Number | None = None
    unidad: Text | None = None
    precio_unitario: Number | None = None
    descuento_pct: Number | None = None
    monto: Number | None = None


class Reference(_Received):
    """Un documento al que otro se refiere."""

    tipo_doc: Text | None = None
    folio: Text | None = None
    fecha: CalendarDate | None = None
    codigo: Text | None = Field(
        None, description="1 anula, 2 corrige texto, 3 corrige montos."
    )
    razon: Text | None = None

    @property
    def is_tax_document(self) -> bool:
        """Whether it names a tax document, and no order, contract or test set."""
        return self.tipo_doc in TAX_DOCUMENTS


class Price(_Received):
    """Lo que otros receptores pagaron hace poco por un ítem del documento."""

    nombre: Text
    unidad: Text | None = None
    precio_mediano: Amount
    precio_minimo: Amount | None = None
    precio_maximo: Amount | None = None
    documentos: Integer = Field(1, ge=1)


class Corrected(_Received):
    """El documento que una nota corrige, como se emitió."""

    tipo_dte: DocumentType
    folio: Text | None = None
    fecha_emision: CalendarDate | None = None
    rut_receptor: Text | None = None
    monto_neto: Amount | None = None
    monto_total: Amount
    acreditado: Number | None = Field(
        None,
        description="Total de otras notas de crédito sobre él, menos las de débito.",
    )
    items: list[Item] = Field([], json_schema_extra=_or_null)

    @field_validator("items", mode="before")
    @classmethod
    def _null_is_empty(cls, value: Any) -> Any:
        return [] if value is None else value


class LastIssued(_Received):
    """El último documento del mismo tipo que emitió la empresa, a quien fuera."""

    folio: Integer = Field(gt=0)
    fecha_emision: CalendarDate | None = None


class Decision(_Received):
    """Un hallazgo que una persona ya revisó para este receptor, como se le entregó."""

    key: Text
    value: Number | None = None
    message: Text | None = Field(
        None, description="El texto que se revisó; sólo lo lee un modelo de lenguaje."
    )


class Context(_Received):
    """Lo que hace valer más una opinión. Todo es opcional."""

    precios: list[Price] = Field([], max_length=200)
    documento_corregido: Corrected | None = None
    folio_anterior: LastIssued | None = None
    decisiones: list[Decision] = Field([], max_length=500)


class DteData(_Received):
    """El documento. Una clave sin valor se omite; un monto 0 también."""

    tipo_dte: DocumentType
    folio: Integer | Text | None = None
    fecha_emision: CalendarDate | None = Field(
        None, description="AAAA-MM-DD; se omite en un borrador sin fecha."
    )
    rut_emisor: Text | None = None
    rut_receptor: Text | None = None
    razon_social_emisor: Text | None = None
    razon_social_receptor: Text | None = None
    giro_emisor: Text | None = None
    giro_receptor: Text | None = None
    direccion_receptor: Text | None = None
    comuna_receptor: Text | None = None
    monto_neto: Amount | None = None
    monto_exento: Amount | None = None
    monto_iva: Amount | None = None
    monto_otros_impuestos: Number | None = Field(
        None, description="Impuestos adicionales menos retenciones."
    )
    monto_descuento_global: Number | None = Field(
        None, description="Descuentos globales menos recargos globales."
    )
    monto_total: Amount | None = None
    items: list[Item] = Field([], json_schema_extra=_or_null)
    documento_referencia: Reference | None = Field(
        None, description="El documento tributario que una nota corrige."
    )
    referencias: list[Reference] = Field(
        [],
        max_length=100,
        json_schema_extra=_or_null,
        description="Todas, también órdenes de compra y otras.",
    )

    @property
    def corrected(self) -> Reference | None:
        """The reference to the tax document that a note corrects.

        The one so named; or of all references the tax document, with its code rather
        than without: an order or a test set may stand before it.
        """
        named = self.documento_referencia
        if named and named.is_tax_document and named.codigo:
            return named
        taxed = [each for each in self.referencias if each.is_tax_document]
        return next((each for each in taxed if each.codigo), next(iter(taxed), named))

    @model_validator(mode="before")
    @classmethod
    def _some_have_zeros(cls, value: Any) -> Any:
        """A note that corrects a text has no amounts, and a client may say so; nor has
        one that cancels it, or a guide that sells nothing.
        """
        if not isinstance(value, dict) or not _may_be_of_zero(value):
            return value
        return {
            key: amount
            for key, amount in value.items()
            if not (key.startswith("monto_") and amount == 0)
        }

    @field_validator("fecha_emision")
    @classmethod
    def _is_not_in_the_future(cls, value: date | None) -> date | None:
        # One day is allowed: the client's clock may be ahead of Chile's. What is left
        # of the future is a finding of the rules.
        if value is not None and value > clock.today() + timedelta(days=1):
            raise ValueError(
                f"el {value:%d-%m-%Y} está en el futuro; corrija la fecha del documento"
            )
        return value

    @field_validator("items", "referencias", mode="before")
    @classmethod
    def _null_is_empty(cls, value: Any) -> Any:
        return [] if value is None else value


def _may_be_of_zero(document: dict[str, Any]) -> bool:
    references = document.get("referencias")
    listed = references if isinstance(references, list) else []
    return str(document.get("tipo_dte")) == "52" or any(
        isinstance(each, dict)
        and (
            str(each.get("codigo")) == "2"
            or (
                str(each.get("codigo")) == "1"
                and str(each.get("tipo_doc")) in ("56", "61", "111", "112")
            )
        )
        for each in (document.get("documento_referencia"), *listed)
    )


_EXAMPLE = {
    "dte_data": {
        "tipo_dte": "33",
        "folio": 1043,
        "rut_emisor": "76192083-9",
        "rut_receptor": "77345610-0",
        "razon_social_emisor": "Ferretería Los Boldos SpA",
        "razon_social_receptor": "Constructora Río Maipo Ltda.",
        "giro_emisor": "Venta de artículos de ferretería",
        "giro_receptor": "Construcción de obras menores",
        "direccion_receptor": "Av. Concha y Toro 1540",
        "comuna_receptor": "Puente Alto",
        "monto_neto": 100000,
        "monto_iva": 19000,
        "monto_total": 119000,
        "items": [
            {
                "numero": 1,
                "nombre": "Taladro percutor 13 mm",
                "cantidad": 2,
                "unidad": "UN",
                "precio_unitario": 50000,
                "monto": 100000,
            }
        ],
    },
    "company_id": 1,
    "history": [
        {
            "message": "Factura 1021 por $ 95.200",
            "error_code": "PREVIOUS_DOCUMENT",
            "tipo_dte": "33",
            "fecha_emision": "2026-10-05",
            "monto_total": 95200,
        }
    ],
}


class ValidationRequest(_Received):
    """Lo que se pregunta: un documento, su empresa y los documentos anteriores."""

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    dte_data: DteData
    company_id: Integer = Field(gt=0)
    contexto: Context | None = None
    history: list[Any] = Field(
        [],
        max_length=MAX_HISTORY_ENTRIES,
        json_schema_extra=_or_null,
        description=(
            "Documentos anteriores del receptor, el más nuevo primero. Se leen las"
            " entradas con monto_total; las demás se aceptan."
        ),
    )

    @field_validator("history", mode="before")
    @classmethod
    def _null_is_empty(cls, value: Any) -> Any:
        return [] if value is None else value

    @field_validator("history")
    @classmethod
    def _is_not_too_large(cls, value: list[Any]) -> list[Any]:
        if len(json.dumps(value, ensure_ascii=False)) > MAX_HISTORY_CHARACTERS:
            raise ValueError("supera los 100 kB; envíe menos entradas")
        return value


class FindingTold(BaseModel):
    """Un hallazgo que una persona puede dar por revisado."""

    key: str = Field(description="La misma mientras el hallazgo sea el mismo.")
    rule: str
    message: str = Field(description="El texto, que está también en `warnings`.")
    value: float | None = Field(
        None, description="Lo inusual: un precio, una cantidad."
    )


class Answer(BaseModel):
    """La opinión. Los cuatro primeros campos son los de siempre."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "confidence": 98.0,
                    "warnings": [],
                    "errors": [
                        "IVA: es $ 18.000 y el 19 % del neto $ 100.000 es $ 19.000."
                        " Recalcule los impuestos del documento."
                    ],
                    "recommendation": "reject",
                    "opinion": True,
                    "reason": None,
                    "findings": [],
                    "cached": False,
                    "request_id": "5f2b0c7e9a1d4c3f8e6b7a9d0c1e2f3a",
                }
            ]
        }
    )

    confidence: float = Field(
        ge=0, le=100, description="Qué tan segura es la recomendación, de 0 a 100."
    )
    warnings: list[str]
    errors: list[str]
    recommendation: Literal["send", "review", "reject"]
    opinion: bool = Field(
        description="Falso cuando no se pudo opinar; nunca acompaña a send."
    )
    reason: str | None = Field(None, description="Por qué no hubo opinión.")
    findings: list[FindingTold] = Field(
        description="Los hallazgos que piden revisión, para devolverlos en"
        " `contexto.decisiones` (`key` y `value`) una vez revisados."
    )
    cached: bool = Field(description="La respuesta ya estaba dada (15 minutos).")
    request_id: str


class Refusal(BaseModel):
    """403, 404, 405 y 413."""

    detail: str


class LimitExceeded(BaseModel):
    """429. Las cabeceras dicen cuánto esperar."""

    error: str = Field(examples=["Rate limit exceeded: 20 per 1 minute"])


class InternalError(BaseModel):
    """500. El identificador permite encontrar el caso en los registros."""

    error: str = Field(examples=["Internal server error"])
    detail: str
    request_id: str
