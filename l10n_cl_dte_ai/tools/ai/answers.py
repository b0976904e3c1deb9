# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Reading what the service answers: nothing is trusted beyond the contract.

Each reader takes a :class:`~.redaction.Redactor`: no text leaves here but through it.
"""

import dataclasses
import datetime
import email.utils
import json
import re

from .fail_open import is_failure
from .outcomes import (
    Health,
    Misconfigured,
    NoOpinion,
    Opinion,
    RateLimited,
    Refused,
    Told,
    Unavailable,
)

# More is not an opinion; a person could not read it.
MAX_TEXTS = 50
MAX_TEXT_LENGTH = 500
# So much of a text is looked at for secrets before it is cut.
MAX_RAW_LENGTH = 4 * MAX_TEXT_LENGTH

RETRY_AFTER_MIN, RETRY_AFTER_MAX = 1.0, 300.0  # seconds

MAX_UPTIME = 100 * 365 * 24 * 3600  # seconds; more is no uptime

RECOMMENDATIONS = ("send", "review", "reject")
# What no opinion has, and answers of frameworks and fallbacks have.
FAILURE_FIELDS = ("error", "exception", "fallback", "is_fallback")
# "Send" with so little confidence or less says the opposite. A v1.2.0 service whose
# model failed says exactly 50.
DOUBT = 50

# Of a finding that a person can decide on, and of the rule that found it.
KEY = re.compile(r"[\w.:/+-]{1,120}", re.ASCII)
MAX_VALUE = 1e15

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


def _is_storable(value):
    """Tell whether a value is a list of texts, each of which can be stored."""
    return isinstance(value, list) and all(
        isinstance(text, str) and not UNSTORABLE.search(text) for text in value
    )


def _shown(texts, redact):
    """Return texts as they may be kept: without secrets, clean and bounded."""
    texts = redact.all([text[:MAX_RAW_LENGTH] for text in texts[:MAX_TEXTS]])
    return tuple(UNSEEN.sub(" ", text).strip()[:MAX_TEXT_LENGTH] for text in texts)


def parse_opinion(body, redact):
    """Return the :class:`Opinion` in the bytes of a 200.

    :raise NoOpinion: for all that is not exactly an opinion: nothing is guessed
    """
    answer = _read_json(body)
    if answer is None:
        raise NoOpinion("unreadable", status=200)
    errors, warnings = answer.get("errors"), answer.get("warnings")
    if not _is_storable(errors) or not _is_storable(warnings):
        raise NoOpinion("unreadable", status=200)
    failures = {text for text in (*errors, *warnings) if is_failure(text)}
    if failures or _says_that_it_has_none(answer):
        # What a failure is called says nothing to who wants to know of her document.
        texts = [text for text in (*errors, *warnings) if text not in failures]
        reason = answer.get("reason")
        if _is_storable([reason]) and not is_failure(reason):
            texts = [reason]
        raise NoOpinion("no_opinion", messages=_shown(texts, redact), status=200)
    return _checked_opinion(
        answer.get("recommendation"),
        answer.get("confidence"),
        _shown(errors, redact),
        _shown(warnings, redact),
        answer.get("cached"),
        _told(answer.get("findings"), redact),
    )


def _told(findings, redact):
    """Return the findings that can be told apart; an older service gives none.

    What is not as the contract has it is left out: the texts are there without it.
    """
    found = []
    for finding in findings[:MAX_TEXTS] if isinstance(findings, list) else ():
        if not isinstance(finding, dict):
            continue
        key, rule, message = map(finding.get, ("key", "rule", "message"))
        if not _is_storable([key, rule, message]):
            continue
        if KEY.fullmatch(key) and KEY.fullmatch(rule):
            found.append(Told(key, rule, message, _value(finding.get("value"))))
    names = [name for each in found for name in (each.key, each.rule)]
    if redact.all(names) != names:  # what holds a secret of ours is no key
        return ()
    messages = _shown([each.message for each in found], redact)
    return tuple(
        dataclasses.replace(each, message=message)
        for each, message in zip(found, messages, strict=True)
    )


def _value(value):
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    # The comparison is false for NaN, too.
    return value if is_number and abs(value) <= MAX_VALUE else None


def _says_that_it_has_none(answer):
    """Tell whether a field says that this is no opinion, or that something failed."""
    return (
        answer.get("opinion", True) is not True
        or answer.get("success", True) is not True
        or any(answer.get(name) for name in FAILURE_FIELDS)
    )


def _checked_opinion(recommendation, confidence, errors, warnings, cached, told):
    if (
        isinstance(confidence, bool)
        or not isinstance(confidence, int | float)
        or not 0 <= confidence <= 100  # false for NaN and infinity, too
        or recommendation not in RECOMMENDATIONS
    ):
        raise NoOpinion("unreadable", status=200)
    if recommendation == "send" and (errors or confidence <= DOUBT):
        raise NoOpinion("contradictory", messages=errors, status=200)
    return Opinion(
        recommendation=recommendation,
        confidence=float(confidence),
        errors=errors,
        warnings=warnings,
        cached=cached if isinstance(cached, bool) else None,
        told=told,
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
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=datetime.timezone.utc)


def _refusal_messages(body, redact):
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
    return _shown(messages, redact)


def check_status(status, headers, body, redact):
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
        raise Refused(
            "refused", messages=_refusal_messages(body, redact), status=status
        )
    if status == 407:
        raise Unavailable("proxy", status=status)
    if status in (408, 409, 425):
        raise Unavailable("busy", status=status)
    if status >= 500:
        retry_after = parse_retry_after(headers)
        raise Unavailable(
            "server_error",
            retry_now=status in (502, 503, 504) and not retry_after,
            retry_after=retry_after,
            status=status,
        )
    raise NoOpinion("unreadable", status=status)


def parse_health(status, body, redact):
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
    version, capabilities = answer.get("version"), answer.get("capabilities")
    return Health(
        state,
        _shown([version], redact)[0][:64] if _is_storable([version]) else "",
        uptime,
        frozenset(capabilities) if _is_storable(capabilities) else frozenset(),
    )
