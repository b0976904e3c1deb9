# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""422 in FastAPI's shape, with messages that a client can show to its user."""

from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

MAX_DETAILS = 50
# Clients know by it that a message is meant for people (contract, "422").
PREFIX = "Value error, "

# Formatted with pydantic's own context. What is not here gets _FALLBACK.
_SPANISH = {
    "missing": "falta este campo obligatorio",
    "greater_than": "debe ser mayor que {gt}",
    "greater_than_equal": "debe ser mayor o igual que {ge}",
    "less_than_equal": "debe ser menor o igual que {le}",
    "too_long": "tiene {actual_length} entradas y se admiten {max_length}",
    "list_type": "debe ser una lista",
    "string_type": "debe ser un texto",
}
# How an accountant calls the fields that she can mend; `loc` has the exact path.
_LABELS = {
    "el cuerpo": "el cuerpo",
    "tipo_dte": "Tipo de documento",
    "folio": "Folio",
    "fecha_emision": "Fecha de emisión",
    "rut_emisor": "RUT del emisor",
    "rut_receptor": "RUT del receptor",
    "monto_neto": "Monto neto",
    "monto_exento": "Monto exento",
    "monto_iva": "IVA",
    "monto_total": "Monto total",
}
_NUMBER = "debe ser un número"
_OBJECT = "debe ser un objeto JSON"
_FALLBACK = "el valor no es válido"


async def unprocessable(request: Request, error: RequestValidationError) -> Any:
    """Answer 422. What the client sent is echoed to it, and never logged."""
    details = [_detail(raw) for raw in error.errors()[:MAX_DETAILS]]
    return JSONResponse({"detail": details}, 422)


def _detail(raw: dict[str, Any]) -> dict[str, Any]:
    detail = {
        "type": raw["type"],
        "loc": list(raw["loc"]),
        "msg": PREFIX + _message(raw),
        "input": _echo(raw.get("input")),
    }
    if context := raw.get("ctx"):
        # It may hold exceptions and decimals, which JSON does not know.
        detail["ctx"] = {key: str(value) for key, value in context.items()}
    return detail


def _message(raw: dict[str, Any]) -> str:
    kind = raw["type"]
    if kind == "json_invalid":
        return f"el cuerpo no es JSON válido ({raw['ctx']['error']})"
    path = [str(part) for part in raw["loc"][1:]]
    field = _LABELS.get(path[-1] if path else "el cuerpo", ".".join(path))
    if kind == "value_error":
        text = raw["msg"].removeprefix(PREFIX)
    elif kind in _SPANISH:
        text = _SPANISH[kind].format(**raw.get("ctx", {}))
    elif kind.startswith(("int_", "float_")):
        text = _NUMBER
    elif kind.startswith(("dict_", "model_")):
        text = _OBJECT
    else:
        text = _FALLBACK
    if kind == "greater_than" and path[-1].startswith("monto_"):
        text += "; un monto en cero se omite"
    return f"{field}: {text}"


def _echo(value: Any) -> Any:
    # A body of another content type arrives as bytes.
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
