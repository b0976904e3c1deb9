# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A real HTTP server on 127.0.0.1 that says what a test has scripted, and no more.

    with Loopback() as server:
        server.script(opinion("send"), reply(429, headers={"Retry-After": "7"}))
        ...
        server.check()      # every scripted answer was used, nothing else was asked
        server.requests     # what arrived, in order

An answer is a function of the request's handler, so that a test can misbehave on the
wire in a way that nobody has thought of yet.
"""

import json
import os
import socket
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from unittest.mock import patch

VALIDATE = ("POST", "/api/ai/validate")
HEALTH = ("GET", "/health")
# Longer than any limit in the tests; the end of a test ends it as well.
FOREVER = 20


class Received(NamedTuple):
    method: str
    path: str
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


# === Answers === #


def reply(status=200, body=b"", headers=None, delay=0.0):
    """Answer properly; `body` may be bytes, a text, or what becomes JSON."""
    if isinstance(body, str):
        body = body.encode()
    elif not isinstance(body, bytes):
        body = json.dumps(body).encode()

    def answer(handler):
        handler.pause(delay)
        handler.send_response(status)
        for name, value in {"Content-Length": len(body), **(headers or {})}.items():
            handler.send_header(name, str(value))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def opinion(recommendation="send", confidence=92.0, errors=(), warnings=(), **extra):
    """Answer as the service does when its model has an opinion."""
    return reply(
        body={
            "confidence": confidence,
            "warnings": list(warnings),
            "errors": list(errors),
            "recommendation": recommendation,
            **extra,
        }
    )


def healthy(status="healthy", code=200, **extra):
    return reply(code, {"status": status, "service": "AI", "version": "1.2.0", **extra})


def refusal(*messages, echo="76.000.000-0"):
    """A 422 as FastAPI words it, which echoes what it was sent."""
    return reply(
        422,
        {
            "detail": [
                {
                    "type": "value_error",
                    "loc": ["body", "dte_data"],
                    "msg": f"Value error, {message}",
                    "input": {"rut_emisor": echo},
                    "ctx": {"error": {}},
                }
                for message in messages
            ]
        },
    )


def silence(handler):
    """Accept, and never answer: a frozen service."""
    handler.pause(FOREVER)


def drop(handler):
    """Close the connection instead of answering."""
    handler.close_connection = True


def reset(handler, sent=b""):
    """Send something, and tear the connection down with a TCP RST."""
    handler.close_connection = True
    handler.wfile.write(sent)
    at_once = struct.pack("ii", 1, 0)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
    handler.rfile.close()
    handler.wfile.close()
    handler.connection.close()


def cut_off(handler):
    """Promise more than is sent, and close."""
    handler.wfile.write(b'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{"confidence"')
    handler.close_connection = True


def drip(first, piece):
    """Send `first`, and then `piece` again and again: no read timeout ends this."""

    def answer(handler):
        handler.close_connection = True
        handler.wfile.write(first)
        for _number in range(int(FOREVER / 0.05)):
            handler.wfile.write(piece)
            if handler.pause(0.05):
                return

    return answer


drip_headers = drip(b"HTTP/1.1 200 OK\r\n", b"X-Drip: 1\r\n")
drip_body = drip(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", b" ")


# === The server === #


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_GET(self):
        self._answer()

    def do_POST(self):
        self._answer()

    def _answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        answer = self.server.loopback._receive(
            Received(self.command, self.path, dict(self.headers), body)
        )
        try:
            answer(self)
        except OSError:  # the client has left
            self.close_connection = True

    def pause(self, seconds):
        """Wait; return True where the test is over meanwhile."""
        return self.server.loopback._over.wait(seconds) if seconds else False

    def log_message(self, *args):
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # a client that hangs up is what many tests are about


class Loopback:
    """The server; see the module.

    :param ssl_context: to speak TLS
    :param always: the answer to whatever is not in the script
    """

    def __init__(self, ssl_context=None, port=0, always=None):
        self.always = always
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.loopback = self
        scheme = "http"
        if ssl_context:
            self._server.socket = ssl_context.wrap_socket(
                self._server.socket, server_side=True
            )
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}"
        self._lock = threading.Lock()
        self._over = threading.Event()
        self.reset()
        # Where the machine has a proxy, 127.0.0.1 must not go through it.
        local = {"no_proxy": "127.0.0.1,localhost", "NO_PROXY": "127.0.0.1,localhost"}
        self._environment = patch.dict(os.environ, local)
        self._environment.start()
        self._thread = threading.Thread(
            target=self._server.serve_forever,
            kwargs={"poll_interval": 0.05},
            daemon=True,  # one that is left open must not keep the tests from ending
        )
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def close(self):
        self._over.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._environment.stop()

    def reset(self):
        """Begin a new test."""
        self._over.set()  # what still pauses for an older test ends
        self._over = threading.Event()
        with self._lock:
            self.requests, self._script, self._unexpected = [], [], []

    def script(self, *answers, to=VALIDATE):
        """Say what the next requests of one kind are answered, one answer for each."""
        with self._lock:
            self._script += [(to, answer) for answer in answers]

    def asked(self, kind=VALIDATE):
        """Return the requests of one kind that have arrived."""
        with self._lock:
            return [r for r in self.requests if (r.method, r.path) == kind]

    def check(self):
        """:raise AssertionError: for a request too many or too few"""
        with self._lock:
            assert not self._unexpected, f"Not in the script: {self._unexpected}"
            unused = [kind for kind, _answer in self._script]
            assert not unused, f"Never asked for: {unused}"

    def _receive(self, received):
        kind = (received.method, received.path)
        with self._lock:
            self.requests.append(received)
            for position, (expected, answer) in enumerate(self._script):
                if expected == kind:
                    del self._script[position]
                    return answer
            if self.always:
                return self.always
            self._unexpected.append(kind)
        return reply(500, {"error": "not in the script"})
