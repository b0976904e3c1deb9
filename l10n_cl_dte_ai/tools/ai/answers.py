# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Reading what the service answers: nothing is trusted beyond the contract."""

import datetime
import email.utils
import json
import re

from .outcomes import (
    Health,
    Misconfigured,
    NoOpinion,
    Opinion,
    RateLimited,
    Refused,
    Unavailable,
)

# More is not an opinion; a person could not read it.
MAX_TEXTS = 50
MAX_TEXT_LENGTH = 500

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


def check_status(status, headers, body):
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


def parse_health(status, body):
    """Return the :class:`Health` in the bytes of a `/health` answer.

    :raise Misconfigured: `wrong_service` where something else answers
    :raise Unavailable: where a proxy answers in the place of a service that is down
    """
    answer = _read_json(body) or {}
    state = answer.get("status")
    if state not in ("healthy", "degraded", "unhealthy") or not isinstance(
        answer.get("service"), str
    ):
        if status == 503:  # a proxy in front of a service that is down
            raise Unavailable("server_error", status=503)
        raise Misconfigured("wrong_service", status=status)
    uptime = answer.get("uptime_seconds")
    if (
        isinstance(uptime, bool)
        or not isinstance(uptime, int | float)
        or not 0 <= uptime < MAX_UPTIME
    ):
        uptime = None
    return Health(state, str(answer.get("version", ""))[:64], uptime)
