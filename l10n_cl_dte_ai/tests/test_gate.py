# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The gate: how often the service is asked, and whether at all."""

import socket
import time
from datetime import timedelta
from unittest.mock import patch

from odoo.tests import tagged

from ..models.database import database_now
from ..models.dispatch import Dispatch
from ..models.l10n_cl_dte_gate import MAX_CLICK_WAIT, Grant
from ..tools import ai
from . import misbehaving_server as wire
from .loopback import opinion, reply
from .test_generate import GenerateCase

DOWN = ai.Unavailable("timeout")
OPINION = ai.Opinion("send", 90.0, (), ())
SEND = {"recommendation": "send", "confidence": 90, "errors": [], "warnings": []}


class GateCase(GenerateCase):
    def setUp(self):
        super().setUp()
        self.gate = self.service.sudo()
        self.gate._pin_to_database()
        self.gate.write({"next_slot_at": False, "rate_per_minute": 20})
        self.env.flush_all()

    def columns(self, *names):
        """As they are in the database, to the microsecond."""
        self.cr.execute(
            f"SELECT {', '.join(names)} FROM l10n_cl_dte_ai_service WHERE id = %s",
            [self.gate.id],
        )
        return self.cr.fetchone()

    def let_pass(self, seconds):
        """Move everything that the gate waits for into the past."""
        self.env.flush_all()
        self.cr.execute(
            """
            UPDATE l10n_cl_dte_ai_service
               SET next_slot_at = next_slot_at - %(time)s,
                   blocked_until = blocked_until - %(time)s,
                   breaker_until = breaker_until - %(time)s,
                   probe_until = probe_until - %(time)s
             WHERE id = %(id)s
            """,
            {"time": timedelta(seconds=seconds), "id": self.gate.id},
        )
        self.env.invalidate_all()

    def learn(self, *outcomes):
        self.gate._learn(list(outcomes))
        self.env.invalidate_all()

    def breaker(self):
        """How many failures it counts, and for how many seconds it stays open."""
        self.env.flush_all()
        return self.columns(
            "breaker_failures",
            "round(extract(epoch FROM"
            " breaker_until - clock_timestamp() AT TIME ZONE 'UTC'))::int",
        )


class LimiterTests:
    def grants_of(self, seconds, *waits, step=0.5):
        """Ask the gate every `step` seconds; return when requests are sent."""
        sent, passed, start = [], 0.0, time.monotonic()
        while passed < seconds:
            for wait in waits:
                # What the test itself takes passes, too.
                now = passed + time.monotonic() - start
                if grant := self.gate._acquire(wait):
                    sent.append(now + grant.wait)
            self.let_pass(step)
            passed += step
        return sorted(sent)

    def assertWithinLimit(self, sent, limit=20):
        for position, start in enumerate(sent):
            window = [at for at in sent[position:] if at < start + 60]
            self.assertLessEqual(len(window), limit, f"from {start} on")

    def test_never_more_than_twenty_in_any_minute(self):
        sent = self.grants_of(150, timedelta())
        self.assertWithinLimit(sent)
        # Almost all of it is used: 50 less the margin, and what the steps lose.
        self.assertGreaterEqual(len(sent), 42)

    def test_the_margin_takes_in_a_second_of_jitter(self):
        """So much may one request be slower on its way than another."""
        self.gate._acquire()
        [first] = self.columns("next_slot_at")
        for _number in range(20):
            self.gate._acquire(timedelta(minutes=2))
        [last] = self.columns("next_slot_at")
        self.assertTrue(61 <= (last - first).total_seconds() <= 62)

    def test_an_idle_hour_gives_no_burst(self):
        self.assertTrue(self.gate._acquire())
        self.let_pass(3600)
        grants = [bool(self.gate._acquire()) for _number in range(5)]
        self.assertEqual(grants, [True, False, False, False, False])

    def test_a_click_books_ahead_and_the_background_does_not(self):
        self.assertEqual(self.gate._acquire().wait, 0)
        for _number in range(3):
            refused = self.gate._acquire()
            self.assertEqual((bool(refused), refused.reason), (False, "rate_limited"))
        booked = self.gate._acquire(MAX_CLICK_WAIT)
        self.assertAlmostEqual(booked.wait, 3.05, delta=1)
        # The third would wait for 6.1 s: it is queued instead.
        late = self.gate._acquire(MAX_CLICK_WAIT)
        self.assertFalse(late)
        until = (late.until - database_now(self.env)).total_seconds()
        self.assertAlmostEqual(until, 6.1, delta=1.2)
        # The background still waits, behind the person.
        self.let_pass(3.2)
        self.assertFalse(self.gate._acquire())
        self.let_pass(3.2)
        self.assertTrue(self.gate._acquire())

    def test_the_background_leaves_the_next_slot_to_a_click(self):
        documents = [self.create_document() for _number in range(3)]
        for document in documents:
            self.env["l10n_cl_dte_ai.validation"]._get_or_queue(document)
        self.server.script(opinion())
        self.run_cron()
        self.assertEqual(len(self.server.requests), 1)
        self.assertLess(self.gate._acquire(MAX_CLICK_WAIT).wait, 3.1)

    def test_late_for_its_slot(self):
        """A request that was prepared after the gate came late, beside the next one."""
        service_class = self.registry["l10n_cl_dte_ai.service"]
        acquire, found = service_class._acquire, []

        def look(service, *args):
            self.env.flush_all()
            self.cr.execute(
                "SELECT count(*) FROM l10n_cl_dte_ai_validation"
                " WHERE state = 'sending' AND lease_until IS NOT NULL"
            )
            found.extend(self.cr.fetchone())
            return acquire(service, *args)

        for ask in (self.click, lambda _document: self.run_cron()):
            document = self.create_document()
            self.env["l10n_cl_dte_ai.validation"]._get_or_queue(document)
            self.let_pass(10)
            self.server.script(opinion())
            with patch.object(service_class, "_acquire", look):
                ask(document)
            self.assertEqual(self.validation(document).state, "done")
            self.assertEqual(found, [1])
            found.clear()

    def test_who_has_nothing_to_send_takes_no_slot(self):
        document = self.create_document()
        row = self.env["l10n_cl_dte_ai.validation"]._get_or_queue(document)
        other = {"state": "sending", "lease_until": "2100-01-01 00:00:00"}
        soon = database_now(self.env) + timedelta(seconds=1)
        for taken, ask in (
            (other, row._ask_now),
            ({"state": "pending", "next_attempt_at": soon}, self._admit),
        ):
            row.write(taken)
            with patch.object(type(row), "_valid_actions", return_value={"ask"}):
                ask()
            self.assertEqual(self.columns("next_slot_at"), (None,))
        self.assertFalse(self.server.requests)

    def _admit(self):
        rows = self.env["l10n_cl_dte_ai.validation"].sudo()
        dispatch = Dispatch(rows, self.gate, 1)
        dispatch._admit()
        self.assertEqual((dispatch.admitted, len(dispatch.ready)), (0, 0))
        self.assertTrue(dispatch.pause, "it is due soon")

    def test_what_waits_for_a_slot_is_given_back_at_the_end(self):
        documents = [self.create_document() for _number in range(2)]
        for document in documents:
            self.env["l10n_cl_dte_ai.validation"]._get_or_queue(document)
        self.server.script(opinion())
        self.run_cron()
        rows = [self.validation(document) for document in documents]
        self.assertEqual({row.state for row in rows}, {"done", "pending"})
        self.assertFalse(any(row.lease_until for row in rows))
        self.let_pass(4)
        self.server.script(opinion())
        self.run_cron()
        self.assertEqual({row.state for row in rows}, {"done"})

    def test_no_transaction_is_open_once_the_gate_has_decided(self):
        """What was read after the commit began one, for as long as others thought."""
        self.env["l10n_cl_dte_ai.validation"]._get_or_queue(self.create_document())
        statements = []

        def commit(_model):
            self.env.flush_all()
            self.env.invalidate_all()  # as the cursor does
            statements.append(self.cr.sql_log_count)

        rows = self.env["l10n_cl_dte_ai.validation"].sudo()
        service_class = self.registry["l10n_cl_dte_ai.service"]
        with patch.object(service_class, "_commit", commit):
            dispatch = Dispatch(rows, self.gate, 1)
            dispatch._admit()
        self.assertEqual(dispatch.admitted, 1)
        self.assertEqual(self.cr.sql_log_count, statements[-1])

    def test_a_service_that_is_deleted_just_before_the_gate(self):
        """The document was due never again."""
        document = self.create_document()
        service_class = self.registry["l10n_cl_dte_ai.service"]
        decide = service_class._decide

        def delete(service, *args):
            self.cr.execute(
                "DELETE FROM l10n_cl_dte_ai_service WHERE id = %s", [service.id]
            )
            return decide(service, *args)

        with patch.object(service_class, "_decide", delete):
            self.click(document)
        self.assertRow(self.validation(document), state="pending")
        self.env.invalidate_all()
        self.assertTrue(self.validation(document).next_attempt_at)

    def test_what_is_refused_moves_nothing(self):
        self.gate._acquire()
        before = self.columns("next_slot_at")
        for _number in range(10):
            self.gate._acquire()
        self.assertEqual(self.columns("next_slot_at"), before)

    def test_clicks_and_background_share_one_limit(self):
        sent = self.grants_of(130, MAX_CLICK_WAIT, timedelta(), step=0.7)
        self.assertWithinLimit(sent)

    def test_no_limit(self):
        self.gate.rate_per_minute = 0
        for _number in range(50):
            self.assertEqual(self.gate._acquire(), Grant(wait=0.0))
        self.assertEqual(self.columns("next_slot_at"), (None,))

    def test_a_click_waits_for_its_slot(self):
        self.gate.rate_per_minute = 15  # 4 s: two of them are too long for a person
        self.server.script(opinion(), opinion())
        waits = []
        with patch(
            "odoo.addons.l10n_cl_dte_ai.models.l10n_cl_dte_ai_dispatcher.time.sleep",
            waits.append,
        ):
            for _number in range(2):
                self.click(self.create_document())
            third = self.create_document()
            wizard = self.click(third)
        self.assertEqual(waits[0], 0)
        self.assertTrue(0 < waits[1] <= 5, waits)
        self.assertEqual(len(self.server.requests), 2)
        self.assertRow(
            self.validation(third), state="pending", reason="rate_limited", attempts=0
        )
        self.assertIn("Next attempt at", wizard.message)


class RetryBudgetTests:
    """Second attempts are few, whatever the service is like and whoever asks."""

    def retries_of(self, sends, asked=1):
        """Send so many requests, and want some second attempts after each."""
        granted = 0
        for _number in range(sends):
            self.assertTrue(self.gate._acquire())
            for _attempt in range(asked):
                granted += self.gate._take_retry()
        return granted

    def test_at_most_a_tenth_of_what_is_sent(self):
        self.gate.write({"rate_per_minute": 0, "retry_credit": 0})
        self.assertEqual(self.retries_of(9), 0)
        self.assertEqual(self.retries_of(1), 1)
        self.assertEqual(self.retries_of(100, asked=3), 10)

    def test_a_new_service_has_one_and_a_busy_one_saves_three(self):
        self.assertTrue(self.gate._take_retry())
        self.assertFalse(self.gate._take_retry())
        self.gate.rate_per_minute = 0
        self.retries_of(1000, asked=0)
        granted = [self.gate._take_retry() for _number in range(5)]
        self.assertEqual(granted, [True, True, True, False, False])

    def test_it_takes_a_slot_but_does_not_wait_for_it(self):
        self.gate._acquire()
        [before] = self.columns("next_slot_at")
        self.assertTrue(self.gate._take_retry())
        [after] = self.columns("next_slot_at")
        self.assertAlmostEqual((after - before).total_seconds(), 3.05, delta=0.01)

    def test_no_second_attempt_while_nobody_may_ask(self):
        self.learn(ai.RateLimited(42))
        self.assertFalse(self.gate._take_retry())
        self.let_pass(44)
        self.learn(*[DOWN] * 5)
        self.let_pass(16)
        self.assertTrue(self.gate._acquire().is_probe)
        self.assertFalse(self.gate._take_retry(), "a probe is one request")

    def test_clicks_on_a_failing_service_are_not_doubled(self):
        self.gate.rate_per_minute = 0
        self.gate.retry_credit = 10
        self.server.script(*[reply(503, b"")] * 3)
        for _number in range(2):
            document = self.create_document()
            self.click(document)
            self.assertRow(
                self.validation(document), state="pending", reason="server_error"
            )
        attempts = self.env["l10n_cl_dte_ai.attempt"].sudo().search([], limit=2)
        self.assertEqual(attempts.sorted().mapped("requests"), [1, 2])


class BlockedTests:
    def test_nobody_passes_before(self):
        self.learn(ai.RateLimited(42))
        for max_wait in (timedelta(), MAX_CLICK_WAIT):
            refused = self.gate._acquire(max_wait)
            self.assertEqual(refused.reason, "rate_limited")
            self.assertEqual(refused.until, self.gate.blocked_until)
        self.let_pass(44)
        self.assertTrue(self.gate._acquire())

    def test_a_probe_that_meets_the_limit_found_the_service(self):
        self.learn(*[DOWN] * 5)
        self.let_pass(20)
        self.assertTrue(self.gate._acquire().is_probe)
        self.learn(ai.RateLimited(5))
        self.assertEqual(self.breaker(), (0, None))
        self.let_pass(7)
        self.assertTrue(self.gate._acquire())


class BreakerTests:
    def setUp(self):
        super().setUp()
        self.gate.rate_per_minute = 0

    def fail_probe(self):
        grant = self.gate._acquire()
        self.assertTrue(grant and grant.is_probe)
        self.learn(DOWN)

    def test_it_opens_after_five_failures_in_a_row(self):
        self.learn(*[DOWN] * 4)
        self.assertTrue(self.gate._acquire())
        self.learn(OPINION)
        self.learn(*[DOWN] * 4)
        self.assertTrue(self.gate._acquire())
        self.learn(DOWN)
        self.assertEqual(self.breaker(), (5, 15))
        refused = self.gate._acquire(MAX_CLICK_WAIT)
        self.assertEqual((bool(refused), refused.reason), (False, "timeout"))
        self.assertEqual(refused.until, self.gate.breaker_until)

    def test_it_stays_open_for_longer_each_time(self):
        self.learn(*[DOWN] * 5)
        for seconds in (15, 30, 60, 300, 300):
            self.assertEqual(self.breaker()[1], seconds)
            self.let_pass(seconds - 2)
            self.assertFalse(self.gate._acquire())
            self.let_pass(2)
            self.fail_probe()

    def test_one_probe_while_half_open(self):
        self.learn(*[DOWN] * 5)
        self.let_pass(16)
        self.assertTrue(self.gate._acquire().is_probe)
        for max_wait in (timedelta(), MAX_CLICK_WAIT):
            self.assertFalse(self.gate._acquire(max_wait))
        # The worker with the probe was killed: its lease ends.
        self.let_pass(89)
        self.assertFalse(self.gate._acquire())
        self.let_pass(2)
        self.assertTrue(self.gate._acquire())

    def test_open_without_an_end_is_half_open(self):
        """Whatever has written it: a service must not stay closed for ever."""
        self.gate.write({"breaker_failures": 5, "breaker_until": False})
        self.assertTrue(self.gate._acquire().is_probe)

    def test_the_cron_rests_while_a_probe_is_under_way(self):
        """It claimed, was refused and began anew, as fast as it could."""
        row = self.env["l10n_cl_dte_ai.validation"]._get_or_queue(
            self.create_document()
        )
        self.learn(*[DOWN] * 5)
        self.let_pass(16)
        self.assertTrue(self.gate._acquire().is_probe)
        cron_class = self.registry["l10n_cl_dte_ai.validation"]
        with patch.object(cron_class, "_trigger_cron") as trigger:
            self.run_cron()
            trigger.assert_not_called()
            self.assertEqual(row.state, "pending")
            # It found the service: all that waits is due at once.
            self.learn(OPINION)
            trigger.assert_called_once_with()

    def test_an_answer_closes_it(self):
        for answer in (OPINION, ai.Refused("refused")):
            self.learn(*[DOWN] * 5)
            self.let_pass(16)
            self.gate._acquire()
            self.learn(answer)
            self.assertEqual(self.breaker(), (0, None))
            self.assertFalse(self.gate._acquire().is_probe)
            # The next time begins with 15 s again.
            self.learn(*[DOWN] * 5)
            self.assertEqual(self.breaker()[1], 15)
            self.learn(OPINION)

    def test_a_healthy_page_lets_one_request_find_out(self):
        """Green and "try again in four minutes" stood side by side."""
        self.learn(*[DOWN] * 5)
        self.assertFalse(self.gate._acquire())
        self.learn(ai.Health("healthy", "1.2.0"))
        self.assertTrue(self.gate._acquire().is_probe)
        self.assertFalse(self.gate._acquire(), "one")
        # It fails: the breaker is open for longer.
        self.learn(DOWN)
        self.assertEqual(self.breaker(), (6, 30))

    def test_a_healthy_page_says_nothing_of_the_model(self):
        self.learn(*[ai.NoOpinion("no_opinion")] * 5)
        self.learn(ai.Health("healthy", "1.2.0"))
        refusal = self.gate._acquire()
        self.assertFalse(refusal)
        # Nor is what it said of other documents said of this one.
        self.assertEqual(refusal.reason, "paused")

    def test_failures_that_were_under_way_do_not_escalate(self):
        self.learn(*[DOWN] * 8)
        self.learn(*[DOWN] * 3)
        self.assertEqual(self.breaker(), (11, 15))
        # Also those that took longer than the breaker was open, probe or not.
        self.let_pass(16)
        self.learn(DOWN)
        self.assertTrue(self.gate._acquire().is_probe)
        self.assertEqual(self.gate.breaker_opens, 1)

    def test_only_one_document_is_sent_while_half_open(self):
        """Of an unlimited service many rows are claimed at once: not now."""
        documents = self.env["account.move"].union(
            *(self.create_document() for _number in range(3))
        )
        self.env["l10n_cl_dte_ai.validation"]._get_or_queue(documents)
        self.learn(*[DOWN] * 5)
        self.let_pass(16)
        self.server.script(reply(500, b""))
        self.concurrency = 8
        self.run_cron()
        self.assertEqual(len(self.server.requests), 1)
        self.assertEqual(self.gate.breaker_opens, 2)
        self.assertEqual(
            documents.mapped("l10n_cl_dte_ai_state"), ["waiting", "waiting", "waiting"]
        )
        # The service is back: one finds out, and the rest follows at once.
        self.let_pass(31)
        for document in documents:
            self.validation(document).next_attempt_at = database_now(self.env)
        self.server.script(*[opinion()] * 3)
        self.run_cron()
        self.assertEqual(documents.mapped("l10n_cl_dte_ai_state"), ["approved"] * 3)

    def test_a_slice_ends_though_the_service_is_slow(self):
        """What the threads had not begun with was sent after it, and after its
        lease.
        """
        documents = self.env["account.move"].union(
            *(self.create_document() for _number in range(6))
        )
        rows = self.env["l10n_cl_dte_ai.validation"]._get_or_queue(documents)
        self.server.script(reply(body=SEND, delay=1.5))
        self.run_cron(seconds=0.5)
        self.assertEqual(rows.sorted().mapped("state"), ["pending"] * 5 + ["done"])
        self.assertFalse(any(row.lease_until for row in rows))

    def test_a_click_ends_at_once_while_it_is_open(self):
        self.learn(*[DOWN] * 5)
        document = self.create_document()
        wizard = self.click(document)
        self.assertFalse(self.server.requests)
        self.assertRow(
            self.validation(document),
            state="pending",
            reason="timeout",
            attempts=0,
            next_attempt_at=self.gate.breaker_until,
        )
        self.assertIn("Next attempt at", wizard.message)

    def test_a_restart_of_the_service_burns_no_attempts(self):
        documents = [self.create_document() for _number in range(7)]
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            self.cr.execute(
                "UPDATE l10n_cl_dte_ai_service SET url = %s",
                [f"http://127.0.0.1:{closed.getsockname()[1]}"],
            )
            self.env.invalidate_all()
            for document in documents:
                self.click(document)
            self.assertEqual(self.breaker()[0], 5)
            for _second in range(3):
                self.let_pass(61)
                self.run_cron()
        rows = [self.validation(document) for document in documents]
        for row in rows:
            self.assertRow(row, state="pending", attempts=0, reason="unreachable")
        # It is back.
        self.cr.execute("UPDATE l10n_cl_dte_ai_service SET url = %s", [self.server.url])
        self.let_pass(400)
        for row in rows:
            row.next_attempt_at = database_now(self.env)
        self.server.script(*[opinion()] * 7)
        self.run_cron()
        for row in rows:
            self.assertRow(row, state="done", attempts=1)
        self.assertEqual(self.breaker(), (0, None))

    def test_a_freeze(self):
        """Five clicks wait, the sixth does not; the indicator is red by itself."""
        self.total_seconds = 0.3
        self.server.script(*[wire.FAULTS["freeze"].answer] * 5)
        with self.bus() as sent:
            for _number in range(6):
                self.click(self.create_document())
        self.assertEqual(len(self.server.requests), 5)
        states = [p["state"] for _t, kind, p in sent if kind == "l10n_cl_dte_ai/health"]
        self.assertEqual(states, ["down"])


@tagged("post_install_l10n", "post_install", "-at_install")
class TestLimiter(LimiterTests, RetryBudgetTests, BlockedTests, GateCase):
    """One class: what it shares takes seconds to set up."""


@tagged("post_install_l10n", "post_install", "-at_install")
class TestBreaker(BreakerTests, GateCase):
    """The same, of a service without a limit."""
