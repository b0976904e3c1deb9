# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How often a client may ask: a fixed window per key and client address."""

import math
from dataclasses import dataclass

from .store import Store

WINDOW = 60.0


@dataclass(frozen=True)
class Decision:
    """What the limiter decided about one request."""

    allowed: bool
    limit: int
    remaining: int
    #: Unix time, in whole seconds, at which the window ends.
    reset: int
    #: Whole seconds until then, at least 1.
    retry_after: int

    @property
    def headers(self) -> dict[str, str]:
        """X-RateLimit headers, and Retry-After where the request was refused."""
        headers = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Remaining": str(self.remaining),
            "X-RateLimit-Reset": str(self.reset),
        }
        if not self.allowed:
            headers["Retry-After"] = str(self.retry_after)
        return headers


class RateLimiter:
    """Counts requests in windows that start with a client's first request.

    :param name: what is limited; each name has counts of its own
    :param limit: how many requests a window admits
    :param window: how long it is, in seconds
    """

    def __init__(
        self, store: Store, name: str, limit: int, window: float = WINDOW
    ) -> None:
        self._store = store
        self._name = name
        self._limit = limit
        self._window = window

    @property
    def message(self) -> str:
        """The text of the refusal, word for word as in the contract."""
        return f"Rate limit exceeded: {self._limit} per 1 minute"

    async def hit(self, key: str, client: str) -> Decision:
        """Count one request of `client` with `key` and decide about it."""
        window = await self._store.count(
            f"rate_limit:{self._name}:{key}:{client}", self._window
        )
        return Decision(
            allowed=window.events <= self._limit,
            limit=self._limit,
            remaining=max(self._limit - window.events, 0),
            reset=math.ceil(window.ends),
            retry_after=max(math.ceil(window.left), 1),
        )
