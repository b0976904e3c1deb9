# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The client on a real wire, without a database: each way in which a call can end."""

import contextlib
import itertools
import logging
import os
import pathlib
import socket
import tempfile
import time
import traceback
from unittest.mock import Mock, patch

from odoo.tests import BaseCase, tagged

from ..tools.ai import (
    AIServiceClient,
    AIServiceError,
    Limits,
    Misconfigured,
    NoOpinion,
    Opinion,
    RateLimited,
    Refused,
    Unavailable,
    transport,
)
from . import misbehaving_server as wire
from .loopback import (
    VALIDATE,
    Loopback,
    cut_off,
    drip_body,
    drip_headers,
    drop,
    opinion,
    reply,
    silence,
)

KEY = "sk-test-Zorzal7Chercan9Queltehue"
LIMITS = Limits(connect=2, read=2, total=4, attempts=2)
SHORT = Limits(connect=0.3, read=5, total=0.5, attempts=2)
DTE_DATA = {"tipo_dte": "33", "razon_social_receptor": "Ñuble Aliaga", "items": []}


class ClientCase(BaseCase):
    def setUp(self):
        super().setUp()
        self.server = Loopback()
        self.addCleanup(self.server.check)
        self.addCleanup(self.server.close)
        self.slept = []

    def ask(self, *answers, limits=LIMITS, url=None, key=KEY, **kwargs):
        """Ask about a document; return the opinion or the error, and the client."""
        self.server.script(*answers)
        client = AIServiceClient(
            url or self.server.url, key, limits, sleep=self.slept.append
        )
        with client:
            try:
                outcome = client.validate(DTE_DATA, company_id=7, **kwargs)
            except AIServiceError as error:
                outcome = error
        self.trace = client.trace
        return outcome

    def assertError(self, outcome, error_class, code, **attributes):
        self.assertIs(type(outcome), error_class, repr(outcome))
        self.assertEqual(outcome.code, code)
        for name, value in attributes.items():
            self.assertEqual(getattr(outcome, name), value, name)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestCall(ClientCase):
    def test_a_good_answer_is_an_opinion(self):
        outcome = self.ask(
            opinion("review", 71, errors=[], warnings=[" Monto inusual "], cached=True),
            history=[{"message": "m", "error_code": "e"}],
            idempotency_key="a" * 64,
        )
        self.assertEqual(
            outcome, Opinion("review", 71.0, (), ("Monto inusual",), cached=True)
        )
        [request] = self.server.requests
        self.assertEqual((request.method, request.path), VALIDATE)
        self.assertEqual(
            request.json,
            {
                "dte_data": DTE_DATA,
                "company_id": 7,
                "history": [{"message": "m", "error_code": "e"}],
            },
        )
        self.assertIn("Ñuble".encode(), request.body)
        headers = request.headers
        self.assertEqual(headers["Authorization"], f"Bearer {KEY}")
        self.assertEqual(headers["Content-Type"], "application/json")
        self.assertEqual(headers["Accept-Encoding"], "identity")
        self.assertEqual(headers["Idempotency-Key"], "a" * 64)
        self.assertEqual(headers["X-Request-ID"], self.trace.request_id)
        self.assertEqual((self.trace.status, self.trace.attempts), (200, 1))

    def test_what_is_in_an_answer_beyond_the_contract_does_no_harm(self):
        outcome = self.ask(opinion(cost=1, cached="yes", opinion=True))
        self.assertEqual(outcome, Opinion("send", 92.0, (), (), cached=None))

    def test_each_status_has_its_class(self):
        for status, error_class, code in (
            (204, NoOpinion, "unreadable"),
            (400, Refused, "refused"),
            (401, Misconfigured, "credentials"),
            (403, Misconfigured, "credentials"),
            (404, Misconfigured, "wrong_service"),
            (405, Misconfigured, "wrong_service"),
            (408, Unavailable, "busy"),
            (409, Unavailable, "busy"),
            (413, Refused, "refused"),
            (418, NoOpinion, "unreadable"),
            (422, Refused, "refused"),
            (425, Unavailable, "busy"),
            (429, RateLimited, "rate_limited"),
            (500, Unavailable, "server_error"),
            (529, Unavailable, "server_error"),
        ):
            with self.subTest(status=status):
                outcome = self.ask(reply(status, b""))
                self.assertError(outcome, error_class, code, status=status)
                self.assertEqual(self.trace.attempts, 1, "asked once")
        self.assertFalse(self.slept)

    def test_a_service_that_restarts_is_asked_a_second_time(self):
        for status in (502, 503, 504):
            with self.subTest(status=status):
                outcome = self.ask(
                    reply(status, b"down"), opinion(), idempotency_key="k"
                )
                self.assertEqual(outcome.recommendation, "send")
                self.assertEqual(self.trace.attempts, 2)
                first, second = self.server.requests[-2:]
                self.assertEqual(first.headers["Idempotency-Key"], "k")
                self.assertEqual(second.headers["Idempotency-Key"], "k")
                self.assertNotEqual(
                    first.headers["X-Request-ID"], second.headers["X-Request-ID"]
                )
        self.assertEqual(len(self.slept), 3)
        self.assertTrue(all(0.3 <= seconds <= 1 for seconds in self.slept))

    def test_a_second_attempt_is_asked_for(self):
        for allowed, attempts in ((True, 2), (False, 1)):
            with self.subTest(allowed=allowed):
                may_retry = Mock(return_value=allowed)
                answers = [reply(503, b"")] * attempts
                outcome = self.ask(*answers, may_retry=may_retry)
                self.assertError(outcome, Unavailable, "server_error", status=503)
                self.assertEqual(self.trace.attempts, attempts)
                may_retry.assert_called_once_with()  # nothing is spent after the last
        may_retry = Mock()
        self.ask(reply(500, b""), may_retry=may_retry)
        may_retry.assert_not_called()

    def test_never_a_third_time(self):
        outcome = self.ask(reply(503, b""), reply(503, b""))
        self.assertError(outcome, Unavailable, "server_error", status=503)

    def test_in_the_background_one_attempt_is_all(self):
        outcome = self.ask(reply(503, b""), limits=LIMITS._replace(attempts=1))
        self.assertError(outcome, Unavailable, "server_error")

    def test_no_second_attempt_that_would_end_after_the_limit(self):
        outcome = self.ask(reply(503, b"", delay=0.3), limits=SHORT)
        self.assertError(outcome, Unavailable, "server_error")
        self.assertFalse(self.slept)

    def test_a_refused_connection_is_tried_again(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}"
            outcome = self.ask(url=url)
        self.assertError(outcome, Unavailable, "unreachable", status=None)
        self.assertEqual(self.trace.attempts, 2)

    def test_a_host_that_does_not_exist(self):
        with patch("socket.getaddrinfo", side_effect=socket.gaierror(-2, "unknown")):
            outcome = self.ask(url="http://127.0.0.1:9")
        self.assertError(outcome, Unavailable, "unreachable")

    def test_an_answer_too_many_is_not_the_next_documents(self):
        """The verdict on one invoice must never be taken for that on another."""

        def twice(handler):
            opinion("send")(handler)
            handler.pause(0.05)  # or the first one's reader would swallow it
            opinion("reject")(handler)

        def late(handler):
            handler.pause(0.6)
            opinion("reject")(handler)

        for name, answer, first in (("twice", twice, "send"), ("late", late, None)):
            self.server.script(answer, opinion("review"))
            with (
                self.subTest(name),
                AIServiceClient(self.server.url, KEY, SHORT) as client,
            ):
                got = None
                with contextlib.suppress(Unavailable):
                    got = client.validate(DTE_DATA, company_id=7).recommendation
                self.assertEqual(got, first)
                time.sleep(0.2)
                got = client.validate(DTE_DATA, company_id=7).recommendation
                self.assertEqual(got, "review")

    def test_a_connection_that_breaks_off_is_not_tried_again(self):
        """The service may be working on the document already."""
        for name, answer in (("before", drop), ("within", cut_off)):
            with self.subTest(name):
                outcome = self.ask(answer)
                self.assertError(outcome, Unavailable, "interrupted")
                self.assertEqual(self.trace.attempts, 1)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestDeadline(ClientCase):
    def assertEndsInTime(self, answer, limits=SHORT):
        started = time.monotonic()
        outcome = self.ask(answer, limits=limits)
        self.assertError(outcome, Unavailable, "timeout")
        self.assertLess(time.monotonic() - started, 1.5)
        self.assertEqual(len(self.server.requests), 1)

    def test_a_service_that_never_answers(self):
        self.assertEndsInTime(silence)

    def test_a_clock_that_jumps(self):
        """The host's clock is set while the service is asked."""
        for seconds in (-3600, 3600):
            now = time.time
            jump = itertools.chain([0], itertools.repeat(seconds))
            with (
                self.subTest(seconds=seconds),
                patch("time.time", lambda now=now, jump=jump: now() + next(jump)),
            ):
                self.assertEqual(self.ask(opinion()).recommendation, "send")
                self.server.requests.clear()
                self.assertEndsInTime(silence)
                self.server.requests.clear()
                self.assertEndsInTime(drip_body)
                self.server.requests.clear()

    def test_a_read_timeout_shorter_than_the_total(self):
        self.assertEndsInTime(silence, Limits(1, 0.4, 10, 2))

    def test_a_service_that_drips_headers(self):
        self.assertEndsInTime(drip_headers)

    def test_a_service_that_drips_its_body(self):
        self.assertEndsInTime(drip_body)

    def test_a_host_that_does_not_take_the_connection(self):
        with socket.socket() as full, contextlib.ExitStack() as stack:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            for _number in range(4):  # fill the queue: the next one waits
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(full.getsockname())
            url = f"http://127.0.0.1:{full.getsockname()[1]}"
            started = time.monotonic()
            outcome = self.ask(url=url, limits=Limits(0.2, 5, 2, 2))
        self.assertError(outcome, Unavailable, "unreachable")
        self.assertEqual(self.trace.attempts, 2)
        self.assertLess(time.monotonic() - started, 1.5)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestElsewhere(ClientCase):
    def test_a_redirect_is_never_followed(self):
        """A 307 would hand the invoice and the key to another host."""
        with Loopback() as other:
            for status in (301, 302, 303, 307, 308):
                with self.subTest(status=status):
                    location = {"Location": f"{other.url}/api/ai/validate"}
                    outcome = self.ask(reply(status, b"", location))
                    self.assertError(outcome, Misconfigured, "redirect")
            self.assertFalse(other.requests)

    def test_a_netrc_does_not_replace_the_key(self):
        with tempfile.TemporaryDirectory() as home:
            netrc = pathlib.Path(home) / ".netrc"
            netrc.write_text("machine 127.0.0.1 login somebody password secret\n")
            netrc.chmod(0o600)
            with patch.dict(os.environ, NETRC=str(netrc), HOME=home):
                self.ask(opinion())
        [request] = self.server.requests
        self.assertEqual(request.headers["Authorization"], f"Bearer {KEY}")

    def test_a_name_that_leads_to_a_forbidden_address(self):
        """What a name means is known only once it is resolved."""
        with patch.object(transport, "is_forbidden", lambda host: host == "127.0.0.1"):
            outcome = self.ask()
        self.assertError(outcome, Misconfigured, "address")
        self.assertFalse(self.server.requests)

    def test_a_certificate_file_that_is_not_there(self):
        with patch.dict(os.environ, REQUESTS_CA_BUNDLE="/no/such/file.pem"):
            outcome = self.ask(url="https://127.0.0.1:9")
            self.assertError(outcome, Misconfigured, "ca_file")
            self.assertTrue(outcome.is_proof, "it is ours")
            self.assertEqual(self.ask(opinion()).recommendation, "send")

    def test_an_address_with_a_path_and_a_slash(self):
        self.server.script(opinion(), to=("POST", "/ai/api/ai/validate"))
        outcome = self.ask(url=f"{self.server.url}/ai/")
        self.assertEqual(outcome.recommendation, "send")

    def test_an_address_that_cannot_be_one(self):
        outcome = self.ask(url="http://[", key=KEY)
        self.assertError(outcome, Misconfigured, "address")


@tagged("post_install_l10n", "post_install", "-at_install")
class TestSecrets(ClientCase):
    def test_the_key_is_in_no_error(self):
        answers = [
            *(reply(s, f"Bearer {KEY}") for s in (200, 400, 403, 404, 422, 429, 500)),
            reply(307, b"", {"Location": f"http://127.0.0.1:1/?key={KEY}"}),
            drop,
            cut_off,
        ]
        for answer in answers:
            outcome = self.ask(answer)
            self.assertIsInstance(outcome, AIServiceError)
            text = "".join(traceback.format_exception(outcome))
            text += repr(outcome) + repr(outcome.args) + repr(vars(outcome))
            self.assertNotIn(KEY, text)

    def test_the_key_that_comes_back_is_taken_out(self):
        """A 422 that quoted the request showed the key to accountants."""
        names = [name for name in wire.FAULTS if name.startswith("echo-")]
        self.assertGreater(len(names), 12)
        for name in names:
            with self.subTest(name):
                outcome = self.ask(wire.FAULTS[name].answer)
                texts = [*getattr(outcome, "messages", ())]
                texts += [*getattr(outcome, "warnings", ())]
                [text] = texts
                self.assertIn("•••", text)
                self.assertTrue(text.startswith("bad request, you sent"), text)
                self.assertNotIn(KEY[:10], repr(outcome) + text)

    def test_it_is_taken_out_before_a_text_is_cut(self):
        """What is left of a key behind the cut is still a key."""
        for length in range(500 - len(KEY) - 2, 501):
            [text] = self.ask(opinion(warnings=["x" * length + KEY])).warnings
            self.assertLessEqual(len(text), 500)
            self.assertNotIn(KEY[:4], text)

    def test_nothing_is_behind_an_error(self):
        """The library's error holds the answer that it could not read."""
        answers = [
            reply(200, f'{{"warnings": ["Bearer {KEY}"'),
            reply(200, f'{{"warnings": "Bearer {KEY}", x'),
            reply(422, f'{{"detail": "Bearer {KEY}'),
            reply(307, b"", {"Location": f"http://127.0.0.1:1/?key={KEY}"}),
            wire.raw_answer(b"HTTP/1.1 ", KEY.encode(), b"\r\n\r\n"),
            wire.raw_answer(wire.OK, b"Content-Length: ", KEY.encode(), b"\r\n\r\n"),
            drop,
        ]
        for answer in answers:
            outcome = self.ask(answer)
            self.assertIsInstance(outcome, AIServiceError)
            self.assertIsNone(outcome.__cause__)
            self.assertIsNone(outcome.__context__)
            self.assertNotIn(KEY[:8], repr(vars(outcome)))

    def test_a_key_that_cannot_stand_in_a_header(self):
        """From the environment it comes unchecked, often with a line break."""
        for key in (f"{KEY}\n", f"{KEY}\r\nX-Evil: 1", f"{KEY} x", f"{KEY}€", "short"):
            with self.subTest(ascii(key)):
                outcome = self.ask(key=key)
                self.assertError(outcome, Misconfigured, "credentials")
                text = "".join(traceback.format_exception(outcome))
                self.assertNotIn(KEY, text)

    def test_the_key_is_in_no_log(self):
        with self.assertLogs(level=logging.DEBUG) as logs:
            logging.getLogger("urllib3").debug("so that there is a line")
            self.ask(reply(503, b""), opinion())
            self.ask(drop)
        self.assertNotIn(KEY, "\n".join(logs.output))
