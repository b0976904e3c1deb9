# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The fault matrix: for each way in which something can go wrong, what comes out.

The faults of the wire are those of `misbehaving_server`, by their line's number; each
goes through a click and through the cron, and what comes out is a class:

* T: waits in the queue, is asked again by itself; the service counts as down
* G: everybody waits until `blocked_until`; no attempt is used up
* S: something else answered: as T, and C once it has lasted
* C: the queue is paused, the administrators are told once, nobody asks until then
* P: this document failed, for a reason that can be read, and is not asked about again
* X: no opinion; at most two more attempts, then failed

In every class nothing is lost, and the verdict on what the document was before stays.
"""

import contextlib
import importlib
import os
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import psycopg2
import psycopg2.pool
import urllib3

from odoo import fields
from odoo.tests import tagged

from ..tools import ai
from ..tools.ai import client as ai_client
from ..tools.ai import transport
from . import misbehaving_server as wire
from .loopback import opinion, reply
from .test_generate import GenerateCase

# The tests put another one in the module.
AIServiceClient = ai.AIServiceClient

CLICK, CRON = "click", "cron"

# Lines that other tests prove: module::class::method.
ELSEWHERE = {
    6: ["test_ai_client::TestCall::test_a_good_answer_is_an_opinion"],
    61: ["tests/system/test_processes.py::test_61_a_conflict_after_the_answer"],
    62: ["tests/system/test_processes.py::test_62_two_workers_one_invoice"],
    58: ["tests/system/test_processes.py::test_58_59_60_a_worker_is_killed"],
    59: ["tests/system/test_processes.py::test_58_59_60_a_worker_is_killed"],
    60: ["tests/system/test_processes.py::test_58_59_60_a_worker_is_killed"],
    68: [
        "test_secrecy::TestSecrecy::test_a_neutralized_database",
        "test_secrecy::TestSecrecy::test_a_database_with_another_uuid",
        "test_secrecy::TestSecrecy::test_what_neutralizing_clears",
    ],
    69: [
        "test_secrecy::TestSecrecy::test_where_documents_and_key_may_go",
        "test_ai_address::TestSettings::test_addresses",
    ],
    70: [
        "test_secrecy::TestSecrecy::test_what_cannot_be_a_key_is_refused_and_not_repeated",
        "test_ai_address::TestSettings::test_keys",
    ],
    71: [
        "test_secrecy::TestSecrecy::test_it_is_in_no_log_and_no_record",
        "test_secrecy::TestSecrecy::test_it_cannot_be_read_by_anyone",
        "test_secrecy::TestOverTheWire::test_a_click_and_a_page",
        "test_ai_client::TestSecrets::test_the_key_is_in_no_error",
        "test_ai_client::TestSecrets::test_the_key_is_in_no_log",
    ],
}

# The lines that come over the wire, by what must come out.
WIRE = {
    "T": [*range(1, 6), *range(7, 12), 25, 26, 27, *range(34, 39), 55],
    "G": [*range(28, 34)],
    "S": [16, 17, 20, 21],
    "C": [18, 19],
    "P": [22, 23, 24],
    "X": [*range(12, 16), *range(39, 46), *range(47, 54), 56],
}
REASONS_OF_T = {
    1: "unreachable",
    2: "unreachable",
    3: "unreachable",
    4: "timeout",
    10: "timeout",
    11: "timeout",
    **dict.fromkeys((5, 7, 8, 9), "interrupted"),
    **dict.fromkeys((25, 26, 27), "busy"),
    **dict.fromkeys(range(34, 39), "server_error"),
    55: "no_opinion",
}


class MatrixCase(GenerateCase):
    """One invoice, approved once, that changes before each fault."""

    def setUp(self):
        super().setUp()
        self.addCleanup(wire.SECOND.close)
        self.total_seconds = 4
        self.connect_seconds = 3
        self.document = self.create_document()
        self.price = 100_000
        self.server.script(opinion("send"))
        self.click(self.document)
        self.old = self.validation(self.document)

    def _client(self, url, key, limits, **kwargs):
        return super()._client(
            url, key, limits._replace(connect=self.connect_seconds), **kwargs
        )

    # === A fault falls === #

    def change_document(self):
        self.price += 1000
        self.document.invoice_line_ids.price_unit = self.price

    def ask(self, road):
        """Ask about the invoice as it is now; return its row."""
        if road == CLICK:
            self.click(self.document)
        else:
            self.env["l10n_cl_dte_ai.validation"]._get_or_queue(self.document)
            self.run_cron()
        self.env.invalidate_all()
        return self.validation(self.document)

    def fall(self, name, road):
        """Let a fault meet a changed invoice; return the invoice's row."""
        self.start_afresh()
        self.change_document()
        self.env.flush_all()
        found = wire.FAULTS[name]
        with contextlib.ExitStack() as stack:
            # Short where it is waited for; elsewhere a slow machine must not count.
            self.total_seconds = 0.5 if {4, 10, 11} & set(found.lines) else 4
            self.connect_seconds = 0.2 if name == "never-accept" else 3
            if found.answer:
                requests = found.answers if road == CLICK else 1
                self.server.script(*[found.answer] * requests)
            else:
                self.service.sudo().url = stack.enter_context(self.bad_listener(name))
                self.service.sudo().health = "healthy"  # it was, at this address
                requests = 0
            row = self.ask(road)
        self.server.check()
        self.assertEqual(len(self.server.asked()), requests)
        self.assertFalse(wire.SECOND.requests, "it was followed")
        # Nothing is lost, and the verdict of before is there, as what it is.
        self.assertEqual(len(row), 1)
        self.assertRow(self.old, state="done", outcome="approved", is_current=False)
        if row.state != "done":
            self.assertFalse(row.verdict)
            self.assertFalse(row.answered_at)
        self.assertFalse(row.lease_until)
        return row

    @contextlib.contextmanager
    def bad_listener(self, name):
        with wire.listener(name) as url, contextlib.ExitStack() as stack:
            if name == "unknown-host":
                # No name leaves this machine, not even to be unknown.
                unknown = patch("socket.getaddrinfo", side_effect=OSError(-2, "name"))
                stack.enter_context(unknown)
                url = "http://127.0.0.1:9"
            yield url

    def start_afresh(self, keep=()):
        self.server.reset()
        self.slept.clear()
        # What older faults left in the queue is not this one's concern.
        rows = self.env["l10n_cl_dte_ai.validation"].sudo()
        rows = rows.search([("state", "in", ("pending", "sending"))])
        rows.filtered(lambda row: row not in keep).write({"state": "cancelled"})
        service = self.service.sudo()
        if service.url != self.server.url:
            service.url = self.server.url
        service._pin_to_database()
        service.write({"breaker_failures": 0, "retry_credit": 10, "health": "healthy"})
        self.env.flush_all()

    def each(self, kind, roads=(CLICK, CRON)):
        """Yield the line, the fault and the road of each fault of a class."""
        for line in WIRE[kind]:
            faults = wire.faults_of(line)
            self.assertTrue(faults, line)
            for name in faults:
                for road in roads:
                    yield line, name, road

    # === What comes out === #

    def assertWaits(self, row, line):
        self.assertRow(
            row,
            state="pending",
            outcome="no_opinion" if line == 55 else "waiting",
            reason=REASONS_OF_T[line],
            attempts=0 if line <= 3 else 1,
        )
        # 15 s, jittered: a persisted retry, not a busy loop.
        self.assertTrue(5 <= self.seconds_from_now(row.next_attempt_at) <= 24)
        self.assertIn("asked again by itself" if line != 55 else "", row.message)
        self.assertEqual(
            self.service_values("health", "health_reason", "breaker_failures"),
            ("down", REASONS_OF_T[line], 1),
        )

    def assertNobodyAsks(self):
        """Neither people nor crons."""
        before = len(self.server.requests)
        self.click(self.document)
        self.click(self.other)
        self.run_cron()
        self.assertEqual(len(self.server.requests), before)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestWire(MatrixCase):
    """What the service and the network do."""

    def test_T_what_passes_by_itself(self):
        for line, name, road in self.each("T"):
            if name == "late":
                continue  # the same as "freeze" for who waits half a second
            with self.subTest(line=line, fault=name, road=road):
                self.assertWaits(self.fall(name, road), line)

    def test_T_and_then_it_is_answered(self):
        """Nobody does anything but wait."""
        for line, name in ((1, "refuse"), (4, "freeze"), (36, "status-503")):
            with self.subTest(line=line, fault=name):
                row = self.fall(name, CRON)
                self.start_afresh(keep=row)
                self.make_due(row)
                self.server.script(opinion("review"))
                self.run_cron()
                self.assertRow(row, state="done", outcome="review", reason=False)

    def test_G_everybody_waits(self):
        self.other = self.create_document()
        waits = {28: (2, 6), 29: (40, 43), 30: (40, 43), 33: (298, 301)}
        for line, name, road in self.each("G"):
            with self.subTest(line=line, fault=name, road=road):
                row = self.fall(name, road)
                self.assertRow(row, state="pending", reason="rate_limited", attempts=0)
                blocked_until, health, failures = self.service_values(
                    "blocked_until", "health", "breaker_failures"
                )
                shortest, longest = waits.get(line, (2, 6))
                seconds = self.seconds_from_now(blocked_until)
                self.assertTrue(shortest - 1 <= seconds <= longest, seconds)
                self.assertEqual((health, failures), ("healthy", 0))
                if line == 29:
                    self.assertNobodyAsks()

    def test_C_an_administrator_has_to_act(self):
        self.other = self.create_document()
        for line, name, road in self.each("C"):
            with (
                self.subTest(line=line, fault=name, road=road),
                patch.object(
                    self.registry["l10n_cl_dte_ai.service"], "_notify_managers"
                ) as notify,
            ):
                row = self.fall(name, road)
                reason = "credentials"
                self.assertRow(row, state="pending", reason=reason, attempts=0)
                self.assertEqual(
                    self.service_values("health", "health_reason", "breaker_failures"),
                    ("misconfigured", reason, 0),
                )
                self.make_due(row)
                self.assertNobodyAsks()
                notify.assert_called_once_with(reason)
                self.assertIn("administrator", row.message)
                self.assertNotIn("Next attempt", row.message)

    def test_S_one_strange_answer_stops_nothing(self):
        """One 404 of a proxy that restarted stopped the queue until somebody came."""
        for line, name, road in self.each("S"):
            with (
                self.subTest(line=line, fault=name, road=road),
                patch.object(
                    self.registry["l10n_cl_dte_ai.service"], "_notify_managers"
                ) as notify,
            ):
                row = self.fall(name, road)
                self.assertRow(row, state="pending", reason="strange", attempts=0)
                self.assertTrue(5 <= self.seconds_from_now(row.next_attempt_at) <= 24)
                self.assertEqual(
                    self.service_values("health", "health_reason", "breaker_failures"),
                    ("down", "strange", 1),
                )
                notify.assert_not_called()
                self.assertIn("asked again by itself", row.message)

    def test_S_but_not_for_ever(self):
        """Three in a row over two minutes are no restart."""
        reasons = {"redirect-307": "redirect", "status-404": "wrong_service"}
        for name, reason in reasons.items():
            with (
                self.subTest(fault=name),
                patch.object(
                    self.registry["l10n_cl_dte_ai.service"], "_notify_managers"
                ) as notify,
            ):
                row = self.fall(name, CRON)
                self.service.sudo().suspicions = 2
                for minutes, health in ((1, "down"), (3, "misconfigured")):
                    self.service.sudo().suspected_since = fields.Datetime.subtract(
                        fields.Datetime.now(), minutes=minutes
                    )
                    self.make_due(row)
                    self.server.script(wire.FAULTS[name].answer)
                    self.run_cron()
                    self.assertEqual(self.service_values("health"), (health,))
                notify.assert_called_once_with(reason)
                self.assertRow(row, state="pending", attempts=0)
                self.assertIn("administrator", row.message)

    def test_C_goes_on_when_it_is_mended(self):
        row = self.fall("status-403", CRON)
        self.service.sudo().new_key = "sk-another-key-of-the-service"
        self.server.script(opinion())
        self.run_cron()
        self.assertRow(row, state="done", outcome="approved")

    def test_17_a_certificate_that_is_vouched_for(self):
        """So that the two that are refused are not refused for another reason."""
        with (
            wire.tls_server() as server,
            patch.dict(os.environ, REQUESTS_CA_BUNDLE=server.certificate),
        ):
            self.service.sudo().url = server.url
            self.change_document()
            server.script(opinion("review"))
            self.assertRow(self.ask(CLICK), outcome="review")

    def test_17_a_certificate_of_another_host_that_is_vouched_for(self):
        with (
            wire.tls_server("other.example") as server,
            patch.dict(os.environ, REQUESTS_CA_BUNDLE=server.certificate),
        ):
            self.service.sudo().url = server.url
            self.change_document()
            # A new address that never was the service's: that is proof.
            self.assertRow(self.ask(CLICK), state="pending", reason="strange")
            self.assertEqual(self.service.health_reason, "tls")
            self.assertFalse(server.requests)

    def test_P_the_document_has_to_be_mended(self):
        for line, name, road in self.each("P"):
            with self.subTest(line=line, fault=name, road=road):
                row = self.fall(name, road)
                self.assertRow(row, state="failed", reason="refused", attempts=1)
                self.assertEqual(row.findings, [{"severity": "error", "message": "no"}])
                self.assertEqual(
                    self.service_values("health", "breaker_failures"), ("healthy", 0)
                )
                self.make_due(row)
                self.other = self.document
                self.assertNobodyAsks()
                # Mended, it is another document.
                self.change_document()
                self.server.script(opinion())
                self.assertRow(self.ask(CLICK), outcome="approved")
                self.assertRow(row, state="failed", outcome="failed")

    def test_X_no_opinion(self):
        for line, name, road in self.each("X"):
            with self.subTest(line=line, fault=name, road=road):
                row = self.fall(name, road)
                self.assertRow(
                    row,
                    state="pending",
                    outcome="no_opinion",
                    reason="contradictory" if line == 56 else "unreadable",
                    attempts=1,
                    confidence=0,
                )
                self.assertTrue(5 <= self.seconds_from_now(row.next_attempt_at) <= 24)

    def test_X_two_more_attempts_at_most(self):
        for line, name in ((12, "html"), (14, "gzip-bomb"), (56, "contradiction")):
            with self.subTest(line=line, fault=name):
                row = self.fall(name, CRON)
                for state in ("pending", "failed", "failed"):
                    self.make_due(row)
                    if row.state == "pending":
                        self.server.script(wire.FAULTS[name].answer)
                    self.run_cron()
                    self.assertEqual(row.state, state)
                self.assertEqual((row.attempts, row.outcome), (3, "no_opinion"))

    def test_13_14_15_52_what_is_too_large_is_not_read(self):
        read = []
        for name in ("huge", "gzip-bomb", "long-text", "encoding-br"):
            read.clear()

            def transfer(client, prepared, seconds):
                response = client._send(prepared)
                raw = response.raw
                with contextlib.suppress(ai.NoOpinion):
                    transport.read_body(response, float("inf"))
                read.append(raw.tell())
                response.close()
                raise ai.NoOpinion("unreadable", status=200)

            with (
                self.subTest(fault=name),
                patch.object(AIServiceClient, "_transfer", transfer),
            ):
                self.fall(name, CLICK)
                self.assertLessEqual(read[0], transport.MAX_BODY + 2**16)
                if name in ("gzip-bomb", "encoding-br"):
                    self.assertEqual(read[0], 0)

    def test_46_what_is_more_than_the_contract(self):
        for road in (CLICK, CRON):
            for name in wire.faults_of(46):
                with self.subTest(fault=name, road=road):
                    self.assertRow(self.fall(name, road), outcome="approved")

    def test_54_a_script_in_a_warning(self):
        for road in (CLICK, CRON):
            with self.subTest(road=road):
                row = self.fall("script", road)
                [finding] = row.findings
                # As it came, as text; who shows it escapes it.
                self.assertTrue(finding["message"].startswith("<script>"))
                self.assertNotIn("<script", self.messages(self.document))
                self.assertNotIn("onerror", self.messages(self.document))

    def test_55_a_failure_that_says_send(self):
        """It is never reused: whoever asks next asks the service."""
        for road in (CLICK, CRON):
            with self.subTest(road=road):
                row = self.fall("fail-open", road)
                self.assertRow(row, verdict=False, confidence=0)
                self.make_due(row)
                self.server.script(opinion("reject"))
                self.assertRow(self.ask(road), outcome="rejected")

    def test_6_a_connection_that_was_closed_while_idle(self):
        others = [self.create_document() for _number in range(3)]
        self.env["l10n_cl_dte_ai.validation"]._get_or_queue(
            self.env["account.move"].union(*others)
        )
        self.server.script(*[wire.close_idle] * 3)
        self.run_cron()
        for document in others:
            self.assertEqual(document.l10n_cl_dte_ai_state, "approved")

    def test_6_a_connection_that_was_idle_for_long_is_not_used_again(self):
        """The service closes it after five seconds, perhaps as we send."""
        peers = []

        def answer(handler):
            peers.append(handler.client_address)
            opinion()(handler)

        for idle, connections in ((4, 1), (0, 2)):
            peers.clear()
            self.server.script(answer, answer)
            with (
                patch.object(ai_client, "MAX_IDLE", idle),
                self.service._client(ai.BACKGROUND) as client,
            ):
                client.validate({"tipo_dte": "33"}, company_id=1)
                client.validate({"tipo_dte": "33"}, company_id=1)
            self.assertEqual(len(set(peers)), connections)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestUs(MatrixCase):
    """What happens on our side while the service is asked."""

    def ask_while(self, change, answer=None, road=CLICK, more=()):
        """Ask; while the service thinks another worker does `change`."""

        def answer_late(handler):
            change()
            (answer or opinion())(handler)

        def commit(model):
            model.env.flush_all()
            model.env.invalidate_all()

        self.change_document()
        self.server.script(answer_late, *more)
        with patch.object(self.registry["l10n_cl_dte_ai.service"], "_commit", commit):
            if road == CLICK:
                self.document.action_l10n_cl_dte_generate()
            else:
                self.ask(CRON)
        self.env.invalidate_all()

    def sql(self, query, *values):
        return lambda: self.cr.execute(query, values)

    def last_row(self):
        return self.document.sudo().l10n_cl_dte_ai_validation_ids.sorted("id")[-1:]

    def test_57_only_the_databases_clock_counts(self):
        real_now = fields.Datetime.now
        for minutes in (-10, 10):

            def wrong_now(*_args, minutes=minutes):
                return real_now() + timedelta(minutes=minutes)

            with (
                self.subTest(minutes=minutes),
                patch.object(fields.Datetime, "now", wrong_now),
            ):
                limited = self.fall("limit-seconds", CLICK)
                [blocked_until] = self.service_values("blocked_until")
                seconds = (blocked_until - real_now()).total_seconds()
                self.assertTrue(39 <= seconds <= 43, seconds)
                self.run_cron()
                self.assertEqual(limited.state, "pending")
                row = self.fall("status-500", CRON)
                seconds = (row.next_attempt_at - real_now()).total_seconds()
                self.assertTrue(5 <= seconds <= 24, seconds)
                self.server.requests.clear()
                self.run_cron()
                self.assertFalse(self.server.requests, "not due yet")
                row.write({"state": "sending"})
                row.lease_until = real_now() + timedelta(seconds=60)
                self.run_cron()
                self.assertFalse(self.server.requests, "the lease holds")
                row.lease_until = real_now() - timedelta(seconds=1)
                self.server.script(opinion())
                self.run_cron()
                self.assertEqual(row.state, "done")

    def test_60_who_lost_the_lease_changes_nothing(self):
        """Another worker took it over and has its answer already."""
        self.service.sudo().rate_per_minute = 60_000  # see test_63
        for road in (CLICK, CRON):
            with self.subTest(road=road):
                self.ask_while(
                    self.sql(
                        "UPDATE l10n_cl_dte_ai_validation SET state = 'done',"
                        " verdict = 'rejected', outcome = 'rejected', attempts = 1,"
                        " next_attempt_at = NULL WHERE state = 'sending'"
                    ),
                    opinion("send"),
                    road,
                )
                row = self.last_row()
                self.assertRow(row, state="done", verdict="rejected", attempts=1)

    def test_63_edited_in_flight(self):
        """The verdict is kept under what was asked; what it is now is asked about."""
        # Of a limited service the cron looks for nothing else meanwhile: here it and
        # whoever edits the document have but one cursor.
        self.service.sudo().rate_per_minute = 60_000
        for road in (CLICK, CRON):
            with self.subTest(road=road):
                # Of the edited one, the cron knows at once.
                more = [opinion()] if road == CRON else []
                self.ask_while(
                    self.sql(
                        "UPDATE l10n_cl_dte_ai_validation SET is_current = FALSE,"
                        " digest = 'edited' || id WHERE move_id = %s AND is_current",
                        self.document.id,
                    ),
                    opinion("reject"),
                    road,
                    more,
                )
                new = self.last_row()
                asked = self.document.sudo().l10n_cl_dte_ai_validation_ids - new
                self.assertIn("rejected", asked.mapped("outcome"))
                if road == CLICK:
                    self.assertRow(new, state="pending", is_current=True)
                    self.server.script(opinion())
                    self.run_cron()
                self.assertRow(new, outcome="approved", is_current=True)
                self.assertEqual(self.document.l10n_cl_dte_ai_state, "approved")

    def test_64_deleted_in_flight(self):
        for answer in (opinion(), reply(500, b""), reply(403, b""), reply(429, b"")):
            self.start_afresh()
            document = self.document = self.create_document()
            self.ask_while(
                self.sql("DELETE FROM account_move WHERE id = %s", document.id), answer
            )
            self.assertFalse(
                self.env["l10n_cl_dte_ai.validation"].search(
                    [("move_id", "=", document.id)]
                )
            )

    def test_65_no_longer_eligible(self):
        """Cancelled in flight: what failed is not asked about again."""
        self.ask_while(
            self.sql(
                "UPDATE account_move SET state = 'cancel' WHERE id = %s",
                self.document.id,
            ),
            reply(500, b""),
        )
        row = self.last_row()
        self.assertEqual(row.state, "pending")
        self.make_due(row)
        self.run_cron()
        self.assertEqual(row.state, "cancelled")
        self.assertEqual(len(self.server.requests), 2)

    def test_66_settings_that_change_in_flight(self):
        changes = {
            "address": self.sql(
                "UPDATE l10n_cl_dte_ai_service SET generation = generation + 1"
            ),
            "other service": lambda: self.use(self.other_service),
            "deleted": self.sql(
                "DELETE FROM l10n_cl_dte_ai_service WHERE id = %s", self.service.id
            ),
        }
        self.other_service = self.service.sudo().create(
            {"url": self.server.url, "new_key": "x" * 20, "rate_per_minute": 0}
        )
        for name, change in changes.items():
            with self.subTest(name):
                self.ask_while(change, opinion("reject"))
                row = self.last_row()
                is_gone = name == "deleted"  # and nobody is left to ask
                state = "cancelled" if is_gone else "pending"
                self.assertRow(row, state=state, verdict=False, attempts=0)
                self.server.script(opinion("review"))
                if is_gone:
                    self.use(self.other_service)
                    self.document.action_l10n_cl_dte_generate()
                else:
                    self.run_cron()
                self.assertRow(self.last_row(), state="done", outcome="review")
                self.use(self.service.exists() or self.other_service)

    def use(self, service):
        self.company_data["company"].sudo().l10n_cl_dte_ai_service_id = service
        self.env.flush_all()

    def test_67_a_key_that_was_rotated_in_flight(self):
        """The old key is refused: that says nothing of the new one."""
        self.service.sudo().rate_per_minute = 60_000  # see test_63
        for road in (CLICK, CRON):
            with self.subTest(road=road):
                self.ask_while(
                    self.sql(
                        "UPDATE l10n_cl_dte_ai_service SET generation = generation + 1,"
                        " key = 'sk-the-new-key-of-the-service'"
                    ),
                    reply(403, {"detail": "Invalid API key"}),
                    road,
                )
                row = self.last_row()
                self.assertRow(row, state="pending", attempts=0)
                self.assertNotEqual(self.service_values("health"), ("misconfigured",))
                before = len(self.server.requests)
                self.server.script(opinion())
                self.run_cron()
                self.assertRow(row, state="done", outcome="approved")
                self.assertEqual(len(self.server.requests), before + 1)
                self.assertEqual(
                    self.server.requests[-1].headers["Authorization"],
                    "Bearer sk-the-new-key-of-the-service",
                )

    def test_66_67_no_other_document_goes_where_the_settings_of_before_say(self):
        """Neither by the cron, which still has the key of before in its hands."""
        self.service.sudo().rate_per_minute = 60_000  # see test_63
        others = [self.create_document() for _number in range(3)]
        for document in others:
            self.env["l10n_cl_dte_ai.validation"]._get_or_queue(document)
        before = len(self.server.requests)
        self.ask_while(
            self.sql(
                "UPDATE l10n_cl_dte_ai_service SET generation = generation + 1,"
                " key = 'sk-the-new-key-of-the-service'"
            ),
            reply(403, {"detail": "Invalid API key"}),
            CRON,
        )
        self.assertEqual(len(self.server.requests), before + 1)
        self.assertNotEqual(self.service_values("health"), ("misconfigured",))
        self.server.script(*[opinion()] * 4)
        self.run_cron()
        self.assertEqual(
            {r.headers["Authorization"] for r in self.server.requests[before + 1 :]},
            {"Bearer sk-the-new-key-of-the-service"},
        )
        for document in (self.document, *others):
            self.assertEqual(document.l10n_cl_dte_ai_state, "approved")

    def test_72_a_gate_that_is_gone_lets_nobody_pass(self):
        acquire = self.registry["l10n_cl_dte_ai.service"]._acquire

        def acquire_too_late(service, *args):
            self.cr.execute("DELETE FROM l10n_cl_dte_ai_service")
            return acquire(service, *args)

        self.change_document()
        self.server.requests.clear()
        with patch.object(
            self.registry["l10n_cl_dte_ai.service"], "_acquire", acquire_too_late
        ):
            self.document.action_l10n_cl_dte_generate()
        self.assertFalse(self.server.requests)
        self.env.invalidate_all()
        self.assertEqual(self.last_row().state, "pending")

    def test_72_73_no_connection_to_the_database_is_free(self):
        """Nobody passes, and the document waits."""
        for error in (
            psycopg2.OperationalError("the server closed the connection"),
            psycopg2.errors.LockNotAvailable("lock timeout"),
            psycopg2.pool.PoolError("The Connection Pool Is Full"),
        ):
            for road in (CLICK, CRON):
                with (
                    self.subTest(error=error, road=road),
                    patch.object(
                        self.registry["l10n_cl_dte_ai.service"],
                        "_own_cursor",
                        side_effect=error,
                    ),
                ):
                    self.change_document()
                    self.server.requests.clear()
                    row = self.ask(road)
                    self.assertFalse(self.server.requests)
                    self.assertRow(row, state="pending", attempts=0)
                    if road == CLICK:
                        self.assertRow(row, reason="busy")

    def test_73_a_verdict_survives_a_pool_that_is_full_afterwards(self):
        """What is learnt of the service can wait; what it said cannot."""
        for road in (CLICK, CRON):
            with self.subTest(road=road):
                self.service.sudo().breaker_failures = 2
                self.change_document()
                service_class = self.registry["l10n_cl_dte_ai.service"]
                own_cursor = service_class._own_cursor

                before = len(self.server.asked())

                def full(service, own_cursor=own_cursor, before=before):
                    if len(self.server.asked()) > before:
                        raise psycopg2.pool.PoolError("The Connection Pool Is Full")
                    return own_cursor(service)

                self.server.script(opinion())
                with patch.object(service_class, "_own_cursor", full):
                    row = self.ask(road)
                self.assertRow(row, state="done", outcome="approved")

    def test_73_a_pool_of_http_connections(self):
        for error in (
            urllib3.exceptions.ClosedPoolError(None, "closed"),
            urllib3.exceptions.EmptyPoolError(None, "full"),
        ):
            for road in (CLICK, CRON):
                with (
                    self.subTest(error=error, road=road),
                    patch.object(AIServiceClient, "_send", side_effect=error),
                ):
                    self.start_afresh()
                    self.change_document()
                    self.assertRow(
                        self.ask(road),
                        state="pending",
                        reason="interrupted",
                        attempts=1,
                    )


@tagged("post_install_l10n", "post_install", "-at_install")
class TestMatrix(MatrixCase):
    """That no line is forgotten."""

    def test_every_line_has_its_test(self):
        covered = set(ELSEWHERE).union(*WIRE.values())
        for case in (TestWire, TestUs):
            for name in dir(case):
                if name.startswith("test_"):
                    covered.update(int(n) for n in name.split("_") if n.isdigit())
        self.assertEqual(sorted(covered), [*range(1, 74)])

    def test_the_tests_elsewhere_are_there(self):
        root = Path(__file__).resolve().parents[2]
        for line, tests in ELSEWHERE.items():
            for test in tests:
                with self.subTest(line=line, test=test):
                    module, *names = test.split("::")
                    if module.endswith(".py"):
                        # The addon may be alone, without the tests of its repository.
                        if (root / module).exists():
                            text = (root / module).read_text()
                            self.assertIn(f"def {names[-1]}(", text)
                        continue
                    found = importlib.import_module(f"{__package__}.{module}")
                    for name in names:
                        found = getattr(found, name)
                    self.assertTrue(callable(found))
