# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The HTTP client of the AI service: typed answers, typed errors, one hard deadline.

    with AIServiceClient(url, key, INTERACTIVE) as client:
        opinion = client.validate(dte_data, company_id=1, history=[], idempotency_key=k)

Whatever the other side does (refuses, freezes, drips, lies, redirects), a call ends
within ``Limits.total`` seconds with an :class:`Opinion` or one of four errors, and the
class of the error says what the caller has to do:

===================== ===================================================== ==========
error                 meaning                                               ask again?
===================== ===================================================== ==========
:class:`Unavailable`  slow, down, restarting, or without an opinion now     later
:class:`RateLimited`  too many requests                                     then
:class:`Misconfigured` URL, certificate or key are wrong                    once mended
:class:`Refused`      this document is not accepted as it is                once mended
===================== ===================================================== ==========

:class:`NoOpinion` is the kind of ``Unavailable`` in which an answer came that cannot be
trusted.  Errors carry codes and never the text of an exception: that may hold the key.
"""

import contextlib
import datetime
import email.utils
import ipaddress
import json
import queue
import re
import socket
import threading
import time
import uuid
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlsplit

import requests
import tenacity
import urllib3
from requests.adapters import HTTPAdapter

VALIDATE_PATH = "/api/ai/validate"
HEALTH_PATH = "/health"

# More is not an opinion; a person could not read it, and a bomb would fill the memory.
MAX_BODY = 1024 * 1024
MAX_TEXTS = 50
MAX_TEXT_LENGTH = 500

# The service closes a connection that is idle for 5 s, perhaps just as we send.
MAX_IDLE = 4  # seconds

RETRY_AFTER_MIN, RETRY_AFTER_MAX = 1.0, 300.0  # seconds

MAX_UPTIME = 100 * 365 * 24 * 3600  # seconds; more is no uptime

RECOMMENDATIONS = ("send", "review", "reject")
# How a v1.2.0 service words that its model failed, in an answer that otherwise says
# "send" or "review".
FAIL_OPEN_WARNINGS = (
    "AI Service error:",
    "Parse error:",
    "Request too large:",
    "Request too expensive:",
    "AI service temporarily unavailable",
)

# NUL, and halves of a character that JSON can spell and PostgreSQL cannot store.
UNSTORABLE = re.compile("[\0\ud800-\udfff]")

# What is not seen itself but changes how the rest is: controls, and the marks that turn
# the direction of writing, and an amount with it.
UNSEEN = re.compile("[\x01-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")

KEY_PATTERN = re.compile(r"[\x21-\x7e]{16,512}")


class Limits(NamedTuple):
    """How long and how often one call may try; all in seconds but `attempts`."""

    connect: float
    read: float
    total: float
    attempts: int


INTERACTIVE = Limits(connect=3, read=8, total=12, attempts=2)
BACKGROUND = Limits(connect=3, read=20, total=25, attempts=1)


@dataclass(frozen=True, slots=True)
class Opinion:
    """What the service thinks of a document; every value checked against the contract.

    `confidence` runs from 0 to 100; `cached` is None where the service does not tell.
    """

    recommendation: str
    confidence: float
    errors: tuple[str, ...]
    warnings: tuple[str, ...]
    cached: bool | None = None


@dataclass(frozen=True, slots=True)
class Health:
    """What `/health` says: status is healthy, degraded or unhealthy.

    `uptime`, in seconds, is None where the service does not tell.
    """

    status: str
    version: str
    uptime: float | None = None


@dataclass(frozen=True, slots=True)
class Trace:
    """What is worth noting of a call, for the log: nothing secret, no payload."""

    request_id: str
    status: int | None
    attempts: int
    duration_ms: int


class AIServiceError(Exception):
    """No opinion was had.

    :param code: a stable word for the cause, that the caller translates
    :param messages: what the service itself said, cleaned and bounded
    :param status: the HTTP status, where one came
    """

    def __init__(self, code, *, messages=(), status=None):
        super().__init__(code)
        self.code = code
        self.messages = tuple(messages)
        self.status = status


class Unavailable(AIServiceError):
    """Codes: unreachable, timeout, interrupted, server_error, busy."""

    def __init__(self, code, *, retry_now=False, **kwargs):
        super().__init__(code, **kwargs)
        # Only where the service has surely not begun to work on the request.
        self.retry_now = retry_now


class NoOpinion(Unavailable):
    """Codes: no_opinion (the service says so), unreadable, contradictory."""


class RateLimited(AIServiceError):
    """Code: rate_limited.  `retry_after` in seconds, None where it was not told."""

    def __init__(self, retry_after, **kwargs):
        super().__init__("rate_limited", **kwargs)
        self.retry_after = retry_after


class Misconfigured(AIServiceError):
    """Codes: tls, redirect, credentials, wrong_service, address."""


class Refused(AIServiceError):
    """Code: refused.  `messages` holds the service's reasons."""


# === Settings ===


def check_url(url, allow_http=False):
    """Return the code of what is wrong with a service's address, or None.

    The address decides where invoices and the key go, so: https (http on the loopback
    interface, or if `allow_http`), no user, query or fragment, and no address that
    only makes sense to attackers, such as a cloud's metadata service.
    """
    try:
        parts = urlsplit(url or "")
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "malformed"
    if parts.scheme not in ("http", "https") or not host or re.search(r"\s", url):
        return "malformed"
    if parts.username is not None or parts.password is not None:
        return "userinfo"
    if parts.query or parts.fragment:
        return "malformed"
    address = _ip_address(host)
    if address and (
        address.is_link_local or address.is_multicast or address.is_unspecified
    ):
        return "forbidden_address"
    loopback = host == "localhost" or bool(address and address.is_loopback)
    if parts.scheme == "http" and not loopback and not allow_http:
        return "http"
    return None


def _ip_address(host):
    """Return the address that `host` spells, or None where it is a name."""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        return getattr(address, "ipv4_mapped", None) or address
    with contextlib.suppress(OSError):  # 2852039166 and 0xa9fea9fe are addresses, too
        return ipaddress.ip_address(socket.inet_aton(host))
    return None


def is_valid_key(key):
    """Tell whether `key` can stand in a header: 16 to 512 visible ASCII characters."""
    return bool(KEY_PATTERN.fullmatch(key or ""))


# === Reading answers ===


def _reject_constant(_name):
    raise ValueError("NaN and Infinity are not JSON")


def _unique_keys(pairs):
    keys = dict(pairs)
    if len(keys) != len(pairs):
        raise ValueError("duplicate key")
    return keys


def _read_json(body):
    """Return the JSON object in `body`, or None where there is no trustworthy one.

    :raise Unavailable: `interrupted` where the text ends before the object does
    """
    try:
        text = body.decode("utf-8").rstrip()
        value = json.loads(
            text, parse_constant=_reject_constant, object_pairs_hook=_unique_keys
        )
    except json.JSONDecodeError as error:
        cut_off = error.pos >= len(text) or error.msg.startswith("Unterminated")
        if text.startswith("{") and cut_off:
            raise Unavailable("interrupted") from None
        return None
    except (ValueError, RecursionError):  # ValueError: also Unicode, 5,000-digit int
        return None
    return value if isinstance(value, dict) else None


def _texts(value):
    """Return a list of texts as a bounded tuple, or None where it is not one."""
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        return None
    if any(UNSTORABLE.search(text) for text in value):
        return None
    return tuple(
        UNSEEN.sub(" ", text).strip()[:MAX_TEXT_LENGTH] for text in value[:MAX_TEXTS]
    )


def parse_opinion(body):
    """Return the :class:`Opinion` in the bytes of a 200.

    :raise NoOpinion: for all that is not exactly an opinion: nothing is guessed
    """
    answer = _read_json(body)
    if answer is None:
        raise NoOpinion("unreadable", status=200)
    recommendation = answer.get("recommendation")
    confidence = answer.get("confidence")
    errors, warnings = _texts(answer.get("errors")), _texts(answer.get("warnings"))
    if errors is None or warnings is None:
        raise NoOpinion("unreadable", status=200)
    if answer.get("opinion") is False or any(
        warning.startswith(FAIL_OPEN_WARNINGS) for warning in warnings
    ):
        reason = answer.get("reason")
        said = _texts([reason]) if isinstance(reason, str) else None
        raise NoOpinion("no_opinion", messages=said or warnings, status=200)
    if (
        isinstance(confidence, bool)
        or not isinstance(confidence, int | float)
        or not 0 <= confidence <= 100  # false for NaN and infinity, too
        or recommendation not in RECOMMENDATIONS
    ):
        raise NoOpinion("unreadable", status=200)
    if recommendation == "send" and errors:
        raise NoOpinion("contradictory", messages=errors, status=200)
    cached = answer.get("cached")
    return Opinion(
        recommendation=recommendation,
        confidence=float(confidence),
        errors=errors,
        warnings=warnings,
        cached=cached if isinstance(cached, bool) else None,
    )


def parse_retry_after(headers):
    """Return the seconds to wait that a 429's headers ask for, or None.

    `retry-after-ms`, `Retry-After` in seconds or as a date (measured against the
    answer's own `Date`, since our clock may be off).  Clamped to 1..300: nobody waits
    49 days because a header says so.
    """
    milliseconds = headers.get("retry-after-ms", "").strip()
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}", milliseconds):
        seconds = int(milliseconds) / 1000
    elif re.fullmatch(r"[0-9]{1,9}", value):
        seconds = int(value)
    else:
        until, now = _http_date(value), _http_date(headers.get("date"))
        if until is None:
            return None
        now = now or datetime.datetime.now(datetime.timezone.utc)
        seconds = (until - now).total_seconds()
    if seconds <= 0:
        return None
    return min(max(seconds, RETRY_AFTER_MIN), RETRY_AFTER_MAX)


def _http_date(value):
    try:
        date = email.utils.parsedate_to_datetime(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=datetime.timezone.utc)


def _refusal_messages(body):
    """Return what a 400, 413 or 422 says, without the payload that it echoes."""
    try:
        answer = _read_json(body) or {}
    except Unavailable:
        answer = {}
    detail = answer.get("detail", answer.get("error"))
    if isinstance(detail, str):
        detail = [{"msg": detail}]
    messages = []
    for item in detail if isinstance(detail, list) else []:
        message = item.get("msg") if isinstance(item, dict) else None
        if isinstance(message, str):
            message = UNSTORABLE.sub("", message)
            messages.append(message.removeprefix("Value error, "))
    return _texts(messages)


def _check_status(status, headers, body):
    """Raise the error that an HTTP status stands for; return on a 200.

    The classes are those of the fault matrix in the tests.
    """
    if status == 200:
        return
    if status == 429:
        raise RateLimited(parse_retry_after(headers), status=status)
    if 300 <= status < 400:  # following a 307 would hand the invoice to another host
        raise Misconfigured("redirect", status=status)
    if status in (401, 403):
        raise Misconfigured("credentials", status=status)
    if status in (404, 405):
        raise Misconfigured("wrong_service", status=status)
    if status in (400, 413, 422):
        raise Refused("refused", messages=_refusal_messages(body), status=status)
    if status in (408, 409, 425):
        raise Unavailable("busy", status=status)
    if status >= 500:
        raise Unavailable(
            "server_error", retry_now=status in (502, 503, 504), status=status
        )
    raise NoOpinion("unreadable", status=status)


# === Transport ===


class _BearerAuth(requests.auth.AuthBase):
    """The key as an explicit auth: a header alone would give way to a `.netrc`."""

    def __init__(self, key):
        self._key = key

    def __call__(self, request):
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request


class _Adapter(HTTPAdapter):
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


class _Reply(NamedTuple):
    status: int
    headers: dict
    body: bytes


class AIServiceClient:
    """One service, one key, one thread, for as long as a `with` block lasts.

    A client lives for one call or a few in a row: the service drops idle connections
    after 5 s, so an older one is not worth keeping, and none ever crosses a fork.

    :param url: the service's address, checked with :func:`check_url`
    :param key: the API key, or None for what needs none (:meth:`health`)
    :param limits: :data:`INTERACTIVE` or :data:`BACKGROUND`
    :param sleep: what waits between two attempts, in seconds (for tests)
    """

    def __init__(self, url, key, limits, *, sleep=time.sleep):
        self._url = url.rstrip("/")
        self._has_unusable_key = bool(key) and not is_valid_key(key)
        self._limits = limits
        self._sleep = sleep
        self._adapter = _Adapter(limits)
        self._session = requests.Session()
        self._session.mount("https://", self._adapter)
        self._session.mount("http://", self._adapter)
        self._session.auth = _BearerAuth(key) if key else None
        self._last_use = time.monotonic()
        self.trace = Trace("", None, 0, 0)

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.close()

    def close(self):
        """Close the connections, also one that is still under way."""
        self._adapter.hang_up()
        self._session.close()

    # --- the contract ---

    def validate(
        self,
        dte_data,
        *,
        company_id,
        history=(),
        idempotency_key=None,
        may_retry=lambda: True,
    ):
        """Ask for an opinion on a document.

        :param dict dte_data: the document, see `dte_document.as_dte_data`
        :param int company_id: the service keeps its cache apart by company
        :param history: what it may compare the document with, ≤ 100 entries
        :param str idempotency_key: the same for every attempt on the same document
        :param may_retry: asked before a second attempt, with nothing; tells whether it
            may be made
        :rtype: Opinion
        :raise AIServiceError: one of its subclasses, see the module's table
        """
        payload = {
            "dte_data": dte_data,
            "company_id": company_id,
            "history": list(history),
        }
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        reply = self._call("POST", VALIDATE_PATH, payload, headers, may_retry=may_retry)
        return parse_opinion(reply.body)

    def health(self):
        """Ask how the service is.

        :rtype: Health
        :raise Misconfigured: `wrong_service` where something else answers
        """
        reply = self._call("GET", HEALTH_PATH, accept=(200, 207, 503))
        answer = _read_json(reply.body) or {}
        status = answer.get("status")
        if status not in ("healthy", "degraded", "unhealthy") or not isinstance(
            answer.get("service"), str
        ):
            if reply.status == 503:  # a proxy in front of a service that is down
                raise Unavailable("server_error", status=503)
            raise Misconfigured("wrong_service", status=reply.status)
        uptime = answer.get("uptime_seconds")
        if (
            isinstance(uptime, bool)
            or not isinstance(uptime, int | float)
            or not 0 <= uptime < MAX_UPTIME
        ):
            uptime = None
        return Health(status, str(answer.get("version", ""))[:64], uptime)

    def check_key(self):
        """Prove that the key is accepted, without using up a request of the limit.

        `/health` asks for no key, so an empty document is sent: the service looks at
        the key first (403) and only then refuses the document (422).

        :raise Misconfigured: `credentials` where the key is refused
        """
        with contextlib.suppress(Refused):
            self._call("POST", VALIDATE_PATH, {"dte_data": {}, "company_id": 1})

    # --- one call: attempts within one deadline ---

    def _call(
        self,
        method,
        path,
        payload=None,
        headers=None,
        accept=(200,),
        may_retry=lambda: True,
    ):
        started = time.monotonic()
        deadline = started + self._limits.total
        self.trace = Trace("", None, 0, 0)
        if started - self._last_use > MAX_IDLE:
            self._adapter.close()
        if self._has_unusable_key:  # the errors of lower layers would quote it
            raise Misconfigured("credentials")

        def is_to_retry(state):
            # tenacity also asks after the last attempt, when nothing may be spent.
            return (
                getattr(state.outcome.exception(), "retry_now", False)
                and state.attempt_number < self._limits.attempts
                and may_retry()
            )

        retrying = tenacity.Retrying(
            retry=is_to_retry,
            stop=tenacity.stop_after_attempt(self._limits.attempts)
            | tenacity.stop_before_delay(self._limits.total),
            wait=tenacity.wait_random(0.3, 1.0),
            sleep=self._sleep,
            reraise=True,
        )
        for attempt in retrying:
            with attempt:
                request_id = str(uuid.uuid4())
                status = None
                try:
                    prepared = self._prepare(method, path, payload, headers, request_id)
                    reply = self._exchange(prepared, deadline - time.monotonic())
                    status = reply.status
                    if status not in accept:
                        _check_status(status, reply.headers, reply.body)
                finally:
                    self._last_use = time.monotonic()
                    self.trace = Trace(
                        request_id=request_id,
                        status=status,
                        attempts=attempt.retry_state.attempt_number,
                        duration_ms=round((time.monotonic() - started) * 1000),
                    )
        return reply

    def _prepare(self, method, path, payload, headers, request_id):
        body = None
        all_headers = {
            "Accept": "application/json",
            # What is compressed could be a bomb, and opinions are small.
            "Accept-Encoding": "identity",
            "User-Agent": "l10n_cl_dte_ai",
            "X-Request-ID": request_id,
            **(headers or {}),
        }
        if payload is not None:
            body = json.dumps(payload, ensure_ascii=False, allow_nan=False).encode()
            all_headers["Content-Type"] = "application/json"
        request = requests.Request(
            method, self._url + path, data=body, headers=all_headers
        )
        try:
            return self._session.prepare_request(request)
        except requests.exceptions.RequestException:
            raise Misconfigured("address") from None

    def _exchange(self, prepared, seconds):
        """Send and read in a thread, and give up on it after `seconds`.

        Timeouts of sockets start anew with each byte, and name resolution has none:
        only a second thread can promise an end.
        """
        if seconds <= 0:
            raise Unavailable("timeout")
        outcome = queue.SimpleQueue()

        def work():
            try:
                outcome.put((self._transfer(prepared, seconds), None))
            except BaseException as error:  # noqa: BLE001  handed to the caller
                outcome.put((None, error))

        threading.Thread(target=work, name="ai-service-call", daemon=True).start()
        try:
            reply, error = outcome.get(timeout=seconds)
        except queue.Empty:
            self._adapter.hang_up()
            raise Unavailable("timeout") from None
        if error:
            raise error
        return reply

    def _transfer(self, prepared, seconds):
        deadline = time.monotonic() + seconds
        try:
            with contextlib.closing(self._send(prepared)) as response:
                status = response.status_code
                try:
                    body = _read_body(response, deadline)
                except NoOpinion:
                    if status == 200:
                        raise
                    body = b""  # the status alone says enough
                return _Reply(status, response.headers, body)
        except requests.exceptions.SSLError:
            raise Misconfigured("tls") from None
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
        except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError):
            raise Unavailable("interrupted") from None

    def _send(self, prepared):
        """Send a prepared request and return the response, its body not yet read.

        The seam for tests: they replace this and nothing else of HTTP.
        """
        settings = self._session.merge_environment_settings(
            prepared.url, {}, True, None, None
        )
        return self._session.send(prepared, allow_redirects=False, **settings)


def _read_body(response, deadline):
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
