# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Receivers with habits, and documents that break one of them and nothing else."""

import copy
from datetime import date

from ai_service.evaluation.company import add_up

from . import documents as docs

OIL = ("Aceite maravilla 900 ml", "CJ", 21990)
RICE = ("Arroz grado 1", "CJ", 11490)
SUGAR = ("Azúcar granulada", "CJ", 10890)
COFFEE = ("Café instantáneo", "CJ", 58990)
FEE = ("Asesoría contable", "UN", 180000)


def line(item, quantity, discount=0, **changes):
    name, unit, price = item
    made = {
        "nombre": name,
        "cantidad": quantity,
        "unidad": unit,
        "precio_unitario": price,
    }
    if discount:
        made["descuento_pct"] = discount
    return made | changes


def order(*lines, days=0, folio=9000, code="33", **changes):
    """A document with right sums, so many days ago."""
    document = docs.invoice(tipo_dte=code, folio=folio, items=copy.deepcopy([*lines]))
    document["fecha_emision"] = docs.days_ago(days)
    for name in ("monto_neto", "monto_exento", "monto_iva", "monto_total"):
        del document[name]
    if code == "34":
        document["monto_exento"] = 0
    add_up(document)
    return document | changes


def rows(documents):
    """The history that the documents make, the newest first."""
    kept = (
        *("tipo_dte", "folio", "fecha_emision", "monto_neto", "monto_total", "items"),
        "documento_referencia",
    )
    return [
        {name: each[name] for name in kept if name in each}
        for each in sorted(documents, key=lambda each: each["fecha_emision"])[::-1]
    ]


def weekly(count=20, start=7, code="33", **changes):
    """Each week oil, rice and sugar, never twice the same."""
    return [
        order(
            line(OIL, 10 + week % 4, **changes),
            line(RICE, 20 + week % 7, **changes),
            line(SUGAR, 15 + week % 5, **changes),
            days=start + 7 * week,
            folio=8000 - week,
            code=code,
        )
        for week in range(count)
    ]


def monthly(count=10, name=None):
    """Each month the same fee, on the 20th."""
    return [
        order(
            line(FEE, 1, nombre=name or FEE[0]),
            days=(docs.TODAY - _month_before(back)).days,
            folio=8000 - back,
        )
        for back in range(1, count + 1)
    ]


def _month_before(back):
    months = docs.TODAY.year * 12 + docs.TODAY.month - 1 - back
    return date(months // 12, months % 12 + 1, docs.TODAY.day)


def right(**changes):
    """What the weekly receiver takes next."""
    return order(line(OIL, 12), line(RICE, 24), line(SUGAR, 16), **changes)


def note(*lines, folio=8000, days=7, code="3", **changes):
    """A credit note on one of the weekly orders."""
    return order(
        *lines,
        code="61",
        folio=300,
        documento_referencia={
            "tipo_doc": "33",
            "folio": str(folio),
            "fecha": docs.days_ago(days),
            "codigo": code,
        },
        **changes,
    )


def other(**changes):
    """What is not alike to any that came before."""
    return order(line(OIL, 14), line(RICE, 28), line(SUGAR, 21), **changes)


_LAST = weekly()[0]
_YESTERDAY = copy.deepcopy(_LAST) | {"fecha_emision": docs.days_ago(1), "folio": 8001}
_SENT_TWICE = _YESTERDAY | {"fecha_emision": docs.days_ago(0), "folio": 8002}

#: (rule, words of the message, document, earlier documents, context)
UNUSUAL = [
    (
        "date_follows_the_last",
        "es anterior al último documento de este receptor (13-11-2026)",
        {k: v for k, v in other(days=20).items() if k != "folio"},
        weekly(),
        None,
    ),
    (
        "dates_follow_folios",
        "el folio anterior 8999 tiene fecha 19-11-2026 y este, 14-11-2026",
        other(days=6),
        weekly(),
        {"folio_anterior": {"folio": 8999, "fecha_emision": "2026-11-19"}},
    ),
    (
        "items_are_the_receivers",
        "2 de 3 nunca se le han vendido («Café instantáneo»…) a este receptor, que"
        " repite 3 ítems en 20 documentos en 5 meses",
        order(line(COFFEE, 3), line(("Té ceylán", "CJ", 27990), 4), line(OIL, 12)),
        weekly(),
        None,
    ),
    (
        "items_are_the_receivers",
        "«Café instantáneo» nunca se le ha vendido a este receptor",
        order(line(COFFEE, 3)),
        monthly(12),
        None,
    ),
    (
        "taxes_are_usual",
        "siempre se le factura con IVA (20 documentos en 5 meses) y aquí exento",
        right(code="34"),
        weekly(),
        None,
    ),
    (
        "taxes_are_usual",
        "siempre se le factura exento (20 documentos en 5 meses) y aquí con IVA",
        right(),
        weekly(code="34"),
        None,
    ),
    (
        "is_not_a_duplicate",
        "otro documento 33 con folio 8001 por $ 729.530, igual; sus pedidos no se"
        " repiten (21 documentos en 5 meses)",
        _SENT_TWICE,
        [*weekly(), _YESTERDAY],
        None,
    ),
    (
        "is_not_a_duplicate",
        "con folio 8000 por $ 729.530, casi con las mismas líneas",
        order(*_LAST["items"], line(COFFEE, 1), days=0),
        [*weekly(), order(line(COFFEE, 1), days=170, folio=7000)],
        None,
    ),
    (
        "is_not_a_duplicate",
        "igual; se le factura cada 30 días",
        order(line(FEE, 1)),
        [*monthly(), order(line(FEE, 1), days=8, folio=8001)],
        None,
    ),
    (
        "fee_is_billed_once",
        "«Asesoría contable»: ya se cobró el 12-11-2026 (folio 8001), y se cobra cada"
        " 30 días",
        order(line(FEE, 1), line(COFFEE, 2), line(OIL, 1)),
        [
            *monthly(),
            order(line(FEE, 1), days=8, folio=8001),
            *(
                order(line(COFFEE, 2), line(OIL, 1), days=20 + 31 * n, folio=500 + n)
                for n in range(8)
            ),
        ],
        None,
    ),
    (
        "price_is_usual",
        "«Aceite maravilla 900 ml»: suele pagar $ 21.990 (20 compras en 5 meses) y aquí"
        " $ 43.980, 2 veces lo usual",
        order(line(OIL, 12, precio_unitario=43980), line(RICE, 24), line(SUGAR, 16)),
        weekly(),
        None,
    ),
    (
        "price_is_usual",
        "aquí $ 2.199, la décima parte de lo usual",
        order(line(OIL, 12, precio_unitario=2199), line(RICE, 24), line(SUGAR, 16)),
        weekly(),
        None,
    ),
    (
        "price_has_no_vat",
        "«Aceite maravilla 900 ml» (y otras 2 líneas): suele pagar $ 21.990 (20 compras"
        " en 5 meses) y aquí $ 26.168, 1,19 veces lo usual: parece ingresado con IVA",
        order(
            *(
                line(item, much, precio_unitario=round(1.19 * item[2]))
                for item, much in ((OIL, 12), (RICE, 24), (SUGAR, 16))
            )
        ),
        weekly(),
        None,
    ),
    (
        "price_is_what_others_pay",
        "otros pagan $ 57.500 a $ 60.000 y aquí $ 589.900, 10 veces lo usual",
        order(line(OIL, 12), line(RICE, 24), line(COFFEE, 1, precio_unitario=589900)),
        weekly(),
        {
            "precios": [
                {
                    "nombre": "Café instantáneo",
                    "unidad": "CJ",
                    "precio_mediano": 58990,
                    "precio_minimo": 57500,
                    "precio_maximo": 60000,
                    "documentos": 12,
                }
            ]
        },
    ),
    (
        "discount_is_usual",
        "«Arroz grado 1»: suele tener 10 % (12 líneas en 5 meses) y aquí ninguno",
        order(line(OIL, 12, 10), line(RICE, 24), line(SUGAR, 16, 10)),
        weekly(descuento_pct=10),
        None,
    ),
    (
        "unit_is_usual",
        "siempre se vendió en CJ (20 compras en 5 meses) y aquí en UN",
        order(line(OIL, 12, unidad="UN"), line(RICE, 24), line(SUGAR, 16)),
        weekly(),
        None,
    ),
    (
        "quantity_is_usual",
        "«Aceite maravilla 900 ml»: suele comprar 10 a 13 CJ y aquí 120, 10 veces lo"
        " usual. Nunca más de 13 en 20 compras en 5 meses.",
        order(line(OIL, 120), line(RICE, 24), line(SUGAR, 16)),
        weekly(),
        None,
    ),
    (
        "quantity_is_whole",
        "siempre se vendió por enteros (20 compras en 5 meses) y aquí 12,5",
        order(line(OIL, 12.5), line(RICE, 24), line(SUGAR, 16)),
        weekly(),
        None,
    ),
    (
        "amount_is_usual",
        "suele ser $ 214.200, nunca más de $ 214.200 en 5 documentos en 5 meses, y aquí"
        " $ 2.142.000, 10 veces lo usual",
        order(line(("Asesoría legal", "UN", 1800000), 1)),
        [
            {**each, "items": []}  # As clients that send no lines.
            for each in monthly(5)
        ],
        None,
    ),
    (
        "note_corrects_the_receivers",
        "el 33 folio 7777 no está entre los 20 documentos de este receptor",
        note(line(OIL, 1), folio=7777),
        weekly(),
        None,
    ),
    (
        "note_corrects_the_receivers",
        "el folio 8000 es del 13-11-2026 y la nota dice 11-11-2026",
        note(line(OIL, 1), days=9),
        weekly(),
        None,
    ),
    (
        "note_corrects_the_receivers",
        "el folio 7777 se emitió a 76086428-5 y esta nota es para 77801246-4",
        note(line(OIL, 1), folio=7777),
        weekly(),
        {
            "documento_corregido": {
                "tipo_dte": "33",
                "folio": "7777",
                "rut_receptor": "76086428-5",
                "monto_total": 500000,
                "items": [line(OIL, 19)],
            }
        },
    ),
    (
        "note_credits_what_is_left",
        "la nota acredita $ 261.681 y el folio 8000 es de $ 729.530, ya acreditado en"
        " $ 680.000: quedan $ 49.530",
        note(line(OIL, 10)),
        weekly(),
        {
            "documento_corregido": {
                "tipo_dte": "33",
                "folio": "8000",
                "fecha_emision": docs.days_ago(7),
                "rut_receptor": "77801246-4",
                "monto_total": _LAST["monto_total"],
                "acreditado": 680000,
                "items": _LAST["items"],
            }
        },
    ),
    (
        "note_credits_what_is_left",
        "1 anula el folio 8000, de $ 729.530, y la nota es de $ 26.168",
        note(line(OIL, 1), code="1"),
        weekly(),
        None,
    ),
    (
        "note_has_lines_of_the_document",
        "«Café instantáneo» no está en el folio 8000",
        note(line(COFFEE, 1), line(OIL, 1)),
        weekly(),
        None,
    ),
    (
        "note_has_lines_of_the_document",
        "Cantidad de «Aceite maravilla 900 ml»: la nota acredita 11 y el folio 8000"
        " tiene 10",
        note(line(OIL, 11)),
        weekly(),
        None,
    ),
]

#: Documents that are as always, and a history in which that is no matter of course.
USUAL = {
    "the same order each week": (
        order(line(OIL, 10), line(RICE, 20)),
        [
            order(line(OIL, 10), line(RICE, 20), days=7 * n, folio=8000 - n)
            for n in range(1, 20)
        ],
    ),
    "the same fee each month": (order(line(FEE, 1)), monthly()),
    "the fee of the next month, named": (
        order(line(FEE, 1, nombre="Asesoría contable noviembre 2026"), days=0),
        monthly(name="Asesoría contable octubre 2026"),
    ),
    "another order each week": (right(), weekly()),
    "half of an order given back": (
        note(line(OIL, 5)),
        weekly(),
    ),
    "a rise of the whole list": (
        order(
            *(
                line(item, much, precio_unitario=round(1.09 * item[2]))
                for item, much in ((OIL, 12), (RICE, 24), (SUGAR, 16))
            )
        ),
        weekly(),
    ),
    "a promotion": (
        order(line(OIL, 12, precio_unitario=16490), line(RICE, 24), line(SUGAR, 16)),
        weekly(),
    ),
    "the discount within the price": (
        order(
            *(
                line(item, much, precio_unitario=item[2] * 0.9)
                for item, much in ((OIL, 12), (RICE, 24), (SUGAR, 16))
            )
        ),
        weekly(descuento_pct=10),
    ),
    "twice as much before a holiday": (
        order(line(OIL, 24), line(RICE, 47), line(SUGAR, 33)),
        weekly(),
    ),
    "a first document": (right(), []),
    "one new item among the usual ones": (
        order(line(OIL, 12), line(RICE, 24), line(COFFEE, 1)),
        weekly(),
    ),
    "an order two days late": (
        right(),
        weekly(start=9),
    ),
}
