# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""One slice of the queue: asking the services about what is due, some at once."""

import json
import logging
import math
import threading
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import ExitStack
from functools import partial
from typing import NamedTuple

from ..tools import ai
from .database import DATABASE_GONE, NO_CURSOR
from .keep import keep
from .l10n_cl_dte_gate import FAILURES_TO_OPEN

_logger = logging.getLogger(__name__)

# Requests under way at once, in the background. More do not make a limited service
# answer more, and an unlimited one is not to be overrun.
CONCURRENCY = 8

# Seconds beyond the end in which others are asked about while old requests hang.
GRACE = 10

# Where something is due within the second, but not yet.
IDLE_SECONDS = 0.05

# Rows claimed at once from an unlimited service.
CLAIM_BATCH = 80
# Outcomes written at once; a slow service's after so many seconds, though they be
# fewer.
STORE_BATCH, STORE_SECONDS = 40, 1


class Call(NamedTuple):
    """All that a request needs, read before the transaction ends."""

    validation_id: int
    body: str
    idempotency_key: str
    generation: int
    lang: str = ""  # of who asked
    wait: float = 0.0  # seconds, for the slot
    is_probe: bool = False  # the one that may find out whether the service is back


class Result(NamedTuple):
    call: Call
    outcome: object  # an `Opinion` or an `AIServiceError`
    trace: ai.Trace


def ask(rows, services, seconds):
    """Ask services about what is due, side by side, until the time is over.

    Each has its turn: the long queue of a fast one leaves no other waiting, and one
    that is limited or slow is waited for by nobody else.

    :param rows: the model of validations, as whoever runs the queue
    :param float seconds: after which nothing new is asked
    """
    with ExitStack() as stack:
        working = [
            stack.enter_context(Dispatch(rows, service, seconds))
            for service in services
        ]
        try:
            while working:
                pauses = [each.turn() for each in working]
                working = [
                    each
                    for each, pause in zip(working, pauses, strict=True)
                    if pause is not None
                ]
                _rest(working, min((p for p in pauses if p is not None), default=0))
        except DATABASE_GONE:
            for each in working:
                each.keep()
            raise


def _rest(dispatches, seconds):
    """Wait until an answer comes, or so many seconds."""
    under_way = [future for each in dispatches for future in each.under_way]
    if seconds and under_way:
        wait(under_way, None if seconds == math.inf else seconds, FIRST_COMPLETED)
    elif seconds and dispatches:
        time.sleep(seconds)


class Dispatch:
    """Asks one service about what is due, until the time is over.

        take answers ──> store them ──> admit what is due ──> hand it over

    Threads do the HTTP and nothing else; the database is the caller's thread's.

    :ivar generation: of the settings that the clients have: once it changes, this is
        over
    :ivar ready: calls that were claimed, and not handed over yet
    :ivar admitted: how many of them the gate lets pass now
    :ivar pause: seconds after which to ask the gate again, None where nothing is due
    :ivar not_before: the time of that
    :ivar under_way: the calls that threads have, by their future
    :ivar results: what was answered, and not stored yet
    """

    def __init__(self, rows, service, seconds):
        self.rows = rows
        self.service = service
        self.generation = service.generation
        self.end = time.monotonic() + seconds
        self.is_limited = bool(service.rate_per_minute)
        # To an unlimited service so many more are handed over that the threads have
        # work while this one is busy with the database.
        self.most = CONCURRENCY if self.is_limited else 4 * CONCURRENCY
        self.ready = deque()
        self.admitted = 0
        self.pause = None
        self.not_before = 0.0
        self.under_way = {}
        self.hanging = set()
        self.results = []
        self.stored_at = time.monotonic()

    def __enter__(self):
        with ExitStack() as stack:
            new_client = partial(self.service._client, ai.BACKGROUND)
            self.clients = stack.enter_context(Clients(new_client))
            self.pool = stack.enter_context(ThreadPoolExecutor(CONCURRENCY))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *exc_info):
        return self._stack.__exit__(*exc_info)

    def keep(self):
        """The database has gone: keep what was and is being answered until it is
        back.
        """
        self.clients.held.set()
        wait(self.under_way)
        results = [future.result() for future in self.under_way]
        keep(self.service, [*self.results, *filter(None, results)])

    def turn(self):
        """Do what can be done without waiting.

        :return: for how many seconds there is nothing more to do unless an answer
            comes, or None where this is over
        """
        # First write down what came, and let the gate know: it decides.
        self._collect()
        if self._is_to_store():
            self._store()
        may_admit = self._may_admit()
        self.pause = self.not_before - time.monotonic()
        if self.pause <= 0:
            self.pause = None
            if may_admit:
                self._admit()
            self.not_before = time.monotonic() + (self.pause or 0)
        if self._hand_over() and len(self.under_way) < self.most:
            return 0
        if self.under_way:
            return self._patience()
        if self.pause is None or time.monotonic() + self.pause >= self.end:
            self._give_back()
            return None
        return self.pause

    def _is_to_store(self):
        return bool(self.results) and (
            len(self.results) >= STORE_BATCH
            or not (self.admitted or self.under_way)
            or time.monotonic() - self.stored_at > STORE_SECONDS
            or self.is_limited
            or not all(map(went_well, self.results))
        )

    def _store(self):
        self.rows._finish(self.service, self.results, in_background=True)
        self.rows.env["ir.cron"]._commit_progress(len(self.results))
        self.results, self.stored_at = [], time.monotonic()
        if not any(future.done() for future in self.under_way):
            # The gate knows of all that failed. What hangs holds nobody back.
            self.clients.go_on()

    def _is_in_time(self):
        """Tell whether more may be asked: in time, or while old requests hang.

        The end of this waits for these anyway, and so does the next slice.
        """
        now = time.monotonic()
        if now < self.end:
            self.hanging = set(self.under_way)
            return True
        self.most = CONCURRENCY  # no more than begins at once
        self.hanging &= set(self.under_way)
        return bool(self.hanging) and now < self.end + GRACE

    def _may_admit(self):
        return (
            self._is_in_time()
            and not self.admitted
            and not self.clients.held.is_set()
            and len(self.under_way) < self.most
        )

    def _admit(self):
        """Claim what is due, where nothing is ready, and ask the gate about it."""
        current = self.service._reread()
        is_same = (
            not current._no_call_reason() and current.generation == self.generation
        )
        if not is_same or not (self.ready or self.rows._is_due(self.service)):
            # Others may be under way: no transaction waits for them.
            self.service._commit()
            return
        if not self.ready and not self._claim(current):
            return
        self.service._commit()
        if not self.ready:
            self.pause = IDLE_SECONDS
            return
        grant = self.service._acquire()
        is_one = grant.is_probe or self.service.rate_per_minute
        # No transaction is open over a pause, or while others think.
        self.service._commit()
        if grant:
            self.ready[0] = self.ready[0]._replace(is_probe=grant.is_probe)
            self.admitted, self.pause = 1 if is_one else len(self.ready), 0
        else:
            self.pause = max(grant.wait, 0.01) if grant.until else None

    def _claim(self, current):
        """Claim what is due; return whether the database could say what that is."""
        self.service._commit()  # claiming is to see what other workers just did
        number = 1 if current._is_one_at_a_time() else CLAIM_BATCH
        try:
            claimed = self.rows._claim_due(self.service, number)
        except NO_CURSOR:  # where nobody can decide, nobody passes
            _logger.warning("AI service %s is not asked: no claim", self.service.id)
            return False
        # Or what it reads next is as it was before the claim, and writing it conflicts.
        self.service._commit()
        prepare = partial(claimed._prepare_calls, self.generation)
        self.ready.extend(self.rows._repeat(prepare))
        return True

    def _hand_over(self):
        """Give the threads what was admitted; return whether anything was."""
        goes_on = bool(self.admitted)
        while self.admitted and len(self.under_way) < self.most:
            call = self.ready.popleft()
            self.under_way[self.pool.submit(self.clients.perform, call)] = call
            self.admitted -= 1
        return goes_on

    def _collect(self):
        """Take the answers that are in."""
        done = [each for each in self.under_way if each.done()]
        answers = [(self.under_way.pop(each), each.result()) for each in done]
        if answers:
            self.not_before = 0.0  # what they say may change the gate's mind
        self.results += [result for _call, result in answers if result]
        if self.clients.held.is_set():
            self._take_back([call for call, result in answers if not result])

    def _patience(self):
        """Return for how many seconds to wait for an answer."""
        seconds = STORE_SECONDS if self.results else self.pause
        seconds = math.inf if seconds is None else seconds
        if len(self.under_way) <= CONCURRENCY:
            return seconds
        # More than the threads have begun with. A slow service would take minutes for
        # it: longer than the leases.
        left = max(self.end - time.monotonic(), 0)
        if not left:
            self.clients.held.set()
        return min(seconds, left)

    def _take_back(self, refused):
        """Give back what no thread has begun with: the service is not to be asked."""
        self.ready += refused
        unbegun = [each for each in self.under_way if each.cancel()]
        self.ready += [self.under_way.pop(each) for each in unbegun]
        self.admitted = 0
        self._give_back()
        if not self.under_way:
            self.clients.held.clear()

    def _give_back(self):
        """Put into the queue again what was claimed and not sent."""
        self.rows._release([call.validation_id for call in self.ready])
        self.ready.clear()
        self.service._commit()


def went_well(result):
    """Tell whether the service was there."""
    return isinstance(result.outcome, ai.Opinion | ai.Refused)


def perform(client, call, may_retry=lambda: False):
    """Ask, and return what came of it: never raises, knows no database."""
    try:
        outcome = client.validate(
            **json.loads(call.body),
            idempotency_key=call.idempotency_key,
            lang=call.lang,
            may_retry=may_retry,
        )
    except ai.AIServiceError as error:
        outcome = error
    except Exception as error:  # noqa: BLE001
        # A row must not stay "sending" for a fault of ours; no traceback of it, since
        # a local variable of the client holds the key.
        _logger.error("Asking the AI service failed: %s", type(error).__name__)
        outcome = ai.ClientFault(type(error).__name__, "dispatch.py")
    return Result(call, outcome, client.trace)


class Clients:
    """A client for each thread, so that each keeps its connection."""

    def __init__(self, new_client):
        # Made here: the threads must not touch the database, where the key is.
        self._free = deque(new_client() for _number in range(CONCURRENCY))
        self._all = list(self._free)
        self._local = threading.local()
        # Set once the service is found to be gone or limited, or the slice is over.
        self.held = threading.Event()
        self._failures = 0  # in a row

    def perform(self, call):
        """Ask; None where nothing more is to be sent for now."""
        if self.held.is_set():
            return None
        if not hasattr(self._local, "client"):
            self._local.client = self._free.popleft()
        result = perform(self._local.client, call)
        # One that fails may fail for its document.
        self._failures = 0 if went_well(result) else self._failures + 1
        concerns_all = isinstance(result.outcome, ai.RateLimited | ai.Misconfigured)
        if concerns_all or call.is_probe or self._failures >= FAILURES_TO_OPEN:
            self.held.set()
        return result

    def go_on(self):
        """Send again: whether the service may be asked is the gate's to say."""
        self._failures = 0
        self.held.clear()

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        for client in self._all:
            client.close()
