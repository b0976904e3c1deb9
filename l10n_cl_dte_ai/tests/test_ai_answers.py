# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the service's answers say, and which of them say nothing."""

import json

from requests.structures import CaseInsensitiveDict

from odoo.tests import tagged

from ..tools.ai import (
    AIServiceClient,
    Health,
    Misconfigured,
    NoOpinion,
    RateLimited,
    Refused,
    Unavailable,
)
from ..tools.ai.answers import parse_opinion as parse
from ..tools.ai.answers import parse_retry_after
from ..tools.ai.redaction import Redactor
from .loopback import HEALTH, healthy, refusal, reply
from .test_ai_client import KEY, LIMITS, ClientCase


def parse_opinion(body):
    return parse(body, Redactor(KEY))


@tagged("post_install_l10n", "post_install", "-at_install")
class TestAnswers(ClientCase):
    """An answer is never trusted beyond its schema."""

    def answer(self, **changes):
        body = {
            "confidence": 90,
            "warnings": [],
            "errors": [],
            "recommendation": "send",
            **changes,
        }
        return json.dumps({k: v for k, v in body.items() if v is not Ellipsis}).encode()

    def assertUnreadable(self, body, code="unreadable"):
        with self.assertRaises(NoOpinion) as caught:
            parse_opinion(body)
        self.assertEqual(caught.exception.code, code)
        return caught.exception

    def test_confidence(self):
        for value in (
            '"high"',
            "NaN",
            "Infinity",
            "-Infinity",
            "1e400",
            "-1",
            "100.01",
        ):
            with self.subTest(value):
                body = self.answer(confidence="?").replace(b'"?"', value.encode())
                self.assertUnreadable(body)
        for value in (150, True, None, [90], ..., 10**400, -(10**400)):
            with self.subTest(str(value)[:20]):
                self.assertUnreadable(self.answer(confidence=value))
        for value in (0, 100, 99.5):
            with self.subTest(value):
                got = parse_opinion(
                    self.answer(confidence=value, recommendation="review")
                )
                self.assertEqual(got.confidence, value)

    def test_recommendation(self):
        for value in ("approve", "SEND", "", None, 1, ["send"], {}, ...):
            with self.subTest(value):
                self.assertUnreadable(self.answer(recommendation=value))

    def test_lists(self):
        for name in ("errors", "warnings"):
            for value in ("text", None, {}, [1], [None], [["a"]], ...):
                with self.subTest(name, value=value):
                    self.assertUnreadable(
                        self.answer(recommendation="reject", **{name: value})
                    )

    def test_what_the_database_cannot_store(self):
        """It would fail on writing, after the answer, again and again."""
        for text in ("a\0b", "\ud800", "b\udfff"):
            with self.subTest(ascii(text)):
                self.assertUnreadable(self.answer(warnings=[text]))

    def test_what_would_be_seen_otherwise_than_it_reads(self):
        """A mark for right-to-left turns an amount round; a BEL is no text."""
        body = self.answer(
            warnings=["Total \u202e000.1\u202c \x1b[2J\nRUT\x07", "\x7f"]
        )
        warnings = parse_opinion(body).warnings
        self.assertEqual(warnings, ("Total  000.1   [2J RUT", ""))

    def test_lists_are_bounded(self):
        body = self.answer(warnings=["x" * 600] * 70)
        warnings = parse_opinion(body).warnings
        self.assertEqual((len(warnings), len(warnings[0])), (50, 500))

    def test_what_is_no_json_object(self):
        for body in (
            b"",
            b"<html>Bad gateway</html>",
            b"[]",
            b"null",
            b'"send"',
            b"\xff\xfe",
            b'{"confidence": 1, "confidence": 2, "warnings": [], "errors": [], '
            b'"recommendation": "send"}',
            b"[" * 200_000,
            b'{"a":' * 100_000,
            self.answer(confidence="?").replace(b'"?"', b"9" * 5000),
            self.answer() + b"{}",
        ):
            with self.subTest(body[:40]):
                self.assertUnreadable(body)

    def test_truncated_json_is_an_interrupted_connection(self):
        whole = self.answer(warnings=["Monto inusual"])
        for end in (1, 20, len(whole) - 20, len(whole) - 1):
            with self.subTest(end=end), self.assertRaises(Unavailable) as caught:
                parse_opinion(whole[:end])
            self.assertEqual(caught.exception.code, "interrupted")

    def test_over_the_wire(self):
        large = reply(body=self.answer(warnings=["x" * 1_100_000]))
        gzip = reply(body=b"\x1f\x8b\0", headers={"Content-Encoding": "gzip"})
        for name, answer in (("large", large), ("gzip", gzip)):
            with self.subTest(name):
                self.assertError(self.ask(answer), NoOpinion, "unreadable")

    def test_a_status_counts_even_where_its_body_is_not_read(self):
        answer = reply(403, b"\x1f\x8b\0", headers={"Content-Encoding": "gzip"})
        self.assertError(self.ask(answer), Misconfigured, "credentials")

    def test_a_service_that_fails_open_has_no_opinion(self):
        for warning in (
            "AI Service error: Connection error.",
            "AI Service error: ",  # the text of an exception without one
            "Parse error: Expecting value",
            "Request too large: 130000 tokens",
            "Request too expensive: $ 1.20",
            "AI service temporarily unavailable",
        ):
            with self.subTest(warning):
                error = self.assertUnreadable(
                    self.answer(confidence=50, warnings=["Nota", warning]),
                    "no_opinion",
                )
                self.assertEqual(error.messages, ("Nota",), "no text of the failure")

    def test_a_failure_wherever_it_stands(self):
        failure = "ai  SERVICE error : overloaded"
        for changes in (
            {"warnings": ["Nota"] * 70 + [failure]},  # beyond what is kept
            {"errors": [failure], "recommendation": "review"},
            {"errors": ["RUT", failure], "recommendation": "reject"},
            {"warnings": [failure], "confidence": "high"},
        ):
            with self.subTest(**changes):
                self.assertUnreadable(self.answer(**changes), "no_opinion")

    def test_an_opinion_that_is_anything_but_true_is_none(self):
        """`"opinion": "false"` was taken for an approval."""
        for value in (False, "false", "true", None, 0, 1, "", [], {}):
            with self.subTest(value=value):
                self.assertUnreadable(self.answer(opinion=value), "no_opinion")
        self.assertEqual(
            parse_opinion(self.answer(opinion=True)).recommendation, "send"
        )

    def test_other_fields_that_say_that_it_failed(self):
        for field in (
            {"error": "boom"},
            {"success": False},
            {"fallback": True},
            {"is_fallback": True},
            {"exception": "ValueError"},
        ):
            with self.subTest(**field):
                self.assertUnreadable(self.answer(**field), "no_opinion")
        for field in ({"error": None}, {"success": True}, {"fallback": False}):
            with self.subTest(**field):
                self.assertEqual(parse_opinion(self.answer(**field)).confidence, 90)

    def test_to_send_without_confidence_is_contradictory(self):
        """With confidence 3 it was an approval."""
        for confidence in (0, 3, 49.9, 50):
            with self.subTest(confidence=confidence):
                body = self.answer(confidence=confidence)
                self.assertUnreadable(body, "contradictory")
        for recommendation, confidence in (
            ("send", 50.1),
            ("review", 3),
            ("reject", 3),
        ):
            with self.subTest(recommendation, confidence=confidence):
                body = self.answer(recommendation=recommendation, confidence=confidence)
                self.assertEqual(parse_opinion(body).confidence, confidence)

    def test_no_opinion_that_is_said_as_such(self):
        error = self.assertUnreadable(
            self.answer(opinion=False, reason="Sin modelo"), "no_opinion"
        )
        self.assertEqual(error.messages, ("Sin modelo",))
        raw = "AI Service error: Error code: 400 - {'type': 'error'}"
        error = self.assertUnreadable(
            self.answer(opinion=False, reason=raw), "no_opinion"
        )
        self.assertEqual(error.messages, (), "nobody can read that")

    def test_to_send_with_errors_is_contradictory(self):
        error = self.assertUnreadable(self.answer(errors=["RUT"]), "contradictory")
        self.assertEqual(error.messages, ("RUT",))


@tagged("post_install_l10n", "post_install", "-at_install")
class TestRefusal(ClientCase):
    def test_the_reasons_without_the_payload(self):
        outcome = self.ask(refusal("El RUT no es válido", "Falta el giro", echo="ECHO"))
        self.assertError(
            outcome,
            Refused,
            "refused",
            messages=("El RUT no es válido", "Falta el giro"),
        )
        self.assertNotIn("ECHO", repr(outcome) + str(vars(outcome)))

    def test_any_other_body(self):
        for body, messages in (
            ({"detail": "Too large"}, ("Too large",)),
            ({"error": "Bad request"}, ("Bad request",)),
            ({"detail": [{"msg": 3}, "x", {"msg": "a\0b"}]}, ("ab",)),
            ({"detail": [{"msg": "a\ud800b"}]}, ("ab",)),
            ({"detail": None}, ()),
            (b'{"detail": [{"msg"', ()),
            (b"<html>", ()),
        ):
            with self.subTest(body=body):
                self.assertError(
                    self.ask(reply(422, body)), Refused, "refused", messages=messages
                )


@tagged("post_install_l10n", "post_install", "-at_install")
class TestRetryAfter(ClientCase):
    NOW = "Wed, 21 Oct 2026 07:28:00 GMT"

    def test_every_form(self):
        for headers, seconds in (
            ({}, None),
            ({"Retry-After": "7"}, 7),
            ({"Retry-After": " 7 "}, 7),
            ({"Retry-After": "0"}, None),
            ({"Retry-After": "-5"}, None),
            ({"Retry-After": "1.5"}, None),
            ({"Retry-After": "soon"}, None),
            ({"Retry-After": "inf"}, None),
            ({"Retry-After": "nan"}, None),
            ({"Retry-After": "5, 5"}, None),
            ({"Retry-After": "٣"}, None),
            ({"Retry-After": "99999"}, 300),
            ({"Retry-After": "9" * 400}, None),
            ({"retry-after-ms": "2500", "Retry-After": "60"}, 2.5),
            ({"retry-after-ms": "1"}, 1),
            ({"retry-after-ms": "x", "Retry-After": "60"}, 60),
            ({"Retry-After": "Wed, 21 Oct 2026 07:28:40 GMT", "Date": self.NOW}, 40),
            ({"Retry-After": "Wed, 21 Oct 2026 07:27:00 GMT", "Date": self.NOW}, None),
            ({"Retry-After": "Wed, 21 Oct 2099 07:28:00 GMT", "Date": self.NOW}, 300),
            ({"Retry-After": "Wed, 99 Oct 2026 07:28:00 GMT", "Date": self.NOW}, None),
            ({"Retry-After": f"Wed, {'9' * 30} Oct 2026 07:28:00 GMT"}, None),
            ({"Retry-After": "Wed, 21 Oct 2026 07:28:40 GMT", "Date": "x"}, ...),
        ):
            with self.subTest(**headers):
                got = parse_retry_after(CaseInsensitiveDict(headers))
                if seconds is not ...:  # measured against our own clock
                    self.assertEqual(got, seconds)

    def test_it_arrives(self):
        outcome = self.ask(reply(429, b"{}", headers={"Retry-After": "42"}))
        self.assertError(outcome, RateLimited, "rate_limited", retry_after=42)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestHealth(ClientCase):
    def health(self, answer):
        self.server.script(answer, to=HEALTH)
        limits = LIMITS._replace(attempts=1)
        with AIServiceClient(self.server.url, KEY, limits) as client:
            return client.health()

    def test_both_shapes(self):
        flat = {
            "status": "healthy",
            "service": "AI Microservice - DTE Intelligence",
            "version": "1.2.0",
            "anthropic_configured": True,
            "openai_configured": False,
        }
        nested = {
            "service": "AI Microservice",
            "version": "1.3.0",
            "timestamp": "2026-10-21T07:28:00",
            "uptime_seconds": 20,
            "dependencies": {"redis": {"status": "down"}},
            "metrics": {"total_requests": 0, "cache_hit_rate": 0.0},
        }
        for status, code, body in (
            ("healthy", 200, flat),
            ("healthy", 200, {**nested, "status": "healthy"}),
            ("degraded", 207, {**nested, "status": "degraded"}),
            ("unhealthy", 503, {**nested, "status": "unhealthy"}),
        ):
            with self.subTest(status):
                health = self.health(reply(code, body))
                expected = Health(status, body["version"], body.get("uptime_seconds"))
                self.assertEqual(health, expected)

    def test_what_it_says_of_itself_is_clean_and_bounded(self):
        for version, shown in (
            (f"1.2 {KEY}", "1.2 •••"),
            ("1\x1b[2J\u202e2", "1 [2J 2"),
            ("v" * 100, "v" * 64),
            (12, ""),
            (None, ""),
            ({"a": KEY}, ""),
            ("\ud800", ""),
        ):
            with self.subTest(version=version):
                answer = reply(
                    body={"status": "healthy", "service": KEY, "version": version}
                )
                self.assertEqual(self.health(answer).version, shown)

    def test_what_it_understands(self):
        for value, understood in (
            (["history.items"], {"history.items"}),
            (["a", "history.items"], {"a", "history.items"}),
            ([], set()),
            (None, set()),
            ("history.items", set()),
            ([1], set()),
            ({"history.items": True}, set()),
        ):
            with self.subTest(value=value):
                health = self.health(healthy(capabilities=value))
                self.assertEqual(health.capabilities, understood)

    def test_something_else_answers(self):
        for answer in (
            reply(body=b"<html>Welcome to nginx</html>"),
            reply(body={"status": "ok"}),
            reply(body={"status": "healthy"}),
            reply(body={"status": "fine", "service": "AI"}),
            reply(404, b""),
            reply(401, b""),
        ):
            with self.assertRaises(Misconfigured):
                self.health(answer)

    def test_a_proxy_in_front_of_a_service_that_is_down(self):
        with self.assertRaises(Unavailable) as caught:
            self.health(reply(503, b"<html>"))
        self.assertEqual(caught.exception.code, "server_error")

    def test_proving_the_key_costs_one_request_without_a_document(self):
        with AIServiceClient(self.server.url, KEY, LIMITS) as client:
            self.server.script(refusal("dte_data is empty"), reply(403, b"{}"))
            client.check_key()
            with self.assertRaises(Misconfigured) as caught:
                client.check_key()
        self.assertEqual(caught.exception.code, "credentials")
        for request in self.server.requests:
            self.assertEqual(request.json, {"dte_data": {}, "company_id": 1})

    def test_healthy_is_what_the_helper_says(self):
        self.assertEqual(self.health(healthy()).status, "healthy")
