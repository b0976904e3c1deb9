# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the model costs: tokens and money, by day, and a budget for a day."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from . import clock
from .store import Store

Period = Literal["today", "yesterday", "this_month", "all_time"]

DAY = 86_400.0
KEPT = 62 * DAY
FOREVER = 3_650 * DAY
# A name that holds the separator would be read back wrongly.
_SEPARATOR = "|"


@dataclass(frozen=True)
class Usage:
    """Tokens of one call, as the vendor counts them."""

    input_tokens: int
    output_tokens: int


@dataclass(frozen=True)
class Price:
    """US dollars per million tokens."""

    input: float
    output: float

    def of(self, usage: Usage) -> int:
        """What the tokens cost, in millionths of a dollar, rounded up."""
        return math.ceil(
            usage.input_tokens * self.input + usage.output_tokens * self.output
        )


class Accounting:
    """Sums of calls, tokens and cost, shared by replicas where the store is.

    :param price: of the model's tokens
    :param daily_budget: US dollars that a day (in Chile) may cost; None is no limit
    """

    def __init__(
        self,
        store: Store,
        price: Price,
        daily_budget: float | None = None,
        today: Callable[[], date] = clock.today,
    ) -> None:
        self._store = store
        self._price = price
        self._budget = None if daily_budget is None else int(daily_budget * 1_000_000)
        self._today = today
        #: Millionths of a dollar that calls in flight may still cost, here.
        self._reserved = 0

    async def reserve(self, most: Usage) -> int | None:
        """Set aside what a call can cost at most; None where the budget has no room.

        Give what it returns to :meth:`release` when the call is over.
        """
        cost = self._price.of(most)
        if self._budget is not None:
            # Before the question to the store: whoever asks meanwhile sees it.
            self._reserved += cost
            spent = (await self._store.sums(_day_key(self._today()))).get("cost", 0)
            if spent + self._reserved > self._budget:
                self._reserved -= cost
                return None
        return cost

    def release(self, reserved: int) -> None:
        """Give back what :meth:`reserve` set aside."""
        if self._budget is not None:
            self._reserved -= reserved

    async def record(self, operation: str, model: str, usage: Usage) -> int:
        """Add one call to the sums.

        :return: its cost in millionths of a dollar
        """
        cost = self._price.of(usage)
        amounts = {
            "calls": 1,
            "input": usage.input_tokens,
            "output": usage.output_tokens,
            "cost": cost,
        }
        model = model.replace(_SEPARATOR, "/")
        for part in (f"operation{_SEPARATOR}{operation}", f"model{_SEPARATOR}{model}"):
            amounts |= {
                f"{part}{_SEPARATOR}{name}": amounts[name]
                for name in ("calls", "input", "output", "cost")
            }
        await self._store.add(_day_key(self._today()), amounts, KEPT)
        await self._store.add("llm_costs:all", amounts, FOREVER)
        return cost

    async def report(self, period: Period) -> dict[str, object]:
        """The sums of a period, in the contract's shape."""
        sums: dict[str, int] = {}
        for key in _keys(period, self._today()):
            for name, amount in (await self._store.sums(key)).items():
                sums[name] = sums.get(name, 0) + amount
        groups: dict[str, dict[str, dict[str, int]]] = {"operation": {}, "model": {}}
        for name, amount in sums.items():
            group, *rest = name.split(_SEPARATOR)
            if group in groups and len(rest) == 2:
                groups[group].setdefault(rest[0], {})[rest[1]] = amount
        return {
            "period": period,
            "summary": _shown(sums, "total_"),
            "by_operation": {k: _shown(v) for k, v in groups["operation"].items()},
            "by_model": {k: _shown(v) for k, v in groups["model"].items()},
        }


def _day_key(day: date) -> str:
    return f"llm_costs:{day.isoformat()}"


def _keys(period: Period, today: date) -> list[str]:
    if period == "all_time":
        return ["llm_costs:all"]
    if period == "today":
        return [_day_key(today)]
    if period == "yesterday":
        return [_day_key(today - timedelta(days=1))]
    return [_day_key(today.replace(day=day)) for day in range(1, today.day + 1)]


def _shown(sums: dict[str, int], prefix: str = "") -> dict[str, int | float]:
    tokens_in, tokens_out = sums.get("input", 0), sums.get("output", 0)
    return {
        f"{prefix}calls": sums.get("calls", 0),
        f"{prefix}tokens": tokens_in + tokens_out,
        f"{prefix}input_tokens": tokens_in,
        f"{prefix}output_tokens": tokens_out,
        f"{prefix}cost_usd": sums.get("cost", 0) / 1_000_000,
    }
