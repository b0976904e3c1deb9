# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Idempotency-Key, /metrics, /metrics/costs and the chat, over real HTTP."""

import subprocess
import sys
import textwrap
import uuid

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from . import documents as docs
from .conftest import KEY, OTHER_KEY, ROOT, environment


def question(**changes):
    document = docs.invoice(**{"fecha_emision": None, **changes})
    return {"dte_data": document, "company_id": 1, "history": []}


def key(value):
    return {"Idempotency-Key": value}


# --- Idempotency-Key ---------------------------------------------------------------


@pytest.fixture(params=["memory", "redis"])
def modelled(request, start_server, vendor):
    """A service with a model, and its state in memory or in Redis."""
    more = {}
    if request.param == "redis":
        more["REDIS_URL"] = request.getfixturevalue("redis").url
    return start_server(rate_limit=1000, **more, **vendor.environment("anthropic"))


def test_the_same_key_has_the_same_answer(modelled, vendor):
    first = modelled.validate(question(), headers=key("k1")).json()
    vendor.answer = {**vendor.answer, "recommendation": "review"}
    # With another history too: it is not the document that was asked about.
    body = question() | {"history": [docs.previous(100)]}
    again = modelled.validate(body, headers=key("k1")).json()
    assert (first.pop("cached"), again.pop("cached")) == (False, True)
    assert first.pop("request_id") != again.pop("request_id")
    assert first == again
    assert len(vendor.calls) == 1
    assert modelled.validate(body).json()["recommendation"] == "review"


@pytest.mark.parametrize("change", ["document", "company"])
def test_the_same_key_for_another_body_is_409(modelled, change):
    assert modelled.validate(question(), headers=key("k1")).status_code == 200
    other = (
        question(folio=2) if change == "document" else question() | {"company_id": 2}
    )
    for _ in range(2):  # Cached or not, it is another body.
        assert modelled.validate(other).status_code == 200
    refused = modelled.validate(other, headers=key("k1"))
    assert refused.status_code == 409
    assert "Idempotency-Key" in refused.json()["detail"]
    assert refused.headers["X-RateLimit-Remaining"] == "996"
    assert modelled.validate(other, headers=key("k2")).status_code == 200


def test_keys_belong_to_whoever_gave_them(modelled):
    modelled.validate(question(), headers=key("k1"))
    headers = {**key("k1"), "Authorization": f"Bearer {OTHER_KEY}"}
    other = modelled.validate(question(folio=2), headers=headers)
    assert other.status_code == 200


def test_an_attempt_without_opinion_is_made_again(modelled, vendor):
    vendor.script = [400]
    answers = [modelled.validate(question(), headers=key("k1")) for _ in range(3)]
    seen = [(a.json()["opinion"], a.json()["cached"]) for a in answers]
    assert seen == [(False, False), (True, False), (True, True)]
    # And the key is tied to its document all the same.
    other = modelled.validate(question(folio=2), headers=key("k1"))
    assert other.status_code == 409


def test_a_key_too_long_is_422(server):
    answer = server.validate(question(), headers=key("x" * 256))
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["header", "idempotency-key"]
    assert answer.json()["detail"][0]["msg"].startswith("Value error, ")


# --- Metrics -----------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/metrics", "/metrics/costs"])
def test_metrics_ask_for_the_key(server, path):
    url = server.client.base_url.join(path)
    answer = httpx.get(url)
    assert (answer.status_code, answer.json()) == (403, {"detail": "Not authenticated"})
    answer = httpx.get(url, headers={"Authorization": "Bearer wrong"})
    assert (answer.status_code, answer.json()) == (403, {"detail": "Invalid API key"})


def _samples(server):
    text = server.client.get("/metrics").text
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_metrics_count_what_happened(start_server):
    server = start_server(rate_limit=3)
    for _ in range(4):
        server.validate(question())
    server.client.get("/nowhere/at/all")
    samples = _samples(server)
    assert samples["ai_service_requests_total", "/api/ai/validate", "200", "POST"] == 3
    assert samples["ai_service_requests_total", "/api/ai/validate", "429", "POST"] == 1
    assert samples["ai_service_requests_total", "404", "GET", "other"] == 1
    assert samples["ai_service_cache_total", "hit"] == 2
    assert samples["ai_service_cache_total", "miss"] == 1
    assert samples["ai_service_rate_limited_total",] == 1
    assert samples["ai_service_validations_total", "send", "true"] == 3
    assert samples["ai_service_redis_up",] == 1
    assert samples["process_resident_memory_bytes",] > 1e6
    kind = server.client.get("/metrics").headers["Content-Type"]
    assert kind.startswith("text/plain")


def test_costs_have_the_contracts_shape(server):
    for period in ("today", "yesterday", "this_month", "all_time"):
        body = server.client.get("/metrics/costs", params={"period": period}).json()
        assert body == {
            "period": period,
            "summary": {
                "total_calls": 0,
                "total_tokens": 0,
                "total_input_tokens": 0,
                "total_output_tokens": 0,
                "total_cost_usd": 0,
            },
            "by_operation": {},
            "by_model": {},
        }
    refused = server.client.get("/metrics/costs", params={"period": "ever"})
    assert refused.status_code == 422


def test_replicas_add_up_what_they_cost(start_server, redis, vendor):
    more = {"REDIS_URL": redis.url, **vendor.environment("anthropic")}
    one, two = (start_server(**more) for _ in range(2))
    one.validate(question())
    two.validate(question(folio=2))
    for period in ("today", "this_month", "all_time"):
        for server in (one, two):
            costs = server.client.get("/metrics/costs", params={"period": period})
            assert costs.json()["summary"]["total_calls"] == 2
            assert costs.json()["by_model"]["claude-haiku-4-5"]["calls"] == 2


# --- Chat --------------------------------------------------------------------------


def test_a_conversation_goes_on(modelled, vendor):
    vendor.text = "Con código 2 se corrige un texto."
    started = modelled.client.post("/api/chat/session/new", json={}).json()
    session = started["session_id"]
    assert uuid.UUID(session)
    assert started["welcome_message"]
    ask = {"session_id": session, "message": " ¿Y el código 2? "}
    first = modelled.client.post("/api/chat/message", json=ask).json()
    assert first == {
        "message": vendor.text,
        "sources": [],
        "confidence": 50.0,
        "session_id": session,
        "llm_used": "claude-haiku-4-5",
        "tokens_used": {"input_tokens": 1200, "output_tokens": 60},
    }
    for _ in range(8):
        modelled.client.post("/api/chat/message", json=ask)
    sent = vendor.calls[-1]["messages"]
    # No more than the last messages are kept, and the user's comes first.
    assert len(sent) == 11
    assert [sent[0]["role"], sent[-1]["role"]] == ["user", "user"]
    assert sent[0]["content"] == "¿Y el código 2?"
    # Nobody else sees it.
    headers = {"Authorization": f"Bearer {OTHER_KEY}"}
    modelled.client.post("/api/chat/message", json=ask, headers=headers)
    assert len(vendor.calls[-1]["messages"]) == 1


def test_a_chat_without_a_model_says_so(server):
    answer = server.client.post("/api/chat/message", json={"message": "Hola"})
    body = answer.json()
    assert (answer.status_code, body["llm_used"], body["confidence"]) == (
        200,
        "none",
        0,
    )
    assert uuid.UUID(body["session_id"])
    assert "X-RateLimit-Remaining" in answer.headers


def test_a_chat_whose_model_fails_says_so(modelled, vendor):
    vendor.always = 400
    body = modelled.client.post("/api/chat/message", json={"message": "Hola"}).json()
    assert body["llm_used"] == "none"
    assert "no aceptó" in body["message"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"message": ""},
        {"message": "  "},
        {"message": "x" * 5001},
        {"message": "x", "session_id": "1"},
    ],
    ids=["none", "empty", "blank", "long", "session"],
)
def test_an_unusable_question_is_422(server, body):
    assert server.client.post("/api/chat/message", json=body).status_code == 422


@pytest.mark.parametrize("path", ["/api/chat/message", "/api/chat/session/new"])
def test_the_chat_asks_for_the_key(server, path):
    answer = httpx.post(server.client.base_url.join(path), json={"message": "x"})
    assert answer.status_code == 403


def test_the_chat_has_a_limit_of_its_own(start_server):
    server = start_server(rate_limit=2)
    ask = {"message": "Hola"}
    codes = [
        server.client.post("/api/chat/message", json=ask).status_code for _ in range(3)
    ]
    assert codes == [200, 200, 429]
    assert server.validate(question()).status_code == 200


# --- A process that is stuck ---------------------------------------------------------


def test_a_stuck_process_ends_itself():
    script = textwrap.dedent(
        """
        import asyncio, time
        from ai_service.watchdog import Watchdog

        async def main():
            Watchdog(0.4).start()
            await asyncio.sleep(0.8)
            print("beating", flush=True)
            time.sleep(30)

        asyncio.run(main())
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env=environment(api_key=KEY),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 70
    assert done.stdout.startswith("beating\n")
    assert '"event": "event_loop_stuck"' in done.stdout
    assert "time.sleep(30)" in done.stderr or 'File "<string>"' in done.stderr
