# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The checks of the v1.2.0 deployment guide, in its order, against a running
service.
"""

import json
import threading
import time

import httpx
import pytest
import tenacity
from redis import Redis
from structlog.testing import capture_logs

from ai_service.engines import caller
from ai_service.engines.extraction import extract_json_from_llm_response

from . import documents as docs
from .conftest import KEY

BODY = {"dte_data": docs.invoice(fecha_emision=None), "company_id": 1}


@pytest.fixture
def guided(start_server, redis, vendor):
    """The service as the guide deploys it: Claude and Redis."""
    return start_server(REDIS_URL=redis.url, **vendor.environment("anthropic"))


def test_health(guided):
    answer = httpx.get(guided.client.base_url.join("/health"))
    assert answer.status_code == 200
    expected = {
        "status": "healthy",
        "service": "AI Microservice - DTE Intelligence",
        "version": "1.2.0",
        "anthropic_configured": True,
        "openai_configured": False,
    }
    assert expected.items() <= answer.json().items()


def test_25_requests(guided):
    codes = [guided.validate(BODY).status_code for _ in range(25)]
    assert codes == [200] * 20 + [429] * 5
    assert guided.wait_for("rate_limit_exceeded")["limit"] == 20


def test_an_identical_second_request_comes_from_redis(guided, vendor, redis):
    vendor.delay = 2.0
    first, second = guided.validate(BODY), guided.validate(BODY)
    assert (first.json()["cached"], second.json()["cached"]) == (False, True)
    assert first.elapsed.total_seconds() >= 2
    assert first.elapsed >= 20 * second.elapsed
    assert len(vendor.calls) == 1
    with Redis.from_url(redis.url, decode_responses=True) as client:
        assert len(client.keys("llm_cache:*")) == 1
    miss = guided.wait_for("llm_cache_miss")
    assert guided.wait_for("llm_cache_hit")["digest"] == miss["digest"]


def test_start_up_events(guided):
    guided.client.get("/ready")
    events = {line["event"]: line for line in map(json.loads, guided.lines)}
    assert events["ai_service_starting"]["version"] == "1.2.0"
    assert events["anthropic_client_initialized"]["model"].startswith("claude")
    assert "chat_engine_initialized" in events


ANSWER = {"confidence": 92, "errors": ["a {b}"], "nested": {"x": [1]}}
TEXT = json.dumps(ANSWER)


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        json.dumps(ANSWER, indent=4),
        f"```json\n{TEXT}\n```",
        f"```\n{TEXT}\n```",
        f"Here is the JSON: {TEXT}",
        f"{TEXT}\nI hope that {{this}} helps.",
        f"Before {{not json}}:\n```JSON\n{TEXT}\n```\nafter",
        f"In {{braces}} and then {TEXT} {TEXT}",
    ],
)
def test_json_is_extracted(text):
    with capture_logs() as logs:
        assert extract_json_from_llm_response(text) == ANSWER
    assert logs == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No JSON at all",
        TEXT[:-1],
        "```json\n{\n```",
        "[1, 2]",
        '{"confidence": NaN}',
        "{" * 5000,
        '{"a":' * 100_000,
    ],
    ids=["empty", "prose", "cut", "fence", "list", "nan", "braces", "deep"],
)
def test_broken_json_is_logged_and_not_quoted(text):
    with capture_logs() as logs:
        assert extract_json_from_llm_response(text) is None
    (line,) = logs
    assert line["event"] == "json_parse_error"
    assert line["characters"] == len(text)
    assert not text or text not in str(line)


def test_retries_are_tenacitys(guided, vendor):
    assert caller.tenacity is tenacity
    vendor.script = [529, 500]
    started = time.monotonic()
    assert guided.validate(BODY).json()["opinion"] is True
    assert len(vendor.calls) == 3
    assert time.monotonic() - started >= 0.2  # Its pauses.
    causes = [guided.wait_for("model_call_retried")["cause"] for _ in range(2)]
    assert causes == ["http_529", "http_500"]


def test_neither_keys_nor_documents_are_in_the_log(guided, vendor):
    vendor.script = [500, "garbage", 401]
    for folio in range(4):
        guided.validate(
            {"dte_data": docs.invoice(fecha_emision=None, folio=folio), "company_id": 1}
        )
    guided.stop()
    text = "".join(guided.lines)
    for secret in (KEY, "fake-vendor-key", "Taladro", "77801246", "Boldos"):
        assert secret not in text
    assert all(json.loads(line)["event"] for line in guided.lines)


def test_sigterm_completes_a_question_to_the_model(guided, vendor):
    vendor.delay = 1.0
    with httpx.Client(timeout=10) as client:
        answers = []
        url = guided.client.base_url.join("/api/ai/validate")
        headers = {"Authorization": f"Bearer {KEY}"}
        asking = threading.Thread(
            target=lambda: answers.append(client.post(url, json=BODY, headers=headers))
        )
        asking.start()
        deadline = time.monotonic() + 5
        while not vendor.calls and time.monotonic() < deadline:
            time.sleep(0.02)
        assert guided.stop() == -15
        asking.join(5)
    assert answers[0].json()["opinion"] is True
