# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The wire: connections whose end can be promised, and bodies that are bounded."""

import contextlib
import time
from typing import NamedTuple

import requests
from requests.adapters import HTTPAdapter

from .outcomes import NoOpinion, Unavailable

# More is not an opinion, and a bomb would fill the memory.
MAX_BODY = 1024 * 1024


class BearerAuth(requests.auth.AuthBase):
    """The key as an explicit auth: a header alone would give way to a `.netrc`."""

    def __init__(self, key):
        self._key = key

    def __call__(self, request):
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class Adapter(HTTPAdapter):
    """Sets the timeouts, and knows every socket so that a call can be hung up."""

    def __init__(self, limits):
        self._timeout = (limits.connect, limits.read)
        self._sockets = []
        super().__init__(max_retries=0)

    def _watched(self, manager):
        sockets = self._sockets

        def watch(connection_class):
            class Watched(connection_class):
                def _new_conn(self):
                    connection = super()._new_conn()
                    # A duplicate survives the TLS layer, which takes the original.
                    sockets.append(connection.dup())
                    return connection

            return Watched

        manager.pool_classes_by_scheme = {
            scheme: type(
                pool.__name__, (pool,), {"ConnectionCls": watch(pool.ConnectionCls)}
            )
            for scheme, pool in manager.pool_classes_by_scheme.items()
        }
        return manager

    def init_poolmanager(self, *args, **kwargs):
        result = super().init_poolmanager(*args, **kwargs)
        self._watched(self.poolmanager)
        return result

    def proxy_manager_for(self, proxy, **proxy_kwargs):
        if proxy in self.proxy_manager:
            return self.proxy_manager[proxy]
        return self._watched(super().proxy_manager_for(proxy, **proxy_kwargs))

    def send(self, request, **kwargs):
        kwargs["timeout"] = self._timeout
        return super().send(request, **kwargs)

    def hang_up(self):
        """End what is under way: a read that waits for a dripping peer returns."""
        for sock in self._sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(2)

    def close(self):
        while self._sockets:
            self._sockets.pop().close()
        return super().close()


class Reply(NamedTuple):
    """What came over the wire."""

    status: int
    headers: dict
    body: bytes


def read_body(response, deadline):
    """Return at most :data:`MAX_BODY` bytes, as they came over the wire."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise NoOpinion("unreadable", status=response.status_code)
    chunks, size = [], 0
    while chunk := response.raw.read(64 * 1024, decode_content=False):
        size += len(chunk)
        if size > MAX_BODY:
            raise NoOpinion("unreadable", status=response.status_code)
        if time.monotonic() > deadline:
            raise Unavailable("timeout")
        chunks.append(chunk)
    return b"".join(chunks)
