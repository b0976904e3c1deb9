# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Quantities and totals against what this receiver is used to."""

import math
import statistics
from collections.abc import Iterator

from .base import NOTES, Case, Finding, money, quoted, review, rule
from .past import Line
from .prices import others_pay
from .usual import Usual, between, number, pesos, times, wide_spread_of

# What the spread of quantities is taken for as long as a receiver's own is not known.
COMMON_SPREAD = 0.45
LEAST_SPREAD = 0.12
# So many quantities count as much as what is common.
PRIOR = 8
# The newest tell what is usual now.
MANY = 60
# How many times as much it has to be where it was bought once or twice.
FEW = {1: 8, 2: 6}
# A zero too many is likelier than seven times the usual, if that is far above the most.
ZERO_MORE, FAR = 7, 4
# A whole order is three times the usual at most; above that it is a mistake.
MOST_SEASON = math.log(3)


@rule("peers", "lines", not_types=NOTES)
def quantity_is_usual(case: Case) -> Iterator[Finding]:
    """A quantity far from what the receiver takes of the item (P).

    How far depends on how much quantities vary: of this item, and, while little is
    known of it, of the receiver's others.
    """
    shared, known = _shared_spread(case), [*_known(case)]
    season = _season(known)
    for line, quantities, documents in known:
        usual = Usual.of(quantities)
        distance = usual.distance(line.quantity)
        if distance * season > 0:
            distance -= min(season, distance, key=abs)
        # Whole numbers are coarse where they are small.
        few = 0.1 / usual.middle**2
        spread = math.sqrt(max(usual.surely(shared), LEAST_SPREAD) ** 2 + few)
        least = FEW.get(usual.count, 3 if distance > 0 else 5)
        room = max(math.log(least), 3.3 * spread)
        if usual.count >= 3 and line.quantity > FAR * usual.most:
            room = min(room, math.log(ZERO_MORE))
        beyond = line.quantity > 1.3 * usual.most or line.quantity < usual.least / 1.3
        if abs(distance) < room or not beyond:
            continue
        yield review(
            f"Cantidad de {quoted(line.name)}: suele comprar"
            f" {between(usual)}{_unit(line)} y aquí {number(line.quantity)},"
            f" {times(line.quantity / usual.middle)}."
            f" {_never(usual, line)} en {len(quantities)} compras"
            f" {case.seen(documents)}. Confirme la cantidad.",
            certainty=0.97 if abs(distance) > 1.3 * room else 0.9,
            about=line.key,
            value=line.quantity,
        )


@rule("peers", "lines", not_types=NOTES)
def quantity_is_whole(case: Case) -> Iterator[Finding]:
    """A fraction of what was always sold whole: a comma too many (P)."""
    for line, quantities, documents in _known(case):
        if len(quantities) < 5 or not line.quantity % 1:
            continue
        if not any(quantity % 1 for quantity in quantities):
            yield review(
                f"Cantidad de {quoted(line.name)}: siempre se vendió por enteros"
                f" ({len(quantities)} compras {case.seen(documents)}) y aquí"
                f" {number(line.quantity)}. Confirme la coma.",
                certainty=0.85,
                about=line.key,
                value=line.quantity,
            )


@rule("peers", "monto_total", not_types=NOTES)
def amount_is_usual(case: Case) -> Iterator[Finding]:
    """A total far above the receiver's, where its lines are not known to tell (P)."""
    new = [line for line in case.lines if line.key not in case.past_lines]
    if 2 * len(new) < len(case.lines) or (
        new and all(_sold(case, line) for line in new)
    ):
        return
    totals = [float(each.total) for each in case.peers]
    if len(totals) < 3:
        return
    usual, amount = Usual.of(totals), float(case.dte.monto_total)
    spread = max(usual.surely(COMMON_SPREAD), LEAST_SPREAD)
    distance = usual.distance(amount)
    if distance < max(math.log(4), 4 * spread) or amount < 1.5 * usual.most:
        return
    yield review(
        f"Monto total: suele ser {pesos(usual.middle)}, nunca más de"
        f" {pesos(usual.most)} en {len(totals)} documentos {case.seen(case.peers)}, y"
        f" aquí {money(case.dte.monto_total)}, {times(math.exp(distance))}. Confirme"
        " cantidades y precios.",
        certainty=0.85,
        value=amount,
    )


def _known(case: Case) -> Iterator[tuple[Line, list[float], list]]:
    """Lines with the quantities of the item before, and their documents."""
    for line in case.lines:
        past = [
            (document, other)
            for document, other in case.past_lines.get(line.key, [])[:MANY]
            if other.quantity and line.fits(other)
        ]
        if line.quantity and past:
            quantities = [other.quantity for _, other in past]
            yield line, quantities, [document for document, _ in past]


def _sold(case: Case, line: Line) -> bool:
    """Whether others are sold the item at that price."""
    return bool(line.price) and others_pay(case, line)


def _season(known: list[tuple[Line, list[float], list]]) -> float:
    """By how much all of the order is more or less than usual, as a logarithm."""
    distances = [
        Usual.of(quantities).distance(line.quantity)
        for line, quantities, _ in known
        if len(quantities) >= 3
    ]
    if len(distances) < 3:
        return 0.0
    return min(max(statistics.median(distances), -MOST_SEASON), MOST_SEASON)


def _shared_spread(case: Case) -> float:
    """The spread of quantities over all items that were bought twice.

    Of the widest tenth where that is more: who takes one of something and twelve of it
    the next time may well do so with what he has taken twelve of until now.
    """
    deviations: list[float] = []
    for past in case.past_lines.values():
        quantities = [line.quantity for _, line in past if line.quantity]
        if len(quantities) >= 2:
            usual = Usual.of(quantities)
            # Of few numbers the middle lies nearer to each than it does of many.
            wider = math.sqrt(len(quantities) / (len(quantities) - 1))
            deviations += [wider * usual.distance(each) for each in quantities]
    if len(deviations) < 6:
        return COMMON_SPREAD
    weight = len(deviations) / (len(deviations) + PRIOR)
    shared = weight * wide_spread_of(deviations) + (1 - weight) * COMMON_SPREAD
    return max(shared, LEAST_SPREAD)


def _unit(line: Line) -> str:
    return f" {line.unit.upper()}" if line.unit else ""


def _never(usual: Usual, line: Line) -> str:
    if line.quantity > usual.most:
        return f"Nunca más de {number(usual.most)}"
    return f"Nunca menos de {number(usual.least)}"
