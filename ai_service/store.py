# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Where the service keeps what outlives a request: answers, counts, sums.

Everything in it may be lost at any time and is bounded in time and number.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from cachetools import TLRUCache

MAX_VALUES = 4_000
MAX_COUNTERS = 10_000


class Window(NamedTuple):
    """A span in which events are counted."""

    events: int
    #: Seconds until it ends.
    left: float
    #: Unix time at which it ends: the same for each of its events.
    ends: float


class Store(Protocol):
    """What is kept, by key. Every entry is forgotten after its `seconds`."""

    async def get(self, key: str) -> str | None:
        """The text under `key`, if there is one."""

    async def put(self, key: str, value: str, seconds: float) -> None:
        """Keep a text."""

    async def claim(self, key: str, value: str, seconds: float) -> str:
        """Keep a text unless there is one, and return the one that stands there."""

    async def count(self, key: str, seconds: float) -> Window:
        """Count one event in a window that starts with its first event.

        :return: the window, this event included
        """

    async def add(self, key: str, amounts: Mapping[str, int], seconds: float) -> None:
        """Add to the named sums under `key`; they live on for `seconds` from now."""

    async def sums(self, key: str) -> dict[str, int]:
        """The sums under `key`, empty if there are none."""


class MemoryStore:
    """A store that belongs to this process; the least recently used goes first."""

    def __init__(
        self,
        values: int = MAX_VALUES,
        counters: int = MAX_COUNTERS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._values = _cache(values, clock)
        self._windows = _cache(counters, clock)
        self._sums = _cache(counters, clock)

    async def get(self, key: str) -> str | None:
        return self._values.get(key, (None,))[0]

    async def put(self, key: str, value: str, seconds: float) -> None:
        self._values[key] = (value, self._clock() + seconds)

    async def claim(self, key: str, value: str, seconds: float) -> str:
        if key not in self._values:
            await self.put(key, value, seconds)
        return self._values[key][0]

    async def count(self, key: str, seconds: float) -> Window:
        now = self._clock()
        first = ((0, time.time() + seconds), now + seconds)
        (events, ends), expires = self._windows.get(key, first)
        self._windows[key] = ((events + 1, ends), expires)
        return Window(events + 1, expires - now, ends)

    async def add(self, key: str, amounts: Mapping[str, int], seconds: float) -> None:
        sums = dict(await self.sums(key))
        for name, amount in amounts.items():
            sums[name] = sums.get(name, 0) + amount
        self._sums[key] = (sums, self._clock() + seconds)

    async def sums(self, key: str) -> dict[str, int]:
        return self._sums.get(key, ({},))[0]


def _cache(size: int, clock: Callable[[], float]) -> TLRUCache[str, tuple[Any, float]]:
    """A cache of (value, time at which it ends)."""
    return TLRUCache(size, ttu=lambda _key, entry, _now: entry[1], timer=clock)
