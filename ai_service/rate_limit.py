# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How often a client may ask: a fixed window per key and client address."""

import math
import time
from dataclasses import dataclass

from limits import RateLimitItem
from limits.aio.storage import MemoryStorage, Storage
from limits.aio.strategies import FixedWindowRateLimiter


@dataclass(frozen=True)
class Decision:
    """What the limiter decided about one request."""

    allowed: bool
    limit: int
    remaining: int
    #: Unix time, in seconds, at which the window ends.
    reset: float
    #: Whole seconds until then, at least 1.
    retry_after: int

    @property
    def headers(self) -> dict[str, str]:
        """X-RateLimit headers, and Retry-After where the request was refused."""
        headers = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(math.ceil(self.reset)),
        }
        if not self.allowed:
            headers["Retry-After"] = str(self.retry_after)
        return headers


class RateLimiter:
    """Counts requests in windows that start with a client's first request.

    :param item: how many requests a window admits, and how long it is
    :param storage: where to count; memory where none is given, and a Redis storage of
        the same library would share the count among replicas
    """

    def __init__(self, item: RateLimitItem, storage: Storage | None = None) -> None:
        self._item = item
        self._strategy = FixedWindowRateLimiter(storage or MemoryStorage())

    @property
    def message(self) -> str:
        """The text of the refusal, word for word as in the contract."""
        return f"Rate limit exceeded: {self._item}"

    async def hit(self, key: str, client: str) -> Decision:
        """Count one request of `client` with `key` and decide about it."""
        allowed = await self._strategy.hit(self._item, key, client)
        reset, remaining = await self._strategy.get_window_stats(
            self._item, key, client
        )
        wait = math.ceil(reset - time.time())
        return Decision(
            allowed, self._item.amount, max(remaining, 0), reset, max(wait, 1)
        )
