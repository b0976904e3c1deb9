# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What goes wrong around many documents: people, machine, scheduler and service."""

import errno
import os
import tempfile
from pathlib import Path
from unittest.mock import patch

from odoo import Command
from odoo.exceptions import UserError
from odoo.tests import new_test_user, tagged
from odoo.tools import config

from ..models import l10n_cl_dte_ai_batch_generation
from ..models.machine import MachineError
from .loopback import opinion, reply, silence
from .test_recovery import RecoveryCase

BATCH = "l10n_cl_dte_ai.batch"
ROWS = "l10n_cl_dte_ai.validation"
LOGGER = "odoo.addons.l10n_cl_dte_ai"
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class TroubleCase(RecoveryCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.company_data["company"]

    def start(self, number=2, user=None, documents=None, **values):
        """A batch of posted documents that somebody has started."""
        documents = documents or self.env["account.move"].union(
            *(self.create_posted() for _number in range(number))
        )
        documents = documents.with_user(user or self.accountant)
        context = {"active_model": "account.move", "active_ids": documents.ids}
        wizard = documents.env["l10n_cl_dte_ai.generate.batch"]
        wizard = wizard.with_context(**context).create({"generates": True, **values})
        return self.env[BATCH].browse(wizard.action_start()["res_id"])

    def hire(self, login):
        return new_test_user(
            self.admin_env,
            login,
            groups="account.group_account_invoice",
            company_id=self.company.id,
            company_ids=[Command.set(self.company.ids)],
            lang="en_US",
        )

    def without_service(self):
        self.company.sudo().l10n_cl_dte_ai_service_id = False

    def run_batches(self):
        self.env[BATCH].sudo()._cron_generate()
        self.env.invalidate_all()

    def inbox(self, user):
        notifications = self.env["mail.notification"].sudo()
        found = notifications.search([("res_partner_id", "=", user.partner_id.id)])
        return " ".join(found.mail_message_id.mapped("body"))


@tagged("post_install_l10n", "post_install", "-at_install")
class TestRequester(TroubleCase):
    """Generation stopped for all when one person lost the role."""

    def lose(self, user, how):
        user = user.with_env(self.admin_env).sudo()
        match how:
            case "role":
                user.group_ids = self.admin_env.ref("base.group_user")
            case "archived":
                user.active = False
            case "company":
                other = self.admin_env["res.company"].create({"name": "Otra SpA"})
                user.write(
                    {
                        "company_id": other.id,
                        "company_ids": [Command.set(other.ids)],
                    }
                )
            case "deleted":
                user.unlink()

    def test_who_may_not_any_more_stops_nobody_else(self):
        self.without_service()
        for how in ("role", "archived", "company", "deleted"):
            with self.subTest(how):
                user = self.hire(f"goes-{how}")
                stopped, later = self.start(user=user), self.start()
                self.lose(user, how)
                self.run_batches()
                self.assertEqual(stopped.state, "paused")
                self.assertFalse(stopped.generated)
                self.assertEqual((later.state, later.generated), ("done", 2))
                notice = stopped.progress["notice"]
                self.assertIn("may not generate documents of this company", notice)
                self.assertIn("may not generate", self.inbox(self.accountant))
                # Whoever resumes it takes it over.
                stopped.action_resume()
                self.run_batches()
                self.assertEqual((stopped.state, stopped.generated), ("done", 2))
                self.assertEqual(stopped.user_id, self.accountant)

    def test_anyone_of_the_company_ends_it_in_each_state(self):
        self.without_service()
        user = self.hire("colleague")
        states = dict(self.env[BATCH]._fields["state"].selection)
        for state in sorted(states.keys() - {"done", "cancelled"}):
            batch = self.start(1)
            batch.sudo().state = state
            batch.with_user(user).action_cancel()
            self.run_batches()
            self.assertEqual((batch.state, batch.generated), ("cancelled", 0), state)

    def test_answers_come_in_without_who_asked(self):
        user = self.hire("gone")
        document = self.create_document()
        batch = self.start(user=user, documents=document, generates=False)
        self.lose(user, "role")
        document.invoice_line_ids.name = "Otra cosa"  # it is queued anew
        self.server.script(opinion())
        self.run_cron()
        self.assertEqual(batch.state, "done")

    def test_no_document_ends_the_loop_over_documents(self):
        """Whatever it raises, it is left out, and its batch and the next ones go on."""
        self.without_service()
        batch, later = self.start(3), self.start(1)
        bad = batch.move_ids[1]
        build = self.registry["account.move"]._l10n_cl_dte_xml

        def fail(move, document):
            if move.id == bad.id:
                raise ZeroDivisionError
            return build(move, document)

        module = l10n_cl_dte_ai_batch_generation.__name__
        with (
            patch.object(self.registry["account.move"], "_l10n_cl_dte_xml", fail),
            self.assertLogs(module, "ERROR") as logs,
        ):
            self.run_batches()
            self.assertEqual((batch.state, batch.generated), ("done", 2))
            [left_out] = batch.left_out
            self.assertIn("Odoo itself meets a fault", left_out["message"])
        self.assertIn("ZeroDivisionError", logs.output[0])
        self.assertEqual(later.state, "done")

    def test_no_row_ends_the_loop_over_rows(self):
        rows = self.create_waiting(3, False, attempts=0, minutes=-1)
        calls = self.registry[ROWS]._calls

        def fail(some, generation):
            if rows[1] in some:
                raise ZeroDivisionError
            return calls(some, generation)

        self.server.script(opinion(), opinion())
        with (
            patch.object(self.registry[ROWS], "_calls", fail),
            self.assertLogs(LOGGER, "ERROR"),
        ):
            self.run_cron()
        self.assertEqual(rows.mapped("state"), ["done", "pending", "done"])
        self.assertEqual(rows[1].reason, "fault")
        self.assertGreater(self.seconds_from_now(rows[1].next_attempt_at), 5)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestMachine(TroubleCase):
    """The click showed a raw `OSError 28`, and a batch was "generating" for ever."""

    def test_what_the_machine_lacks_is_told(self):
        self.without_service()
        attachments = self.registry["ir.attachment"]
        for number, (error, text) in enumerate(
            (
                (FULL, "disk of the server is full"),
                (OSError(errno.EROFS, ""), "read-only"),
                (PermissionError(errno.EACCES, ""), "read-only"),
                (OSError(errno.EIO, ""), "could not read or write a file"),
                (MemoryError(), "no memory left"),
            ),
            start=1,
        ):
            batch, document = self.start(2), self.create_posted()
            wizard = self.click(document)
            with (
                patch.object(attachments, "_file_write", side_effect=error),
                self.assertLogs(LOGGER, "ERROR"),
            ):
                with self.assertRaisesRegex(UserError, text), self.cr.savepoint():
                    wizard.action_generate()
                for _time in range(2):
                    self.run_batches()
            self.assertFalse(document.l10n_cl_dte_document_ids)
            self.assertEqual(batch.state, "generating")
            self.assertIn("could not keep the files", batch.progress["notice"])
            told = self.inbox(self.accountant).count("could not keep the files")
            self.assertEqual(told, number, "once for each batch")
            self.run_batches()
            self.assertEqual((batch.state, batch.generated), ("done", 2))
            self.assertFalse(batch.problem)

    def test_a_torn_file_does_not_stay(self):
        """What a full disk had room for made each later attempt "collide" with it."""
        self.without_service()
        document = self.create_posted()

        def tear(model, content, checksum):
            _name, path = model._get_path(content, checksum)
            Path(path).write_bytes(content[:100])
            raise FULL

        with (
            tempfile.TemporaryDirectory() as folder,
            patch.dict(config.options, {"data_dir": folder}),
        ):
            with (
                patch.object(self.registry["ir.attachment"], "_file_write", tear),
                self.assertLogs(LOGGER, "ERROR"),
                self.assertRaises(MachineError),
                self.cr.savepoint(),
            ):
                document._l10n_cl_dte_generate()
            version = document._l10n_cl_dte_generate()
            self.assertIn(b"</DTE>", version._content())

    def test_the_zip_tells_it_too(self):
        self.without_service()
        batch = self.start(1)
        self.run_batches()
        zips = self.registry["account.move"]
        with (
            patch.object(zips, "_l10n_cl_dte_zip", side_effect=MemoryError),
            self.assertLogs(LOGGER, "ERROR"),
            self.assertRaisesRegex(UserError, "fewer documents"),
        ):
            batch.read(["zip_file"])
        batch.invalidate_recordset()
        with patch.object(Path, "is_file", side_effect=PermissionError):
            self.assertEqual(batch.file_count, 0, "one that can't be read")


@tagged("post_install_l10n", "post_install", "-at_install")
class TestScheduler(TroubleCase):
    """ "Next attempt 05:23" stood beside a scheduled action that was off."""

    def switch_off(self, name):
        self.admin_env.ref(f"l10n_cl_dte_ai.{name}").sudo().active = False
        self.env.invalidate_all()

    def test_who_waits_is_told_that_it_is_off(self):
        batch = self.start(2, generates=False)
        document = self.create_document()
        self.server.script(reply(500, b""))
        self.click(document)
        for is_off in (False, True):
            if is_off:
                self.switch_off("ir_cron_ask")
            wizard = self.env["l10n_cl_dte_ai.generate.batch"].create(
                {"move_ids": [Command.set(document.ids)]}
            )
            texts = (
                self.validation(document).message,
                batch.progress["notice"],
                wizard.obstacle,
            )
            for text in texts:
                self.assertEqual("is switched off" in text, is_off, text)
            status = self.env["l10n_cl_dte_ai.service"].get_status()[self.company.id]
            self.assertEqual(status["state"] == "queue_off", is_off)
            self.assertEqual(wizard.duration, "not known at this moment")

    def test_a_batch_that_generates_is_told_so(self):
        self.without_service()
        batch = self.start(2)
        self.switch_off("ir_cron_generate")
        self.assertIn("is switched off", batch.progress["notice"])

    def test_nothing_remains_for_the_scheduler(self):
        """It warned each 6 s, and showed the action as late while it worked."""
        self.create_waiting(2, False, attempts=0, minutes=-1)
        self.server.script(*[opinion()] * 2)
        told = []

        def note(_model, processed=0, *, remaining=None):
            told.append(remaining)
            return 5

        with patch.object(self.registry["ir.cron"], "_commit_progress", note):
            self.run_cron()
        self.assertEqual((told[0], told[-1]), (2, 0))


@tagged("post_install_l10n", "post_install", "-at_install")
class TestServiceGone(TroubleCase):
    """Documents waited for ever for a service that was archived or deleted."""

    def test_its_queue_is_given_up(self):
        for how in ("archive", "choose none", "archive the company"):
            with self.subTest(how):
                document = self.create_document()
                self.env[ROWS]._get_or_queue(document)
                batch = self.start(2)
                self.assertEqual(batch.state, "running")
                match how:
                    case "archive":
                        self.service.sudo().active = False
                    case "choose none":
                        self.without_service()
                    case _:  # Odoo wants no user to have it as the default
                        other = self.admin_env["res.company"].create({"name": "Otra"})
                        self.cr.execute(
                            "UPDATE res_users SET company_id = %s"
                            " WHERE company_id = %s",
                            [other.id, self.company.id],
                        )
                        self.env.invalidate_all()
                        self.company.sudo().active = False
                self.run_cron()
                self.assertFalse(self.server.requests)
                self.assertFalse(document.l10n_cl_dte_ai_state)
                if how != "archive the company":
                    self.run_batches()
                    self.assertEqual((batch.state, batch.generated), ("done", 2))
                self.service.sudo().active = True
                self.company.sudo().l10n_cl_dte_ai_service_id = self.service

    def test_a_company_with_a_batch_can_be_deleted(self):
        """It could not, and so the demo's stayed when we were uninstalled."""
        other = self.admin_env["res.company"].sudo().create({"name": "Otra SpA"})
        batch = self.env[BATCH].sudo().create({"company_id": other.id})
        self.env.flush_all()
        other.unlink()
        self.assertFalse(batch.exists())

    def test_an_archived_company_is_not_asked_for(self):
        rows = self.create_waiting(2, False, attempts=0, minutes=-1)
        self.env.flush_all()
        self.cr.execute(
            "UPDATE res_company SET active = false WHERE id = %s", [self.company.id]
        )
        self.env.invalidate_all()
        self.run_cron()
        self.assertFalse(self.server.requests)
        self.assertFalse(rows._claim_due(self.service.sudo(), 10))

    def test_an_answer_for_nobody_leaves_nothing_waiting(self):
        [row] = self.create_waiting(1, False, attempts=0, minutes=-1)

        store = self.registry[ROWS]._store

        def archive_first(model, *args, **kwargs):
            self.service.sudo().active = False
            return store(model, *args, **kwargs)

        self.server.script(reply(500, b""))
        with patch.object(self.registry[ROWS], "_store", archive_first):
            self.run_cron()
        self.assertEqual(row.state, "cancelled")

    def test_who_would_delete_it_is_told_what_waits(self):
        self.create_waiting(2)
        service = self.service.sudo()
        with self.assertRaisesRegex(UserError, "documents that wait for it: 2"):
            service.unlink()
        self.without_service()
        service.unlink()

    def test_block_does_not_lapse(self):
        """Who archived the service, or lost its key, lifted the policy in silence."""
        company = self.company.sudo()
        company.l10n_cl_dte_ai_policy = "block"
        for change in ({"active": False}, {"active": True, "key": False}):
            self.service.sudo().write(change)
            document = self.create_document()
            company.l10n_cl_dte_ai_on_post = "required"
            with self.assertRaisesRegex(UserError, "wants its approval"):
                document.action_post()
            company.l10n_cl_dte_ai_on_post = "off"
            document.action_post()
            batch = self.start(documents=document)
            self.run_batches()
            self.assertEqual((batch.state, batch.generated), ("done", 0))
            self.assertIn("wants its approval", batch.left_out[0]["message"])
            wizard = self.click(document)
            self.assertTrue(wizard.needs_override)
            with self.assertRaisesRegex(UserError, "There is nothing to mend"):
                wizard.action_generate()
            for policy in ("advise", "warn", "block"):
                company.l10n_cl_dte_ai_policy = policy
                needs = self.click(document).needs_override
                self.assertEqual(needs, policy == "block", policy)

    def test_a_long_queue_leaves_another_service_its_share(self):
        """It got a single document in 20 s, and a service behind it none."""
        rows = self.create_waiting(4, False, attempts=0, minutes=-1)
        other = self.admin_env["res.company"].sudo().create({"name": "Otra SpA"})
        second = self.service.sudo().create(
            {"url": self.server.url, "new_key": "x" * 20, "rate_per_minute": 0}
        )
        other.l10n_cl_dte_ai_service_id = second
        self.env.flush_all()
        self.cr.execute(
            "UPDATE l10n_cl_dte_ai_validation SET company_id = %s WHERE id = %s",
            [other.id, rows[3].id],
        )
        self.env.invalidate_all()
        stored = []
        store = self.registry[ROWS]._store

        def note(model, service, results, in_background):
            stored.append(service.id)
            return store(model, service, results, in_background)

        self.total_seconds = 2
        self.server.script(silence, *[opinion()] * 3)
        with patch.object(self.registry[ROWS], "_store", note):
            self.run_cron()
        self.assertEqual(stored[0], second.id, "beside what hangs, and not behind it")
