# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import logging
from datetime import datetime, timedelta
from typing import NamedTuple

from odoo import api, fields, models
from odoo.tools import SQL

from .database import (
    NO_CURSOR,
    can_commit,
    commit,
    database_now,
    database_soon,
    own_cursor,
)
from .reasons import WIRE_REASONS

_logger = logging.getLogger(__name__)

# The limit counts per clock minute at the service, and requests arrive with some
# jitter: so much slower than the limit keeps the arrivals within it.
RATE_MARGIN = 0.0167
# From one slot to the next; NULL where there is no limit.
INTERVAL = SQL(
    "(%s * 60.0 / NULLIF(rate_per_minute, 0)) * INTERVAL '1 second'", 1 + RATE_MARGIN
)
# Nobody decides on the very moment of a slot: so late costs none of the limit.
LATENESS = timedelta(milliseconds=10)

# A person's click may book a slot so far ahead; the background never books any, and so
# never stands in a person's way.
MAX_CLICK_WAIT = timedelta(seconds=5)

FAILURES_TO_OPEN = 5
OPEN_SECONDS = (15, 30, 60, 300)  # the first time, the second, ...
BREAKER_FIELDS = ["breaker_failures", "breaker_opens", "breaker_until", "probe_until"]
PROBE_LEASE = timedelta(seconds=90)
NO_DECISION = timedelta(seconds=15)

# A person's request is tried a second time at once; but to a service that is failing
# that is twice as many. So at most a tenth of all that is sent are second attempts.
SENDS_PER_RETRY = 10
MAX_RETRY_CREDIT = 3 * SENDS_PER_RETRY


class Grant(NamedTuple):
    """The gate's decision: ask after `wait` seconds.

    With a `reason`: do not ask before `until`, which is in `wait` seconds by the
    database's clock. Odoo's own time has whole seconds only, too coarse to wait by.
    """

    wait: float = 0.0
    reason: str | None = None
    until: datetime | None = None
    is_probe: bool = False  # the one request that may find out, while half open

    def __bool__(self):
        return self.reason is None


class L10nClDteGate(models.AbstractModel):
    """The gate before a remote host: how often it may be asked, and whether at all.

    Every worker of every host passes the same gate, and all that they share is
    PostgreSQL. So each decision is one statement on one row, in a short transaction of
    its own, by the database's clock: two workers cannot get the same slot, and no
    host's clock matters. Where the database does not answer, nobody passes.

    * Limiter: GCRA. `next_slot_at` is when the next request may go; each one moves it
      on by the interval of the rate.
    * `blocked_until`: what a 429 said. Nobody asks before.
    * Retry budget: each request that passes earns a tenth of a second attempt.
    * Breaker: opens after five failures in a row, for 15 s and then longer; when that
      is over, one request at a time may find out whether the host is back.

    A model with one row for each host inherits this; the AI service is the first.
    """

    _name = "l10n_cl_dte.gate"
    _description = "Limits and Breaker of a Remote Host"

    health_reason = fields.Char("Reason", readonly=True, copy=False)  # a code
    blocked_until = fields.Datetime(string="Limited until", readonly=True, copy=False)
    rate_per_minute = fields.Integer(
        string="Requests a minute",
        default=20,
        help="What the service allows for the key. 0: it has no limit.",
    )
    next_slot_at = fields.Datetime(readonly=True, copy=False)
    breaker_failures = fields.Integer(
        string="Failures in a row", default=0, readonly=True, copy=False
    )
    breaker_opens = fields.Integer(default=0, readonly=True, copy=False)
    breaker_until = fields.Datetime(string="Not asked until", readonly=True, copy=False)
    probe_until = fields.Datetime(readonly=True, copy=False)
    retry_credit = fields.Integer(
        default=SENDS_PER_RETRY,
        readonly=True,
        copy=False,
        help="Requests that no second attempt has used up yet.",
    )

    _check_rate = models.Constraint(
        "CHECK (rate_per_minute BETWEEN 0 AND 100000)",
        "The rate must be from 0 (no limit) to 100,000 requests a minute.",
    )

    def _is_closed(self):
        """Tell whether nobody passes for now; only :meth:`_acquire` decides."""
        closed_until = [self.blocked_until]
        if self.breaker_failures >= FAILURES_TO_OPEN:
            # While another worker's probe is under way, too.
            closed_until += [self.breaker_until, self.probe_until]
        now = database_soon(self.env)
        return any(until and until > now for until in closed_until)

    def _is_one_at_a_time(self):
        """Tell whether the gate lets pass one request at once, and no more."""
        return bool(self.rate_per_minute or self.breaker_failures >= FAILURES_TO_OPEN)

    def _acquire(self, max_wait=timedelta()):
        """Ask the gate for one request.

        :param timedelta max_wait: how far ahead a slot may be booked
        :rtype: Grant
        """
        self.ensure_one()
        self.flush_recordset()
        try:
            return self._decide(max_wait)
        except NO_CURSOR:  # where nobody can decide, nobody passes
            _logger.warning("%s is not asked: no decision", self)
            return Grant(reason="busy", until=database_now(self.env) + NO_DECISION)

    def _decide(self, max_wait):
        with self._own_cursor() as cr:
            cr.execute(
                SQL(
                    """
                    WITH clock AS (
                        SELECT clock_timestamp() AT TIME ZONE 'UTC' AS now)
                    UPDATE %(table)s
                       SET next_slot_at = CASE WHEN rate_per_minute > 0
                               THEN GREATEST(next_slot_at, clock.now - %(lateness)s)
                                    + %(interval)s
                           END,
                           retry_credit = LEAST(retry_credit + 1, %(max_credit)s),
                           probe_until = CASE WHEN breaker_failures >= %(failures)s
                               THEN clock.now + %(probe_lease)s
                           END
                      FROM clock
                     WHERE id = %(id)s
                       AND (blocked_until IS NULL OR blocked_until <= clock.now)
                       AND (rate_per_minute = 0 OR next_slot_at IS NULL
                            OR next_slot_at <= clock.now + %(max_wait)s)
                       AND (breaker_failures < %(failures)s
                            OR (breaker_until IS NULL OR breaker_until <= clock.now)
                            AND (probe_until IS NULL OR probe_until <= clock.now))
                 RETURNING EXTRACT(EPOCH FROM next_slot_at - %(interval)s - clock.now),
                           probe_until IS NOT NULL
                    """,
                    table=SQL.identifier(self._table),
                    id=self.id,
                    interval=INTERVAL,
                    lateness=LATENESS,
                    max_wait=max_wait,
                    max_credit=MAX_RETRY_CREDIT,
                    failures=FAILURES_TO_OPEN,
                    probe_lease=PROBE_LEASE,
                )
            )
            granted = cr.fetchone()
            if granted:
                wait, is_probe = granted
                return Grant(wait=max(0.0, float(wait or 0)), is_probe=is_probe)
            return self._explain_refusal(cr)

    def _explain_refusal(self, cr):
        cr.execute(
            SQL(
                """
                SELECT blocked_until,
                       CASE WHEN breaker_failures >= %(failures)s
                            THEN GREATEST(breaker_until, probe_until) END,
                       next_slot_at,
                       health_reason,
                       clock_timestamp() AT TIME ZONE 'UTC'
                  FROM %(table)s
                 WHERE id = %(id)s
                """,
                table=SQL.identifier(self._table),
                id=self.id,
                failures=FAILURES_TO_OPEN,
            )
        )
        row = cr.fetchone()
        if not row:
            return Grant(reason="not_configured")
        blocked_until, breaker_until, next_slot_at, health_reason, now = row
        if breaker_until and breaker_until > now:
            # What the host said of another document is not said of this one.
            is_wire = health_reason in WIRE_REASONS
            reason, until = health_reason if is_wire else "paused", breaker_until
        else:
            reason = "rate_limited"
            until = max(filter(None, (blocked_until, next_slot_at, now)))
        return Grant((until - now).total_seconds(), reason, until)

    def _take_retry(self):
        """Tell whether a request may be tried again at once, and count it.

        Called while a person waits, between two attempts: on a cursor of its own, so
        that no transaction is open while the service thinks. The second attempt waits
        for no slot, but takes one from those who come next.
        """
        try:
            with self._own_cursor() as cr:
                cr.execute(
                    SQL(
                        """
                        WITH clock AS (
                            SELECT clock_timestamp() AT TIME ZONE 'UTC' AS now)
                        UPDATE %(table)s
                           SET retry_credit = retry_credit - %(sends)s,
                               next_slot_at = CASE WHEN rate_per_minute > 0
                                   THEN GREATEST(next_slot_at, clock.now) + %(interval)s
                               END
                          FROM clock
                         WHERE id = %(id)s
                           AND retry_credit >= %(sends)s
                           AND breaker_failures < %(failures)s
                           AND (blocked_until IS NULL OR blocked_until <= clock.now)
                     RETURNING id
                        """,
                        table=SQL.identifier(self._table),
                        id=self.id,
                        sends=SENDS_PER_RETRY,
                        interval=INTERVAL,
                        failures=FAILURES_TO_OPEN,
                    )
                )
                return bool(cr.fetchone())
        except NO_CURSOR:  # where nobody can decide, nobody passes
            return False

    def _close_breaker(self):
        """A request was answered: the service is there."""
        if not self.breaker_failures:
            return
        with self._own_cursor() as cr:
            cr.execute(
                SQL(
                    """
                    UPDATE %(table)s
                       SET breaker_failures = 0, breaker_opens = 0,
                           breaker_until = NULL, probe_until = NULL
                     WHERE id = %(id)s AND breaker_failures > 0
                    """,
                    table=SQL.identifier(self._table),
                    id=self.id,
                )
            )
        if self.breaker_failures >= FAILURES_TO_OPEN:
            self._on_reopened()
        self.invalidate_recordset(BREAKER_FIELDS, flush=False)

    def _half_open(self):
        """The host says that it is well: the next request finds out, now.

        One alone, as after the breaker's time: who is well may fail on requests.
        """
        with self._own_cursor() as cr:
            cr.execute(
                SQL(
                    """
                    UPDATE %(table)s
                       SET breaker_until = clock_timestamp() AT TIME ZONE 'UTC',
                           probe_until = NULL
                     WHERE id = %(id)s AND breaker_until IS NOT NULL
                    """,
                    table=SQL.identifier(self._table),
                    id=self.id,
                )
            )
        self.invalidate_recordset(BREAKER_FIELDS, flush=False)

    def _count_failures(self, number):
        """Requests failed in a row: open the breaker after the fifth.

        Those that were under way when it opened do not open it for longer, even if
        they end after that; the probe that fails does.
        """
        # Of this row's columns only: where another worker's failure comes first, what
        # a subquery found is not found anew, and the breaker would never open.
        opens = SQL(
            """
            breaker_failures + %(number)s >= %(failures)s
            AND (breaker_failures < %(failures)s
                 OR COALESCE(breaker_until, clock.now) <= clock.now
                    AND probe_until IS NOT NULL)
            """,
            number=number,
            failures=FAILURES_TO_OPEN,
        )
        with self._own_cursor() as cr:
            cr.execute(
                SQL(
                    """
                    WITH clock AS (
                        SELECT clock_timestamp() AT TIME ZONE 'UTC' AS now)
                    UPDATE %(table)s
                       SET breaker_failures = breaker_failures + %(number)s,
                           probe_until = CASE WHEN %(opens)s
                               THEN NULL ELSE probe_until END,
                           breaker_opens = breaker_opens
                               + CASE WHEN %(opens)s THEN 1 ELSE 0 END,
                           breaker_until = CASE WHEN %(opens)s
                               THEN clock.now
                                    + (%(seconds)s::int[])[
                                        LEAST(breaker_opens + 1, %(steps)s)]
                                    * INTERVAL '1 second'
                               ELSE breaker_until END
                      FROM clock
                     WHERE id = %(id)s
                 RETURNING CASE WHEN breaker_failures >= %(failures)s
                                THEN breaker_until END
                    """,
                    table=SQL.identifier(self._table),
                    failures=FAILURES_TO_OPEN,
                    id=self.id,
                    number=number,
                    opens=opens,
                    seconds=list(OPEN_SECONDS),
                    steps=len(OPEN_SECONDS),
                )
            )
            [closed_until] = cr.fetchone() or [None]
        if closed_until:
            self._on_closed(closed_until)
        self.invalidate_recordset(BREAKER_FIELDS, flush=False)

    def _on_closed(self, until):
        """The breaker is open, so that nobody passes before a time.

        :param datetime until: in UTC, by the database's clock
        """

    def _on_reopened(self):
        """The breaker has closed: what waited for it is due now."""

    # === Its row, beside the ORM === #

    def _own_cursor(self):
        if not self._can_commit():
            self.flush_recordset()
        return own_cursor(self.env)

    @api.model
    def _commit(self):
        commit(self.env)

    @api.model
    def _can_commit(self):
        return can_commit()
