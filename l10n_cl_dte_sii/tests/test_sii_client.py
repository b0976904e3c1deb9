# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The client on the wire, against the simulator: each way in which it misbehaves."""

import socket
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

from odoo.tests import BaseCase, tagged

from odoo.addons.l10n_cl_dte_ai.tools.ai.exchange import Exchange

from ..tools import sii_client
from ..tools.sii_client import SiiClient, Tokens
from ..tools.sii_outcomes import NotSent, Refused, Unknown
from .simulator import HOLDER, ISSUER, SEND, Issuer, Simulator

SHORT = sii_client.Limits(connect=1, read=0.4, total=1.2, attempts=2)

# After these the SII has the envelope, whatever the client was told...
STORED = (
    *("hang_after", "reset_after", "close_after", "error_500_after", "html_after"),
    *("empty_after", "http_after", "redirect_after", "bad_xml_after", "huge_after"),
    *("bomb_after", "soap_fault_after", "truncated", "status_missing", "status_text"),
    *("no_trackid", "drip", "late"),
)
# ... and after these it has not; from outside nobody can tell them apart.
NOT_STORED = (
    *("hang_before", "reset_before", "close_before", "error_500_before"),
    *("html_before", "empty_before", "http_before", "redirect_before"),
    *("bad_xml_before", "huge_before", "bomb_before", "soap_fault_before"),
)
REFUSALS = {
    "1": "permission",
    "2": "size",
    "3": "cut",
    "6": "company",
    "7": "schema",
    "8": "signature",
    "9": "busy",
}


@tagged("post_install_l10n", "post_install", "-at_install")
class WireCase(BaseCase):
    @classmethod
    def _request_handler(cls, session, request, /, **kwargs):
        return SEND(session, request, **kwargs)  # all of it stays on this machine

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.sii = Simulator()
        cls.addClassCleanup(cls.sii.close)
        cls.issuer = Issuer(cls.sii)

    def setUp(self):
        super().setUp()
        self.sii.behave()
        self.tokens = Tokens()
        self.addCleanup(self.sii.behave)

    def client(self, url=None, **changes):
        client = SiiClient(
            url or self.sii.url,
            self.issuer.signer,
            HOLDER,
            Exchange,
            SHORT._replace(**changes),
            tokens=self.tokens,
            sleep=lambda _seconds: None,
        )
        self.addCleanup(client.close)
        return client

    def upload(self, content, client=None):
        return (client or self.client()).upload(ISSUER, "EnvioDTE.xml", content)

    def fails(self, kind, code, call, *arguments):
        with self.assertRaises(kind) as caught:
            call(*arguments)
        self.assertIs(type(caught.exception) if kind is not Refused else Refused, kind)
        self.assertEqual(caught.exception.code, code)
        return caught.exception


class TestUpload(WireCase):
    """The one distinction that matters: surely not sent, or perhaps."""

    def test_what_the_sii_receives_has_a_track_id(self):
        content, (key,) = self.issuer.envelope()
        client = self.client(read=5, total=10)
        track_id = self.upload(content, client).track_id
        status = client.upload_status(ISSUER, track_id)
        self.assertEqual((status.state, status.meaning), ("EPR", "processed"))
        self.assertEqual(status.counts["33"].verdict, "accepted")
        self.assertTrue(client.document_status(key).data_agree)
        known = client.document_known(key)
        self.assertEqual((known.is_known, known.track_id), (True, track_id))

    def test_whatever_happens_after_the_first_byte_is_unknown(self):
        """And posted once: never again by itself."""
        self.client(read=5, total=10).token()
        for mode in (*STORED, *NOT_STORED):
            with self.subTest(mode):
                content, (key,) = self.issuer.envelope()
                client = self.client()
                client.token()
                before = self.sii.requests["upload"]
                self.sii.misbehave(mode, target="upload")
                start = time.monotonic()
                fault = self.fails(Unknown, "no_answer", self.upload, content, client)
                self.assertLess(time.monotonic() - start, SHORT.total + 0.5)
                self.assertFalse(fault.is_there)
                self.sii.behave()
                self.assertEqual(self.sii.requests["upload"] - before, 1)
                known = self.client(read=5, total=10).document_known(key)
                self.assertEqual(known.is_known, mode in STORED)

    def test_what_the_sii_refuses_is_surely_not_stored(self):
        for status, code in REFUSALS.items():
            with self.subTest(status):
                content, (key,) = self.issuer.envelope()
                self.sii.misbehave("status", value=status)
                fault = self.fails(Refused, code, self.upload, content)
                self.assertEqual((fault.state, fault.detail), (status, "SIMULADO"))
                self.sii.behave()
                self.assertFalse(self.client().document_known(key).is_known)

    def test_a_status_that_no_source_names_says_nothing(self):
        for status in ("4", "10", "-1", "007"):
            with self.subTest(status):
                self.sii.misbehave("status", value=status)
                self.fails(Unknown, "no_answer", self.upload, self.issuer.envelope()[0])

    def test_what_the_sii_has_already_is_to_be_asked_about(self):
        content, _keys = self.issuer.envelope()
        self.upload(content)
        self.sii.misbehave("repeat_99")
        fault = self.fails(Unknown, "repeated", self.upload, content)
        self.assertTrue(fault.is_there)

    def test_a_real_schema_error_and_a_stranger_are_refused(self):
        content, _keys = self.issuer.envelope()
        broken = content.replace(b"<GiroRecep>", b"<GiroRecepX>", 1)
        self.fails(Refused, "schema", self.upload, broken)
        values = {"rut": ISSUER, "senders": ["9999999-3"]}
        self.sii.admin("POST", "companies", **values)
        try:
            self.fails(Refused, "permission", self.upload, content)
        finally:
            values = {"rut": ISSUER, "senders": [HOLDER]}
            self.sii.admin("POST", "companies", **values)

    def test_a_login_without_end_leaves_the_envelope_here(self):
        for mode, target, code in (
            ("hang_before", "seed", "no_answer"),
            ("reset_after", "token", "no_answer"),
            ("html_after", "token", "no_answer"),
        ):
            with self.subTest(mode, target=target):
                self.sii.misbehave(mode, target=target)
                before = self.sii.requests["upload"]
                self.fails(NotSent, code, self.upload, self.issuer.envelope()[0])
                self.assertEqual(self.sii.requests["upload"], before)
                self.sii.behave()
                self.tokens.clear()

    def test_who_is_not_there_was_sent_nothing(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
            for url, code in (
                (f"http://127.0.0.1:{port}", "unreachable"),
                ("https://no-such-host.invalid", "unreachable"),
                ("http://192.0.2.1", "address"),  # without TLS
                ("https://169.254.169.254", "address"),
                ("ftp://127.0.0.1", "address"),
            ):
                with self.subTest(url):
                    fault = self.fails(
                        NotSent,
                        code,
                        self.upload,
                        self.issuer.envelope()[0],
                        self.client(url),
                    )
                    self.assertFalse(fault.is_there)

    def test_a_host_that_cannot_prove_who_it_is_gets_nothing(self):
        for kind in ("self-signed", "expired", "wrong-host"):
            with self.subTest(kind):
                other = Simulator("--tls", kind)
                self.addCleanup(other.close)
                client = self.client(other.url.replace("http:", "https:"))
                content = self.issuer.envelope()[0]
                self.fails(NotSent, "address", self.upload, content, client)

    def test_a_token_that_is_over_is_got_anew_once(self):
        client = self.client()
        content, _keys = self.issuer.envelope()
        client.token()
        self.sii.admin("DELETE", "tokens")
        self.assertTrue(self.upload(content, client).track_id)
        self.sii.misbehave("status", value="5")
        fault = self.fails(Refused, "token", self.upload, content, client)
        self.assertEqual(fault.state, "5")


class TestQueries(WireCase):
    """What may be asked again is."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.content, (cls.key,) = cls.issuer.envelope()

    def setUp(self):
        super().setUp()
        if not hasattr(type(self), "track_id"):
            type(self).track_id = self.upload(self.content).track_id
        self.client().token()

    def status(self, **changes):
        return self.client(**changes).upload_status(ISSUER, self.track_id)

    def test_one_bad_answer_is_asked_again(self):
        for mode in ("reset_before", "error_500_after", "html_after", "truncated"):
            with self.subTest(mode):
                self.sii.misbehave(mode, target="sending", times=1)
                self.assertEqual(self.status().state, "EPR")

    def test_what_stays_bad_ends_in_time(self):
        for mode in ("hang_before", "drip", "bomb_after", "huge_after", "soap_fault"):
            with self.subTest(mode):
                self.sii.behave()
                self.sii.misbehave(mode, target="sending")
                start = time.monotonic()
                self.fails(Unknown, "no_answer", self.status)
                self.assertLess(time.monotonic() - start, SHORT.total + 0.5)

    def test_prefixes_and_labels_are_not_believed(self):
        for mode in ("prefix", "latin1"):
            with self.subTest(mode):
                self.sii.misbehave(mode)
                self.tokens.clear()
                status = self.status()
                self.assertEqual(status.counts["33"].accepted, 1)
                self.assertEqual("línea" in status.detail, mode == "latin1")
                self.assertTrue(self.client().document_known(self.key).is_known)
                self.sii.behave()

    def test_a_token_that_dies_all_the_time_ends_as_refused(self):
        self.sii.misbehave("token_dies", target="sending", calls=1)
        self.assertEqual(self.status().state, "EPR")
        self.sii.misbehave("estado", value="003")
        self.fails(Refused, "token", self.status)

    def test_a_login_that_is_refused_says_so(self):
        self.tokens.clear()
        self.sii.misbehave("login", target="seed", value="-3")
        fault = self.fails(Refused, "token", self.status)
        self.assertEqual(fault.state, "-3")

    def test_who_may_not_ask_is_told(self):
        self.sii.misbehave("estado", value="106")
        self.fails(Refused, "permission", self.status)

    def test_not_there_yet_and_stuck_are_no_verdicts(self):
        self.sii.misbehave("not_there")
        self.assertEqual(self.status().meaning, "not_there")
        self.sii.behave()
        self.sii.misbehave("stuck", value="PDR")
        status = self.status()
        self.assertEqual((status.meaning, status.counts), ("on_the_way", {}))

    def test_a_no_is_told_as_it_is(self):
        self.sii.misbehave("advanced_no")
        self.sii.misbehave("document_no")
        client = self.client()
        known, status = (
            client.document_known(self.key),
            client.document_status(self.key),
        )
        self.assertEqual((known.is_known, known.is_other), (False, False))
        self.assertEqual((status.state, status.is_received), ("FAU", False))

    def test_an_earlier_version_under_a_folio_is_not_this_one(self):
        other = self.key._replace(signature="b3RyYQ==")
        known = self.client().document_known(other)
        self.assertEqual((known.is_known, known.is_other), (False, True))

    def test_one_of_two_rejected_is_no_verdict_for_each(self):
        content, _keys = self.issuer.envelope(2)
        self.sii.misbehave("reject_first")
        client = self.client(read=5, total=10)
        track_id = self.upload(content, client).track_id
        counts = client.upload_status(ISSUER, track_id).counts["33"]
        self.assertEqual((counts.reported, counts.rejected), (2, 1))
        self.assertIsNone(counts.verdict)

    def test_the_mail_is_asked_for(self):
        client = self.client()
        said = client.ask_for_mail_again(ISSUER, self.track_id)
        self.assertEqual(said, "Correo reenviado")
        self.fails(Refused, "no_mail", client.ask_for_mail_again, ISSUER, "999999")


class TestSecrets(WireCase):
    def test_no_answer_that_is_kept_holds_the_token(self):
        """A host that tells what it was told."""

        class Echo(BaseHTTPRequestHandler):
            def do_POST(self):
                body = f"<h1>{self.headers['Cookie']}</h1>".encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments):
                pass

        server = HTTPServer(("127.0.0.1", 0), Echo)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        client = self.client(f"http://127.0.0.1:{server.server_port}")
        token = self.client().token()
        self.tokens.put(client._key, token)
        fault = self.fails(Unknown, "no_answer", self.upload, b"<x/>", client)
        self.assertIn("TOKEN=", fault.answer)
        self.assertNotIn(token, fault.answer)
