# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What every store does, and what becomes of Redis' when Redis is ill."""

import asyncio
import threading
import time

import httpx
import pytest
from redis import Redis

from ai_service.redis_store import SharedStore
from ai_service.store import MemoryStore

from . import documents as docs
from .conftest import KEY

BODY = {"dte_data": docs.invoice(fecha_emision=None), "company_id": 1}


@pytest.fixture(params=["memory", "redis"])
def with_store(request):
    """Run a coroutine function with a store, in a loop of its own."""
    if request.param == "memory":
        make = MemoryStore
    else:
        url = request.getfixturevalue("redis").url

        def make():
            # These tests are about what it does, not about how fast a busy machine is.
            return SharedStore(url, timeout=5)

    def run(use):
        async def session():
            store = make()
            await use(store)
            if isinstance(store, SharedStore):
                assert store.up
                await store.close()

        asyncio.run(session())

    return run


def test_texts_are_kept_for_a_while(with_store):
    async def use(store):
        await store.put("a", "ñandú", 0.2)
        assert await store.get("a") == "ñandú"
        assert await store.get("b") is None
        await asyncio.sleep(0.25)
        assert await store.get("a") is None

    with_store(use)


def test_the_first_claim_stands(with_store):
    async def use(store):
        assert await store.claim("a", "mine", 60) == "mine"
        assert await store.claim("a", "other", 60) == "mine"
        await store.put("a", "answer", 60)
        assert await store.claim("a", "mine", 60) == "answer"

    with_store(use)


def test_a_window_starts_with_its_first_event(with_store):
    async def use(store):
        windows = [await store.count("a", 0.3) for _ in range(3)]
        assert [window.events for window in windows] == [1, 2, 3]
        assert 0.1 < windows[2].left <= 0.3
        assert abs(windows[0].ends - windows[2].ends) < 0.002
        assert abs(windows[2].ends - time.time() - windows[2].left) < 0.1
        assert (await store.count("b", 0.3)).events == 1
        await asyncio.sleep(0.35)
        assert (await store.count("a", 0.3)).events == 1

    with_store(use)


def test_concurrent_events_are_all_counted(with_store):
    async def use(store):
        windows = await asyncio.gather(*(store.count("a", 60) for _ in range(50)))
        assert sorted(window.events for window in windows) == list(range(1, 51))

    with_store(use)


def test_sums_grow(with_store):
    async def use(store):
        await store.add("a", {"x": 2, "y": 1}, 60)
        await store.add("a", {"x": 3}, 60)
        assert await store.sums("a") == {"x": 5, "y": 1}
        assert await store.sums("b") == {}

    with_store(use)


def test_memory_forgets_what_was_not_used_for_longest():
    async def session():
        store = MemoryStore(values=2)
        for key in "abc":
            await store.put(key, key, 60)
        assert [await store.get(key) for key in "abc"] == [None, "b", "c"]

    asyncio.run(session())


def test_a_count_without_an_end_gets_one(redis):
    """Else a client would be refused for ever."""

    async def session():
        with Redis.from_url(redis.url) as client:
            client.set("a", 7)
            store = SharedStore(redis.url, timeout=5)
            window = await store.count("a", 60)
            assert (window.events, round(window.left)) == (8, 60)
            assert client.ttl("a") in (59, 60)
        await store.close()

    asyncio.run(session())


@pytest.mark.parametrize("illness", ["down", "frozen"])
def test_memory_stands_in_for_redis_and_nobody_waits(redis, illness):
    async def session():
        store = SharedStore(redis.url, timeout=0.2, probe_every=0.1)
        await store.put("a", "in redis", 60)
        redis.stop() if illness == "down" else redis.freeze()

        started = time.perf_counter()
        assert await store.get("a") is None
        assert time.perf_counter() - started < 0.4
        assert not store.up
        assert await store.latency() is None
        started = time.perf_counter()
        for _ in range(200):
            await store.put("a", "in memory", 60)
            assert await store.get("a") == "in memory"
            await store.count("b", 60)
        assert time.perf_counter() - started < 0.2

        redis.start() if illness == "down" else redis.thaw()
        for _ in range(100):
            if store.up:
                break
            await asyncio.sleep(0.05)
        assert await store.get("a") == (None if illness == "down" else "in redis")
        assert await store.latency() < 0.2
        await store.close()

    asyncio.run(session())


# --- Two processes of the service, and one Redis ------------------------------


def test_replicas_share_answers_and_limits(redis, start_server):
    one, two = (start_server(REDIS_URL=redis.url, rate_limit=3) for _ in range(2))
    answers = [one.validate(BODY), two.validate(BODY), one.validate(BODY)]
    assert [answer.json()["cached"] for answer in answers] == [False, True, True]
    assert [answer.headers["X-RateLimit-Remaining"] for answer in answers] == [*"210"]
    refused = two.validate(BODY)
    assert refused.status_code == 429
    assert refused.json() == {"error": "Rate limit exceeded: 3 per 1 minute"}
    assert (
        refused.headers["X-RateLimit-Reset"] == answers[0].headers["X-RateLimit-Reset"]
    )
    with Redis.from_url(redis.url, decode_responses=True) as client:
        (name,) = client.keys("llm_cache:*")
        assert 800 < client.ttl(name) <= 900
        assert "Boldos" not in client.get(name)
        assert KEY not in "".join(client.keys("*"))


@pytest.mark.parametrize("illness", ["down", "frozen"])
def test_without_redis_the_service_answers_and_says_that_it_is_degraded(
    redis, start_server, illness
):
    server = start_server(REDIS_URL=redis.url)
    health = server.client.get("/health")
    assert (health.status_code, health.json()["status"]) == (200, "healthy")
    assert health.json()["dependencies"]["redis"]["latency_ms"] < 100
    redis.stop() if illness == "down" else redis.freeze()

    answers = [server.validate(BODY) for _ in range(22)]
    times = sorted(answer.elapsed.total_seconds() for answer in answers)
    # The one that found it out, and nobody else.
    assert times[-1] < 0.5
    assert times[-2] < 0.1
    # Limits and cache go on, in memory.
    assert [answer.status_code for answer in answers] == [200] * 20 + [429] * 2
    assert answers[1].json()["cached"] is True

    health = server.client.get("/health")
    assert (health.status_code, health.json()["status"]) == (207, "degraded")
    assert health.json()["dependencies"]["redis"]["status"] == "down"
    assert health.elapsed.total_seconds() < 0.5
    assert server.client.get("/ready").status_code == 200
    assert "ai_service_redis_up 0.0" in server.client.get("/metrics").text
    server.wait_for("redis_down")

    redis.start() if illness == "down" else redis.thaw()
    server.wait_for("redis_up")
    assert server.client.get("/health").status_code == 200


def test_a_redis_that_is_far_away_may_be_waited_for(redis, start_server):
    server = start_server(REDIS_URL=redis.url, redis_timeout=5)
    redis.freeze()
    threading.Timer(1, redis.thaw).start()
    answer = server.validate(BODY)
    assert (answer.status_code, answer.json()["cached"]) == (200, False)
    assert 0.5 < answer.elapsed.total_seconds() < 5
    assert "ai_service_redis_up 1.0" in server.client.get("/metrics").text
    assert Redis.from_url(redis.url).keys("llm_cache:*")


def test_a_redis_that_was_never_there_does_not_keep_it_from_starting(start_server):
    server = start_server(REDIS_URL="redis://127.0.0.1:1/0")
    assert server.validate(BODY).status_code == 200
    assert server.client.get("/health").status_code == 207


# Not JSON, JSON of another shape, and what would only break later, in the answer.
_UNREADABLE = (
    b"",
    b"{",
    b"[]",
    b"null",
    b"7",
    b"\xff\xfe",
    b"[" * 5_000,
    b'{"recommendation": "send"}',
    b'{"recommendation": "send", "confidence": "high"}',
    b'{"recommendation": "send", "confidence": 1e999}',
    b'{"recommendation": "send", "confidence": 150}',
    b'{"recommendation": "approve", "confidence": 90}',
    b'{"recommendation": "send", "confidence": 90, "errors": "x"}',
    b'{"recommendation": "send", "confidence": 90, "warnings": [1]}',
    b'{"recommendation": "review", "confidence": 0, "opinion": false}',
    b'{"document": 1, "answer": null}',
    b'["document"]',
    b'["document", {"answer": 1}]',
    b'[{"role": "system", "content": "x"}]',
    b'[{"role": "user"}]',
)


def _spoil(client, name, how):
    ttl = client.ttl(name)
    client.delete(name)
    if isinstance(how, bytes):
        client.set(name, how)
    elif how == "list":
        client.rpush(name, "x")
    elif how == "set":
        client.sadd(name, "x")
    else:
        client.hset(name, mapping={"calls": "many", "a|b|c": "1", "model|x": "2"})
    client.expire(name, max(ttl, 1))


@pytest.mark.parametrize(
    "kind", ["llm_cache", "llm_idempotency", "rate_limit", "chat_session", "llm_costs"]
)
def test_a_corrupt_record_in_redis_is_a_miss_and_never_a_500(
    redis, start_server, vendor, kind
):
    """Whatever stands under a key of ours: broken text, another shape, another type."""
    more = vendor.environment("anthropic")
    server = start_server(REDIS_URL=redis.url, redis_timeout=5, rate_limit=1000, **more)
    chat = "6a0d6b9e-6c1c-4d0f-9d59-6a1f0f7d3a11"

    def ask():
        """Every road that reads a record; the idempotent one after the plain one."""
        answers = [
            server.validate(BODY),
            server.validate(BODY, headers={"Idempotency-Key": "one"}),
            server.client.post(
                "/api/chat/message", json={"message": "¿IVA?", "session_id": chat}
            ),
            *(
                server.client.get(f"/metrics/costs?period={period}")
                for period in ("today", "all_time")
            ),
        ]
        assert [answer.status_code for answer in answers] == [200] * 5
        assert answers[0].json()["opinion"] is True
        return answers

    ask()
    with Redis.from_url(redis.url) as client:
        for how in (*_UNREADABLE, "list", "set", "hash"):
            names = client.keys(f"{kind}:*")
            assert names
            for name in names:
                _spoil(client, name, how)
            answers = ask()
            if kind == "llm_cache":
                assert [answer.json()["cached"] for answer in answers[:2]] == [
                    False,
                    True,
                ]
    # One record is no reason to leave Redis.
    assert not any("redis_down" in line for line in server.lines)
    assert not any("internal_error" in line for line in server.lines)


def test_the_redis_password_is_not_logged(start_server):
    server = start_server(REDIS_URL="redis://:s3cr3t-word@127.0.0.1:1/0")
    assert httpx.get(f"http://127.0.0.1:{server.port}/health").status_code == 207
    server.validate(BODY)
    assert server.stop() == -15
    assert "s3cr3t-word" not in "".join(server.lines)
