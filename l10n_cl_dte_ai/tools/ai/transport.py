# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The wire: connections whose end can be promised, and bodies that are bounded."""

import contextlib
import http.client
import os
import queue
import re
import threading
import time
from typing import NamedTuple
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from .address import is_forbidden, is_loopback
from .outcomes import AIServiceError, Misconfigured, NoOpinion, Unavailable

# More is not an opinion, and a bomb would fill the memory.
MAX_BODY = 1024 * 1024


class Reply(NamedTuple):
    """What came over the wire."""

    status: int
    headers: dict
    body: bytes


class BearerAuth(requests.auth.AuthBase):
    """The key as an explicit auth: a header alone would give way to a `.netrc`."""

    def __init__(self, key):
        self._key = key

    def __call__(self, request):
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class Call:
    """One request: whether it may have left, and whether anybody still waits for it."""

    def __init__(self):
        self.begun, self.ended = threading.Event(), threading.Event()


class CallEnded(OSError):
    """Nobody waits for this call any more: it must not send anything."""


class FinalResponse(http.client.HTTPResponse):
    """The answer behind those that only announce it, with honest chunks."""

    def begin(self):  # pylint: disable=missing-return
        # The library's returns nothing either.
        super().begin()
        while 100 <= self.status < 200 and self.status != 101:
            self.headers = self.msg = None  # or it takes itself for begun
            super().begin()

    def _read_next_chunk_size(self):
        # Of the library, which takes "-1" for "all that comes".
        size = super()._read_next_chunk_size()
        if size < 0:
            raise http.client.IncompleteRead(b"")
        return size


class Adapter(HTTPAdapter):
    """Sets the timeouts, and knows every socket so that a call can be hung up.

    Each call has a thread of its own (:meth:`in_time`), one after the other.
    """

    def __init__(self, limits):
        self._timeout = (limits.connect, limits.read)
        self._sockets = []
        self._lock = threading.Lock()
        self._thread = threading.local()
        self._call = Call()
        super().__init__(max_retries=0)

    @property
    def has_begun(self):
        """Tell whether anything of the last call's request may have left."""
        return self._call.begun.is_set()

    def in_time(self, transfer, seconds):
        """Return what `transfer()` does, in a thread, and give up on it after
        `seconds`.

        Timeouts of sockets start anew with each byte, and name resolution has none:
        only a second thread can promise an end.

        :raise Unavailable: `timeout`
        """
        self._call = call = Call()
        if seconds <= 0:
            raise Unavailable("timeout")
        outcome = queue.SimpleQueue()

        def work():
            self._thread.call = call
            try:
                outcome.put((transfer(), None))
            except BaseException as error:  # noqa: BLE001  handed to the caller
                outcome.put((None, error))

        threading.Thread(target=work, name="deadlined-call", daemon=True).start()
        try:
            result, error = outcome.get(timeout=seconds)
        except queue.Empty:
            self.hang_up()
            raise Unavailable("timeout") from None
        if error:
            raise error
        return result

    def _check(self):
        call = getattr(self._thread, "call", None)
        if call and call.ended.is_set():
            raise CallEnded

    def _begin(self):
        """Note that a request is about to leave, unless nobody waits any more."""
        call = getattr(self._thread, "call", None)
        if call:
            call.begun.set()  # in this order: who ends it and looks then is not fooled
        self._check()

    def _take(self, connection):
        with self._lock:
            self._check()
            # A duplicate survives the TLS layer, which takes the original. One call
            # after the other: what is older than the last but one is closed.
            self._sockets.append(connection.dup())
            older, self._sockets = self._sockets[:-2], self._sockets[-2:]
        for sock in older:
            sock.close()

    def _watch(self, connection_class, by_proxy):
        adapter = self

        class Watched(connection_class):
            response_class = FinalResponse

            def _new_conn(self):
                adapter._check()
                connection = super()._new_conn()
                try:
                    # Resolving a name may have taken longer than anybody waits, and
                    # have led to where no service is.
                    adapter._take(connection)
                    if not by_proxy and is_forbidden(connection.getpeername()[0]):
                        raise Misconfigured("address")
                except BaseException:
                    connection.close()
                    raise
                return connection

            def endheaders(self, *args, **kwargs):  # pylint: disable=missing-return
                # Of the library, which connects later if need be: by then it would be
                # unknown whether anything has left.
                if self.sock is None:
                    self.connect()
                adapter._begin()
                super().endheaders(*args, **kwargs)

            def send(self, data):
                adapter._check()
                return super().send(data)

        return Watched

    def _watched(self, manager, by_proxy=False):
        manager.pool_classes_by_scheme = {
            scheme: type(
                pool.__name__,
                (pool,),
                {"ConnectionCls": self._watch(pool.ConnectionCls, by_proxy)},
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
        manager = super().proxy_manager_for(proxy, **proxy_kwargs)
        return self._watched(manager, by_proxy=True)

    def send(self, request, **kwargs):
        kwargs["timeout"] = self._timeout
        return super().send(request, **kwargs)

    def hang_up(self):
        """End what is under way: a read that waits for a dripping peer returns."""
        self._call.ended.set()  # before: what connects just now finds it
        with self._lock:
            for sock in self._sockets:
                with contextlib.suppress(OSError):
                    sock.shutdown(2)

    def close(self):
        with self._lock:
            while self._sockets:
                self._sockets.pop().close()
        return super().close()


# What no peer can bring about, but a mistake of ours or a library that does not fit.
PROGRAMMING_ERRORS = (
    AssertionError,
    AttributeError,
    ImportError,
    NameError,
    NotImplementedError,
    TypeError,
)


# What OpenSSL says where the other side answers without encryption.
PLAIN_HTTP = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "HTTP_REQUEST")


@contextlib.contextmanager
def typed_errors():
    """Turn what can go wrong on the wire into the errors of :mod:`.outcomes`."""
    try:
        yield
    except (AIServiceError, *PROGRAMMING_ERRORS):
        raise
    except (
        requests.exceptions.ProxyError,
        requests.exceptions.InvalidProxyURL,
        requests.exceptions.InvalidSchema,  # a proxy's: SOCKS without its library
    ):
        raise Unavailable("proxy") from None
    except requests.exceptions.SSLError as error:
        is_plain = any(mark in str(error) for mark in PLAIN_HTTP)
        raise Misconfigured("plain_http" if is_plain else "tls") from None
    except requests.exceptions.ConnectTimeout:
        raise Unavailable("unreachable", retry_now=True) from None
    except (requests.exceptions.Timeout, urllib3.exceptions.ReadTimeoutError):
        raise Unavailable("timeout") from None
    except requests.exceptions.ConnectionError as error:
        reason = getattr(error.args[0] if error.args else None, "reason", None)
        refused = isinstance(reason, urllib3.exceptions.NewConnectionError)
        raise Unavailable(
            "unreachable" if refused else "interrupted", retry_now=refused
        ) from None
    except Exception:  # noqa: BLE001  a length that is no number, and what comes next
        raise Unavailable("interrupted") from None


def environment_settings(session, url):
    """Return what the environment says of proxies and certificates for a request.

    :raise Misconfigured: `ca_file` where the certificates it names are not there
    """
    settings = session.merge_environment_settings(url, {}, True, None, None)
    if is_loopback(urlsplit(url).hostname or ""):
        settings["proxies"] = {}  # to another host, and the key with it
    verify = settings["verify"]
    is_file = url.startswith("https:") and isinstance(verify, str)
    if is_file and not os.path.exists(verify):
        raise Misconfigured("ca_file")
    return settings


def proxy_secrets(url):
    """Return the passwords of the environment's proxies for an address."""
    try:
        proxies = requests.utils.get_environ_proxies(url)
    except ValueError:  # it is no address
        return []
    return [requests.utils.get_auth_from_url(proxy)[1] for proxy in proxies.values()]


def read_body(response, deadline):
    """Return at most :data:`MAX_BODY` bytes, as they came over the wire."""
    headers = response.headers
    if headers.get("Content-Encoding", "identity").strip().lower() not in (
        "",
        "identity",
    ):
        raise NoOpinion("unreadable", status=response.status_code)
    length = headers.get("Content-Length")
    if length is not None and not re.fullmatch(r"[0-9]+", length.strip()):
        raise Unavailable("interrupted")
    chunks, size = [], 0
    while chunk := response.raw.read(64 * 1024, decode_content=False):
        size += len(chunk)
        if size > MAX_BODY:
            raise NoOpinion("unreadable", status=response.status_code)
        if time.monotonic() > deadline:
            raise Unavailable("timeout")
        chunks.append(chunk)
    return b"".join(chunks)
