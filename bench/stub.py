# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A service that answers every document with an opinion, and counts.

    python3 -m bench.stub 8003

It is told over HTTP what to do, by whoever measures:

    POST /control   {"delay": 0.05, "limit": 20, "window": 6}: begin anew with this
    GET  /counts    what has arrived since

`delay` is how long it thinks. With a `limit` it admits so many requests in each fixed
`window` of seconds, which begins with the first request as the real service's does, and
answers the others 429. One thread, no parsing of documents: as little as possible of
the machine's time goes into it.
"""

import asyncio
import json
import math
import sys
import time
from collections import Counter

OPINION = json.dumps(
    {
        "confidence": 92.0,
        "warnings": ["El receptor no registra actividad en el rubro."],
        "errors": [],
        "recommendation": "send",
        "cached": False,
    }
).encode()


class Counts:
    def __init__(self, delay=0.05, limit=0, window=6.0):
        self.delay, self.limit, self.window = delay, limit, window
        self.requests = self.limited = self.connections = 0
        self.under_way = self.most_under_way = 0
        self.keys = Counter()
        self.arrivals = []  # of those that were admitted, in seconds
        self.refusals = []
        self.window_end = 0.0
        self.in_window = 0

    def admit(self):
        """Count a request; the seconds until it may be tried again, or None."""
        now = time.monotonic()
        self.requests += 1
        if now >= self.window_end:
            self.window_end, self.in_window = now + self.window, 0
        self.in_window += 1
        if self.limit and self.in_window > self.limit:
            self.limited += 1
            self.refusals.append(now)
            return self.window_end - now
        self.arrivals.append(now)
        return None

    def as_dict(self):
        return {
            "requests": self.requests,
            "limited": self.limited,
            "connections": self.connections,
            "most_under_way": self.most_under_way,
            "keys": self.keys,
            "arrivals": self.arrivals,
            "refusals": self.refusals,
        }


class Connection(asyncio.Protocol):
    counts = Counts()

    def connection_made(self, transport):
        self.transport = transport
        self.buffer = b""
        self.seen_by = None

    def data_received(self, data):
        self.buffer += data
        head, separator, rest = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        request, *lines = head.decode("latin-1").split("\r\n")
        headers = {
            name.lower(): value.strip()
            for name, _colon, value in (line.partition(":") for line in lines)
        }
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        self.buffer = rest[length:]
        method, path, _version = request.split(" ")
        self.answer(method, path, headers, rest[:length])

    def answer(self, method, path, headers, body):
        if path == "/control":
            Connection.counts = Counts(**json.loads(body))
            self.reply(200, b"{}")
        elif path == "/counts":
            self.reply(200, json.dumps(self.counts.as_dict()).encode())
        elif path == "/health":
            self.reply(200, b'{"status":"healthy","service":"stub","version":"1"}')
        elif (method, path) == ("POST", "/api/ai/validate"):
            self.validate(headers)
        else:
            self.reply(404, b"{}")

    def validate(self, headers):
        counts = self.counts
        if self.seen_by is not counts:
            self.seen_by = counts
            counts.connections += 1
        if "idempotency-key" in headers:
            counts.keys[headers["idempotency-key"]] += 1
        seconds = counts.admit()
        if seconds is not None:
            self.reply(429, b"{}", f"Retry-After: {math.ceil(seconds)}\r\n")
            return
        counts.under_way += 1
        counts.most_under_way = max(counts.most_under_way, counts.under_way)
        asyncio.get_running_loop().call_later(counts.delay, self.opine, counts)

    def opine(self, counts):
        counts.under_way -= 1
        self.reply(200, OPINION)

    def reply(self, status, body, headers=""):
        if not self.transport.is_closing():
            self.transport.write(
                f"HTTP/1.1 {status} Bench\r\nContent-Type: application/json\r\n"
                f"{headers}Content-Length: {len(body)}\r\n\r\n".encode()
                + body
            )


async def main(port):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
