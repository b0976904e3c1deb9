# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import timedelta

from odoo import fields
from odoo.exceptions import AccessError
from odoo.tests import tagged

from .common import DteAiCommon
from .loopback import HEALTH, healthy, opinion, reply


@tagged("post_install_l10n", "post_install", "-at_install")
class TestFigures(DteAiCommon):
    """The request log, and the figures that operators look at."""

    def figures(self):
        return self.service.sudo()._measure()

    def test_every_request_leaves_a_line(self):
        document = self.create_document()
        self.server.script(reply(500, b""), opinion(cached=True))
        self.click(document)
        self.make_due(self.validation(document))
        self.run_cron()
        second, first = (
            self.env["l10n_cl_dte_ai.attempt"]
            .sudo()
            .search([("validation_id.move_id", "=", document.id)])
        )
        self.assertEqual(first.outcome, "unavailable")
        self.assertEqual((first.reason, first.status), ("server_error", 500))
        self.assertEqual((first.number, first.in_background), (1, False))
        self.assertEqual(second.outcome, "opinion")
        self.assertEqual((second.number, second.in_background), (2, True))
        self.assertTrue(second.cached)
        sent = [request.headers["X-Request-ID"] for request in self.server.requests]
        self.assertEqual([first.request_id, second.request_id], sent)

    def test_nobody_changes_the_log(self):
        self.server.script(opinion())
        self.click(self.create_document())
        line = self.env["l10n_cl_dte_ai.attempt"].sudo().search([], limit=1)
        for env in (self.env, self.admin_env):
            user_line = line.with_env(env(su=False))
            with self.assertRaises(AccessError):
                user_line.write({"status": 200})
            with self.assertRaises(AccessError):
                user_line.unlink()

    def test_old_lines_are_deleted(self):
        log = self.env["l10n_cl_dte_ai.attempt"].sudo()
        now = fields.Datetime.now()
        old, young = log.create(
            [{"create_date": now - timedelta(days=days)} for days in (91, 89)]
        )
        log._gc_attempts()
        self.assertFalse(old.exists())
        self.assertTrue(young.exists())

    def test_the_figures(self):
        self.assertEqual(self.figures()["requests"], 0)
        self.assertIsNone(self.figures()["error_rate"])
        documents = [self.create_document() for _number in range(4)]
        self.server.script(
            opinion(),
            opinion(cached=True),
            reply(500, b""),
            reply(429, b"", {"Retry-After": "1"}),
        )
        for document in documents:
            self.click(document)
        self.click(documents[0])  # known: no request
        figures = self.figures()
        self.assertEqual(figures["requests"], 4)
        self.assertEqual(figures["error_rate"], 25)
        self.assertEqual(figures["hit_rate"], 25)
        self.assertEqual(figures["limited"], 1)
        self.assertEqual(figures["saved"], 1)

    def test_a_baseline_stays(self):
        self.server.script(opinion())
        self.click(self.create_document())
        service = self.service.with_env(self.admin_env)
        service.action_mark_baseline()
        self.server.script(opinion())
        self.click(self.create_document())
        service.invalidate_recordset()
        requests = service.figures[0]
        self.assertEqual((requests["value"], requests["baseline"]), ("2", "1"))
        with self.assertRaises(AccessError):
            self.service.with_env(self.env).action_mark_baseline()

    def test_a_restart_is_noticed(self):
        check = self.env["l10n_cl_dte_ai.service"].sudo()._cron_check_health
        for uptime, restarts in ((500, 0), (500, 0), (3, 1), (3, 1)):
            self.server.script(healthy(uptime_seconds=uptime), to=HEALTH)
            check()
            self.service.invalidate_recordset()
            self.assertEqual(self.figures()["restarts"], restarts, uptime)
