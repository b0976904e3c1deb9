# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The store in Redis, which replicas share, and what happens while Redis is down."""

import asyncio
import contextlib
import re
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import anyio
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError, ResponseError

from .logs import get_logger
from .store import MemoryStore, Store, Window

# One operation takes under a millisecond. What takes this long is not worth waiting
# for: from then on memory answers until Redis is well again.
TIMEOUT = 0.1
PROBE_EVERY = 1.0

# Counting and setting the end of the window are one step: a count without an end would
# refuse a client forever.
_COUNT = """
local events = redis.call('INCR', KEYS[1])
if redis.call('PTTL', KEYS[1]) < 0 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
local left = redis.call('PTTL', KEYS[1])
local now = redis.call('TIME')
return {events, left, now[1] * 1000 + math.floor(now[2] / 1000) + left}
"""

# How Redis says that what it has under a key is not what we would have put there.
_UNUSABLE = re.compile(r"WRONGTYPE|not an integer|not a valid float|would overflow")

Result = TypeVar("Result")


class RedisStore:
    """A store in Redis. Raises what redis-py raises."""

    def __init__(self, client: Redis) -> None:
        self._redis = client
        self._count = client.register_script(_COUNT)

    async def get(self, key: str) -> str | None:
        return await self._redis.get(key)

    async def put(self, key: str, value: str, seconds: float) -> None:
        await self._redis.set(key, value, px=_ms(seconds))

    async def claim(self, key: str, value: str, seconds: float) -> str:
        if await self._redis.set(key, value, px=_ms(seconds), nx=True):
            return value
        return await self._redis.get(key) or value

    async def count(self, key: str, seconds: float) -> Window:
        events, left, ends = await self._count(keys=[key], args=[_ms(seconds)])
        return Window(events, left / 1000, ends / 1000)

    async def add(self, key: str, amounts: Mapping[str, int], seconds: float) -> None:
        async with self._redis.pipeline(transaction=True) as pipe:
            for name, amount in amounts.items():
                pipe.hincrby(key, name, amount)
            pipe.pexpire(key, _ms(seconds))
            await pipe.execute()

    async def sums(self, key: str) -> dict[str, int]:
        found = await self._redis.hgetall(key)
        return {
            name: int(amount)
            for name, amount in found.items()
            if re.fullmatch(r"-?[0-9]{1,18}", amount)
        }


class SharedStore:
    """Redis, or this process's memory for as long as Redis is down or slow.

    The operation that finds Redis down waits `timeout` seconds at most, and those that
    follow do not wait at all: only a probe in the background asks Redis, until it
    answers within half of the time.

    :param url: ``redis://``, ``rediss://`` or ``unix://``
    :param timeout: seconds that one operation may take
    :param probe_every: seconds between two probes while Redis is down
    """

    def __init__(
        self,
        url: str,
        memory: MemoryStore | None = None,
        timeout: float = TIMEOUT,
        probe_every: float = PROBE_EVERY,
    ) -> None:
        self._timeout = timeout
        self._probe_every = probe_every
        self._client = Redis.from_url(
            url,
            decode_responses=True,
            # Once more on a connection that Redis closed while it was idle; what
            # times out is not tried again.
            retry=Retry(NoBackoff(), 1, supported_errors=(RedisConnectionError,)),
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
        )
        self._redis = RedisStore(self._client)
        self._memory = memory or MemoryStore()
        self._probe: asyncio.Task[None] | None = None
        self.up = True

    async def get(self, key: str) -> str | None:
        return await self._run(key, lambda store: store.get(key))

    async def put(self, key: str, value: str, seconds: float) -> None:
        await self._run(key, lambda store: store.put(key, value, seconds))

    async def claim(self, key: str, value: str, seconds: float) -> str:
        return await self._run(key, lambda store: store.claim(key, value, seconds))

    async def count(self, key: str, seconds: float) -> Window:
        return await self._run(key, lambda store: store.count(key, seconds))

    async def add(self, key: str, amounts: Mapping[str, int], seconds: float) -> None:
        await self._run(key, lambda store: store.add(key, amounts, seconds))

    async def sums(self, key: str) -> dict[str, int]:
        return await self._run(key, lambda store: store.sums(key))

    async def latency(self) -> float | None:
        """Seconds that Redis takes to answer; None while it is down."""
        started = time.perf_counter()
        if self.up:
            with contextlib.suppress(RedisError, OSError):
                with anyio.fail_after(self._timeout):
                    await self._client.ping()
                return time.perf_counter() - started
            self._down("ping")
        return None

    async def close(self) -> None:
        """Leave Redis."""
        if self._probe:
            self._probe.cancel()
        await self._client.aclose()

    async def _run(
        self, key: str, operation: Callable[[Store], Awaitable[Result]]
    ) -> Result:
        if self.up:
            try:
                with anyio.fail_after(self._timeout):
                    return await self._mended(key, operation)
            # TimeoutError is an OSError.
            except (RedisError, OSError) as error:
                self._down(type(error).__name__)
        return await operation(self._memory)

    async def _mended(
        self, key: str, operation: Callable[[Store], Awaitable[Result]]
    ) -> Result:
        """The operation on Redis; what stands in its way under the key is dropped."""
        try:
            return await operation(self._redis)
        except (ResponseError, UnicodeDecodeError) as error:
            if isinstance(error, ResponseError) and not _UNUSABLE.search(str(error)):
                raise
            get_logger().warning("stored_record_unreadable")
            await self._client.delete(key)
            return await operation(self._redis)

    def _down(self, cause: str) -> None:
        if self.up:
            self.up = False
            get_logger().warning("redis_down", cause=cause)
            self._probe = asyncio.create_task(self._wait_for_redis())

    async def _wait_for_redis(self) -> None:
        while not self.up:
            await asyncio.sleep(self._probe_every)
            with contextlib.suppress(RedisError, OSError):
                with anyio.fail_after(self._timeout / 2):
                    await self._client.ping()
                self.up = True
        get_logger().info("redis_up")


def _ms(seconds: float) -> int:
    return max(int(seconds * 1000), 1)
