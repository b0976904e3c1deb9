# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Prices, discounts and units against what this receiver has paid before."""

import math
import operator
from collections.abc import Iterator
from datetime import date
from itertools import pairwise
from typing import NamedTuple

from .base import EXEMPT, NOTES, Case, Finding, quoted, review, rule
from .past import Line, PreviousDocument, key_of
from .usual import Usual, between, number, pesos, spread_of, times

# The newest prices are what a price is compared with: earlier ones are of other times.
RECENT = 6
# So many tell how much prices move.
MANY = 24
COMMON_NOISE = 0.12
# Of what is priced each time anew, as a stage of a building.
LUMP_NOISE = 0.5
# From so few times one cannot tell by how much.
FEW = 2
# As the logarithm's spread: such prices change by rises alone.
STEADY = 0.01
VAT = math.log(1.19)


class Known(NamedTuple):
    """A line, and what is known of its item's price."""

    line: Line
    usual: Usual
    #: Spread from one time to the next, as a logarithm; a price rise is none.
    noise: float
    #: Logarithm of how many times the last price it is.
    since_last: float
    documents: list[PreviousDocument]

    @property
    def distance(self) -> float:
        """Logarithm of how many times the usual price it is."""
        return self.usual.distance(self.line.price)

    @property
    def is_within_what_moves(self) -> bool:
        """Whether a price that is another each time is not far from what it was."""
        if self.noise < STEADY:
            return False
        return self.usual.least / 1.4 < self.line.price < 1.25 * self.usual.most

    @property
    def moved(self) -> float:
        """The same: since the last time where prices are steady, as a rise stays."""
        return self.since_last if self.noise < STEADY else self.distance


def known_prices(case: Case) -> Iterator[Known]:
    """The lines of which an earlier price in the same unit is known."""
    shared = _shared_noise(case)
    for line in case.lines:
        past = [
            (document, other)
            for document, other in case.past_lines.get(line.key, [])[: 4 * MANY]
            if other.price and line.fits(other)
        ]
        if line.price and past:
            prices = [other.price for _, other in past]
            steps = _steps(prices)
            weight = len(steps) + 2
            own = len(steps) * spread_of(steps) ** 2 / weight
            # What is one of it at another price each time may be priced anew.
            anew = line.quantity == 1 and len(prices) <= FEW and all(steps)
            common = max(shared, LUMP_NOISE) if line.is_lump or anew else shared
            yield Known(
                line,
                Usual.of(prices[:RECENT]),
                math.sqrt((own + 2 * common**2 / weight) / 2),
                math.log(line.price / prices[0]),
                [document for document, _ in past],
            )


def _steps(prices: list[float]) -> list[float]:
    """From each price to the one after it, as logarithms; the newest comes first."""
    return [math.log(after / before) for after, before in pairwise(prices[:MANY])]


def _shared_noise(case: Case) -> float:
    """How much the prices of this receiver move, for items of which little is known."""
    steps = [
        step
        for past in case.past_lines.values()
        for step in _steps([line.price for _, line in past if line.price])
    ]
    return spread_of(steps) if len(steps) >= 6 else COMMON_NOISE


@rule("peers", "lines", not_types=NOTES)
def price_is_usual(case: Case) -> Iterator[Finding]:
    """A unit price far from what the receiver paid for the item (P).

    A rise may be 28 %, more where prices are seen to move or few are known; a cut may
    be 37 %, for promotions. A price that others pay now, or that comes out the same
    after the discount, is none to speak of.
    """
    for known in known_prices(case):
        up, down = _room(known, case.issued, _others(case, known.line))
        distance = known.distance
        if -down < distance < up or known.is_within_what_moves:
            continue
        if _explained(case, known, up, down):
            continue
        line, usual = known.line, known.usual
        surely = abs(distance) / (up if distance > 0 else down)
        yield review(
            f"Precio de {quoted(line.name)}: suele pagar {between(usual, pesos)}"
            f" ({_times_bought(case, known)}) y aquí {pesos(line.price)},"
            f" {times(math.exp(distance))}. Confirme el precio y la unidad.",
            certainty=0.97 if surely > 1.5 else 0.9,
            about=line.key,
            value=line.price,
        )


def _room(
    known: Known, issued: date, others: tuple[float, float] | None
) -> tuple[float, float]:
    """How far up and down a price may go, as logarithms."""
    few = {1: 1.6, 2: 1.3}.get(known.usual.count, 1.0)
    last = known.documents[0].date
    years = max((issued - last).days, 0) / 365 if last else 0.0
    noise = 4.5 * known.noise
    # What each pays something else for has no price to speak of.
    if others and known.usual.count < RECENT:
        noise = max(noise, 0.8 * math.log(others[1] / others[0]))
    return (
        max(0.25 * few + min(0.12 * years, 0.3), noise),
        max(0.46 * few, noise),
    )


def _explained(case: Case, known: Known, up: float, down: float) -> bool:
    """Whether the discount, or what others pay, makes the price a usual one."""
    paid = [
        other.paid
        for _, other in case.past_lines[known.line.key][:RECENT]
        if other.paid and known.line.fits(other)
    ]
    if paid and known.line.paid:
        distance = Usual.of(paid).distance(known.line.paid)
        if -down < distance < up:
            return True
    return others_pay(case, known.line)


def others_pay(case: Case, line: Line) -> bool:
    """Whether others, of late, paid as much."""
    others = _others(case, line)
    return others is not None and others[0] / 1.05 < line.price < others[1] * 1.05


def _others(case: Case, line: Line) -> tuple[float, float] | None:
    """The lowest and highest price that other receivers paid of late."""
    alike = [
        price
        for price in case.context.precios
        if key_of(price.nombre)[0] == line.key
        and (price.unidad or "").casefold() in ("", line.unit)
    ]
    if not alike:
        return None
    return (
        float(min(each.precio_minimo or each.precio_mediano for each in alike)),
        float(max(each.precio_maximo or each.precio_mediano for each in alike)),
    )


@rule("lines", not_types=NOTES)
def price_is_what_others_pay(case: Case) -> Iterator[Finding]:
    """The price of an item that is new to the receiver, far from what others pay
    (P).
    """
    for line in case.lines:
        others = None if line.key in case.past_lines else _others(case, line)
        if not others or not line.price:
            continue
        low, high = others
        if low / 2 < line.price < high * 1.6:
            continue
        shown = pesos(low) if low == high else f"{pesos(low)} a {pesos(high)}"
        factor = line.price / (low if line.price < low else high)
        yield review(
            f"Precio de {quoted(line.name)}: este receptor no lo ha comprado antes;"
            f" otros pagan {shown} y aquí {pesos(line.price)}, {times(factor)}."
            " Confirme el precio y la unidad.",
            certainty=0.9,
            about=line.key,
            value=line.price,
        )


@rule("peers", "lines", not_types=NOTES | EXEMPT)
def price_has_no_vat(case: Case) -> Iterator[Finding]:
    """Prices that are 1.19 times the usual: gross entered as net, or the reverse (P).

    One that was steady until now says it alone, several that move say it together.
    """
    known = [each for each in known_prices(case) if each.noise < 0.2]
    for sign, words in ((1, "con IVA incluido"), (-1, "sin el IVA, dos veces")):
        agreeing = _a_vat_away(case, known, sign)
        if not agreeing:
            continue
        first = max(agreeing, key=lambda each: each.usual.count)
        factor = "1,19 veces" if sign > 0 else "dividido por 1,19"
        count = f" (y otras {len(agreeing) - 1} líneas)" if len(agreeing) > 1 else ""
        yield review(
            f"Precio de {quoted(first.line.name)}{count}: suele pagar"
            f" {pesos(first.usual.middle)} ({_times_bought(case, first)}) y aquí"
            f" {pesos(first.line.price)}, {factor} lo usual: parece ingresado {words}."
            " Confirme si los precios son netos.",
            certainty=0.95,
            about=first.line.key,
            value=first.line.price,
        )


def _a_vat_away(case: Case, known: list[Known], sign: int) -> list[Known]:
    """The lines whose prices are the IVA more, or less, than usual."""
    exact = [
        each
        for each in known
        if each.noise < STEADY
        and each.usual.count >= 3
        and abs(each.since_last - sign * VAT) < 0.006 + 2 * each.noise
        and not others_pay(case, each.line)
    ]
    if exact:
        return exact
    near = [
        each
        for each in known
        if abs(each.distance - sign * VAT) < 0.012 + 3 * each.noise
    ]
    if not near or len(near) < 0.6 * len(known):
        return []
    # The usual price that each is compared with is not exact either.
    weights = [1 / max(1.35 * each.noise, 0.004) ** 2 for each in known]
    distances = [each.moved for each in known]
    mean = sum(map(operator.mul, weights, distances)) / sum(weights)
    error = 1 / math.sqrt(sum(weights))
    together = VAT > 4 * error and abs(mean - sign * VAT) < 0.006 + 2 * error
    return near if together else []


@rule("peers", "lines", not_types=NOTES)
def discount_is_usual(case: Case) -> Iterator[Finding]:
    """A discount that is missing, or far above what the receiver gets (P)."""
    every = [other for past in case.past_lines.values() for _, other in past]
    for line in case.lines:
        past = [other for _, other in case.past_lines.get(line.key, [])][: 2 * RECENT]
        # Whose discount is the same on everything has it on a new item, too.
        compared = past if len(past) >= 4 else every
        given = [other.discount for other in compared]
        if len(given) < 4 or (compared is every and min(given) != max(given)):
            continue
        least, most = min(given), max(given)
        usual = number(least) if least == most else f"{number(least)} a {number(most)}"
        unusual = line.discount > most + 15 or (least > 0 and line.discount < least / 2)
        if unusual and not _paid_the_same(line, past):
            here = f"{number(line.discount)} %" if line.discount else "ninguno"
            yield review(
                f"Descuento de {quoted(line.name)}: suele tener {usual} % ({len(given)}"
                f" líneas {case.seen(case.peers)}) y aquí {here}. Confirme el"
                " descuento.",
                certainty=0.9,
                about=line.key,
                value=line.discount,
            )


def _paid_the_same(line: Line, past: list[Line]) -> bool:
    paid = [other.paid for other in past if other.paid]
    if not paid or not line.paid:
        return False
    return abs(Usual.of(paid).distance(line.paid)) < 0.03


@rule("peers", "lines", not_types=NOTES)
def unit_is_usual(case: Case) -> Iterator[Finding]:
    """A unit that the receiver never had the item in (P)."""
    for line in case.lines:
        past = case.past_lines.get(line.key, [])
        units = {other.unit for _, other in past if other.unit}
        if not line.unit or len(past) < 3 or not units or line.unit in units:
            continue
        shown = " o ".join(sorted(unit.upper() for unit in units))
        yield review(
            f"Unidad de {quoted(line.name)}: siempre se vendió en {shown}"
            f" ({len(past)} compras {case.seen(each for each, _ in past)}) y aquí en"
            f" {line.unit.upper()}. Confirme la unidad, la cantidad y el precio.",
            certainty=0.85,
            about=f"{line.key}/{line.unit}",
        )


def _times_bought(case: Case, known: Known) -> str:
    count = len(known.documents)
    if count == 1:
        return "una compra anterior"
    return f"{count} compras {case.seen(known.documents)}"
