# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a healthy process does not show: engines that fail, time that passes."""

import asyncio
import json

import httpx
import pytest
from structlog.testing import capture_logs

from ai_service.app import create_app
from ai_service.cache import AnswerCache
from ai_service.engines.base import EngineUnavailable, Opinion
from ai_service.rate_limit import RateLimiter
from ai_service.settings import Settings
from ai_service.store import MemoryStore

from . import documents as docs
from .conftest import KEY

BODY = {"dte_data": docs.invoice(fecha_emision=None), "company_id": 1}


class FailingEngine:
    """Raises what it is given, and counts how often it was asked."""

    identity = "failing/1"

    def __init__(self, error):
        self.error = error
        self.calls = 0

    async def validate(self, request):
        self.calls += 1
        raise self.error


def ask(engine, times=1):
    async def session():
        app = create_app(Settings(api_key=KEY), engine)
        transport = httpx.ASGITransport(app)
        headers = {"Authorization": f"Bearer {KEY}", "X-Request-ID": "abc-1"}
        async with httpx.AsyncClient(
            transport=transport, base_url="http://test", headers=headers
        ) as client:
            return [
                await client.post("/api/ai/validate", json=BODY) for _ in range(times)
            ]

    return asyncio.run(session())


def test_an_engine_without_opinion_never_says_send_and_is_not_cached():
    engine = FailingEngine(EngineUnavailable("el modelo no respondió"))
    first, second = (answer.json() for answer in ask(engine, 2))
    assert first == second
    assert engine.calls == 2
    assert first == {
        "confidence": 0.0,
        "warnings": ["AI service temporarily unavailable: el modelo no respondió"],
        "errors": [],
        "recommendation": "review",
        "opinion": False,
        "reason": "el modelo no respondió",
        "findings": [],
        "cached": False,
        "request_id": "abc-1",
    }


def test_a_crash_is_a_500_with_the_request_id_and_without_the_document():
    secret = "RUT 77801246-4"
    with capture_logs() as logs:
        (answer,) = ask(FailingEngine(RuntimeError(secret)))
    body = answer.json()
    assert answer.status_code == 500
    assert body["error"] == "Internal server error"
    assert body["request_id"] == answer.headers["X-Request-ID"] == "abc-1"
    assert body["detail"]
    assert secret not in json.dumps([body, logs])
    crash = next(line for line in logs if line["event"] == "internal_error")
    assert crash["exception"] == "RuntimeError"
    assert any("validation.py" in frame for frame in crash["frames"])


@pytest.mark.parametrize("broken", [{"errors": ("x",)}, {"opinion": False}])
def test_an_opinion_cannot_fail_open(broken):
    with pytest.raises(ValueError, match="send needs"):
        Opinion(recommendation="send", confidence=90.0, **broken)


def test_messages_are_bounded_for_the_client():
    opinion = Opinion("reject", 99.0, errors=("x" * 600,) * 60)
    assert len(opinion.errors) == 50
    assert opinion.errors[-1].startswith("Y 11 observaciones más")
    assert max(map(len, opinion.errors)) == 500


def test_after_retry_after_the_client_is_let_in_again():
    async def session():
        limiter = RateLimiter(MemoryStore(), "test", 2, window=1)
        decisions = [await limiter.hit("key", "client") for _ in range(3)]
        assert [decision.allowed for decision in decisions] == [True, True, False]
        assert decisions[-1].retry_after == 1
        assert (await limiter.hit("key", "other client")).allowed
        await asyncio.sleep(decisions[-1].retry_after)
        assert (await limiter.hit("key", "client")).allowed

    asyncio.run(session())


def test_the_cache_forgets_by_age_and_by_number():
    async def session():
        opinion = Opinion("send", 90.0)
        cache = AnswerCache(MemoryStore(values=2), lifetime=0.05)
        for name in "abc":
            await cache.put(name, opinion)
        assert await cache.get("a") is None
        assert await cache.get("c") == opinion
        await asyncio.sleep(0.06)
        assert await cache.get("c") is None

    asyncio.run(session())
