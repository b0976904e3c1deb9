# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The click, the queue and the cron, in each outcome that a service can have."""

import socket
from contextlib import contextmanager
from datetime import timedelta
from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import new_test_user, tagged

from ..models import dispatch
from ..tools.ai import AIServiceClient
from .common import DteAiCommon
from .loopback import (
    HEALTH,
    cut_off,
    healthy,
    opinion,
    refusal,
    reply,
    silence,
)


class GenerateCase(DteAiCommon):
    def seconds_from_now(self, moment):
        return (moment - fields.Datetime.now()).total_seconds()

    def assertRow(self, validation, **values):
        for name, value in values.items():
            self.assertEqual(validation[name], value, name)

    def service_values(self, *names):
        self.service.invalidate_recordset()
        return tuple(self.service[name] for name in names)


class ClickTests:
    """*Generate DTE* on an invoice, as the accountant."""

    def test_what_the_service_says_is_what_the_wizard_shows(self):
        for recommendation, outcome in (
            ("send", "approved"),
            ("review", "review"),
            ("reject", "rejected"),
        ):
            with self.subTest(recommendation):
                errors = ["RUT dudoso"] if recommendation == "reject" else []
                document = self.create_document()
                self.server.script(
                    opinion(recommendation, 87.5, errors, ["<b>Monto</b> inusual"])
                )
                wizard = self.click(document)
                findings = [{"severity": "error", "message": m} for m in errors]
                findings += [{"severity": "warning", "message": "<b>Monto</b> inusual"}]
                self.assertEqual(wizard.outcome, outcome)
                self.assertEqual(wizard.confidence, 87.5)
                self.assertEqual(wizard.ai_findings, findings)
                self.assertFalse(wizard.odoo_findings)
                self.assertFalse(wizard.message)
                self.assertTrue(wizard.answered_at)
                row = self.validation(document)
                self.assertRow(
                    row,
                    state="done",
                    outcome=outcome,
                    reason=False,
                    attempts=1,
                    next_attempt_at=False,
                    lease_until=False,
                    http_status=200,
                    requested_by_id=self.accountant,
                )
                request = self.server.requests[-1]
                self.assertEqual(row.request_id, request.headers["X-Request-ID"])
                self.assertEqual(
                    row._idempotency_key(), request.headers["Idempotency-Key"]
                )
                self.assertEqual(document.l10n_cl_dte_ai_state, outcome)
                # Nothing is asked twice.
                self.click(document)
                self.click(document, self.overrider)
                wizard.action_check_again()
        self.assertEqual(len(self.server.requests), 3)
        self.assertEqual(self.service_values("health"), ("healthy",))

    def test_the_claim_is_committed_before_the_service_hears_of_it(self):
        """And nothing is open while it thinks: a conflict cannot ask it again."""
        seen = []

        def answer(handler):
            seen.append(list(self.commits))
            opinion()(handler)

        def commit(model):
            model.env.cr.commit()

        self.server.script(answer)
        document = self.create_document()
        service_class = self.registry["l10n_cl_dte_ai.service"]
        with patch.object(service_class, "_commit", commit):
            self.click(document)
        [before] = seen
        self.assertTrue(before, "committed before the call")
        self.assertGreater(len(self.commits), len(before), "and after it")

    def test_a_service_that_fails_open_gives_no_approval(self):
        document = self.create_document()
        self.server.script(opinion("send", 50, warnings=["AI Service error: timeout"]))
        wizard = self.click(document)
        self.assertEqual(wizard.outcome, "no_opinion")
        self.assertIn("not an approval", wizard.message)
        self.assertFalse(wizard.ai_findings)  # its text says nothing to an accountant
        row = self.validation(document)
        self.assertRow(row, state="pending", reason="no_opinion", attempts=1)
        self.assertFalse(row.verdict)
        self.assertTrue(7 <= self.seconds_from_now(row.next_attempt_at) <= 23)
        self.assertEqual(
            self.service_values("health", "health_reason"), ("down", "no_opinion")
        )
        # It is never reused: the next click asks.
        self.server.script(opinion("send"))
        self.assertEqual(self.click(document).outcome, "approved")

    def test_a_service_that_says_it_has_no_opinion(self):
        document = self.create_document()
        self.server.script(
            opinion("review", 0, opinion=False, reason="No reviso este giro")
        )
        wizard = self.click(document)
        self.assertEqual(wizard.outcome, "no_opinion")
        self.assertEqual(wizard.ai_findings[0]["message"], "No reviso este giro")

    def test_an_answer_that_cannot_be_understood(self):
        document = self.create_document()
        self.server.script(*[opinion("send", 150)] * 3)
        for attempts in (1, 2):
            self.click(document)
            self.assertRow(
                self.validation(document),
                state="pending",
                outcome="no_opinion",
                reason="unreadable",
                attempts=attempts,
            )
        self.click(document)
        self.assertRow(self.validation(document), state="failed", reason="unreadable")

    def test_a_key_that_is_refused_pauses_all(self):
        manager = new_test_user(
            self.admin_env,
            "manager",
            groups="l10n_cl_dte_ai.group_manager",
            company_id=self.company_data["company"].id,
            notification_type="inbox",
            lang="en_US",
        )
        document, other = self.create_document(), self.create_document()
        self.server.script(reply(403, {"detail": "Invalid API key"}))
        with self.bus() as sent:
            wizard = self.click(document)
        self.assertIn("refused the key", wizard.message)
        self.assertNotIn("Next attempt", wizard.message)
        self.assertEqual(wizard.outcome, "waiting")
        row = self.validation(document)
        self.assertRow(row, state="pending", reason="credentials", attempts=0)
        self.assertEqual(
            self.service_values("health", "health_reason"),
            ("misconfigured", "credentials"),
        )
        self.assertIn(
            "misconfigured",
            [p["state"] for _t, kind, p in sent if kind == "l10n_cl_dte_ai/health"],
        )
        notices = (
            self.env["mail.message"]
            .sudo()
            .search([("notified_partner_ids", "in", manager.partner_id.ids)])
        )
        self.assertEqual(len(notices), 1)
        self.assertIn("refused the key", notices.body)
        # No retry until the settings change: not by a click, nor by a cron.
        self.click(document)
        self.assertIn("refused the key", self.click(other).message)
        self.run_cron()
        self.admin_env["l10n_cl_dte_ai.service"].sudo()._cron_check_health()
        self.assertEqual(len(self.server.requests), 1)
        # Then all of it goes out.
        self.service.sudo().new_key = "sk-another-key-of-the-service"
        self.server.script(opinion("send"), opinion("review"))
        self.run_cron()
        self.assertEqual(
            {document.l10n_cl_dte_ai_state, other.l10n_cl_dte_ai_state},
            {"approved", "review"},
        )
        self.assertEqual(
            self.server.requests[-1].headers["Authorization"],
            "Bearer sk-another-key-of-the-service",
        )

    def test_the_notice_says_what_is_wrong(self):
        """The state is written on another cursor, which this one cannot see."""
        later = []

        cr = self.cr

        class OtherCursor:
            fetchone = cr.fetchone

            def execute(self, query):
                is_state = query.code.startswith("UPDATE") and "health" in query.code
                (later.append if is_state else cr.execute)(query)

        @contextmanager
        def own_cursor(model):
            model.flush_recordset()
            yield OtherCursor()

        service_class = self.registry["l10n_cl_dte_ai.service"]
        self.server.script(reply(403, b""))
        with (
            patch.object(service_class, "_own_cursor", own_cursor),
            patch.object(
                self.registry["mail.thread"], "message_notify", autospec=True
            ) as notify,
        ):
            self.click(self.create_document())
        self.assertTrue(later)
        # Once for each language of the administrators.
        for call in notify.call_args_list:
            self.assertRegex(call.kwargs["body"], "refused the key|rechazó la clave")
        notify.assert_called()

    def test_a_document_that_is_refused(self):
        document = self.create_document()
        self.server.script(refusal("El RUT no es válido"))
        wizard = self.click(document)
        self.assertEqual(wizard.outcome, "failed")
        self.assertEqual(
            wizard.ai_findings,
            [{"severity": "error", "message": "El RUT no es válido"}],
        )
        self.assertIn("does not accept this document", wizard.message)
        self.assertRow(
            self.validation(document), state="failed", reason="refused", attempts=1
        )
        # The same document would be refused again.
        self.click(document)
        self.run_cron()
        self.assertEqual(len(self.server.requests), 1)
        self.assertEqual(self.service_values("health"), ("healthy",))

    def test_a_limit_that_says_when(self):
        document, other = self.create_document(), self.create_document()
        self.server.script(reply(429, b"{}", {"Retry-After": "42"}))
        with self.bus() as sent:
            wizard = self.click(document)
        self.assertRegex(
            wizard.message,
            r"accepts no more documents.*Next attempt at about \d\d:\d\d\.",
        )
        row = self.validation(document)
        self.assertRow(
            row, state="pending", reason="rate_limited", attempts=0, http_status=429
        )
        # It is the company's time, wherever who reads it is.
        told = set()
        for zone in ("America/Santiago", "UTC", "Asia/Tokyo"):
            row.invalidate_recordset(["message"], flush=False)
            told.add(row.with_context(tz=zone).message)
        self.assertEqual(len(told), 1, told)
        [blocked_until] = self.service_values("blocked_until")
        self.assertTrue(40 <= self.seconds_from_now(blocked_until) <= 43)
        [health] = [p for _t, kind, p in sent if kind == "l10n_cl_dte_ai/health"]
        self.assertEqual(health["state"], "limited")
        self.assertEqual(health["until"], fields.Datetime.to_string(blocked_until))
        # Everybody waits, and no attempt is used up.
        self.click(document)
        wizard = self.click(other, self.overrider)
        self.assertIn("Next attempt", wizard.message)
        self.assertRow(
            self.validation(other),
            state="pending",
            reason="rate_limited",
            next_attempt_at=blocked_until,
        )
        self.run_cron()
        self.assertEqual(len(self.server.requests), 1)

    def test_a_limit_that_does_not_say_when(self):
        """3 s, then longer: a service of version 1.2.0 says nothing."""
        document = self.create_document()
        for shortest, longest in ((2, 5), (5, 10), (11, 19), (23, 37), (47, 91)):
            self.server.script(reply(429, {"error": "Rate limit exceeded"}))
            self.click(document)
            [blocked_until] = self.service_values("blocked_until")
            seconds = self.seconds_from_now(blocked_until)
            self.assertTrue(shortest <= seconds <= longest, seconds)
            self.make_due(self.validation(document))
        self.server.script(opinion())
        self.click(document)
        self.assertEqual(self.service_values("limited_count"), (0,))

    def test_a_limit_in_the_middle_of_the_queue_holds_for_the_rest(self):
        documents = [self.create_document() for _number in range(3)]
        self.server.script(reply(429, b"", {"Retry-After": "42"}))
        for document in documents:
            self.click(document)
        for document in documents:
            self.make_due(self.validation(document))
        self.server.script(opinion(), reply(429, b"", {"Retry-After": "42"}))
        self.run_cron()
        states = [document.l10n_cl_dte_ai_state for document in documents]
        self.assertEqual(states.count("approved"), 1)
        self.assertEqual(states.count("waiting"), 2)
        # What was at hand already is given back, not left for a lease to end.
        states = [self.validation(document).state for document in documents]
        self.assertEqual(sorted(states), ["done", "pending", "pending"])

    def test_a_service_that_does_not_answer(self):
        document = self.create_document()
        self.total_seconds = 0.4
        self.server.script(silence)
        wizard = self.click(document)
        self.assertRegex(wizard.message, "did not answer in time.*Next attempt at")
        self.assertEqual(wizard.outcome, "waiting")
        row = self.validation(document)
        self.assertRow(row, state="pending", reason="timeout", attempts=1)
        self.assertTrue(7 <= self.seconds_from_now(row.next_attempt_at) <= 23)
        self.assertEqual(
            self.service_values("health", "health_reason"), ("down", "timeout")
        )

    def test_what_else_is_a_service_that_is_down(self):
        for reason, answers in (
            ("interrupted", [cut_off]),
            ("server_error", [reply(500, {"error": "Internal server error"})]),
            ("server_error", [reply(503, b""), reply(503, b"")]),
            ("busy", [reply(409, b"")]),
        ):
            with self.subTest(reason):
                document = self.create_document()
                self.server.script(*answers)
                wizard = self.click(document)
                self.assertIn("Next attempt at", wizard.message)
                self.assertRow(
                    self.validation(document),
                    state="pending",
                    reason=reason,
                    attempts=1,
                )
                self.assertEqual(
                    self.service_values("health", "health_reason"), ("down", reason)
                )

    def test_a_service_that_is_not_there(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            self.service.sudo().url = f"http://127.0.0.1:{unused.getsockname()[1]}"
            document = self.create_document()
            wizard = self.click(document)
        self.assertIn("cannot be reached", wizard.message)
        self.assertRow(self.validation(document), state="pending", reason="unreachable")
        self.assertEqual(len(self.slept), 1, "tried a second time")

    def test_the_limits_are_those_of_the_settings(self):
        self.service.sudo().interactive_seconds = 5
        self.server.script(opinion())
        self.click(self.create_document())
        # Less what the wait for the slot took of it.
        self.assertTrue(4 < self.limits.total <= 5)
        self.assertEqual(self.limits.read, self.limits.total)

    def test_a_fault_of_ours_leaves_no_row_behind(self):
        document = self.create_document()
        fault = ZeroDivisionError("with a secret")
        with (
            patch.object(AIServiceClient, "validate", side_effect=fault),
            self.assertLogs("odoo.addons.l10n_cl_dte_ai", "ERROR") as logs,
        ):
            wizard = self.click(document)
        self.assertRow(self.validation(document), state="pending", reason="fault")
        self.assertIn("the AI service is not to blame", wizard.message)
        self.assertIn("ZeroDivisionError", "".join(logs.output))
        self.assertEqual(self.service.health, "unknown")
        self.assertNotIn("secret", "".join(logs.output))

    def test_an_error_in_odoos_data_spends_no_request(self):
        document = self.create_document()
        self.customer.l10n_cl_activity_description = False
        wizard = self.click(document)
        self.assertEqual(wizard.outcome, "not_asked")
        self.assertTrue(wizard.has_errors)
        [finding] = wizard.odoo_findings
        self.assertEqual(finding["severity"], "error")
        self.assertEqual(
            finding["record"],
            {
                "model": "res.partner",
                "id": self.customer.id,
                "name": self.customer.display_name,
            },
        )
        self.assertIn("mend first", wizard.message)
        self.assertFalse(document.l10n_cl_dte_ai_validation_ids)
        # Mended, it is asked about.
        self.customer.l10n_cl_activity_description = "Venta de abarrotes"
        self.server.script(opinion())
        wizard.action_check_again()
        self.assertEqual(document.l10n_cl_dte_ai_state, "approved")

    def test_a_warning_in_odoos_data_does_not_stop_the_question(self):
        document = self.create_document(
            invoice_date=fields.Date.add(fields.Date.today(), days=20),
            invoice_date_due=fields.Date.add(fields.Date.today(), days=50),
        )
        self.server.script(opinion())
        wizard = self.click(document)
        self.assertEqual(wizard.outcome, "approved")
        self.assertEqual([f["severity"] for f in wizard.odoo_findings], ["warning"])
        self.assertFalse(wizard.has_errors)

    def test_without_a_service_the_rules_are_checked_alone(self):
        self.company_data["company"].sudo().l10n_cl_dte_ai_service_id = False
        document = self.create_document()
        wizard = self.click(document)
        self.assertEqual(wizard.outcome, "not_asked")
        self.assertIn("No AI service is configured", wizard.message)
        self.assertFalse(wizard.needs_override)
        self.assertFalse(document.l10n_cl_dte_ai_validation_ids)

    def test_what_is_not_covered_says_why(self):
        bill = self.create_document(move_type="in_invoice")
        cancelled = self.create_document()
        cancelled.button_cancel()
        for document, text in ((bill, "customer documents"), (cancelled, "cancelled")):
            with self.assertRaisesRegex(UserError, text):
                document.action_l10n_cl_dte_generate()

    def test_who_may_not_press_it(self):
        reader = self.create_reader()
        document = self.create_document().with_user(reader)
        with self.assertRaises(AccessError):
            document.action_l10n_cl_dte_generate()

    def create_reader(self):
        return new_test_user(
            self.admin_env,
            "reader",
            groups="account.group_account_readonly",
            company_id=self.company_data["company"].id,
        )


class QueueTests:
    """What waits is asked about again, by itself, and nothing is lost."""

    def create_queued(self, **values):
        """A document that is due, after a first attempt that met an outage."""
        document = self.create_document(**values)
        self.server.script(reply(500, b""))
        self.click(document)
        self.make_due(self.validation(document))
        self.server.requests.clear()
        return document

    def test_the_cron_asks_again_and_tells_who_asked(self):
        document = self.create_queued()
        self.server.script(opinion("review", 71))
        with self.bus() as sent:
            self.run_cron()
        row = self.validation(document)
        self.assertEqual((row.state, row.outcome), ("done", "review"))
        self.assertEqual(row.attempts, 2)
        self.assertEqual(tuple(self.limits), (3, 25, 25, 1))
        [(target, payload)] = [
            (target, payload)
            for target, kind, payload in sent
            if kind == "l10n_cl_dte_ai/answer"
        ]
        self.assertEqual(target, self.accountant.partner_id)
        self.assertEqual(payload["move_id"], document.id)
        self.assertIn("71", self.messages(document))

    def test_the_same_words_go_out_at_each_attempt(self):
        document = self.create_document()
        self.server.script(reply(500, b""), opinion())
        self.click(document)
        self.create_posted(invoice_date="2026-01-02")  # history has changed meanwhile
        self.make_due(self.validation(document))
        self.run_cron()
        first, second = self.server.requests
        self.assertEqual(first.body, second.body)
        key = "Idempotency-Key"
        self.assertEqual(first.headers[key], second.headers[key])

    def test_what_is_not_due_is_not_asked_about(self):
        document = self.create_document()
        self.server.script(reply(500, b""))
        self.click(document)
        self.run_cron()
        self.assertEqual(len(self.server.requests), 1)
        self.assertEqual(self.validation(document).attempts, 1)

    def test_the_longest_waiting_comes_first(self):
        now = fields.Datetime.now()
        documents = [self.create_queued() for _number in range(3)]
        for document, minutes in zip(documents, (1, 3, 2), strict=True):
            row = self.validation(document)
            row.next_attempt_at = now - timedelta(minutes=minutes)
        self.server.script(*[opinion()] * 3)
        self.run_cron()
        keys = [request.headers["Idempotency-Key"] for request in self.server.requests]
        expected = [
            self.validation(documents[position])._idempotency_key()
            for position in (1, 2, 0)
        ]
        self.assertEqual(keys[-3:], expected)

    def test_the_longest_waiting_comes_first_where_few_may_pass(self):
        """A new document must not be put off for ever by older ones that fail."""
        now = fields.Datetime.now()
        rows = [self.validation(self.create_queued()) for _number in range(3)]
        for row, minutes in zip(rows, (1, 3, 2), strict=True):
            row.next_attempt_at = now - timedelta(minutes=minutes)
        self.env.flush_all()
        taken = [rows[0]._claim_due(self.service.sudo(), 1) for _number in range(3)]
        self.assertEqual(taken, [rows[1], rows[2], rows[0]])

    def test_a_row_that_always_fails_does_not_starve_the_others(self):
        bad, good = self.create_queued(), self.create_queued()
        row = self.validation(bad)
        row.next_attempt_at = fields.Datetime.now() - timedelta(days=1)
        # The other's answer shows that the service is well: it gets one more attempt.
        self.server.script(reply(500, b""), opinion(), reply(500, b""))
        self.run_cron()
        self.assertEqual(row.state, "pending")
        self.assertEqual(good.l10n_cl_dte_ai_state, "approved")

    def test_a_slice_that_is_over_leaves_the_rest_to_the_next(self):
        """Odoo ends a cron that goes on for too long, whatever it has under way."""
        cron = self.admin_env.ref("l10n_cl_dte_ai.ir_cron_ask").sudo()
        triggers = cron.env["ir.cron.trigger"].search([("cron_id", "=", cron.id)])
        self.addCleanup(setattr, self.server, "always", None)
        # A limit that makes it wait, and a service that is slow.
        for rate, delay in ((240, 0), (0, 0.2)):
            with (
                self.subTest(rate=rate, delay=delay),
                patch.object(dispatch, "CLAIM_BATCH", 1),
            ):
                triggers.search([("cron_id", "=", cron.id)]).unlink()
                self.service.sudo().rate_per_minute = rate
                self.server.always = reply(422, b"", delay=delay)
                documents = [self.create_document() for _number in range(12)]
                rows = self.env["l10n_cl_dte_ai.validation"]._get_or_queue(
                    self.env["account.move"].union(*documents)
                )
                self.run_cron(seconds=0.5)
                states = rows.mapped("state")
                self.assertEqual(set(states), {"failed", "pending"})
                # Which begins at once, not with the scheduler's next poll.
                [trigger] = triggers.search([("cron_id", "=", cron.id)])
                self.assertLessEqual(trigger.call_at, fields.Datetime.now())
                rows.write({"state": "cancelled"})

    def test_it_gives_up_after_eight_attempts_and_says_so(self):
        document = self.create_queued()
        row = self.validation(document)
        waits = []
        for _attempt in range(6):
            self.server.script(reply(500, b""))
            self.run_cron()
            self.assertEqual(row.state, "pending")
            waits.append(self.seconds_from_now(row.next_attempt_at))
            self.make_due(row)
        for wait, base in zip(waits, (30, 60, 120, 240, 480, 900), strict=True):
            self.assertTrue(base * 0.5 - 3 <= wait <= base * 1.5 + 1, (wait, base))
        self.server.script(reply(500, b""))
        with self.bus() as sent:
            self.run_cron()
        self.assertRow(row, state="failed", attempts=8, reason="server_error")
        self.assertIn("l10n_cl_dte_ai/answer", [kind for _t, kind, _p in sent])
        self.assertIn("not asked again", self.messages(document))
        self.make_due(row)
        self.run_cron()
        self.assertEqual(document.l10n_cl_dte_ai_state, "failed")
        # A person may ask again.
        self.server.script(opinion())
        self.click(document)
        self.assertEqual(document.l10n_cl_dte_ai_state, "approved")

    def test_a_document_that_was_edited_meanwhile(self):
        document = self.create_queued()
        old = self.validation(document)
        document.invoice_line_ids[0].price_unit = 55_000
        self.server.script(opinion())
        self.run_cron()
        self.assertRow(old, state="cancelled", outcome="cancelled")
        new = self.validation(document)
        self.assertNotEqual(new, old)
        self.assertRow(new, outcome="approved", requested_by_id=self.accountant)
        [request] = self.server.requests
        self.assertEqual(request.json["dte_data"]["monto_neto"], 55_000)

    def test_a_document_that_is_gone(self):
        document = self.create_queued()
        document.unlink()
        self.run_cron()
        self.assertFalse(self.server.requests)

    def test_a_document_that_was_cancelled(self):
        document = self.create_queued()
        row = self.validation(document)
        document.button_cancel()
        self.run_cron()
        self.assertFalse(self.server.requests)
        self.assertEqual(row.state, "cancelled")
        # Back in draft, a click asks about it again.
        document.button_draft()
        self.server.script(opinion())
        self.click(document)
        self.assertEqual(document.l10n_cl_dte_ai_state, "approved")

    def test_a_document_that_is_deleted_while_the_service_thinks(self):
        document = self.create_document()

        def delete(handler):
            self.cr.execute("DELETE FROM account_move WHERE id = %s", [document.id])
            opinion()(handler)

        self.server.script(delete)
        self.click_only(document)
        self.assertFalse(
            self.env["l10n_cl_dte_ai.validation"].search(
                [("move_id", "=", document.id)]
            )
        )

    def test_a_document_that_is_edited_while_the_service_thinks(self):
        """The verdict is kept under what was asked; what it is now is queued."""
        document = self.create_document()

        def edit(handler):
            self.cr.execute(
                "UPDATE l10n_cl_dte_ai_validation SET is_current = FALSE, digest = 'x' "
                "WHERE move_id = %s",
                [document.id],
            )
            opinion()(handler)

        self.server.script(edit)
        self.click_only(document)
        rows = document.sudo().l10n_cl_dte_ai_validation_ids
        self.assertEqual(
            {row.digest == "x": row.outcome for row in rows},
            {True: "approved", False: "waiting"},
        )
        self.assertEqual(document.l10n_cl_dte_ai_state, "waiting")

    def test_settings_that_change_while_the_service_thinks(self):
        """What the old service said is void; the new one is asked."""
        document = self.create_document()

        def change(handler):
            self.cr.execute(
                "UPDATE l10n_cl_dte_ai_service SET generation = generation + 1 "
                "WHERE id = %s",
                [self.service.id],
            )
            opinion("reject")(handler)

        self.server.script(change)
        self.click_only(document)
        row = self.validation(document)
        self.assertRow(row, state="pending", attempts=0, verdict=False)
        self.server.script(opinion("send"))
        self.run_cron()
        self.assertEqual(document.l10n_cl_dte_ai_state, "approved")

    def click_only(self, document):
        """Click while the service's answer comes with a change in the database.

        Outside of tests the commit before the call empties the cache.
        """
        service_class = self.registry["l10n_cl_dte_ai.service"]

        def commit(model):
            model.env.flush_all()
            model.env.invalidate_all()

        with patch.object(service_class, "_commit", commit):
            document.action_l10n_cl_dte_generate()
        self.env.invalidate_all()

    def test_what_a_killed_worker_left_is_taken_again(self):
        document = self.create_queued()
        row = self.validation(document)
        now = fields.Datetime.now()
        row.write({"state": "sending", "lease_until": now + timedelta(seconds=60)})
        self.run_cron()
        self.click(document)
        self.assertFalse(self.server.requests, "it is being asked about")
        self.assertEqual(row.state, "sending")
        row.lease_until = now - timedelta(seconds=1)
        self.server.script(opinion())
        self.run_cron()
        self.assertEqual(row.state, "done")
        [request] = self.server.requests
        self.assertEqual(request.headers["Idempotency-Key"], row._idempotency_key())

    def test_a_claim_is_of_one_worker_only(self):
        row = self.validation(self.create_queued())
        self.assertEqual(row._claim(), row)
        self.assertFalse(row._claim())
        self.assertTrue(80 <= self.seconds_from_now(row.lease_until) <= 91)
        # The cron's is as long.
        row.write({"state": "pending", "lease_until": False})
        self.assertEqual(row._claim_due(self.service.sudo(), 1), row)
        self.assertFalse(row._claim_due(self.service.sudo(), 1))
        self.assertTrue(80 <= self.seconds_from_now(row.lease_until) <= 91)

    def test_retry_and_cancel(self):
        document = self.create_queued()
        row = self.validation(document).sudo(False)
        row.sudo().reason = "timeout"
        self.assertIn("asked again by itself", row.message)
        row.action_cancel()
        self.assertEqual(row.state, "cancelled")
        self.assertFalse(row.message)
        self.assertFalse(document.l10n_cl_dte_ai_state)
        self.run_cron()
        with self.assertRaises(UserError):
            row.action_cancel()
        row.action_retry()
        self.assertRow(row, state="pending", attempts=0)
        self.server.script(opinion())
        self.run_cron()
        self.assertEqual(document.l10n_cl_dte_ai_state, "approved")
        with self.assertRaises(UserError):
            row.action_retry()  # answered
        self.assertEqual(row.state, "done")

    def test_queue_and_close(self):
        document = self.create_document()
        self.server.script(reply(500, b""))
        wizard = self.click(document)
        action = wizard.action_queue_and_close()
        self.assertEqual(action["type"], "ir.actions.act_window_close")

    def test_no_invoice_can_be_changed_over_the_queue(self):
        row = self.validation(self.create_queued()).sudo(False)
        for values in ({"state": "done"}, {"verdict": "approved"}):
            with self.assertRaises(AccessError):
                row.write(values)
        with self.assertRaises(AccessError):
            row.unlink()
        with self.assertRaises(AccessError):
            row.copy()

    def test_the_scheduler_runs_it(self):
        document = self.create_queued()
        self.server.script(opinion())
        cron = self.admin_env.ref("l10n_cl_dte_ai.ir_cron_ask").sudo()
        with self.enter_registry_test_mode():
            cron.method_direct_trigger()
        self.assertEqual(document.l10n_cl_dte_ai_state, "approved")

    def test_an_outage_does_not_fail_the_cron(self):
        """Five failures would disable it."""
        document = self.create_queued()
        self.server.script(reply(500, b""))
        cron = self.admin_env.ref("l10n_cl_dte_ai.ir_cron_ask").sudo()
        with self.enter_registry_test_mode():
            cron.method_direct_trigger()
        self.assertEqual(document.l10n_cl_dte_ai_state, "waiting")
        self.assertFalse(cron.failure_count)


class HealthCronTests:
    def check_health(self):
        self.env["l10n_cl_dte_ai.service"].sudo()._cron_check_health()

    def test_it_learns_how_the_service_is(self):
        for answer, expected in (
            (healthy(), ("healthy", False)),
            (healthy("degraded", 207), ("degraded", False)),
            (healthy("unhealthy", 503), ("down", "server_error")),
            (healthy(), ("healthy", False)),
            (reply(body=b"<html>"), ("down", "strange")),
        ):
            self.server.script(answer, to=HEALTH)
            self.check_health()
            self.assertEqual(self.service_values("health", "health_reason"), expected)

    def test_a_page_load_asks_nobody(self):
        self.server.script(healthy(), to=HEALTH)
        self.check_health()
        info = self.env["ir.http"].lazy_session_info()
        company = self.company_data["company"]
        self.assertEqual(info["l10n_cl_dte_ai"][company.id]["state"], "healthy")
        self.assertEqual(len(self.server.requests), 1)

    def test_only_changes_are_sent_over_the_bus(self):
        self.server.script(healthy(), healthy(), to=HEALTH)
        with self.bus() as sent:
            self.check_health()
            self.check_health()
        [(target, kind, payload)] = sent
        self.assertEqual(kind, "l10n_cl_dte_ai/health")
        self.assertEqual(payload["state"], "healthy")
        self.assertEqual(target, self.env.ref("l10n_cl_dte_ai.group_user"))

    def test_a_service_that_nobody_uses_is_left_alone(self):
        self.company_data["company"].sudo().l10n_cl_dte_ai_service_id = False
        self.check_health()
        self.assertFalse(self.server.requests)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestGenerate(ClickTests, QueueTests, HealthCronTests, GenerateCase):
    """One class: what it shares takes seconds to set up."""
