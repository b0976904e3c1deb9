# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The HTTP client of the AI service: typed answers, typed errors, one hard deadline.

    with AIServiceClient(url, key, INTERACTIVE) as client:
        opinion = client.validate(dte_data, company_id=1, history=[], idempotency_key=k)

Whatever the other side does (refuses, freezes, drips, lies, redirects), a call ends
within ``Limits.total`` seconds with an :class:`Opinion` or one of the errors of
:mod:`.outcomes`.
"""

import contextlib
import functools
import json
import logging
import time
import uuid
from typing import NamedTuple

import requests
import tenacity

from .address import is_valid_key
from .answers import check_status, parse_health, parse_opinion
from .outcomes import (
    AIServiceError,
    ClientFault,
    Misconfigured,
    NoOpinion,
    Refused,
    Trace,
)
from .redaction import Redactor
from .transport import (
    Adapter,
    BearerAuth,
    Reply,
    environment_settings,
    proxy_secrets,
    read_body,
    typed_errors,
)

_logger = logging.getLogger(__name__)

VALIDATE_PATH = "/api/ai/validate"
HEALTH_PATH = "/health"

# The service closes a connection that is idle for 5 s, perhaps just as we send.
MAX_IDLE = 4  # seconds


class Limits(NamedTuple):
    """How long and how often one call may try; all in seconds but `attempts`."""

    connect: float
    read: float
    total: float
    attempts: int

    def for_answers_of(self, seconds):
        """Return the limits for a service whose slow answers take so many seconds.

        A service that always answers soon, and is silent for far longer, is frozen: who
        waits for it need not lose all of the time. One that thinks for long gets it.

        :param float seconds: 0 where it is not known
        """
        if not seconds:
            return self._replace(read=self.total)
        return self._replace(read=min(self.total, max(self.read, 3 * seconds)))


# A service is given the shorter time to answer once it is known to be fast.
INTERACTIVE = Limits(connect=3, read=8, total=12, attempts=2)
BACKGROUND = Limits(connect=3, read=8, total=25, attempts=1)
# /health of a service whose Redis is down takes 5 s.
HEALTH_CHECK = Limits(connect=3, read=6, total=6, attempts=1)


def _sealed(method):
    """Let a method end with typed errors alone, and nothing of what is behind them.

    What is behind an error may hold the key, or a document: the text of a library's
    exception, or the answer that it could not read.
    """

    @functools.wraps(method)
    def call(*args, **kwargs):
        try:
            return method(*args, **kwargs)
        except AIServiceError as error:
            fault = error
        except Exception as error:  # noqa: BLE001  told as what it is
            fault = _fault(error)
        fault.__cause__ = fault.__context__ = None
        raise fault.with_traceback(None)

    return call


def _fault(error):
    """Return a programming error as a typed one, and log what it is, not what it
    says.
    """
    frame = error.__traceback__
    while frame.tb_next:
        frame = frame.tb_next
    file = frame.tb_frame.f_code.co_filename.rpartition("/")[2]
    fault = ClientFault(type(error).__name__, f"{file}:{frame.tb_lineno}")
    _logger.error("Our own code failed: %s in %s", fault.kind, fault.place)
    return fault


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
        self._adapter = Adapter(limits)
        self._session = requests.Session()
        self._session.mount("https://", self._adapter)
        self._session.mount("http://", self._adapter)
        self._session.auth = BearerAuth(key) if key else None
        self._redact = Redactor(key, *proxy_secrets(self._url))
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

    @_sealed
    def validate(
        self,
        dte_data,
        *,
        company_id,
        history=(),
        contexto=None,
        idempotency_key=None,
        lang=None,
        may_retry=lambda: True,
    ):
        """Ask for an opinion on a document.

        :param dict dte_data: the document, see `payload.as_dte_data`
        :param int company_id: the service keeps its cache apart by company
        :param history: what it may compare the document with, ≤ 100 entries
        :param dict contexto: what else makes an opinion worth more, if it reads that
        :param str lang: of the person who reads it, as in `Accept-Language`
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
        if contexto:
            payload["contexto"] = contexto
        headers = {"Idempotency-Key": idempotency_key, "Accept-Language": lang}
        headers = {name: value for name, value in headers.items() if value}
        reply = self._call("POST", VALIDATE_PATH, payload, headers, may_retry=may_retry)
        return parse_opinion(reply.body, self._redact)

    @_sealed
    def health(self):
        """Ask how the service is.

        :rtype: Health
        :raise Misconfigured: `wrong_service` where something else answers
        """
        reply = self._call("GET", HEALTH_PATH, accept=(200, 207, 503))
        return parse_health(reply.status, reply.body, self._redact)

    @_sealed
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
                        check_status(status, reply.headers, reply.body, self._redact)
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
        return self._adapter.in_time(lambda: self._transfer(prepared, seconds), seconds)

    def _transfer(self, prepared, seconds):
        deadline = time.monotonic() + seconds
        with (
            typed_errors(),
            contextlib.closing(self._send(prepared)) as response,
        ):
            status = response.status_code
            try:
                body = read_body(response, deadline)
            except NoOpinion:
                if status == 200:
                    raise
                body = b""  # the status alone says enough
            return Reply(status, response.headers, body)

    def _send(self, prepared):
        """Send a prepared request and return the response, its body not yet read.

        The seam for tests: they replace this and nothing else of HTTP.
        """
        settings = environment_settings(self._session, prepared.url)
        return self._session.send(prepared, allow_redirects=False, **settings)
