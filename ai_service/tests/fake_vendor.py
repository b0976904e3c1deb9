# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A model vendor on this machine: both APIs' shapes, and the ways in which they
fail.
"""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CLEAN = {"recommendation": "send", "confidence": 90, "errors": [], "warnings": []}
USAGE = (1200, 60)


class FakeVendor:
    """Answers `answer` after `delay` seconds.

    `script` says what to do instead with the next calls: a status (429, 529, 500, …),
    "hang" (until the fake stops), "drip" (headers without end),
    "garbage", "html", "cut_body" (the connection ends in
    mid-body), "cut_off" (the model's limit), "text" (`text`, without structure),
    "no_schema" (refuses structured output), "reset", or "ok". `calls` has the bodies
    of the requests, `headers` what came with them.
    """

    def __init__(self, delay=0.0):
        self.answer = dict(CLEAN)
        self.text = json.dumps(CLEAN)
        self.delay = delay
        self.retry_after = None
        self.script = []
        self.always = "ok"
        self.calls = []
        self.headers = []
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_arguments):
                pass

            def do_POST(self):
                size = int(self.headers["Content-Length"])
                fake.respond(self, json.loads(self.rfile.read(size)))

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_arguments):
                pass  # A client that does not wait is what some tests are about.

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self._thread.start()

    def environment(self, vendor):
        """What the service must be told to ask this fake."""
        if vendor == "anthropic":
            return {
                "ANTHROPIC_API_KEY": "fake-vendor-key",
                "ANTHROPIC_BASE_URL": self.url,
            }
        return {"OPENAI_BASE_URL": f"{self.url}/v1", "AI_SERVICE_MODEL": "llama-test"}

    def stop(self):
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()

    def respond(self, handler, body):
        with self._lock:
            self.calls.append(body)
            self.headers.append(dict(handler.headers))
            what = self.script.pop(0) if self.script else self.always
        if what == "hang":
            self._stopped.wait()
            handler.close_connection = True
            return
        if what == "drip":
            handler.send_response(200)
            while not self._stopped.wait(0.05):
                handler.wfile.write(b"X-More: 1\r\n")
                handler.wfile.flush()
            return
        time.sleep(self.delay)
        if what == "reset":
            handler.close_connection = True
            handler.connection.close()
            return
        structured = "tools" in body or "response_format" in body
        if what == "no_schema" and structured:
            what = 400
        if isinstance(what, int):
            kind = {"type": "api_error", "message": "response_format: not supported"}
            headers = {}
            if self.retry_after is not None:
                headers["Retry-After"] = self.retry_after
            self._send(handler, what, {"type": "error", "error": kind}, headers)
        elif what == "html":
            self._write(handler, 200, b"<html>Welcome</html>", "text/html")
        elif what == "garbage":
            self._write(handler, 200, b'{"id": "x", "cont')
        else:
            make = self._claude if handler.path == "/v1/messages" else self._completion
            reply = make(body, what)
            if what == "cut_body":
                content = json.dumps(reply).encode()
                handler.send_response(200)
                handler.send_header("Content-Type", "application/json")
                handler.send_header("Content-Length", str(len(content)))
                handler.end_headers()
                handler.wfile.write(content[:40])
                handler.close_connection = True
            else:
                self._send(handler, 200, reply)

    def _claude(self, body, what):
        if "tools" in body and what != "text":
            content = {
                "type": "tool_use",
                "id": "toolu_1",
                "name": body["tools"][0]["name"],
                "input": self.answer,
            }
        else:
            content = {"type": "text", "text": self.text}
        return {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": [content],
            "stop_reason": "max_tokens" if what == "cut_off" else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": USAGE[0], "output_tokens": USAGE[1]},
        }

    def _completion(self, body, what):
        structured = "response_format" in body and what != "text"
        text = json.dumps(self.answer) if structured else self.text
        return {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 0,
            "model": body["model"],
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text},
                    "finish_reason": "length" if what == "cut_off" else "stop",
                }
            ],
            "usage": {
                "prompt_tokens": USAGE[0],
                "completion_tokens": USAGE[1],
                "total_tokens": sum(USAGE),
            },
        }

    def _send(self, handler, status, value, headers=None):
        self._write(handler, status, json.dumps(value).encode(), headers=headers)

    @staticmethod
    def _write(handler, status, content, kind="application/json", headers=None):
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            handler.send_header(name, str(value))
        handler.end_headers()
        handler.wfile.write(content)
