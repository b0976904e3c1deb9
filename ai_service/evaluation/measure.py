# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Ask an engine about right and wrong documents, and count."""

import itertools
import math
import random
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

from ..engines.base import Engine, Opinion
from ..rules.past import key_of
from ..schemas import ValidationRequest
from .asking import request
from .company import Company, Document
from .mistakes import KINDS, Mistake
from .trades import TRADES

# No threshold was chosen by looking at what the figures' seeds give.
DEVELOPMENT = range(1, 6)
FIGURES = range(201, 207)
CLEAN_EACH, WRONG_EACH = 24, 2

# Documents of so many days before the end are judged: those have a past.
RECENT_DAYS = 100
ROUTINE = frozenset({"weekly", "weekly fixed", "monthly", "monthly fixed"})


@dataclass
class Trial:
    """One document, what is wrong with it, and what the engine said."""

    company: Company
    document: Document
    today: date
    mistake: Mistake | None = None
    #: Whether what was usual lets the mistake be seen; see :func:`_visible`.
    visible: bool = True
    opinion: Opinion | None = None
    seconds: float = 0.0

    @property
    def flagged(self) -> bool:
        """Whether somebody is asked to look."""
        return self.opinion.recommendation != "send"

    @property
    def right(self) -> bool:
        """Whether the recommendation was the right one."""
        return self.flagged == (self.mistake is not None)

    @property
    def told(self) -> bool:
        """Whether what was said is what a good colleague would say."""
        return bool(self.mistake.rules & set(self.opinion.rules))


@dataclass
class Share:
    """So many of so many, with Wilson's interval of 95 %."""

    name: str
    hits: int
    count: int
    target: float | None = None
    at_most: bool = False

    @property
    def value(self) -> float:
        return self.hits / self.count if self.count else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        """Between what the true share lies, as far as so many can tell."""
        if not self.count:
            return math.nan, math.nan
        z, n, p = 1.96, self.count, self.value
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / (1 + z * z / n)
        return max(middle - half, 0.0), min(middle + half, 1.0)

    @property
    def ok(self) -> bool:
        """Whether it reaches its target, if it has one."""
        if self.target is None or not self.count:
            return True
        return self.value <= self.target if self.at_most else self.value >= self.target


def companies(seeds: Iterable[int]) -> Iterator[Company]:
    """One company of each trade for each seed."""
    for seed in seeds:
        for trade in TRADES:
            yield Company(trade, seed)


def trials(
    seeds: Iterable[int], clean: int = CLEAN_EACH, wrong: int = WRONG_EACH
) -> Iterator[Trial]:
    """Right documents of each company, and wrong ones of each kind of mistake."""
    for company in companies(seeds):
        chance = random.Random(company.rut)
        latest = [
            each
            for each in company.documents
            if (company.documents[-1].day - each.day).days < RECENT_DAYS
        ]
        notes = [each for each in latest if each.corrects]
        sales = [each for each in latest if not each.corrects]
        chance.shuffle(sales)
        for document in sales[:clean] + notes[:3]:
            yield Trial(company, document, document.day)
        for kind in KINDS:
            chance.shuffle(sales)
            made = (_made(kind, company, each, chance) for each in sales[: 10 * wrong])
            yield from itertools.islice(filter(None, made), wrong)


def _made(
    kind: Mistake, company: Company, document: Document, chance: random.Random
) -> Trial | None:
    made = kind.make(company, document, chance)
    if made is None:
        return None
    today = max(document.day, made.day)
    return Trial(company, made, today, kind, _visible(kind, company, document, made))


async def judge(
    trial: Trial, engine_on: Callable[[date], Engine], context: bool = True
) -> None:
    """Ask the engine of the trial's day, and keep what it says."""
    body = request(trial.company, trial.document, trial.today, context)
    asked = ValidationRequest.model_validate(body)
    engine = engine_on(trial.today)
    # Of the processor: the machine may be busy with other things.
    started = time.process_time()
    trial.opinion = await engine.validate(asked)
    trial.seconds = time.process_time() - started


class Sight(NamedTuple):
    """What somebody sees who knows what was usual: a document, and those before it."""

    made: Document
    document: Document  # as it was before the mistake
    usual: dict[str, list[dict[str, Any]]]  # the receiver's lines of before, by item

    def items(self) -> list[tuple[str, dict[str, Any]]]:
        return [(key_of(line["nombre"])[0], line) for line in self.made.data["items"]]

    def changed(self, name: str) -> list[tuple[str, dict[str, Any]]]:
        """The items that had another value before the mistake."""
        right = {line["nombre"]: line for line in self.document.data["items"]}
        return [
            (key, line)
            for key, line in self.items()
            if right[line["nombre"]][name] != line[name]
        ]

    def past(self, key: str, name: str) -> list[float]:
        return [line[name] for line in self.usual.get(key, [])]


def _visible(
    kind: Mistake, company: Company, document: Document, made: Document
) -> bool:
    """Whether what was usual lets somebody see the mistake.

    Of all kinds: where there are four documents of the receiver before. More is wanted
    of some groups, see ``_LETS_SEE``.
    """
    past = [
        each
        for each in made.receiver.documents
        if each.data["folio"] < document.data["folio"] and not each.corrects
    ]
    if len(past) < 4:
        return False
    usual: dict[str, list[dict[str, Any]]] = {}
    for each in past:
        for line in each.data["items"]:
            usual.setdefault(key_of(line["nombre"])[0], []).append(line)
    lets_see = _LETS_SEE.get(kind.group)
    return lets_see is None or lets_see(Sight(made, document, usual))


def _wrong_quantity(sight: Sight) -> bool:
    """Bought three times, and now twice the highest ever, or half the lowest."""
    return any(
        _beyond(line["cantidad"], sight.past(key, "cantidad"))
        for key, line in sight.changed("cantidad")
    )


def _known_prices(sight: Sight) -> bool:
    """Each item was bought three times, at prices within 25 % of late."""
    return all(_settled(sight.past(key, "precio_unitario")) for key, _ in sight.items())


def _one_known_price(sight: Sight) -> bool:
    """One gross price among net ones: the item's were within 8 %."""
    return all(
        _settled(sight.past(key, "precio_unitario"), 1.08)
        for key, _ in sight.changed("precio_unitario")
    )


def _of_another_invoice(sight: Sight) -> bool:
    """The invoice that it names has less, or nothing, of what is credited."""
    there = {line["nombre"]: line for line in sight.made.corrects.data["items"]}
    return any(
        line["nombre"] not in there
        or line["precio_unitario"] > 1.01 * there[line["nombre"]]["precio_unitario"]
        or line["cantidad"] > there[line["nombre"]]["cantidad"]
        for _, line in sight.items()
    )


def _never_sold(sight: Sight) -> bool:
    """Half of its items were never sold to the receiver."""
    items = sight.items()
    return 2 * sum(key not in sight.usual for key, _ in items) >= len(items)


def _not_the_same_each_time(sight: Sight) -> bool:
    """The receiver's orders differ, so that a second one alike is a duplicate."""
    return "fixed" not in sight.made.receiver.rhythm


_LETS_SEE: dict[str, Callable[[Sight], bool]] = {
    "quantity": _wrong_quantity,
    "quantity ÷": _wrong_quantity,
    "known price": _known_prices,
    "one known price": _one_known_price,
    "another invoice": _of_another_invoice,
    "another's order": _never_sold,
    "like names": _never_sold,
    "late duplicates": _not_the_same_each_time,
}


def _beyond(value: float, usual: list[float]) -> bool:
    return len(usual) >= 3 and not min(usual) / 2 < value < 2 * max(usual)


def _settled(prices: list[float], apart: float = 1.25) -> bool:
    late = prices[-6:]
    return len(prices) >= 3 and max(late) <= apart * min(late)
