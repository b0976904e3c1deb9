# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The contract, over real HTTP against a real process."""

import http.client
import json
import re
import signal
import socket
import statistics
import subprocess
import sys
from contextlib import closing
from datetime import timedelta

import httpx
import pytest

from ai_service import clock

from . import documents as docs
from .conftest import KEY, OTHER_KEY, ROOT, environment

URL = "/api/ai/validate"


def question(**changes):
    """A request about a clean, undated document."""
    document = docs.invoice(**{"fecha_emision": None, **changes})
    return {"dte_data": document, "company_id": 1, "history": []}


def bearer(key):
    return {"Authorization": f"Bearer {key}"}


# --- Health ------------------------------------------------------------------


def test_health_has_the_flat_and_the_nested_shape(server):
    answer = httpx.get(server.client.base_url.join("/health"))
    body = answer.json()
    assert answer.status_code == 200
    flat = {
        "status": "healthy",
        "service": "AI Microservice - DTE Intelligence",
        "version": "1.2.0",
        "anthropic_configured": False,
        "openai_configured": False,
    }
    assert flat.items() <= body.items()
    assert body["dependencies"]["anthropic"]["status"] == "not_configured"
    assert body["metrics"].keys() == {"total_requests", "cache_hit_rate"}
    assert body["uptime_seconds"] >= 0
    assert body["health_check_duration_ms"] >= 0
    assert body["timestamp"].startswith("20")


def test_health_counts_validations(start_server):
    server = start_server()
    for _ in range(4):
        server.validate(question())
    metrics = server.client.get("/health").json()["metrics"]
    assert metrics == {"total_requests": 4, "cache_hit_rate": 0.75}


@pytest.mark.parametrize(("path", "status"), [("/ready", "ready"), ("/live", "alive")])
def test_ready_and_live_need_no_key(server, path, status):
    answer = httpx.get(server.client.base_url.join(path))
    assert (answer.status_code, answer.json()["status"]) == (200, status)


# --- Answers -----------------------------------------------------------------


def test_the_answer_has_the_four_fields_and_ours(server):
    answer = server.validate(question(folio=1))
    body = answer.json()
    assert answer.status_code == 200
    assert body["recommendation"] == "send"
    assert 75 <= body["confidence"] <= 95  # Nothing is known of its receiver.
    assert (body["errors"], body["warnings"]) == ([], [])
    assert (body["opinion"], body["reason"], body["cached"]) == (True, None, False)
    assert body["request_id"] == answer.headers["X-Request-ID"]


def test_a_defect_is_rejected_in_words_for_an_accountant(server):
    body = server.validate(question(monto_iva=18000)).json()
    assert body["recommendation"] == "reject"
    assert body["errors"][0] == (
        "IVA: es $ 18.000 y el 19 % del neto $ 215.055 es $ 40.860."
        " Recalcule los impuestos del documento."
    )


def test_the_same_question_in_other_words_is_answered_from_the_cache(server):
    first = question(folio=77)
    again = question(folio=77, tipo_dte=33, monto_total=285915.0)
    again["dte_data"] = dict(reversed(again["dte_data"].items()))
    again["dte_data"]["monto_otros_impuestos"] = None
    one, two = server.validate(first).json(), server.validate(again).json()
    assert (one.pop("cached"), two.pop("cached")) == (False, True)
    assert one.pop("request_id") != two.pop("request_id")
    assert one == two


def test_a_kept_alive_connection_answers_at_once(server):
    times = []
    for _ in range(10):
        answer = server.validate(question())
        times.append(answer.elapsed.total_seconds())
    # Nagle's algorithm and delayed acknowledgements together take 40 ms.
    assert statistics.median(times) < 0.03


@pytest.mark.parametrize("change", ["company", "history", "document"])
def test_another_question_is_not(server, change):
    first = question(folio=78)
    server.validate(first)
    other = question(folio=78)
    if change == "company":
        other["company_id"] = 2
    elif change == "history":
        other["history"] = [docs.previous(1000)]
    else:
        other["dte_data"]["sucursal"] = "Norte"
    assert server.validate(other).json()["cached"] is False


def test_what_other_clients_send_is_accepted(server):
    old = question()
    for key in ("giro_receptor", "direccion_receptor", "comuna_receptor"):
        del old["dte_data"][key]
    old["history"] = [{"message": "m", "error_code": "E"}, "free text"]
    old["trace"] = {"x": [1]}
    body = server.validate(old).json()
    assert body["recommendation"] == "review"
    assert body["errors"] == []


# --- Refusals ----------------------------------------------------------------

NO_KEY = (403, {"detail": "Not authenticated"})
BAD_KEY = (403, {"detail": "Invalid API key"})


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, NO_KEY),
        ("", NO_KEY),
        (KEY, NO_KEY),
        (f"Basic {KEY}", NO_KEY),
        ("Bearer wrong", BAD_KEY),
        (f"Bearer {KEY}x", BAD_KEY),
        (f"Bearer {KEY},{OTHER_KEY}", BAD_KEY),
        ("Bearer ñandú".encode("latin-1"), BAD_KEY),
    ],
)
def test_without_the_key_403(server, header, expected):
    headers = {} if header is None else {"Authorization": header}
    url = server.client.base_url.join(URL)
    answer = httpx.post(url, json=question(), headers=headers)
    assert (answer.status_code, answer.json()) == expected


def test_a_body_that_was_seen_before_opens_no_door(server):
    content = json.dumps(question(folio=99)).encode()
    headers = {"Content-Type": "application/json", **bearer(KEY)}
    url = server.client.base_url.join(URL)
    for _ in range(2):
        assert httpx.post(url, content=content, headers=headers).status_code == 200
    for header, expected in (
        ({}, NO_KEY),
        (bearer("wrong"), BAD_KEY),
        ({"Authorization": f"Basic {KEY}"}, NO_KEY),
    ):
        more = {"Content-Type": "application/json", **header}
        answer = httpx.post(url, content=content, headers=more)
        assert (answer.status_code, answer.json()) == expected
    plain = {**headers, "Content-Type": "text/plain"}
    assert httpx.post(url, content=content, headers=plain).status_code == 422


def test_both_keys_are_valid(server):
    assert server.validate(question(), headers=bearer(OTHER_KEY)).status_code == 200


@pytest.mark.parametrize(
    ("content", "authorized", "status", "kind"),
    [
        (b"{", False, 422, "json_invalid"),
        (b"{", True, 422, "json_invalid"),
        (b"{}", False, 403, None),
        (b"{}", True, 422, "missing"),
        (b"[]", False, 403, None),
        (b"", False, 403, None),
        (b"", True, 422, "missing"),
    ],
)
def test_malformed_json_comes_before_the_key_and_fields_after(
    server, content, authorized, status, kind
):
    key = KEY if authorized else "wrong-0123456789abcdef"
    headers = {"Content-Type": "application/json", **bearer(key)}
    answer = server.client.post(URL, content=content, headers=headers)
    assert answer.status_code == status
    if kind:
        detail = answer.json()["detail"][0]
        assert detail["type"] == kind
        assert detail["loc"][0] == "body"
        assert detail["msg"].startswith("Value error, ")
        assert {"type", "loc", "msg", "input"} <= detail.keys()


@pytest.mark.parametrize(
    "content",
    [
        b'{"company_id": NaN}',
        b'{"company_id": 1e400}',
        b'{"company_id": ' + b"9" * 5000 + b"}",
        b'{"a": "\\ud800"}',
        b'{"a": "\xff"}',
        b"[" * 100_000,
        b"[" * 60 + b"]" * 60,
    ],
    ids=["nan", "infinity", "digits", "surrogate", "latin-1", "open", "deep"],
)
def test_json_that_could_hurt_is_422(server, content):
    headers = {"Content-Type": "application/json"}
    answer = server.client.post(URL, content=content, headers=headers)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["type"] == "json_invalid"


def test_numbers_at_the_edge_do_not_break_the_rules(server):
    edge = question(monto_neto=10**15, monto_exento=1e-300, monto_iva=0.1)
    edge["dte_data"]["items"] = [
        {"cantidad": 10**15, "precio_unitario": 10**15, "descuento_pct": -(10**15)},
        {"cantidad": 1e-9, "precio_unitario": 0.1 + 0.2, "monto": -(10**15)},
    ] * 40
    answer = server.validate(edge)
    assert answer.status_code == 200
    body = answer.json()
    assert len(body["errors"]) == 50
    assert "observaciones más" in body["errors"][-1]
    assert all(len(text) <= 500 for text in body["errors"] + body["warnings"])


FUTURE = (clock.today() + timedelta(days=2)).isoformat()


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"tipo_dte": "99"}, "tipo_dte", "33, 34"),
        ({"tipo_dte": True}, "tipo_dte", "33, 34"),
        ({"monto_total": 0}, "monto_total", "un monto en cero se omite"),
        ({"monto_neto": "mil"}, "monto_neto", "debe ser un número"),
        ({"monto_neto": "1e-999999"}, "monto_neto", "debe ser un número"),
        ({"monto_neto": True}, "monto_neto", "debe ser un número"),
        ({"monto_iva": 10**16}, "monto_iva", "menor o igual"),
        ({"fecha_emision": FUTURE}, "fecha_emision", "está en el futuro"),
        ({"fecha_emision": "2026-02-30"}, "fecha_emision", "AAAA-MM-DD"),
        ({"fecha_emision": "2026-02-03T00:00:00Z"}, "fecha_emision", "AAAA-MM-DD"),
        ({"rut_emisor": ["76418953-1"]}, "rut_emisor", "debe ser un texto"),
        ({"items": {}}, "items", "debe ser una lista"),
        ({"documento_referencia": 3}, "documento_referencia", "objeto"),
    ],
)
def test_unusable_fields_are_named_in_spanish(server, changes, field, words):
    body = question()
    body["dte_data"].update(changes)
    answer = server.validate(body)
    assert answer.status_code == 422
    (detail,) = answer.json()["detail"]
    assert detail["loc"] == ["body", "dte_data", field]
    name = {
        "tipo_dte": "Tipo de documento",
        "fecha_emision": "Fecha de emisión",
        "rut_emisor": "RUT del emisor",
        "monto_neto": "Monto neto",
        "monto_iva": "IVA",
        "monto_total": "Monto total",
    }.get(field, f"dte_data.{field}")
    assert detail["msg"].startswith(f"Value error, {name}: ")
    assert words in detail["msg"]
    assert detail["input"] == changes[field]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"company_id": 0}, "company_id"),
        ({"company_id": None}, "company_id"),
        ({"dte_data": {}}, "dte_data"),
        ({"history": [{}] * 101}, "history"),
        ({"history": ["x" * 100_001]}, "history"),
        ({"history": "none"}, "history"),
    ],
)
def test_unusable_requests_are_422(server, changes, field):
    answer = server.validate(question() | changes)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][1] == field


def test_a_body_that_is_not_json_is_422(server):
    headers = {"Content-Type": "text/plain"}
    answer = server.client.post(URL, content=b"\xff{}", headers=headers)
    assert answer.status_code == 422


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_above_one_mebibyte_is_413(server, chunked):
    content = b" " * (1024 * 1024 + 1)
    body = iter([content[:-1], content[-1:]]) if chunked else content
    headers = {"Content-Type": "application/json"}
    answer = server.client.post(URL, content=body, headers=headers)
    assert answer.status_code == 413
    assert "1048576" in answer.json()["detail"]


# --- Request identifier ------------------------------------------------------


def test_the_request_id_is_echoed_and_logged(server):
    given = "odoo-7f3a.1:2_b"
    answer = server.validate(question(), headers={"X-Request-ID": given})
    assert answer.headers["X-Request-ID"] == given
    assert answer.json()["request_id"] == given
    line = server.wait_for("validation", request_id=given)
    assert line["recommendation"] == "send"
    assert line["duration_ms"] >= 0
    assert answer.status_code == server.wait_for("request", request_id=given)["status"]


@pytest.mark.parametrize("given", ["", 'a"b', "a b", "x" * 129, "ñ".encode("latin-1")])
def test_an_identifier_that_could_forge_a_log_line_is_replaced(server, given):
    answer = server.client.get("/live", headers={"X-Request-ID": given})
    assert re.fullmatch(r"[0-9a-f]{32}", answer.headers["X-Request-ID"])


def test_refusals_have_an_identifier_too(server):
    url = server.client.base_url.join(URL)
    answer = httpx.post(url, json={}, headers={"X-Request-ID": "abc"})
    assert (answer.status_code, answer.headers["X-Request-ID"]) == (403, "abc")


# --- Limit -------------------------------------------------------------------


def test_of_25_requests_20_are_answered_and_5_refused(start_server):
    server = start_server()
    # None of these consumes the limit.
    for headers, body in (({}, {}), (bearer("wrong"), question()), (bearer(KEY), {})):
        url = server.client.base_url.join(URL)
        assert httpx.post(url, json=body, headers=headers).status_code in (403, 422)

    answers = [server.validate(question()) for _ in range(25)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429] * 5
    remaining = [int(answer.headers["X-RateLimit-Remaining"]) for answer in answers]
    assert remaining == [*range(19, -1, -1), 0, 0, 0, 0, 0]
    for answer in answers:
        assert answer.headers["X-RateLimit-Limit"] == "20"
    for answer in answers[20:]:
        assert answer.json() == {"error": "Rate limit exceeded: 20 per 1 minute"}
        assert re.fullmatch("[0-9]+", answer.headers["Retry-After"])
        assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert all("Retry-After" not in answer.headers for answer in answers[:20])
    assert len({answer.headers["X-RateLimit-Reset"] for answer in answers}) == 1

    line = server.wait_for("rate_limit_exceeded")
    assert line["limit"] == 20
    # The limit belongs to the key, and what a client says of its address is ignored.
    forwarded = {"X-Forwarded-For": "203.0.113.9"}
    assert server.validate(question(), headers=forwarded).status_code == 429
    assert server.validate(question(), headers=bearer(OTHER_KEY)).status_code == 200


def test_the_limit_is_configurable(start_server):
    server = start_server(rate_limit=2)
    codes = [server.validate(question()).status_code for _ in range(3)]
    assert codes == [200, 200, 429]


# --- Process -----------------------------------------------------------------


def run(**settings):
    return subprocess.run(
        [sys.executable, "-m", "ai_service"],
        cwd=ROOT,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "set AI_SERVICE_API_KEY"),
        ({"api_key": "short-secret"}, "correct AI_SERVICE_API_KEY: each key needs 32"),
    ],
)
def test_without_a_usable_key_it_does_not_start_and_says_what_to_set(settings, words):
    done = run(**settings)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert words in done.stderr
    assert "secret" not in done.stderr


def test_a_taken_port_is_one_line():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run(api_key=KEY, port=port)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert "AI_SERVICE_PORT" in done.stderr


def test_sigterm_completes_what_is_in_flight(start_server):
    server = start_server()
    server.client.close()
    live = f"http://127.0.0.1:{server.port}/live"
    content = json.dumps(question()).encode()
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    with closing(connection):
        connection.putrequest("POST", URL)
        connection.putheader("Authorization", f"Bearer {KEY}")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("Content-Length", str(len(content)))
        connection.endheaders(content[:20])
        # Connections are accepted in turn: once a newer one has its answer, ours has
        # arrived.
        assert httpx.get(live).status_code == 200

        server.process.send_signal(signal.SIGTERM)
        # New connections are refused, or cut if they came at that very moment.
        with pytest.raises(httpx.TransportError):
            while True:
                httpx.get(live)
        connection.send(content[20:])
        answer = connection.getresponse()
        assert answer.status == 200
        assert json.loads(answer.read())["recommendation"] == "send"
    assert server.process.wait(10) == -signal.SIGTERM


def test_logs_are_json_lines_without_key_or_document(start_server):
    server = start_server(log_level="debug", rate_limit=2)
    document = question(monto_iva=18000, rut_receptor="77801246-K")
    server.validate(document)
    server.validate(document)
    server.validate(document)
    server.validate(question() | {"company_id": "Ñandú"})
    server.client.post(URL, content=b"{Taladro", headers=bearer("hidden-key"))
    server.client.get("/live")
    server.wait_for("request", path="/live")
    starting = json.loads(server.lines[0])
    assert starting["event"] == "ai_service_starting"
    assert starting["version"] == "1.2.0"
    events = [json.loads(line) for line in server.lines]
    names = {event["event"] for event in events}
    assert {"validation", "rate_limit_exceeded", "request"} <= names
    first = next(event for event in events if event["event"] == "validation")
    assert first["rules"] == [
        "receiver_rut",
        "vat_is_nineteen_percent",
        "total_adds_up",
    ]
    text = "".join(server.lines)
    for secret in (KEY, OTHER_KEY, "hidden-key", "Ñandú", "77801246", "Taladro"):
        assert secret not in text


def test_the_openapi_document_describes_it_and_its_example_runs(server):
    document = server.client.get("/openapi.json").json()
    operation = document["paths"][URL]["post"]
    assert operation["responses"].keys() == {
        *("200", "403", "409", "413", "422", "429", "500")
    }
    assert "Retry-After" in operation["responses"]["429"]["headers"]
    assert operation["security"] == [{"HTTPBearer": []}]
    schemas = document["components"]["schemas"]
    (example,) = schemas["ValidationRequest"]["examples"]
    body = server.validate(example).json()
    assert body["recommendation"] == "send"
    assert body.keys() == schemas["Answer"]["properties"].keys()
