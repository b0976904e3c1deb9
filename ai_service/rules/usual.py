# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What is usual: robust statistics of few numbers, and how they are told.

Quantities and prices are compared as logarithms, for what is unusual about them is a
factor. Median and median absolute deviation (MAD) do not mind an earlier mistake.
"""

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

# Of a normal distribution, MAD times this is the standard deviation.
_MAD_TO_DEVIATION = 1.4826
# Within so many standard deviations are nine in ten.
_TENTH_TO_DEVIATION = 1.645


def spread_of(deviations: Sequence[float]) -> float:
    """The standard deviation that the median of absolute deviations stands for."""
    if not deviations:
        return 0.0
    return _MAD_TO_DEVIATION * statistics.median(map(abs, deviations))


def wide_spread_of(deviations: Sequence[float]) -> float:
    """The same, or what the widest tenth stands for where that is more.

    Of what is nearly always one and sometimes three, the median deviation is none.
    """
    ordered = sorted(map(abs, deviations))
    tenth = ordered[-1 - len(ordered) // 10] if len(ordered) >= 10 else 0.0
    return max(spread_of(deviations), tenth / _TENTH_TO_DEVIATION)


@dataclass(frozen=True)
class Usual:
    """What some numbers are like.

    :param center: median of their logarithms
    :param spread: of their logarithms, as a standard deviation
    """

    center: float
    spread: float
    count: int
    least: float
    most: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Usual":
        """Of at least one number, all above zero."""
        logs = [math.log(value) for value in values]
        center = statistics.median(logs)
        spread = wide_spread_of([log - center for log in logs])
        return cls(center, spread, len(logs), min(values), max(values))

    @property
    def middle(self) -> float:
        """The usual number."""
        return math.exp(self.center)

    def distance(self, value: float) -> float:
        """Logarithm of how many times the usual a number is."""
        return math.log(value) - self.center

    def surely(self, shared: float, weight: float = 4.0) -> float:
        """The spread, less trusted the fewer numbers there are.

        :param shared: the spread where only that of similar things is known
        :param weight: how many numbers of its own count as much as that
        """
        variance = self.count * self.spread**2 + weight * shared**2
        spread = math.sqrt(variance / (self.count + weight))
        return spread * (1 + 1.5 / self.count)


def span(days: Sequence[date | None], until: date) -> str:
    """How long something is known, as in "en 14 meses"; empty if it is not known."""
    known = [day for day in days if day is not None]
    if not known:
        return ""
    length = (until - min(known)).days
    if length >= 60:
        return f"en {round(length / 30.4)} meses"
    return f"en {length // 7} semanas" if length >= 14 else "en dos semanas"


def number(value: float) -> str:
    """A number as a Chilean reads it: ``1.234,5``."""
    rounded = round(value, 2 if abs(value) < 100 else 0)
    text = f"{rounded:,.2f}".rstrip("0").rstrip(".")
    return text.translate(str.maketrans(",.", ".,"))


def pesos(value: float) -> str:
    """An amount as a Chilean reads it."""
    return f"$ {number(value)}"


def times(factor: float) -> str:
    """How many times: ``10 veces``, ``1,19 veces``, ``la décima parte``."""
    if factor >= 1:
        shown = round(factor) if factor >= 5 else round(factor, 2)
        return f"{number(shown)} veces lo usual"
    parts = {2: "la mitad", 3: "un tercio", 4: "un cuarto", 10: "la décima parte"}
    inverse = 1 / factor
    nearest = round(inverse)
    if nearest in parts and abs(inverse - nearest) < 0.05 * nearest:
        return f"{parts[nearest]} de lo usual"
    return f"{number(inverse)} veces menos que lo usual"


def between(usual: Usual, shown: Callable[[float], str] = number) -> str:
    """Where the numbers lie: "40 a 60", or the one number if they are alike."""
    low, high = shown(usual.least), shown(usual.most)
    return low if low == high else f"{low} a {high}"
