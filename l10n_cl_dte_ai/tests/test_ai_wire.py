# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Below HTTP and beside it: names, proxies, lengths, and faults of our own."""

import base64
import http.client
import io
import logging
import os
import socket
import threading
import time
from unittest.mock import Mock, patch

import requests

from odoo.tests import BaseCase, tagged

from ..tools.ai import (
    AIServiceClient,
    ClientFault,
    Refused,
    Unavailable,
)
from ..tools.ai import client as ai_client
from ..tools.ai.transport import FinalResponse
from . import misbehaving_server as wire
from .loopback import HEALTH, Loopback, drip, opinion, reply
from .test_ai_client import DTE_DATA, KEY, LIMITS, SHORT, ClientCase

SEND = requests.Session.send  # before Odoo's tests replace it


@tagged("post_install_l10n", "post_install", "-at_install")
class TestProxy(ClientCase):
    """The environment's proxies."""

    @classmethod
    def _request_handler(cls, session, request, /, **kwargs):
        # Odoo's tests let through what they take for this machine. Here all is: what
        # is not goes to a proxy on it.
        return SEND(session, request, **kwargs)

    def through(self, proxy, url, *answers):
        environment = {"http_proxy": proxy, "HTTP_PROXY": proxy, "https_proxy": proxy}
        environment |= {"no_proxy": "", "NO_PROXY": ""}
        with patch.dict(os.environ, environment):
            return self.ask(*answers, url=url)

    def test_this_machine_is_never_asked_through_a_proxy(self):
        """It would be handed key and invoice."""
        port = self.server.url.rpartition(":")[2]
        with Loopback(always=opinion("reject")) as proxy:
            for host in ("127.0.0.1", "localhost", "127.1", "[::ffff:127.0.0.1]"):
                with self.subTest(host):
                    outcome = self.through(
                        proxy.url, f"http://{host}:{port}", opinion("send")
                    )
                    self.assertEqual(outcome.recommendation, "send")
            self.assertFalse(proxy.requests)

    def test_a_proxy_that_fails_is_named(self):
        with socket.socket() as unused, Loopback(always=reply(407, b"")) as refusing:
            unused.bind(("127.0.0.1", 0))
            dead = f"http://127.0.0.1:{unused.getsockname()[1]}"
            for proxy in (dead, refusing.url, "socks5://127.0.0.1:9", "http://"):
                for url in ("http://ai.example.cl", "https://ai.example.cl"):
                    with self.subTest(proxy=proxy, url=url):
                        self.assertError(self.through(proxy, url), Unavailable, "proxy")

    def test_its_password_is_a_secret_too(self):
        def echo(handler):
            sent = handler.headers["Proxy-Authorization"]
            reply(422, {"detail": f"You sent {sent}"})(handler)

        with Loopback(always=echo) as proxy:
            address = proxy.url.replace("//", "//user:Tricahue7Loro@")
            outcome = self.through(address, "http://ai.example.cl")
        self.assertError(outcome, Refused, "refused")
        [message] = outcome.messages
        self.assertIn("•••", message)
        encoded = base64.b64encode(b"user:Tricahue7Loro").decode()
        self.assertNotIn(encoded[8:16], message)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestWire(ClientCase):
    """What HTTP libraries let pass, or fail on with errors of their own."""

    def test_a_length_that_is_no_length(self):
        """A chunk of -5 bytes was a ValueError, and one of -1 had no end."""
        names = [name for name in wire.FAULTS if name.startswith(("chunk-", "length-"))]
        self.assertGreater(len(names), 6)
        for name in names:
            with self.subTest(name):
                outcome = self.ask(wire.FAULTS[name].answer)
                self.assertError(outcome, Unavailable, "interrupted")

    def test_a_chunk_of_minus_one_bytes_is_not_all_that_comes(self):
        sent = io.BytesIO(
            wire.OK + b"Transfer-Encoding: chunked\r\n\r\n-1\r\n" + b"x" * 3_000_000
        )
        response = FinalResponse(Mock(makefile=lambda mode: sent))
        response.begin()
        with self.assertRaises(http.client.IncompleteRead):
            response.read(10)
        self.assertLess(sent.tell(), 1000)

    def test_it_is_the_same_for_health(self):
        for name in ("chunk-negative", "length-text", "close", "truncated-json"):
            self.server.script(wire.FAULTS[name].answer, to=HEALTH)
            with (
                self.subTest(name),
                AIServiceClient(self.server.url, KEY, LIMITS) as client,
                self.assertRaises(Unavailable),
            ):
                client.health()

    def test_an_answer_that_only_announces_the_next(self):
        """Behind a proxy that sends 103 every document failed."""
        outcome = self.ask(wire.FAULTS["early-hints"].answer)
        self.assertEqual(outcome.warnings, ("Monto inusual",))

    def test_an_announcement_without_end_ends_in_time(self):
        endless = drip(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n")
        started = time.monotonic()
        self.assertError(self.ask(endless, limits=SHORT), Unavailable, "timeout")
        self.assertLess(time.monotonic() - started, 1.5)

    def test_whatever_else_a_library_raises(self):
        for error in (ValueError("x"), OSError(28, "x"), KeyError("x"), EOFError()):
            with (
                self.subTest(error=error),
                patch.object(AIServiceClient, "_send", side_effect=error),
            ):
                self.assertError(self.ask(), Unavailable, "interrupted")

    def test_a_call_that_has_ended_sends_nothing(self):
        """A name was resolved after the deadline, and the invoice sent then."""
        resolve, resolved = socket.getaddrinfo, threading.Event()

        def slowly(*args, **kwargs):
            time.sleep(1)
            resolved.set()
            return resolve(*args, **kwargs)

        with patch("socket.getaddrinfo", slowly):
            self.assertError(self.ask(limits=SHORT), Unavailable, "timeout")
            self.assertTrue(resolved.wait(5))
            time.sleep(0.3)
        self.assertFalse(self.server.requests)

    def test_a_client_whose_last_call_ended_late_goes_on(self):
        resolve, slow = socket.getaddrinfo, [1, 0]

        def slowly(*args, **kwargs):
            time.sleep(slow.pop(0))
            return resolve(*args, **kwargs)

        with (
            patch("socket.getaddrinfo", slowly),
            AIServiceClient(self.server.url, KEY, SHORT) as client,
        ):
            with self.assertRaises(Unavailable):
                client.validate(DTE_DATA, company_id=7)
            self.server.script(opinion())
            client.validate({**DTE_DATA, "folio": 2}, company_id=7)
            time.sleep(0.8)
        [request] = self.server.requests
        self.assertEqual(request.json["dte_data"]["folio"], 2)

    def test_a_service_that_says_when_it_is_back_is_not_asked_before(self):
        outcome = self.ask(reply(503, b"", {"Retry-After": "7"}))
        self.assertError(outcome, Unavailable, "server_error", retry_after=7)

    def test_the_sockets_of_many_connections_are_closed(self):
        with AIServiceClient(self.server.url, KEY, LIMITS) as client:
            for _number in range(6):
                self.server.script(wire.close_idle)
                client.validate(DTE_DATA, company_id=7)
                time.sleep(0.02)
            self.assertLessEqual(len(client._adapter._sockets), 2)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestFaultOfOurs(ClientCase):
    def test_it_is_not_told_as_the_services(self):
        """With tenacity 8.2 each call failed, and the connection was blamed."""
        with (
            patch.object(ai_client.tenacity, "stop_before_delay", None),
            self.assertLogs(ai_client.__name__, logging.ERROR) as logs,
        ):
            outcome = self.ask()
        self.assertError(outcome, ClientFault, "fault", kind="TypeError")
        self.assertIn("TypeError in client.py:", logs.output[0])

    def test_of_the_thread_too_and_without_what_it_says(self):
        error = AttributeError(f"no attribute {KEY}")
        with (
            patch.object(AIServiceClient, "_send", side_effect=error),
            self.assertLogs(ai_client.__name__, logging.ERROR) as logs,
        ):
            outcome = self.ask()
        self.assertError(outcome, ClientFault, "fault", kind="AttributeError")
        self.assertNotIn(KEY, "".join(logs.output))
        self.assertIsNone(outcome.__context__)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestLimits(BaseCase):
    def test_the_time_to_answer_follows_what_answers_take(self):
        limits = ai_client.INTERACTIVE
        for slowest, read in ((0, 12), (0.05, 8), (2, 8), (3, 9), (9, 12), (60, 12)):
            with self.subTest(slowest=slowest):
                self.assertEqual(limits.for_answers_of(slowest).read, read)
