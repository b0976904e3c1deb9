# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A second generator, written apart from the first and simpler: for what that one does
not do. No threshold is chosen by it; it shows where the engine fits the first.

Few documents of history, receivers that grow, months without purchase, new baskets,
names spelt in several ways, units changed by agreement, promotions, prices in dollars,
hours with decimals, prorated fees, free text that is never the same.
"""

import copy
import math
import random
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from typing import Any, NamedTuple

from .company import add_up

TODAY = date(2026, 9, 15)
RUT, ISSUER = "77345610-0", "76192083-9"

Lines = list[tuple[str, str, float, float]]  # name, unit, quantity, price
Habit = Callable[[random.Random], Iterator[tuple[int, Lines]]]


class Asked(NamedTuple):
    """A request, and what is wrong with its document; empty where it is right."""

    habit: str
    wrong: str
    body: dict[str, Any]


def _days(chance: random.Random, gap: float, spread: float, count: int) -> list[int]:
    """Days before today, the oldest first; the last is today."""
    days, day = [], 0.0
    for _ in range(count):
        days.append(round(day))
        day += max(chance.gauss(gap, spread), 1)
    return days[::-1]


def bakery(chance):
    """Flour and yeast by weight, spelt as whoever types it likes; it grows."""
    names = ("Harina panadera 25 kg", "HARINA PANADERA 25 KG", "Harina panadera 25 kg.")
    size, price = chance.uniform(4, 30), 15_400
    for day in _days(chance, 6, 1.5, chance.choice((4, 12, 40))):
        growth = 1 + (300 - day) / 600
        price *= 1.15 if chance.random() < 0.01 else 1
        lines = [(chance.choice(names), "SACO", round(size * growth) or 1, price)]
        if chance.random() < 0.6:
            kilos = round(size * growth * chance.uniform(0.2, 0.5), 2)
            lines.append(("Levadura fresca", "KG", kilos, 3_290))
        if chance.random() < 0.3:
            lines.append(("Manteca 10 kg", "CJ", chance.randint(1, 4), 21_900))
        yield day, lines


def consultant(chance):
    """Hours with decimals in dollars, and what each month is called."""
    rate, dollar = chance.choice((45, 60, 80)), 940.0
    for day in _days(chance, 30, 2, chance.choice((3, 8, 14))):
        dollar *= math.exp(chance.gauss(0, 0.02))
        month = (TODAY - timedelta(day)).strftime("%m/%Y")
        hours = round(chance.uniform(60, 180) * 2) / 2
        yield day, [(f"Consultoría {month}", "HR", hours, round(rate * dollar))]


def landlord(chance):
    """Rents in UF, with expenses that are other each month."""
    uf, rent = 38_800.0, chance.choice((12, 18.5, 55))
    for day in _days(chance, 30.4, 1, chance.choice((3, 6, 14))):
        uf *= 1.003
        expenses = round(chance.uniform(40_000, 130_000))
        yield (
            day,
            [
                ("Arriendo según contrato", "UN", 1, round(rent * uf)),
                ("Gastos comunes", "UN", 1, expenses),
            ],
        )


def builder(chance):
    """Stages of a work with its own prices, and retentions in words."""
    whole = chance.uniform(3e7, 2e8)
    for number, day in enumerate(_days(chance, 32, 8, chance.choice((3, 6, 11))), 1):
        part = chance.uniform(0.04, 0.18)
        yield (
            day,
            [(f"Estado de pago N° {number} obra Las Lilas", "GL", 1, whole * part)],
        )


def transport(chance):
    """A line for each trip, which is never called the same."""
    towns = ("Temuco", "Concepción", "Chillán", "Rancagua", "La Serena", "Talca")
    for day in _days(chance, 7, 2, chance.choice((5, 20, 45))):
        trips = chance.randint(1, 4)
        yield (
            day,
            [
                (
                    f"Flete Santiago-{town} guía {chance.randint(1000, 9999)}",
                    "UN",
                    1,
                    round(chance.uniform(250_000, 600_000), -3),
                )
                for town in chance.sample(towns, trips)
            ],
        )


def orchard(chance):
    """Boxes in three months of the year, nothing in the others."""
    size = chance.uniform(80, 400)
    for year in (1, 0):
        for day in _days(chance, 5, 1.5, 12):
            boxes = round(size * math.exp(chance.gauss(0, 0.4)))
            price = round(chance.uniform(6_500, 9_500), -1)
            yield day + 365 * year, [("Cerezas caja 5 kg", "CJ", boxes, price)]


def stationer(chance):
    """A few of many things, with a promotion now and then, and a new basket."""
    shelf = [
        (f"Artículo {letter}", 500 + 1_300 * n) for n, letter in enumerate("ABCDEF")
    ]
    for day in _days(chance, 12, 5, chance.choice((4, 10, 28))):
        basket = chance.sample(shelf, chance.randint(1, 4))
        cut = 0.75 if chance.random() < 0.05 else 1
        yield (
            day,
            [
                (name, "UN", chance.choice((1, 2, 5, 10, 12)), round(price * cut))
                for name, price in basket
            ],
        )


def telephony(chance):
    """Plans by number of lines, prorated in the first month, raised once for all."""
    lines, price = chance.randint(3, 40), 8_990
    days = _days(chance, 30.4, 0.6, chance.choice((3, 7, 14)))
    raised = chance.choice(days)
    for number, day in enumerate(days):
        lines += chance.choice((0, 0, 0, 1, 2, -1))
        here = round(price * (1.12 if day <= raised else 1))
        bill = [("Plan móvil empresas", "UN", max(lines, 1), here)]
        if number == 0:
            bill.append(("Proporcional primer mes", "UN", 1, round(here * 0.4 * lines)))
        yield day, bill


def clinic(chance):
    """The same service at the same price, as often as there is need."""
    for day in _days(chance, 4, 3, chance.choice((5, 25, 60))):
        yield (
            day,
            [("Toma de muestras a domicilio", "UN", chance.randint(1, 9), 12_500)],
        )


HABITS: tuple[Habit, ...] = (
    *(bakery, consultant, landlord, builder, transport),
    *(orchard, stationer, telephony, clinic),
)


def asked(seeds: int) -> Iterator[Asked]:
    """For each habit and seed: the newest document as it is, and with each mistake."""
    for habit in HABITS:
        for seed in range(seeds):
            chance = random.Random(f"{habit.__name__}/{seed}")
            rows = [
                _document(number, *each)
                for number, each in enumerate(habit(chance), 101)
            ]
            rows.sort(key=lambda row: (row["fecha_emision"], row["folio"]))
            for wrong, document in _wrongs(rows[-1], rows[:-1], chance):
                yield Asked(habit.__name__, wrong, _request(document, rows[:-1]))


def _document(folio: int, ago: int, lines: Lines) -> dict[str, Any]:
    document = {
        "tipo_dte": "33",
        "folio": folio,
        "fecha_emision": (TODAY - timedelta(ago)).isoformat(),
        "rut_emisor": ISSUER,
        "rut_receptor": RUT,
        "razon_social_emisor": "Otra Empresa SpA",
        "razon_social_receptor": "Otro Cliente Ltda.",
        "giro_emisor": "Actividades varias",
        "giro_receptor": "Actividades varias",
        "direccion_receptor": "Calle Dos 2",
        "comuna_receptor": "Curicó",
        "items": [
            {
                "nombre": name,
                "unidad": unit,
                "cantidad": int(much) if much == int(much) else much,
                "precio_unitario": round(price),
            }
            for name, unit, much, price in lines
        ],
    }
    add_up(document)
    return document


def _wrongs(
    right: dict[str, Any], before: list[dict[str, Any]], chance: random.Random
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The document as it is, and with mistakes in its first line."""
    yield "", right
    for name, field, factor in (
        ("quantity × 10", "cantidad", 10),
        ("quantity × 100", "cantidad", 100),
        ("price × 10", "precio_unitario", 10),
        ("price × 2", "precio_unitario", 2),
        ("price ÷ 10", "precio_unitario", 0.1),
    ):
        document = copy.deepcopy(right)
        line = document["items"][0]
        line[field] = round(line[field] * factor, 2)
        add_up(document)
        yield name, document
    copied = copy.deepcopy(before[-1])
    copied["folio"] = right["folio"]
    last = date.fromisoformat(copied["fecha_emision"])
    copied["fecha_emision"] = min(last + timedelta(1), TODAY).isoformat()
    yield "last one again the next day", copied


def _request(document: dict[str, Any], before: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "dte_data": document,
        "company_id": 1,
        # The addon sends so many.
        "history": [
            {"message": "", "error_code": "PREVIOUS_DOCUMENT", **row}
            for row in before[:-41:-1]
        ],
    }
