# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The HTTP server: one thread for each connection, and the modes of the connection."""

import logging
import socket
import ssl
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from . import soap
from .wire import Answer, Request

_logger = logging.getLogger("sii_simulator")
_BOMB = (
    '<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "aaaaaaaaaa">'
    + "".join(
        f'<!ENTITY {name} "{f"&{before};" * 10}">'
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    )
    + "]><r>&i;</r>"
)
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER without waiting: RST instead of FIN


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "SII-simulador"
    timeout = 120  # seconds for a request to come in

    def handle_one_request(self):
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError, ssl.SSLError):
            self.close_connection = True

    def do_POST(self):
        self._serve()

    do_GET = do_PUT = do_DELETE = do_POST

    def log_message(self, form, *values):
        _logger.debug(form, *values)

    def _serve(self):
        parts = urlsplit(self.path)
        simulator = self.server.simulator
        length = self.headers.get("Content-Length")
        has_body = self.command in ("POST", "PUT")
        if has_body and (length is None or not length.isdigit()):
            self.close_connection = True
            return self._send(Answer(411, b"Length Required", "text/plain"))
        body = self.rfile.read(int(length)) if has_body else b""
        if has_body and len(body) < int(length):
            self.close_connection = True
            return None
        request = Request(self.command, parts.path, parts.query, self.headers, body)
        if parts.path.startswith("/admin/"):
            return self._send(_answer(simulator, request, "admin", None))
        return self._public(simulator, request)

    def _public(self, simulator, request):
        started = time.monotonic()
        endpoint = simulator.endpoint(request)
        mode = simulator.modes.take(endpoint)
        simulator.count(endpoint)
        before = mode.connection("before")
        if before:
            return self._misbehave(before, mode)
        answer = _answer(simulator, request, endpoint, mode)
        remaining = simulator.store.settings.latency - (time.monotonic() - started)
        time.sleep(max(0, remaining))
        after = mode.connection("after")
        if after:
            return self._misbehave(after, mode)
        return self._deliver(answer, mode)

    def _deliver(self, answer, mode):
        late, drip = mode.get("late"), mode.get("drip")
        if late:
            mode.released.wait(late.option("seconds", 5.0))
        if mode.get("truncated"):
            self._send(answer, sent=len(answer.body) // 2)
            return self._close()
        if drip:
            return self._drip(answer, drip, mode.released)
        return self._send(answer)

    def _misbehave(self, fault, mode):
        if fault.name == "hang":
            mode.released.wait(fault.option("seconds", 3600.0))
            return self._close()
        if fault.name == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            return self._close()
        if fault.name == "close":
            return self._close()
        return self._send(_strange(fault))

    def _send(self, answer, sent=None):
        self._head(answer)
        self.wfile.write(answer.body[:sent])

    def _head(self, answer):
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()

    def _drip(self, answer, drip, released):
        size, pause = drip.option("bytes", 1), drip.option("seconds", 1.0)
        self._head(answer)
        for start in range(0, len(answer.body), size):
            self.wfile.write(answer.body[start : start + size])
            if released.wait(pause):
                return self._close()
        return None

    def _close(self):
        self.close_connection = True
        self.wfile.flush()
        # Without this the socket stays open while `rfile` and `wfile` refer to it.
        self.rfile.close()
        self.connection.close()

    def date_time_string(self, timestamp=None):
        if timestamp is None:
            timestamp = self.server.simulator.store.clock.now().timestamp()
        return super().date_time_string(timestamp)

    def finish(self):
        if not self.rfile.closed:
            super().finish()


def _answer(simulator, request, endpoint, mode):
    """The answer; a fault of ours is told as such, so that no client is blamed."""
    try:
        return simulator.answer(request, endpoint, mode)
    except Exception as error:
        _logger.exception("While answering %s", request.path)
        text = f"SIMULATOR FAULT {type(error).__name__}: {error}"
        return Answer(500, text.encode(), "text/plain")


def _strange(fault):
    """The answer of a mode of the connection that does answer."""
    if fault.name == "error_500":
        return Answer(fault.option("http", 500), b"Error 500", "text/html")
    if fault.name == "http":
        limited = fault.options.get("retry_after")
        name = fault.option("header", "X-Retry-After")
        headers = [(name, str(limited))] if limited else []
        body = b"Service Unavailable"
        return Answer(fault.option("http", 503), body, "text/plain", headers)
    if fault.name == "soap_fault":
        return Answer(fault.option("http", 500), soap.fault("Server.userException"))
    if fault.name == "redirect":
        location = fault.option("location", "http://127.0.0.1:9/otro")
        return Answer(302, b"", "text/html", [("Location", location)])
    body = {
        "html": b"<html><body><h1>Servicio de Impuestos Internos</h1></body></html>",
        "empty": b"",
        "bad_xml": b'<?xml version="1.0"?><RECEPCIONDTE><STATUS>0</STAT',
        "huge": b"<RECEPCIONDTE><STATUS>0</STATUS>" + b" " * 2**21 + b"</RECEPCIONDTE>",
        "bomb": _BOMB.encode(),
    }[fault.name]
    return Answer(200, body, "text/html" if fault.name == "html" else "text/xml")


class Server(ThreadingHTTPServer):
    """On 127.0.0.1 only; `port` 0 takes a free one."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, simulator, port=0, tls=None):
        self.simulator = simulator
        super().__init__(("127.0.0.1", port), Handler)
        self.tls = tls

    @property
    def url(self):
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.server_port}"

    def get_request(self):
        connection, address = super().get_request()
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self.tls:  # the handshake is the connection's thread's, not everybody's
            connection = self.tls.wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
        return connection, address

    def start(self):
        """Serve in a thread of its own; `shutdown()` ends it."""
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self
