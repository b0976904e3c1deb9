# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import io
import zipfile
from unittest.mock import patch

from odoo import Command
from odoo.exceptions import AccessError, UserError
from odoo.tests import HttpCase, new_test_user, tagged

from ..models import l10n_cl_dte_ai_batch, l10n_cl_dte_ai_batch_queueing
from .common import DteAiCommon
from .loopback import opinion, reply

BATCH = "l10n_cl_dte_ai.batch"


@tagged("post_install_l10n", "post_install", "-at_install")
class TestBatch(DteAiCommon, HttpCase):
    """Many documents at once, and what happens on posting."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.company_data["company"]

    def wizard(self, moves, **values):
        context = {"active_model": "account.move", "active_ids": moves.ids}
        model = self.env["l10n_cl_dte_ai.generate.batch"].with_context(**context)
        return model.create(values)

    def start(self, moves, **values):
        action = self.wizard(moves, **values).action_start()
        return self.env[BATCH].browse(action["res_id"])

    def documents(self, number):
        return self.env["account.move"].union(
            *(self.create_posted() for _number in range(number))
        )

    def test_the_wizard_says_what_would_happen(self):
        new, answered, bad, cancelled = (self.create_document() for _number in range(4))
        self.server.script(opinion())
        self.click(answered)
        bad.invoice_line_ids.name = "Caja 📦"
        cancelled.button_cancel()
        entry = self.company_data["default_journal_misc"]
        other = self.env["account.move"].create({"journal_id": entry.id})
        answered.action_post()
        wizard = self.wizard(new | answered | bad | cancelled | other)
        self.assertEqual(wizard.selected_count, 5)
        self.assertIn("Drafts: 1.", wizard.draft_notice)
        self.assertFalse(self.wizard(answered).draft_notice)
        self.assertEqual(wizard.new_count, 1)
        self.assertEqual(wizard.answered_count, 1)
        self.assertEqual(wizard.left_out_count, 3)
        reasons = " ".join(finding["message"] for finding in wizard.left_out)
        for word in ("cancelled", "not a document that", "errors in Odoo's data"):
            self.assertIn(word, reasons)

    def test_its_name_is_in_the_companys_time_whoever_looks(self):
        batch = self.start(self.documents(1))
        batch.sudo()._write({"create_date": "2026-03-02 02:30:00"})
        for zone in ("UTC", "Asia/Tokyo"):
            batch.invalidate_recordset()
            name = batch.with_context(tz=zone).name
            self.assertTrue(name.endswith("01-03-2026 23:30"), name)

    def test_it_says_how_long_it_takes(self):
        service = self.service.sudo()
        service.rate_per_minute = 20
        for number, text in (
            (10, "less than a minute"),
            (20, "about a minute"),
            (1000, "about 51 minutes"),
            (10_000, "about 8 hours"),
        ):
            self.assertEqual(service._how_long(number), text)
        service.health = "down"
        self.assertEqual(service._how_long(10), "not known at this moment")
        wizard = self.wizard(self.create_document())
        self.assertIn("does not answer", wizard.obstacle)

    def test_all_are_answered_and_one_notification_comes(self):
        moves = self.documents(3)
        batch = self.start(moves)
        self.assertEqual(batch.progress["answered"], 0)
        self.server.script(
            opinion(),
            opinion("review", warnings=["Monto inusual"]),
            opinion("reject", errors=["RUT dudoso"]),
        )
        with self.bus() as sent:
            self.run_cron()
        self.assertEqual(batch.state, "done")
        self.assertEqual(
            batch.progress["counts"], {"approved": 1, "review": 1, "rejected": 1}
        )
        kinds = [kind for _target, kind, _payload in sent]
        self.assertEqual(kinds.count("l10n_cl_dte_ai/batch_done"), 1)
        self.assertNotIn("l10n_cl_dte_ai/answer", kinds)
        self.assertGreaterEqual(kinds.count("l10n_cl_dte_ai/batch"), 1)
        domain = batch.action_open_opinions()["domain"]
        rows = self.env["l10n_cl_dte_ai.validation"].search(domain)
        self.assertEqual(rows.move_id, moves)
        # The documents, where they stand, and what was found in each.
        results = batch.action_open_results()
        found = self.env["account.move"].search(results["domain"])
        self.assertEqual(found, moves)
        self.assertIn("search_default_group_by_l10n_cl_dte_state", results["context"])
        self.assertEqual(
            sorted(map(str, found.mapped("l10n_cl_dte_why"))),
            ["False", "Monto inusual", "RUT dudoso"],
        )
        # Forms that are open are told, too.
        told = [payload for _to, kind, payload in sent if kind.endswith("/answered")]
        self.assertEqual(
            {each for one in told for each in one["move_ids"]}, set(moves.ids)
        )

    def test_a_document_of_a_batch_that_is_over_tells_who_asks_later(self):
        [document] = self.documents(1)
        self.server.script(reply(422, {"detail": "no"}))
        batch = self.start(document)
        self.run_cron()
        row = self.validation(document)
        self.assertEqual((row.state, batch.state), ("failed", "done"))
        row.sudo().reason = "unreachable"
        row.with_user(self.overrider).action_retry()
        self.server.script(opinion())
        with self.bus() as sent:
            self.run_cron()
        told = [to for to, kind, _payload in sent if kind == "l10n_cl_dte_ai/answer"]
        self.assertEqual(told, [self.overrider.partner_id])

    def test_what_was_answered_is_not_asked_again(self):
        moves = self.documents(2)
        self.server.script(opinion())
        self.click(moves[0])
        batch = self.start(moves)
        self.assertEqual(batch.progress["answered"], 1)
        self.server.script(opinion())
        self.run_cron()
        self.assertEqual(batch.state, "done")
        self.assertEqual(len(self.server.requests), 2)

    def test_all_answered_before_is_done_at_once(self):
        moves = self.documents(1)
        self.server.script(opinion())
        self.click(moves)
        self.assertEqual(self.start(moves).state, "done")

    def test_pause_and_resume(self):
        batch = self.start(self.documents(2))
        batch.action_pause()
        self.run_cron()
        self.assertFalse(self.server.requests)
        with self.assertRaises(UserError):
            batch.action_pause()
        batch.action_resume()
        self.server.script(opinion(), opinion())
        self.run_cron()
        self.assertEqual(batch.state, "done")

    def test_cancel_keeps_what_another_batch_waits_for(self):
        moves = self.documents(2)
        batch, other = self.start(moves), self.start(moves[0])
        batch.action_cancel()
        self.assertEqual(batch.state, "cancelled")
        self.assertEqual(batch.progress["answered"], 0)
        self.server.script(opinion())
        self.run_cron()
        self.assertEqual(other.state, "done")
        self.assertEqual(moves[0].l10n_cl_dte_ai_state, "approved")
        self.assertFalse(moves[1].l10n_cl_dte_ai_state)

    def test_it_ends_whatever_becomes_of_its_last_document(self):
        """Only the cron's own answers told it, and it ran for ever."""

        def click(move, _batch):
            self.server.script(opinion())
            self.click(move)

        def click_while_it_is_paused(move, batch):
            batch.action_pause()
            click(move, batch)
            batch.action_resume()

        def cancel_the_row(move, _batch):
            self.validation(move).action_cancel()

        def cancel(move, _batch):
            move.button_cancel()
            self.run_cron()

        def delete(move, _batch):
            move.unlink()

        for end in (click, click_while_it_is_paused, cancel_the_row, cancel, delete):
            with self.subTest(end.__name__):
                move = self.create_document()
                batch = self.start(move)
                self.assertEqual(batch.state, "running")
                end(move, batch)
                self.assertEqual(batch.state, "done")

    def test_it_waits_for_a_document_that_was_changed(self):
        move = self.create_document()
        batch = self.start(move)
        move.invoice_line_ids.price_unit = 70_000
        self.server.script(opinion("reject"))
        self.run_cron()
        self.assertEqual(batch.state, "done")
        self.assertEqual(batch.progress["counts"], {"cancelled": 1, "rejected": 1})

    def test_a_paused_batch_does_not_hold_back_another(self):
        for pauses_first in (True, False):
            moves = self.documents(1)
            batch = self.start(moves)
            if pauses_first:
                batch.action_pause()
            other = self.start(moves)
            if not pauses_first:
                batch.action_pause()
            batch.action_cancel()
            self.server.script(opinion())
            self.run_cron()
            self.assertEqual(other.state, "done")

    def test_the_first_answers_do_not_end_it(self):
        """With more documents than are queued at once it told of the first as of
        all.
        """
        answered, new = self.documents(1), self.documents(1)
        self.server.script(opinion())
        self.click(answered)
        batches = self.env[BATCH].sudo()
        queue_chunk = self.registry[BATCH]._queue_chunk

        def queue_and_look(batch, move_ids):  # the cron has answered what was queued
            self.assertEqual(batch.state, "queueing")
            goes_on = queue_chunk(batch, move_ids)
            batches.search([])._update()
            return goes_on

        with (
            patch.object(l10n_cl_dte_ai_batch_queueing, "CHUNK", 1),
            patch.object(l10n_cl_dte_ai_batch_queueing, "AT_ONCE", 1),
            patch.object(self.registry[BATCH], "_queue_chunk", queue_and_look),
            self.bus() as sent,
        ):
            batch = self.start(answered + new)
            self.assertEqual(batch.state, "queueing")
            batches._cron_generate()
        self.assertEqual(batch.state, "running")
        self.assertNotIn("l10n_cl_dte_ai/batch_done", [kind for _to, kind, _ in sent])
        self.server.script(opinion())
        self.run_cron()
        self.assertEqual(batch.state, "done")

    def test_an_outage_does_not_end_it(self):
        moves = self.documents(1)
        batch = self.start(moves)
        self.server.script(reply(503, b""))
        self.run_cron()
        self.assertEqual(batch.state, "running")
        self.make_due(self.validation(moves))
        self.server.script(opinion())
        self.run_cron()
        self.assertEqual(batch.state, "done")

    def test_it_generates_what_policy_allows(self):
        self.company.l10n_cl_dte_ai_policy = "warn"
        moves = self.documents(2)
        draft = self.create_document()
        batch = self.start(moves | draft, generates=True)
        self.server.script(opinion(), opinion("reject"), opinion())
        self.run_cron()
        self.assertEqual(batch.state, "generating")
        self.env[BATCH].sudo()._cron_generate()
        self.assertEqual(batch.state, "done")
        self.assertEqual(batch.generated, 1)
        approved = moves.filtered(lambda m: m.l10n_cl_dte_ai_state == "approved")
        self.assertEqual(moves.filtered("l10n_cl_dte_document_id"), approved)

    def test_without_a_service_it_generates_by_the_rules_alone(self):
        self.company.sudo().l10n_cl_dte_ai_service_id = False
        moves = self.documents(2)
        wizard = self.wizard(moves)
        self.assertFalse(wizard.has_service)
        with self.assertRaisesRegex(UserError, "No AI service is configured"):
            wizard.action_start()
        batch = self.start(moves, generates=True)
        self.assertEqual(batch.state, "generating")
        self.generate(batch)
        self.assertEqual(batch.generated, 2)
        self.assertFalse(self.server.requests)

    # === The zip === #

    def generate(self, batch):
        with self.bus() as sent:
            self.env[BATCH].sudo()._cron_generate()
        self.assertEqual(batch.state, "done")
        return [payload for _target, kind, payload in sent if kind.endswith("_done")]

    def read_zip(self, batch):
        """Download the zip as a browser does; {name: content}."""
        url = batch.action_download_zip()["url"]
        self.authenticate(self.accountant.login, self.accountant.login)
        self.env.flush_all()
        response = self.url_open(url)
        self.assertEqual(response.status_code, 200)
        self.assertEqual(response.headers["Content-Type"], "application/zip")
        with zipfile.ZipFile(io.BytesIO(response.content)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}

    def test_the_zip_has_the_files_and_says_what_was_left_out(self):
        self.company.sudo().l10n_cl_dte_ai_service_id = False
        before, good = self.create_posted(), self.create_posted()
        before._l10n_cl_dte_generate()
        bad = self.create_posted(lines=[{"name": "Caja 📦"}])
        draft, cancelled = self.create_document(), self.create_document()
        cancelled.button_cancel()
        batch = self.start(
            before | good | bad | draft | cancelled, generates=True
        ).with_user(self.accountant)
        [told] = self.generate(batch)
        self.assertTrue(told["has_files"])
        self.assertIn(
            "DTE generated: 1, generated before: 1, left out: 3.", told["message"]
        )
        self.assertEqual((batch.file_count, batch.left_out_count), (2, 3))
        reasons = {line["record"]["id"]: line["message"] for line in batch.left_out}
        self.assertEqual(set(reasons), set((bad | draft | cancelled).ids))
        self.assertIn("a character that a DTE cannot hold", reasons[bad.id])
        self.assertIn("is a draft: confirm it first", reasons[draft.id])
        self.assertIn("is cancelled", reasons[cancelled.id])
        listed = self.env["account.move"].search(batch.action_open_left_out()["domain"])
        self.assertEqual(listed, bad | draft | cancelled)

        attachments = self.env["ir.attachment"].sudo()
        count = attachments.search_count([])
        files = (before | good).l10n_cl_dte_document_id
        for _time in range(2):
            self.assertEqual(
                self.read_zip(batch),
                {file.file_name: file._content() for file in files},
            )
        self.assertEqual(attachments.search_count([]), count)

        draft.action_post()
        draft._l10n_cl_dte_generate()
        self.assertIn(draft.l10n_cl_dte_document_id.file_name, self.read_zip(batch))

    def test_names_in_the_zip_are_ours_however_a_file_was_renamed(self):
        self.company.sudo().l10n_cl_dte_ai_service_id = False
        documents = self.create_posted() | self.create_posted() | self.create_posted()
        batch = self.start(documents, generates=True).with_user(self.accountant)
        self.generate(batch)
        expected = self.read_zip(batch)
        self.assertEqual(len(expected), 3)
        for name in ("../../evil", "C:\\evil.xml", "same.xml"):
            documents.l10n_cl_dte_document_id.attachment_id.sudo().name = name
            self.assertEqual(self.read_zip(batch), expected)

    def test_a_zip_of_nothing_is_none(self):
        values = {"generates": True}
        batch = self.env[BATCH].sudo().create(values).with_user(self.accountant)
        with self.assertRaisesRegex(UserError, "None of these documents has a DTE"):
            batch.action_download_zip()

    def test_the_zip_is_for_the_company_s_accountants(self):
        self.company.sudo().l10n_cl_dte_ai_service_id = False
        batch = self.start(self.create_posted(), generates=True)
        self.generate(batch)
        other = self.admin_env["res.company"].create({"name": "Otra SpA"})
        stranger, employee = (
            new_test_user(
                self.admin_env,
                login,
                groups=groups,
                company_id=company.id,
                company_ids=[Command.set(company.ids)],
            )
            for login, groups, company in (
                ("stranger", "account.group_account_invoice", other),
                ("employee", "base.group_user", self.company),
            )
        )
        url = batch.action_download_zip()["url"]
        for user in (stranger, employee):
            with self.assertRaises(AccessError):
                batch.with_user(user).action_download_zip()
            self.authenticate(user.login, user.login)
            self.env.flush_all()
            self.assertNotEqual(self.url_open(url).status_code, 200)

    def test_what_policy_keeps_back_is_said(self):
        self.company.l10n_cl_dte_ai_policy = "block"
        moves = self.documents(3)
        batch = self.start(moves, generates=True)
        self.server.script(opinion(), opinion("review"), opinion("reject"))
        self.run_cron()
        self.generate(batch)
        self.assertEqual(batch.generated, 1)
        reasons = " ".join(line["message"] for line in batch.left_out)
        self.assertIn("recommends a review", reasons)
        self.assertIn("advises against sending", reasons)

    def test_an_outdated_file_is_replaced_and_a_run_goes_on_where_it_stopped(self):
        self.company.sudo().l10n_cl_dte_ai_service_id = False
        moves = self.documents(3)
        moves[:2]._l10n_cl_dte_generate_allowed()
        old = [move.l10n_cl_dte_document_id for move in moves]
        moves[:2].invoice_line_ids.name = "Otra cosa"
        batch = self.start(moves, generates=True)
        batch.sudo().handled_up_to = moves[0].id
        self.generate(batch)
        self.assertEqual(batch.generated, 2)
        self.assertEqual(moves[0].l10n_cl_dte_document_id, old[0])
        self.assertNotEqual(moves[1].l10n_cl_dte_document_id, old[1])

    def test_many_left_out_are_counted(self):
        self.company.sudo().l10n_cl_dte_ai_service_id = False
        moves = self.create_document() | self.create_document()
        batch = self.start(moves, generates=True)
        self.generate(batch)
        with patch.object(l10n_cl_dte_ai_batch, "NAMED", 1):
            batch.invalidate_recordset(["left_out"])
            self.assertEqual(len(batch.left_out), 2)
            self.assertIn("And 1 more", batch.left_out[1]["message"])

    # === On posting === #

    def test_posting_asks_in_the_background(self):
        self.company.l10n_cl_dte_ai_on_post = "background"
        move = self.create_posted()
        self.assertEqual(move.l10n_cl_dte_ai_state, "waiting")
        self.assertFalse(self.server.requests)
        self.server.script(opinion())
        self.run_cron()
        self.assertEqual(move.l10n_cl_dte_ai_state, "approved")

    def test_posting_does_nothing_unless_wanted(self):
        self.assertFalse(self.create_posted().l10n_cl_dte_ai_state)

    def test_a_service_that_is_down_blocks_nobody_but_by_policy(self):
        for policy, is_posted in (("advise", True), ("warn", True), ("block", False)):
            with self.subTest(policy):
                self.company.sudo().write(
                    {
                        "l10n_cl_dte_ai_on_post": "required",
                        "l10n_cl_dte_ai_policy": policy,
                    }
                )
                document = self.create_document()
                self.server.script(reply(500, b""))
                self.click(document)
                if is_posted:
                    document.action_post()
                else:
                    with self.assertRaisesRegex(UserError, "has given no opinion yet"):
                        document.action_post()
                self.assertEqual(document.state == "posted", is_posted)

    def test_posting_waits_for_the_verdict_where_required(self):
        self.company.write(
            {"l10n_cl_dte_ai_on_post": "required", "l10n_cl_dte_ai_policy": "warn"}
        )
        good, bad = self.create_document(), self.create_document()
        with self.assertRaisesRegex(
            UserError, f"{good.partner_id.name}: the AI service has not been asked yet"
        ):
            good.action_post()
        self.server.script(opinion(), opinion("reject"))
        self.click(good)
        self.click(bad)
        good.action_post()
        self.assertEqual(good.state, "posted")
        with self.assertRaisesRegex(UserError, "objects"):
            bad.action_post()
