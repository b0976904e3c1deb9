# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A breaker that leaves a failing model alone for a while, and cannot lock up."""

import time
from collections.abc import Callable

FAILURES = 5
#: Seconds of rest after the first opening, the second, and so on.
RESTS = (15.0, 30.0, 60.0, 300.0)


class Breaker:
    """Opens after failures in a row, and closes on the first success.

        closed ──failures──> open ──rest is over──> one probe ──success──> closed
                               ^                        │
                               └──failure, or no word───┘

    Every state but *closed* ends by time alone: a rest ends, and a probe that is never
    heard of again is replaced by the next one after `lease` seconds.

    :param lease: seconds after which a probe counts as lost
    """

    def __init__(
        self,
        lease: float,
        failures: int = FAILURES,
        rests: tuple[float, ...] = RESTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lease = lease
        self._limit = failures
        self._rests = rests
        self._clock = clock
        self._failures = 0
        self._openings = 0
        self._probing = False
        self._next_probe = 0.0

    @property
    def is_open(self) -> bool:
        """Whether the last calls failed, so that at most a probe is let through."""
        return self._openings > 0

    def admits(self) -> bool:
        """Whether a call may be made now. A call that was admitted as the probe leases
        the right to be the only one."""
        if not self.is_open:
            return True
        if self._clock() < self._next_probe:
            return False
        self._probing = True
        self._next_probe = self._clock() + self._lease
        return True

    def succeeded(self) -> None:
        """The model answered."""
        self._failures = self._openings = 0
        self._probing = False

    def failed(self) -> None:
        """The model did not."""
        if self.is_open and not self._probing:
            return  # A call from before: it says nothing new, and must not prolong.
        self._failures += 1
        if self._failures >= self._limit:
            rest = self._rests[min(self._openings, len(self._rests) - 1)]
            self._next_probe = self._clock() + rest
            self._openings += 1
            self._probing = False
