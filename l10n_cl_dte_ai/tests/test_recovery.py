# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The service comes back: whoever notices it makes due what waits."""

import threading
import time
from datetime import timedelta
from unittest.mock import Mock, patch

import psycopg2

from odoo import fields
from odoo.tests import tagged

from ..models import alarm, dispatch, keep
from ..models.l10n_cl_dte_gate import Grant
from ..tools import ai
from .loopback import HEALTH, VALIDATE, healthy, opinion, refusal, reply, silence
from .test_generate import GenerateCase

DOWN = ai.Unavailable("timeout")
RECOVERY = "l10n_cl_dte_ai.service"


class RecoveryCase(GenerateCase):
    def create_waiting(self, number, reason="timeout", attempts=2, minutes=4):
        """Documents whose next attempt is minutes away."""
        documents = self.env["account.move"].union(
            *(self.create_document() for _number in range(number))
        )
        rows = self.env["l10n_cl_dte_ai.validation"]._get_or_queue(documents).sudo()
        rows.write(
            {
                "reason": reason,
                "attempts": attempts,
                "next_attempt_at": fields.Datetime.now() + timedelta(minutes=minutes),
            }
        )
        self.env.flush_all()
        return rows

    def break_service(self, failures=5, health="down", reason="timeout"):
        self.service.sudo().write(
            {
                "health": health,
                "health_reason": reason,
                "breaker_failures": failures,
                "breaker_opens": 4,
                "breaker_until": fields.Datetime.now() + timedelta(minutes=5)
                if failures >= 5
                else False,
            }
        )
        self.env.flush_all()

    def half_open(self, health):
        now = fields.Datetime.now()
        values = {"breaker_failures": 5, "breaker_until": now, "probe_until": False}
        self.service.sudo().write({**values, "health": health})

    def check_health(self, *answers):
        self.server.script(*answers or [healthy()], to=HEALTH)
        self.env[RECOVERY].sudo()._cron_check_health()
        self.env.invalidate_all()


@tagged("post_install_l10n", "post_install", "-at_install")
class TestRecovery(RecoveryCase):
    def test_a_good_health_check_lets_everything_go_out(self):
        """After a freeze each click was refused for four more minutes."""
        rows = self.create_waiting(4)
        self.break_service()
        self.run_cron()
        self.assertFalse(self.server.requests)
        self.check_health()
        self.server.script(*[opinion()] * 4)
        self.run_cron()
        self.assertEqual(rows.mapped("state"), ["done"] * 4)

    def test_it_lets_one_request_find_out_and_not_all(self):
        rows = self.create_waiting(4)
        self.break_service()
        self.check_health()
        self.server.script(reply(500, b""))
        self.run_cron()
        self.assertEqual(rows.mapped("state"), ["pending"] * 4)
        self.assertEqual(len(self.server.asked()), 1)

    def test_a_click_after_a_good_health_check_is_answered(self):
        self.break_service()
        self.check_health()
        self.server.script(opinion("review"))
        self.assertEqual(self.click(self.create_document()).outcome, "review")

    def test_the_connection_test_is_as_good_as_the_cron(self):
        [row] = self.create_waiting(1)
        self.break_service()
        self.server.script(healthy(), to=HEALTH)
        self.server.script(refusal("empty"))
        self.service.with_env(self.admin_env).action_test_connection()
        self.server.script(opinion())
        self.run_cron()
        self.assertEqual(row.state, "done")

    def test_a_good_answer_makes_due_what_waits(self):
        """Four rows waited 163 s while a new document was answered at once."""
        rows = self.create_waiting(4, attempts=4)
        self.break_service(failures=4)
        self.server.script(opinion())
        self.click(self.create_document())
        self.server.script(*[opinion()] * 4)
        self.run_cron()
        self.assertEqual(rows.mapped("state"), ["done"] * 4)

    def test_a_document_that_always_fails_keeps_its_own_pace(self):
        """Others' good answers do not ask about it again and again."""
        [row] = self.create_waiting(1, "server_error", attempts=5)
        self.break_service(failures=1, reason="server_error")
        self.server.script(opinion())
        self.click(self.create_document())
        self.run_cron()
        self.assertEqual(row.state, "pending")
        self.assertEqual(len(self.server.asked()), 1)

    def test_what_waits_for_something_else_goes_on_waiting(self):
        rows = self.create_waiting(1, reason=False)
        rows += self.create_waiting(1, reason="not_configured")
        self.break_service()
        self.service.sudo()._learn([ai.Opinion("send", 90.0, (), ())])
        self.run_cron()
        self.assertEqual(rows.mapped("state"), ["pending"] * 2)

    def test_an_outage_burns_no_documents_attempts(self):
        """A day of it, and whatever waited had failed for good."""
        [row] = self.create_waiting(1, attempts=7)
        self.break_service()
        for _number in range(3):
            self.make_due(row)
            self.half_open(health="down")
            self.server.script(reply(504, b""))
            self.run_cron()
            self.assertRow(row, state="pending", attempts=7, reason="server_error")
        # The service is well, and it is this document that fails.
        self.make_due(row)
        self.half_open(health="healthy")
        self.server.script(reply(504, b""))
        self.run_cron()
        self.assertRow(row, state="failed", attempts=8)

    def test_while_it_is_awaited_it_is_looked_after(self):
        cron = self.admin_env.ref("l10n_cl_dte_ai.ir_cron_check_health").sudo()
        triggers = cron.env["ir.cron.trigger"]
        for waiting, number in ((0, 0), (1, 1)):
            self.create_waiting(waiting) if waiting else None
            self.break_service()
            triggers.search([("cron_id", "=", cron.id)]).unlink()
            self.check_health(reply(503, b""))
            found = triggers.search([("cron_id", "=", cron.id)])
            self.assertEqual(len(found), number)
        self.assertTrue(1 <= self.seconds_from_now(found.call_at) <= 6)

    def test_the_end_of_a_limit_wakes_the_queue(self):
        """It waited for the scheduler's next poll, up to a minute more."""
        cron = self.admin_env.ref("l10n_cl_dte_ai.ir_cron_ask").sudo()
        triggers = cron.env["ir.cron.trigger"]
        for outcomes in (
            [ai.RateLimited(42)],
            [ai.Unavailable("busy", retry_after=42)],
        ):
            triggers.search([("cron_id", "=", cron.id)]).unlink()
            self.service.sudo()._learn(outcomes)
            self.env.invalidate_all()
            [found] = triggers.search([("cron_id", "=", cron.id)])
            self.assertEqual(found.call_at, self.service.blocked_until)
            self.assertTrue(39 <= self.seconds_from_now(found.call_at) <= 43)

    def test_the_end_of_the_breakers_time_wakes_it_too(self):
        cron = self.admin_env.ref("l10n_cl_dte_ai.ir_cron_ask").sudo()
        triggers = cron.env["ir.cron.trigger"]
        triggers.search([("cron_id", "=", cron.id)]).unlink()
        self.service.sudo()._learn([DOWN] * 5)
        [found] = triggers.search([("cron_id", "=", cron.id)])
        self.assertTrue(12 <= self.seconds_from_now(found.call_at) <= 16)

    def test_one_services_fault_does_not_end_the_health_check_of_others(self):
        second = self.service.sudo().create(
            {"url": self.server.url, "new_key": "x" * 20, "rate_per_minute": 0}
        )
        other = self.env["res.company"].sudo().create({"name": "Otra SpA"})
        other.l10n_cl_dte_ai_service_id = second
        learn, asked = type(self.service)._learn, []

        def fail_once(service, outcomes):
            asked.append(service.id)
            if len(asked) == 1:
                raise ZeroDivisionError
            return learn(service, outcomes)

        with (
            patch.object(self.registry[RECOVERY], "_learn", fail_once),
            self.assertLogs("odoo.addons.l10n_cl_dte_ai", "ERROR") as logs,
        ):
            self.check_health(healthy(), healthy())
        self.assertEqual(len(asked), 2)
        self.assertIn("ZeroDivisionError", logs.output[0])
        self.assertEqual(self.env[RECOVERY].sudo().browse(asked[1]).health, "healthy")


@tagged("post_install_l10n", "post_install", "-at_install")
class TestMisconfigured(RecoveryCase):
    def test_it_ends_by_itself(self):
        """It ended when an administrator came, and the health check skipped it."""
        [row] = self.create_waiting(1, "strange", attempts=0, minutes=0)
        for reason in ("redirect", "tls", "wrong_service", "ca_file"):
            self.break_service(0, "misconfigured", reason)
            # The page is well, the documents' address is not yet.
            self.server.script(reply(404, b""))
            self.check_health()
            self.assertEqual(self.service.health, "misconfigured")
            self.server.script(refusal("empty"))
            self.check_health()
            self.assertEqual(self.service.health, "healthy")
        self.server.script(opinion())
        self.run_cron()
        self.assertEqual(row.state, "done")

    def test_a_key_that_was_refused_is_not_shown_each_minute(self):
        self.server.script(reply(403, b""))
        self.click(self.create_document())
        self.env[RECOVERY].sudo()._cron_check_health()
        self.assertEqual(len(self.server.requests), 1)
        self.service.sudo().next_check_at -= timedelta(minutes=11)
        self.server.script(reply(403, b""))
        self.check_health()
        self.assertEqual(self.service.health, "misconfigured")
        self.env[RECOVERY].sudo()._cron_check_health()
        self.assertEqual(len(self.server.requests), 3, "planned anew")
        self.service.sudo().next_check_at -= timedelta(minutes=11)
        self.server.script(refusal("empty"))
        self.check_health()
        self.assertEqual(self.service.health, "healthy")


@tagged("post_install_l10n", "post_install", "-at_install")
class TestPromise(RecoveryCase):
    """The time that a person was promised is the whole of it."""

    def test_the_wait_for_a_slot_is_a_part_of_it(self):
        """12.9 s were measured, and 16.9 with three users at once."""
        asked = []
        for seconds in (12, 4):
            self.service.sudo().interactive_seconds = seconds
            asked.clear()

            def acquire(_service, max_wait):
                asked.append(max_wait.total_seconds())
                return Grant(wait=asked[0])

            self.server.script(opinion())
            with (
                patch.object(self.registry[RECOVERY], "_acquire", acquire),
                patch.object(time, "sleep") as slept,
            ):
                self.click(self.create_document())
            # No slot leaves less than half of it for the answer.
            [max_wait] = asked
            self.assertEqual(max_wait, min(5, seconds / 2))
            slept.assert_called_once_with(max_wait)
            self.assertLessEqual(self.limits.total, seconds - max_wait)

    def test_a_service_that_thinks_for_long_gets_the_time(self):
        """A model that takes 9 s lost every click, although 12 are promised."""
        for known, read in ((0, 12), (1, 8), (9, 12)):
            self.service.sudo().answer_seconds = known
            self.server.script(opinion())
            self.click(self.create_document())
            self.assertAlmostEqual(self.limits.read, read, delta=0.5)

    def test_how_long_its_answers_take_is_learnt(self):
        def results(*seconds):
            return [
                Mock(
                    outcome=ai.Opinion("send", 90.0, (), ()) if s else DOWN,
                    trace=Mock(duration_ms=s * 1000),
                )
                for s in seconds
            ]

        service = self.service.sudo()
        for known, seconds, after in (
            (0, [0.05], 1),
            (1, [9], 9),
            (9, [0.01], 8),  # the next may not be in its cache
            (9, [8], 9),
            (9, [0], 0),  # too long: the next gets all of the time
            (0, [0], 0),
        ):
            service.answer_seconds = known
            self.assertEqual(service._speed_after(results(*seconds)), after)
        service.answer_seconds = 0
        self.server.script(opinion())
        self.click(self.create_document())
        self.assertEqual(self.service_values("answer_seconds"), (1,))


@tagged("post_install_l10n", "post_install", "-at_install")
class TestNobodyWaits(RecoveryCase):
    concurrency = 2

    def test_a_request_that_hangs_holds_nobody_back(self):
        """Of 93 s for 500 documents 76 were idle, with one request in flight."""
        self.total_seconds = 4
        rows = self.create_waiting(8, False, attempts=0, minutes=0)
        # The one that fails is asked again as soon as another is answered.
        self.server.script(silence, reply(500, b""), *[opinion()] * 7)
        started = time.monotonic()
        answered = []

        def note(future_results):
            answered.append((time.monotonic() - started, len(future_results)))

        finish = self.registry["l10n_cl_dte_ai.validation"]._finish

        def timed(model, service, results, in_background):
            note(results)
            return finish(model, service, results, in_background)

        with patch.object(self.registry["l10n_cl_dte_ai.validation"], "_finish", timed):
            self.run_cron(seconds=3)
        self.assertEqual(rows.mapped("state").count("done"), 7)
        early = sum(number for seconds, number in answered if seconds < 3.5)
        self.assertGreaterEqual(early, 7, answered)

    def test_a_service_that_has_gone_is_not_asked_by_all(self):
        self.concurrency = 2
        self.create_waiting(20, False, attempts=0, minutes=0)
        self.server.always = reply(500, b"")
        self.addCleanup(setattr, self.server, "always", None)
        self.run_cron(seconds=3)
        self.assertLessEqual(len(self.server.asked()), 7)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestDatabaseGone(RecoveryCase):
    """46 of 200 documents were sent twice when PostgreSQL was killed."""

    def test_what_was_answered_is_kept(self):
        self.create_waiting(3, False, attempts=0, minutes=0)
        self.server.script(*[opinion()] * 3)
        gone = psycopg2.OperationalError("server closed the connection")
        with (
            patch.object(
                self.registry["l10n_cl_dte_ai.validation"], "_finish", side_effect=gone
            ),
            patch.object(dispatch, "keep") as kept,
            self.assertRaises(psycopg2.OperationalError),
        ):
            self.run_cron()
        [(_service, results)] = [call.args for call in kept.call_args_list]
        self.assertEqual(len(results), len(self.server.asked(VALIDATE)))
        self.assertTrue(all(isinstance(r.outcome, ai.Opinion) for r in results))

    def test_it_is_saved_when_the_database_is_back(self):
        [row] = self.create_waiting(1)
        row.write({"state": "sending"})
        self.env.flush_all()
        trace = ai.Trace("id", 200, 1, 50)
        [call] = row._calls(self.service.generation)
        result = dispatch.Result(call, ai.Opinion("reject", 90.0, (), ()), trace)
        gone = psycopg2.OperationalError("the database system is starting up")
        cursor = Mock(__enter__=Mock(return_value=self.env.cr), __exit__=Mock())
        registry = Mock(cursor=Mock(side_effect=[gone, gone, cursor]))
        with patch.object(keep, "PAUSE", 0):
            keep._save_when_back(registry, self.service.id, [result])
        self.env.invalidate_all()
        self.assertRow(row, state="done", outcome="rejected")

    def test_it_gives_up_before_the_lease_is_over(self):
        gone = psycopg2.InterfaceError("connection already closed")
        registry = Mock(cursor=Mock(side_effect=gone))
        with (
            patch.object(keep, "PAUSE", 0.01),
            patch.object(keep, "KEPT_SECONDS", 0.1),
            self.assertLogs(keep.__name__, "WARNING") as logs,
        ):
            keep._save_when_back(registry, 1, [None])
        self.assertIn("asked for again", logs.output[0])


@tagged("post_install_l10n", "post_install", "-at_install")
class TestHistory(RecoveryCase):
    def test_only_who_understands_it_is_sent_previous_documents(self):
        """A v1.2.0 service presents them to its model as past rejections."""
        self.create_posted()
        for capabilities, number in (
            (["history.items"], 1),
            (None, 0),
            (["other"], 0),
            (["other", "history.items"], 1),
        ):
            answer = healthy(capabilities=capabilities) if capabilities else healthy()
            self.check_health(answer)
            self.server.script(opinion())
            self.click(self.create_document(lines=[{"price": 1000 + number}]))
            sent = self.server.requests[-1].json["history"]
            self.assertEqual(bool(sent), bool(number), capabilities)

    def test_what_was_queued_for_another_service(self):
        self.create_posted()
        document = self.create_document()
        self.env["l10n_cl_dte_ai.validation"]._get_or_queue(document)
        self.service.sudo().understands_history = False
        self.server.script(opinion())
        self.run_cron()
        self.assertEqual(self.server.requests[-1].json["history"], [])


@tagged("post_install_l10n", "post_install", "-at_install")
class TestAlarm(RecoveryCase):
    def test_it_wakes_the_scheduler_to_the_second(self):
        woken, wakes = [], threading.Semaphore(0)

        def wake(dbname):
            woken.append((dbname, time.monotonic()))
            wakes.release()

        clock, bell = time.monotonic(), alarm.Alarm()
        with patch.object(alarm, "wake", wake):
            for seconds, dbname in ((0.6, "a"), (0.3, "b"), (0.7, "a"), (0.3, "b")):
                bell.at(dbname, clock + seconds)
            for _number in range(2):
                self.assertTrue(wakes.acquire(timeout=5))
            self.assertFalse(wakes.acquire(timeout=0.5), "some at once are one")
        self.assertEqual([dbname for dbname, _at in woken], ["b", "a"])
        self.assertGreaterEqual(woken[0][1] - clock, 0.3)
