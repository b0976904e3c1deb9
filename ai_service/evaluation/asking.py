# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the service is told of a document: the request that the contract describes."""

import json
import statistics
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from ..rules.past import key_of
from .company import Company, Document

MAX_ROWS = 100
MAX_CHARACTERS = 99_000
# How long what others paid is worth something.
OTHERS_DAYS = 120


def request(
    company: Company, document: Document, today: date, context: bool = True
) -> dict[str, Any]:
    """The body of ``POST /api/ai/validate``.

    :param today: when it is asked about; what was issued until then is known
    :param context: also what others pay and what a note corrects
    """
    before = [
        each
        for each in document.receiver.documents
        if each.day <= today and _is_earlier(each, document)
    ]
    body = {
        "dte_data": document.data,
        "company_id": 1,
        "history": _within(map(_row, reversed(before[-MAX_ROWS:]))),
    }
    if context:
        body["contexto"] = _context(company, document, today)
    return body


def _is_earlier(other: Document, document: Document) -> bool:
    """Whether another document was there before; a wrong one stands for the right."""
    if other.data["tipo_dte"] == document.data["tipo_dte"] or not document.corrects:
        return other.data["folio"] < document.data["folio"]
    return True


def _within(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """As many of the newest as the contract lets in."""
    kept, size = [], 0
    for row in rows:
        size += len(json.dumps(row, ensure_ascii=False)) + 2
        if size > MAX_CHARACTERS:
            break
        kept.append(row)
    return kept


def _row(document: Document) -> dict[str, Any]:
    data = document.data
    names = (
        *("tipo_dte", "folio", "fecha_emision", "monto_total", "monto_neto"),
        "documento_referencia",
    )
    line = (
        *("nombre", "cantidad", "unidad", "precio_unitario"),
        "descuento_pct",
    )
    return {
        "message": "Documento anterior",
        "error_code": "PREVIOUS_DOCUMENT",
        **{name: data[name] for name in names if name in data},
        "items": [
            {name: item[name] for name in line if name in item}
            for item in data["items"]
        ],
    }


def _context(company: Company, document: Document, today: date) -> dict[str, Any]:
    wanted = {key_of(item["nombre"])[0] for item in document.data["items"]}
    paid: dict[tuple[str, str], list[float]] = {}
    for other in company.documents:
        near = timedelta(0) < today - other.day < timedelta(OTHERS_DAYS)
        if not near or other.receiver.rut == document.data["rut_receptor"]:
            continue
        for item in other.data["items"]:
            if key_of(item["nombre"])[0] in wanted:
                paid.setdefault((item["nombre"], item["unidad"]), []).append(
                    item["precio_unitario"]
                )
    prices = [
        {
            "nombre": name,
            "unidad": unit,
            "precio_mediano": statistics.median(values),
            "precio_minimo": min(values),
            "precio_maximo": max(values),
            "documentos": len(values),
        }
        for (name, unit), values in sorted(paid.items())
    ]
    context: dict[str, Any] = {"precios": prices[:50]}
    issued = [
        each.data
        for each in company.documents
        if each.data["tipo_dte"] == document.data["tipo_dte"]
        and each.day <= today
        and each.data["folio"] < document.data["folio"]
    ]
    if issued:
        last = max(issued, key=lambda data: data["folio"])
        context["folio_anterior"] = {
            name: last[name] for name in ("folio", "fecha_emision")
        }
    if document.corrects:
        data = document.corrects.data
        context["documento_corregido"] = {
            "rut_receptor": data["rut_receptor"],
            **{
                name: data[name]
                for name in ("tipo_dte", "folio", "fecha_emision", "monto_total")
            },
            "acreditado": sum(
                note.data["monto_total"]
                for note in company.documents
                if note.corrects is document.corrects
                and note.data["folio"] != document.data["folio"]
            )
            or None,
            "items": data["items"],
        }
    return context
