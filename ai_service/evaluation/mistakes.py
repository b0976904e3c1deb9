# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Mistakes that people make, each with what a good colleague would say.

Each takes a right document and returns the wrong one, or None where it cannot be made.
"""

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from .company import LAST_DAY, VAT, Company, Document, add_up

Make = Callable[[Company, Document, random.Random], Document | None]


@dataclass(frozen=True)
class Mistake:
    """One kind of mistake.

    :param says: what a good colleague would say
    :param rules: those that say it; any of them will do
    :param group: whose target it has
    """

    name: str
    says: str
    rules: frozenset[str]
    group: str
    make: Make


KINDS: list[Mistake] = []


def _kind(name: str, says: str, rules: str, group: str = "others") -> Callable:
    def register(make: Make) -> Make:
        KINDS.append(Mistake(name, says, frozenset(rules.split()), group, make))
        return make

    return register


def _a_line(
    document: Document, chance: random.Random, fits: Callable = lambda line: True
) -> tuple[Document, dict[str, Any]] | None:
    wrong = document.copy()
    lines = [line for line in wrong.data["items"] if fits(line)]
    return (wrong, chance.choice(lines)) if lines else None


def _with_line(
    change: Callable[[dict[str, Any]], Any], fits: Callable | None = None
) -> Make:
    """A mistake in one line."""

    def make(
        _company: Company, document: Document, chance: random.Random
    ) -> Document | None:
        found = _a_line(document, chance, fits or (lambda line: True))
        if found is None:
            return None
        wrong, line = found
        if change(line) is False:
            return None
        add_up(wrong.data)
        return wrong

    return make


def _times(name: str, factor: float) -> Make:
    def change(line: dict[str, Any]) -> None:
        value = line[name] * factor
        line[name] = int(value) if value == int(value) else round(value, 6)

    return _with_line(change)


QUANTITY = "quantity_is_usual quantity_is_whole amount_is_usual"
PRICE = "price_is_usual price_is_what_others_pay amount_is_usual price_has_no_vat"
COPY = "is_not_a_duplicate fee_is_billed_once"
OTHER = "items_are_the_receivers price_is_usual quantity_is_usual taxes_are_usual"

for _factor, _words in ((10, "un cero de más"), (100, "dos ceros de más")):
    _kind(
        f"quantity × {_factor}", f"La cantidad tiene {_words}.", QUANTITY, "quantity"
    )(_times("cantidad", _factor))
_kind("quantity ÷ 10", "A la cantidad le falta un cero.", QUANTITY, "quantity ÷")(
    _times("cantidad", 0.1)
)
_kind("price × 10", "El precio tiene un cero de más.", PRICE)(
    _times("precio_unitario", 10)
)
_kind("price ÷ 10", "Al precio le falta un cero.", PRICE)(
    _times("precio_unitario", 0.1)
)
_kind("price × 2", "El precio es el doble del que paga.", PRICE, "known price")(
    _times("precio_unitario", 2)
)


@_kind(
    "gross price as net",
    "Los precios parecen ingresados con IVA.",
    "price_has_no_vat price_is_usual",
    "known price",
)
def _gross(_company, document, _chance):
    wrong = document.copy()
    if "monto_neto" not in wrong.data:
        return None
    for line in wrong.data["items"]:
        line["precio_unitario"] = round(line["precio_unitario"] * (1 + VAT))
    add_up(wrong.data)
    return wrong


@_kind(
    "one gross price as net",
    "Un precio parece ingresado con IVA.",
    "price_has_no_vat price_is_usual",
    "one known price",
)
def _one_gross(_company, document, chance):
    if "monto_neto" not in document.data:
        return None
    wrong, line = _a_line(document, chance)
    line["precio_unitario"] = round(line["precio_unitario"] * (1 + VAT))
    add_up(wrong.data)
    return wrong


_kind("price in dollars", "El precio parece estar en dólares.", PRICE)(
    _with_line(
        lambda line: line.update(
            precio_unitario=max(round(line["precio_unitario"] / 950, 2), 0.1)
        )
    )
)
_kind("comma for a point", "La coma del precio está mal puesta.", PRICE)(
    _with_line(
        lambda line: line.update(precio_unitario=line["precio_unitario"] / 1000),
        lambda line: line["precio_unitario"] >= 1000,
    )
)
_kind(
    "quantity and price swapped",
    "Cantidad y precio están cambiados.",
    f"{PRICE} {QUANTITY}",
)(
    _with_line(
        lambda line: line.update(
            cantidad=line["precio_unitario"], precio_unitario=line["cantidad"]
        ),
        lambda line: line["precio_unitario"] > 20 * line["cantidad"],
    )
)
_kind(
    "a unit for a dozen",
    "Se cobran unidades al precio de la docena.",
    f"{QUANTITY} unit_is_usual",
    "quantity",
)(_times("cantidad", 12))
_kind(
    "another unit",
    "Siempre se vende en otra unidad.",
    f"unit_is_usual {PRICE}",
)(
    _with_line(
        lambda line: line.update(
            unidad="DOC" if line["unidad"] != "KG" else "TON",
            precio_unitario=round(line["precio_unitario"] * 12),
        )
    )
)
_kind("discount forgotten", "Falta el descuento de siempre.", "discount_is_usual")(
    _with_line(
        lambda line: line.pop("descuento_pct"), lambda line: "descuento_pct" in line
    )
)
_kind(
    "discount with a zero too many",
    "El descuento es diez veces el usual.",
    "discount_is_usual",
)(
    _with_line(
        lambda line: line.update(descuento_pct=min(line["descuento_pct"] * 10, 90)),
        lambda line: "descuento_pct" in line,
    )
)


@_kind("line typed twice", "La línea está repetida.", "none_is_repeated")
def _twice(_company, document, chance):
    wrong, line = _a_line(document, chance)
    wrong.data["items"].append(copy.deepcopy(line))
    add_up(wrong.data)
    return wrong


def _others(company: Company, document: Document) -> list[Document]:
    """What other receivers ordered of late."""
    return [
        each
        for each in company.documents
        if each.receiver is not document.receiver
        and each.data["tipo_dte"] == document.data["tipo_dte"]
        and timedelta(0) < document.day - each.day < timedelta(60)
    ]


@_kind("another's order", "Este pedido es de otro cliente.", OTHER, "another's order")
def _another(company, document, chance):
    others = _others(company, document)
    if not others:
        return None
    wrong = document.copy()
    wrong.data["items"] = copy.deepcopy(chance.choice(others).data["items"])
    add_up(wrong.data)
    return wrong if wrong.data["items"] != document.data["items"] else None


@_kind(
    "the wrong receiver of two with like names",
    "Es del otro cliente de nombre parecido.",
    OTHER,
    "like names",
)
def _like_names(company, document, chance):
    others = [
        each
        for each in company.receivers
        if each is not document.receiver
        and len(each.documents) >= 3
        and set(each.name.split()[:2]) & set(document.receiver.name.split()[:2])
    ]
    if not others:
        return None
    wrong = document.copy()
    wrong.receiver = chance.choice(others)
    wrong.data["rut_receptor"] = wrong.receiver.rut
    wrong.data["razon_social_receptor"] = wrong.receiver.name
    return wrong


def _copied(company: Company, document: Document, days: int) -> Document | None:
    """The document once more, so many days later, under a folio of its own."""
    day = document.day + timedelta(days)
    wrong = document.copy()
    later = [each for each in document.receiver.documents if each.day >= document.day]
    if day > LAST_DAY or any(document.day < each.day <= day for each in later):
        return None
    wrong.data["fecha_emision"] = day.isoformat()
    wrong.data["folio"] = company.documents[-1].data["folio"] + 1
    return wrong


@_kind("exact duplicate the next day", "Ya se facturó ayer.", COPY, "duplicates")
def _next_day(company, document, _chance):
    return _copied(company, document, 1)


@_kind(
    "duplicate with one line more",
    "Ya se facturó, salvo una línea.",
    COPY,
    "duplicates",
)
def _one_more(company, document, chance):
    wrong = _copied(company, document, chance.randint(1, 2))
    if wrong is None:
        return None
    names = {line["nombre"] for line in wrong.data["items"]}
    known = [
        line
        for each in document.receiver.documents[-20:]
        for line in each.data["items"]
        if line["nombre"] not in names
    ]
    if not known:
        return None
    wrong.data["items"].append(copy.deepcopy(chance.choice(known)))
    add_up(wrong.data)
    return wrong


@_kind(
    "duplicate with another quantity",
    "Ya se facturó, salvo una cantidad.",
    COPY,
    "duplicates",
)
def _near(company, document, chance):
    wrong = _copied(company, document, chance.randint(1, 2))
    if wrong is None or len(wrong.data["items"]) < 3:
        return None
    line = chance.choice(wrong.data["items"])
    line["cantidad"] = line["cantidad"] + 1
    add_up(wrong.data)
    return wrong


@_kind(
    "duplicate after ten days", "Ya se facturó hace diez días.", COPY, "late duplicates"
)
def _after_ten(company, document, _chance):
    wrong = _copied(company, document, 10)
    if wrong:
        return wrong
    # Others came in between.
    wrong = document.copy()
    day = document.day + timedelta(10)
    if day > LAST_DAY:
        return None
    wrong.data["fecha_emision"] = day.isoformat()
    wrong.data["folio"] = company.documents[-1].data["folio"] + 1
    return wrong


@_kind("fee billed twice in a month", "Este mes ya se cobró.", COPY)
def _fee(company, document, chance):
    if "monthly" not in document.receiver.rhythm:
        return None
    return _copied(company, document, chance.randint(4, 10))


@_kind("exempt as taxed", "A este cliente se le factura exento.", "taxes_are_usual")
def _taxed(_company, document, _chance):
    if document.data["tipo_dte"] != "34":
        return None
    wrong = document.copy()
    wrong.data["tipo_dte"] = "33"
    del wrong.data["monto_exento"]
    add_up(wrong.data)
    return wrong


@_kind("taxed as exempt", "Esto lleva IVA.", "taxes_are_usual")
def _exempt(_company, document, _chance):
    if document.data["tipo_dte"] != "33":
        return None
    wrong = document.copy()
    wrong.data["tipo_dte"] = "34"
    add_up(wrong.data)
    return wrong


@_kind(
    "an item that fits no trade",
    "La empresa no vende eso.",
    "items_are_the_receivers amount_is_usual price_is_what_others_pay",
)
def _strange(_company, document, chance):
    wrong = document.copy()
    name, price = chance.choice(
        (
            ("Notebook 15 pulgadas", 649000),
            ("Camioneta usada año 2019", 9800000),
            ("Honorarios abogado", 850000),
            ("Venta de escritorio", 120000),
        )
    )
    wrong.data["items"] = [
        {"nombre": name, "cantidad": 1, "unidad": "UN", "precio_unitario": price}
    ]
    add_up(wrong.data)
    return wrong


@_kind("price of the neighbour in the list", "Ese precio es de otro ítem.", PRICE)
def _neighbour(company, document, chance):
    found = _a_line(document, chance)
    wrong, line = found
    prices = [
        article.price
        for article in company.articles
        if not 0.5 < article.price / line["precio_unitario"] < 2
    ]
    if not prices or company.trade.in_uf:
        return None
    line["precio_unitario"] = chance.choice(prices)
    add_up(wrong.data)
    return wrong


DATES = (
    "dates_follow_folios not_stale date_follows_the_last "
    "not_before_electronic_invoicing"
)


@_kind("the month before", "La fecha es del mes pasado.", DATES)
def _month_before(_company, document, _chance):
    wrong = document.copy()
    wrong.data["fecha_emision"] = (document.day - timedelta(30)).isoformat()
    return wrong


@_kind("the year before", "La fecha es del año pasado.", DATES)
def _year_before(_company, document, _chance):
    wrong = document.copy()
    wrong.data["fecha_emision"] = (document.day - timedelta(365)).isoformat()
    return wrong


NOTE = (
    "note_corrects_the_receivers note_credits_what_is_left"
    " note_has_lines_of_the_document is_not_a_duplicate"
)


def _note(company: Company, document: Document) -> Document | None:
    if document.data["tipo_dte"] == "61":
        return None
    note = company.credit(document, min(document.day + timedelta(2), LAST_DAY))
    note.data["folio"] = 9000
    return note


@_kind(
    "credit note on another invoice",
    "La nota corrige otra factura.",
    NOTE,
    "another invoice",
)
def _wrong_invoice(company, document, chance):
    note = _note(company, document)
    others = [
        each
        for each in document.receiver.documents
        if each.day < document.day
        and each.data["tipo_dte"] == document.data["tipo_dte"]
        and each.data["items"] != document.data["items"]
    ]
    if not note or not others:
        return None
    other = chance.choice(others[-10:])
    note.corrects = other
    note.data["documento_referencia"].update(
        folio=str(other.data["folio"]), fecha=other.data["fecha_emision"]
    )
    return note


@_kind("credit note on another's invoice", "Esa factura es de otro cliente.", NOTE)
def _wrong_customer(company, document, chance):
    note, others = _note(company, document), _others(company, document)
    if not note or not others:
        return None
    other = chance.choice(others)
    note.corrects = other
    note.data["documento_referencia"].update(
        folio=str(other.data["folio"]), fecha=other.data["fecha_emision"]
    )
    return note


@_kind("credit note for more than is left", "Se acredita más de lo facturado.", NOTE)
def _too_much(company, document, chance):
    note = _note(company, document)
    if not note:
        return None
    note.data["items"] = copy.deepcopy(document.data["items"])
    line = chance.choice(note.data["items"])
    line["cantidad"] = line["cantidad"] * 2
    add_up(note.data)
    return note


@_kind("credit note a second time", "Esa factura ya se acreditó.", NOTE)
def _second_note(company, document, _chance):
    before = [
        each
        for each in document.receiver.documents
        if each.corrects
        and each.data["documento_referencia"]["codigo"] == "1"
        and each.day > LAST_DAY - timedelta(200)
    ]
    if not before:
        return None
    first = before[-1]
    day = first.day + timedelta(9)
    if day > LAST_DAY:
        return None
    wrong = first.copy()
    wrong.data["fecha_emision"] = day.isoformat()
    wrong.data["folio"] = 9500
    return wrong
