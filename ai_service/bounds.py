# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a connection may take before it has shown a key: time, memory, and number.

uvicorn has options for the size of a header and for idle connections, but none for how
long a request may take to arrive, nor for how many may wait. It lets its protocol be
replaced instead (``http=``). Hypercorn bounds the time of a header, not the number of
connections; granian both, but neither takes a socket of ours nor ends by our signal.
"""

import asyncio

import h11
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from .auth import Keys

# Seconds for a request's header, and without a key for its body, too.
HEADER_TIME = 5.0
# Seconds for the body of whoever has shown a key.
BODY_TIME = 20.0
MAX_HEADER = 16 * 1024
#: Connections without a key; one more, and the oldest of them is closed.
MAX_STRANGERS = 256

MAX_BODY = 1024 * 1024
# Enough to tell malformed JSON from a missing key, which the contract wants.
MAX_STRANGERS_BODY = 16 * 1024
_TOO_LARGE = f"La solicitud supera {MAX_BODY} bytes: envíe menos datos"

_ARRIVING = (h11.IDLE, h11.SEND_BODY)


def bounded_protocol(keys: Keys) -> type[H11Protocol]:
    """A protocol for uvicorn that lets nobody without one of the keys hold it up.

    A request that does not arrive in time is cut off. Where too many connections have
    shown no key, the oldest makes room: who has one needs a moment to show it.
    """
    strangers: dict[H11Protocol, None] = {}  # In the order in which they came.

    class BoundedProtocol(H11Protocol):
        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:
            super().connection_made(transport)
            self._expect(HEADER_TIME)
            strangers[self] = None
            if len(strangers) > MAX_STRANGERS:
                oldest = next(iter(strangers))
                del strangers[oldest]
                oldest.transport.abort()

        def data_received(self, data: bytes) -> None:
            if self._deadline is None:
                self._expect(HEADER_TIME)
            before = self.cycle
            super().data_received(data)
            has_key = self.cycle is not before and keys.among(self.headers)
            if has_key:
                strangers.pop(self, None)
            if self.conn.their_state not in _ARRIVING:
                self._expect(None)
            elif has_key:
                self._expect(BODY_TIME)

        def connection_lost(self, exc: Exception | None) -> None:
            self._expect(None)
            strangers.pop(self, None)
            super().connection_lost(exc)

        def _expect(self, seconds: float | None) -> None:
            """The request has to be here in so many seconds; None: it is."""
            if self._deadline:
                self._deadline.cancel()
            self._deadline = (
                None
                if seconds is None
                else self.loop.call_later(seconds, self.transport.abort)
            )

    return BoundedProtocol


class BodyLimit:
    """Refuses a body above the limit before all of it is in memory.

    With a key that is 413 above 1 MiB; without one, 403 above 16 KiB.
    """

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit, status, detail = MAX_BODY, 413, _TOO_LARGE
        if not self._keys.among(scope["headers"]):
            limit, status, detail = MAX_STRANGERS_BODY, 403, "Not authenticated"
        declared = Headers(scope=scope).get("content-length", "0")
        if len(declared) > 19 or int(declared) > limit:
            response = JSONResponse({"detail": detail}, status)
            await response(scope, receive, send)
            return
        size = 0

        async def receive_some() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > limit:
                raise HTTPException(status, detail)
            return message

        await self._app(scope, receive_some, send)
