# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Invented documents of invented firms; the RUTs have valid check digits."""

import copy
from datetime import date, timedelta
from typing import Any

TODAY = date(2026, 11, 20)


def days_ago(days: int, today: date = TODAY) -> str:
    return (today - timedelta(days=days)).isoformat()


def invoice(**changes: Any) -> dict[str, Any]:
    """A clean type 33 with a discount, an affected and an exempt line."""
    document = {
        "tipo_dte": "33",
        "folio": 1043,
        "fecha_emision": TODAY.isoformat(),
        "rut_emisor": "76418953-1",
        "rut_receptor": "77801246-4",
        "razon_social_emisor": "Ferretería Los Boldos SpA",
        "razon_social_receptor": "Constructora Ñandú y Cía. Ltda.",
        "giro_emisor": "Venta al por menor de artículos de ferretería",
        "giro_receptor": "Construcción de obras menores",
        "direccion_receptor": "Av. Concha y Toro 1540",
        "comuna_receptor": "Puente Alto",
        "monto_neto": 215055,
        "monto_exento": 30000,
        "monto_iva": 40860,
        "monto_total": 285915,
        "items": [
            {
                "numero": 1,
                "nombre": "Taladro percutor 13 mm",
                "cantidad": 2,
                "unidad": "UN",
                "precio_unitario": 89990,
                "descuento_pct": 10,
                "monto": 161982,
            },
            {
                "numero": 2,
                "nombre": "Cemento 25 kg",
                "descripcion": "Saco\nGrado corriente",
                "cantidad": 12.5,
                "unidad": "KG",
                "precio_unitario": 4245.8,
                "monto": 53073,
            },
            {"numero": 3, "nombre": "Curso de prevención", "monto": 30000},
        ],
    }
    return _changed(document, changes)


def exempt_invoice(**changes: Any) -> dict[str, Any]:
    """A clean type 34."""
    document = invoice(
        tipo_dte="34",
        monto_neto=None,
        monto_iva=None,
        monto_exento=30000,
        monto_total=30000,
        items=[{"numero": 1, "nombre": "Curso de prevención", "monto": 30000}],
    )
    return _changed(document, changes)


def credit_note(**changes: Any) -> dict[str, Any]:
    """A clean type 61 that annuls an invoice."""
    document = invoice(
        tipo_dte="61",
        documento_referencia={
            "tipo_doc": "33",
            "folio": 1021,
            "fecha": days_ago(20),
            "codigo": 1,
        },
    )
    return _changed(document, changes)


def text_correction(**changes: Any) -> dict[str, Any]:
    """A clean type 61 that corrects a text: it has no amounts."""
    document = credit_note(
        monto_neto=None,
        monto_exento=None,
        monto_iva=None,
        monto_total=None,
        items=[{"nombre": "Donde dice Ñunoa debe decir Ñuñoa", "monto": 0}],
    )
    document["documento_referencia"]["codigo"] = "2"
    return _changed(document, changes)


def purchase_invoice(**changes: Any) -> dict[str, Any]:
    """A clean type 46: the buyer withholds the IVA."""
    return _changed(invoice(tipo_dte="46", monto_total=245055), changes)


def receipt(**changes: Any) -> dict[str, Any]:
    """A clean type 39: a final consumer, lines with IVA."""
    document = invoice(
        tipo_dte="39",
        rut_receptor="66666666-6",
        razon_social_receptor=None,
        monto_neto=10000,
        monto_exento=None,
        monto_iva=1900,
        monto_total=11900,
        items=[{"nombre": "Brocha", "cantidad": 1, "monto": 11900}],
    )
    return _changed(document, changes)


def export_invoice(**changes: Any) -> dict[str, Any]:
    """A clean type 110, in dollars."""
    document = invoice(
        tipo_dte="110",
        rut_receptor="55555555-5",
        razon_social_receptor="Harbor Tools Inc.",
        monto_neto=None,
        monto_iva=None,
        monto_exento=1250.5,
        monto_total=1250.5,
        items=[{"nombre": "Servicio de diseño", "monto": 1250.5}],
    )
    return _changed(document, changes)


def with_line(position: int = 0, **changes: Any) -> dict[str, Any]:
    """The clean invoice with one line changed."""
    document = invoice()
    document["items"][position] = _changed(document["items"][position], changes)
    return document


def with_reference(**changes: Any) -> dict[str, Any]:
    """The clean credit note with its reference changed."""
    document = credit_note()
    reference = document["documento_referencia"]
    document["documento_referencia"] = _changed(reference, changes)
    return document


def previous(
    total: float, days: int = 30, code: str = "33", **more: Any
) -> dict[str, Any]:
    """A history entry, as the addon sends it, and what more it may tell."""
    return {
        "message": "Documento anterior",
        "error_code": "PREVIOUS_DOCUMENT",
        "tipo_dte": code,
        "fecha_emision": days_ago(days),
        "monto_total": total,
        **more,
    }


def _changed(values: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """A copy with changes; None takes a key out, as a client would."""
    merged = copy.deepcopy(values) | changes
    return {key: value for key, value in merged.items() if value is not None}
