# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What surrounds every request: its identifier, its log line, and the answer when
something in us breaks."""

import re
import time
import traceback
import uuid

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .logs import get_logger
from .metrics import Metrics

# Anything else could forge a log line or a header.
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
# Asked every few seconds by monitors, and worth a line only when it is looked for.
_QUIET = frozenset({"/health", "/ready", "/live", "/metrics"})
# nginx's number for a request that did not arrive whole: nobody waits for an answer.
_CLIENT_LEFT = 499
_METHODS = frozenset({"DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"})


class RequestContext:
    """Gives each request an identifier, logs its outcome, turns a crash into a 500.

    The client's X-Request-ID is taken over where its shape is harmless. The identifier
    is echoed as X-Request-ID, stands in each log line of the request and is in
    ``scope["state"]["request_id"]``.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        started = time.perf_counter()
        status = 0

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
            await send(message)

        with structlog.contextvars.bound_contextvars(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_id)
            except ClientDisconnect:
                status = _CLIENT_LEFT
            except Exception as error:
                # Frames, but not the exception's text: that may quote the document.
                get_logger().error(
                    "internal_error",
                    exception=type(error).__name__,
                    frames=[
                        f"{frame.filename}:{frame.lineno} {frame.name}"
                        for frame in traceback.extract_tb(error.__traceback__)[-12:]
                    ],
                )
                if status:  # It is too late for an answer: cut the connection.
                    raise
                response = _internal_error(request_id)
                await response(scope, receive, send_with_id)
            # The route is known once the router has found it.
            route = getattr(scope.get("route"), "path", "other")
            self._metrics.request(_method(scope), route, status)
            log = get_logger().debug if scope["path"] in _QUIET else get_logger().info
            log(
                "request",
                method=scope["method"],
                path=scope["path"][:200],
                status=status,
                duration_ms=round(1000 * (time.perf_counter() - started), 2),
            )


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _METHODS else "other"


def _internal_error(request_id: str) -> JSONResponse:
    return JSONResponse(
        {
            "error": "Internal server error",
            "detail": "El servicio falló al procesar la solicitud. Reintente y, si se"
            " repite, informe el request_id a quien lo administra.",
            "request_id": request_id,
        },
        500,
    )
