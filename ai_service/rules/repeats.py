# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What was billed before, against the rhythm in which this receiver is billed.

The same order each week is a habit and the same order the next day is not; so what was
billed twice shows by how soon it comes, and by how seldom a receiver repeats an order.
"""

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import NamedTuple

from .base import Case, Finding, day, money, quoted, review, rule
from .past import Line, PreviousDocument

# A second copy of an order is looked for in so many days.
WINDOW = 45
# Where no rhythm is known yet.
SOON = 5
# How many days lie between fees of a month, of two months, and of a quarter.
PERIODS = ((27, 35), (58, 65), (87, 97))
# Of the lines of two orders, how many make one the other's copy.
ALIKE = 0.7


class Rhythm(NamedTuple):
    """How many days lie between documents: usually, and at the least."""

    usual: float
    least: float
    most: float
    count: int

    @classmethod
    def of(cls, dates: Sequence[date]) -> "Rhythm | None":
        """Of what was billed on these days; None before the third time."""
        days = sorted(set(dates))
        gaps = sorted((after - before).days for before, after in pairwise(days))
        if len(gaps) < 2:
            return None
        # One odd case in ten is no habit.
        odd = len(gaps) // 10
        return cls(statistics.median(gaps), gaps[odd], gaps[-1 - odd], len(gaps))

    @property
    def is_regular(self) -> bool:
        """Whether one can tell when the next time is due; one may have been left
        out.
        """
        return self.least > 0.72 * self.usual and self.most < 2.3 * self.usual

    def breaks(self, days: int) -> bool:
        """Whether so few days since the last time are against it."""
        return days < 0.55 * self.usual and days < 0.8 * self.least


@rule("peers", "monto_total")
def is_not_a_duplicate(case: Case) -> Iterator[Finding]:
    """What was billed before, as it was or nearly so, sooner than is usual (P)."""
    if found := _copied(case):
        document, exact = found
        folio = f" con folio {document.folio}" if document.folio else ""
        yield review(
            f"Posible duplicado: el {day(document.date)} se emitió a este receptor otro"
            f" documento {document.type}{folio} por {money(document.total)},"
            f" {'igual' if exact else 'casi con las mismas líneas'};"
            f" {_how_often(case)}. Confirme que es una venta distinta.",
            certainty=0.95 if exact else 0.9,
            about=f"{document.folio or document.date}",
        )


def _copied(case: Case) -> tuple[PreviousDocument, bool] | None:
    """The document that this one may be a copy of, and whether it is the same."""
    near = [  # The newest first.
        each
        for each in case.peers
        if each.type == case.dte.tipo_dte
        and each.date
        and abs(case.issued - each.date) <= timedelta(WINDOW)
    ]
    for previous in near:
        if _same(case, previous):
            return (previous, True) if _too_soon(case, previous) else None
    alike = _nearly_the_same(case, near)
    return (alike, False) if alike else None


def _same(case: Case, previous: PreviousDocument) -> bool:
    if previous.total != case.dte.monto_total:
        return False
    # Clients may tell no lines, or some of them, without quantities.
    told = previous.lines and all(line.quantity for line in previous.lines)
    if not told or not case.lines:
        return True
    return _content(case.lines) == _content(previous.lines)


def _too_soon(case: Case, previous: PreviousDocument) -> bool:
    days = abs((case.issued - previous.date).days)
    rhythm = _rhythm(case)
    if _repeats_seldom(case):
        # Of one thing or two as much comes again by chance, when its time has come.
        simple = rhythm and 1 <= len(case.lines) <= 2
        return not simple or days < 0.6 * rhythm.usual
    return rhythm.breaks(days) if rhythm else days <= SOON


def _repeats_seldom(case: Case) -> bool:
    """Whether one order is as good as never the same as another."""
    seen: Counter[object] = Counter()
    for previous in case.peers:
        content = _content(previous.lines) if previous.lines else None
        seen[previous.total, content] += 1
    repeated = sum(count - 1 for count in seen.values())
    return len(case.peers) >= 6 and repeated <= 0.06 * len(case.peers)


def _nearly_the_same(
    case: Case, near: list[PreviousDocument]
) -> PreviousDocument | None:
    """An order of which most lines are this one's, which orders seldom are."""
    mine, priced = _ordered(case.lines), _priced(case.lines)
    items = {line.key for line in case.lines}
    rhythm = _rhythm(case)
    for previous in near:
        if 2 * len(items & previous.items) < len(previous.items):
            continue
        days = abs((case.issued - previous.date).days)
        soon = rhythm.breaks(days) if rhythm else days <= SOON
        count = len(previous.lines)
        # Most of what the other had, at its price, and at most as much again.
        common = (priced & _priced(previous.lines)).total() if soon else 0
        if common and common >= 0.66 * count and common >= 0.5 * mine.total():
            return previous
        common = (mine & _ordered(previous.lines)).total()
        alike = common / max(mine.total(), count, 1)
        if common >= 3 and alike >= ALIKE and alike > _usually_alike(case) + 0.15:
            return previous
    return None


def _usually_alike(case: Case) -> float:
    """How alike each order is to the most alike of the few before it, at the most.

    1 where that is not known.
    """
    orders = [_ordered(each.lines) for each in case.peers[:40] if each.lines]
    likenesses = [
        max(
            (order & other).total() / max(order.total(), other.total(), 1)
            for other in orders[index + 1 : index + 6]
        )
        for index, order in enumerate(orders[:-1])
    ]
    if len(likenesses) < 5:
        return 1.0
    return sorted(likenesses)[-1 - len(likenesses) // 20]


@rule("peers", "lines")
def fee_is_billed_once(case: Case) -> Iterator[Finding]:
    """A fee that comes once a month, billed again before its time (P).

    Where the line names the period, by that: «marzo 2026» is billed once.
    """
    if _copied(case):
        return
    for line in case.lines:
        past = [each for each in case.past_lines.get(line.key, ()) if each[0].date]
        # A fee is as much of it each time, and no order.
        if not past or {other.quantity for _, other in past} != {line.quantity}:
            continue
        if not _alike_in_price(line, past[0][1]):
            continue
        if line.period:
            again = _same_period(case, line, past)
        else:
            again = _before_its_time(case, past)
        if again:
            folio = f" (folio {again.folio})" if again.folio else ""
            yield review(
                f"{quoted(line.name)}: ya se cobró el {day(again.date)}{folio}, y se"
                f" cobra {_every(_item_rhythm(past))}. Confirme que no es el mismo"
                " período.",
                certainty=0.92,
                about=f"{line.key}/{line.period}/{again.date}",
            )
            return


def _alike_in_price(line: Line, other: Line) -> bool:
    return bool(line.price and other.price and abs(line.price / other.price - 1) < 0.03)


def _same_period(
    case: Case, line: Line, past: list[tuple[PreviousDocument, Line]]
) -> PreviousDocument | None:
    same = [document for document, other in past if other.period == line.period]
    periods = [other.period for _, other in past]
    # "Semana 1" comes again each month: it is no period that is billed once.
    if len(same) == 1 and len(set(periods)) == len(periods) > 1:
        return same[0] if (case.issued - same[0].date).days <= 120 else None
    return None


def _before_its_time(
    case: Case, past: list[tuple[PreviousDocument, Line]]
) -> PreviousDocument | None:
    rhythm = _item_rhythm(past)
    last = past[0][0]
    days = (case.issued - last.date).days
    regular = (
        rhythm
        and rhythm.count >= 4
        and rhythm.is_regular
        and any(low <= rhythm.usual <= high for low, high in PERIODS)
    )
    return last if regular and rhythm.breaks(abs(days)) else None


def _item_rhythm(past: list[tuple[PreviousDocument, Line]]) -> Rhythm | None:
    return Rhythm.of([document.date for document, _ in past])


def _rhythm(case: Case) -> Rhythm | None:
    return Rhythm.of([each.date for each in case.peers if each.date])


def _how_often(case: Case) -> str:
    if _repeats_seldom(case):
        return (
            f"sus pedidos no se repiten ({len(case.peers)} documentos"
            f" {case.seen(case.peers)})"
        )
    return f"se le factura {_every(_rhythm(case))}"


def _every(rhythm: Rhythm | None) -> str:
    if rhythm is None:
        return "hace poco"
    days = round(rhythm.usual)
    return "cada día" if days <= 1 else f"cada {days} días"


def _content(lines: Sequence[Line]) -> frozenset[tuple[object, int]]:
    return frozenset(Counter(line.same for line in lines).items())


def _priced(lines: Sequence[Line]) -> Counter[tuple[object, ...]]:
    return Counter((line.key, line.quantity, line.price) for line in lines)


def _ordered(lines: Sequence[Line]) -> Counter[tuple[str, float | None]]:
    return Counter((line.key, line.quantity) for line in lines)
