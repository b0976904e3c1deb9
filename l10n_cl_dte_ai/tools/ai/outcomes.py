# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a call to the AI service ends with: a typed answer, or a typed error.

The class of an error says what the caller has to do:

===================== ===================================================== ==========
error                 meaning                                               ask again?
===================== ===================================================== ==========
:class:`Unavailable`  slow, down, restarting, or without an opinion now     later
:class:`RateLimited`  too many requests                                     then
:class:`Misconfigured` URL, certificate or key are wrong                    once mended
:class:`Refused`      this document is not accepted as it is                once mended
:class:`ClientFault`  a fault of our own: says nothing about the service    once mended
===================== ===================================================== ==========

:class:`NoOpinion` is the kind of ``Unavailable`` in which an answer came that cannot be
trusted.  Errors carry codes and never the text of an exception: that may hold the key.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Told:
    """A finding that a person can decide on, so that it is not brought up again.

    :param str key: of the service; the same as long as it is the same thing
    :param str message: its text, which is among the warnings
    :param value: of what is unusual, None where that is no number
    """

    key: str
    rule: str
    message: str
    value: float | None = None


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
    told: tuple[Told, ...] = ()


@dataclass(frozen=True, slots=True)
class Health:
    """What `/health` says: status is healthy, degraded or unhealthy.

    `uptime`, in seconds, is None where the service does not tell; `capabilities` are
    the words for what it understands beyond the first contract.
    """

    status: str
    version: str
    uptime: float | None = None
    capabilities: frozenset[str] = frozenset()


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
    """Codes: unreachable, timeout, interrupted, server_error, busy, proxy.

    `retry_after`, in seconds, where the service told when it is back.
    """

    def __init__(self, code, *, retry_now=False, retry_after=None, **kwargs):
        super().__init__(code, **kwargs)
        # Only where the service has surely not begun to work on the request.
        self.retry_now = retry_now
        self.retry_after = retry_after


class NoOpinion(Unavailable):
    """Codes: no_opinion (the service says so), unreadable, contradictory."""


class RateLimited(AIServiceError):
    """Code: rate_limited.  `retry_after` in seconds, None where it was not told."""

    def __init__(self, retry_after, **kwargs):
        super().__init__("rate_limited", **kwargs)
        self.retry_after = retry_after


class Misconfigured(AIServiceError):
    """Codes: tls, ca_file, redirect, credentials, wrong_service, address."""

    @property
    def is_proof(self):
        """Tell whether once is enough: a proxy that restarts gives all the others."""
        return self.code in ("credentials", "address", "ca_file")


class Refused(AIServiceError):
    """Code: refused.  `messages` holds the service's reasons."""


class ClientFault(AIServiceError):
    """Code: fault.  A programming error of ours, or a library that does not fit.

    :param kind: the exception's class
    :param place: file and line
    """

    def __init__(self, kind, place):
        super().__init__("fault")
        self.kind = kind
        self.place = place
