# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What people see: views, filters, alerts, the settings and their test."""

import psycopg2

from odoo.exceptions import UserError
from odoo.tests import Form, tagged
from odoo.tools import mute_logger

from .common import KEY, DteAiCommon
from .loopback import HEALTH, Loopback, healthy, opinion, refusal, reply
from .misbehaving_server import tls_server

STATES = {
    "approved": opinion("send"),
    "review": opinion("review"),
    "rejected": opinion("reject"),
    "no_opinion": opinion("send", 50, warnings=["Parse error: x"]),
    "waiting": reply(500, b""),
    "failed": refusal("RUT"),
}


class ViewsTests:
    def create_in_every_state(self):
        documents = {}
        for state, answer in STATES.items():
            documents[state] = self.create_document()
            self.server.script(answer)
            self.click(documents[state])
        documents["outdated"] = self.create_document()
        self.server.script(opinion("send"))
        self.click(documents["outdated"])
        documents["outdated"].invoice_line_ids[0].quantity = 7
        documents[False] = self.create_document()
        self.env.flush_all()
        self.env.invalidate_all()
        return documents

    def test_one_setting_alone_leaves_the_others(self):
        """As a script does; the form always sends all of its fields."""
        settings = self.admin_env["res.config.settings"].with_company(self.company)
        settings.create({"l10n_cl_dte_ai_interactive_seconds": 8})
        self.assertEqual(self.company.l10n_cl_dte_ai_service_id, self.service)
        self.assertEqual(self.service.interactive_seconds, 8)
        self.assertEqual(self.service.url, self.server.url)

    def test_every_view_opens(self):
        document = self.create_document()
        self.server.script(opinion())
        wizard = self.click(document)
        row = self.validation(document).sudo(False)
        for env in (self.env, self.admin_env):
            for xmlid in (
                "l10n_cl_dte_ai.action_validation",
                "l10n_cl_dte_ai.action_to_review",
                "l10n_cl_dte_ai.action_service",
            ):
                action = env["ir.actions.act_window"]._for_xml_id(xmlid)
                model = env[action["res_model"]]
                views = model.get_views([*action["views"], [False, "search"]])["views"]
                self.assertIn("form", views)
            for record in (document, wizard, row, self.service):
                if env == self.env or record != wizard:  # a wizard is its maker's own
                    Form(record.with_env(env))
        Form(self.admin_env["res.config.settings"])
        self.assertNotIn("request_body", Form(row)._view["fields"])

    def test_the_state_is_what_it_says(self):
        for state, document in self.create_in_every_state().items():
            self.assertEqual(document.l10n_cl_dte_ai_state, state)

    def test_filters_agree_with_what_is_shown(self):
        documents = self.create_in_every_state()
        move = self.env["account.move"]
        everything = move.union(*documents.values())
        ours = [("id", "in", everything.ids)]
        name = "l10n_cl_dte_ai_state"
        for state, document in documents.items():
            with self.subTest(state=state):
                self.assertEqual(move.search([*ours, (name, "=", state)]), document)
                self.assertEqual(
                    move.search([*ours, (name, "!=", state)]), everything - document
                )
                self.assertEqual(move.search([*ours, (name, "in", [state])]), document)
                self.assertEqual(
                    everything.filtered_domain([(name, "=", state)]), document
                )
        both = documents["review"] + documents["rejected"]
        some = ["review", "rejected"]
        self.assertEqual(move.search([*ours, (name, "in", some)]), both)
        self.assertEqual(
            move.search([*ours, (name, "not in", some)]), everything - both
        )

    def test_groups_agree_with_filters(self):
        documents = self.create_in_every_state()
        move, name = self.env["account.move"], "l10n_cl_dte_ai_state"
        ours = [("id", "in", [document.id for document in documents.values()])]
        expected = dict.fromkeys(documents, 1)
        self.assertEqual(dict(move._read_group(ours, [name], ["__count"])), expected)
        for groups in (
            move.formatted_read_group(ours, [name], ["__count"]),
            move.web_read_group(ours, [name])["groups"],
        ):
            self.assertEqual({g[name]: g["__count"] for g in groups}, expected)
            for group in groups:
                domain = [*ours, *group["__extra_domain"]]
                self.assertEqual(move.search(domain), documents[group[name]])
        move.search(ours, order=name)

    def test_alerts(self):
        documents = self.create_in_every_state()
        levels = {
            "rejected": "danger",
            "review": "warning",
            "failed": "warning",
            "no_opinion": "info",
            "waiting": "info",
            "outdated": "info",
            "approved": None,
            False: None,
        }
        for state, level in levels.items():
            with self.subTest(state=state):
                alerts = self.own_alerts(documents[state])
                if level:
                    [(name, alert)] = alerts.items()
                    self.assertEqual(name, f"l10n_cl_dte_ai_{state}")
                    self.assertEqual(alert["level"], level)
                    self.assertTrue(str(alert["message"]))
                else:
                    self.assertFalse(alerts)

    def test_an_alert_leads_to_what_has_to_be_mended(self):
        document = self.create_document()
        self.customer.write({"l10n_cl_activity_description": False, "city": False})
        [alert] = self.own_alerts(document).values()
        self.assertEqual(alert["level"], "warning")
        self.assertEqual(len(alert["message"].splitlines()), 2)
        self.assertEqual(alert["action"]["res_model"], "res.partner")
        self.assertEqual(alert["action"]["res_id"], self.customer.id)

    def own_alerts(self, document):
        return {
            name: alert
            for name, alert in document._get_alerts().items()
            if name.startswith("l10n_cl_dte_ai")
        }

    def test_an_unsaved_invoice_has_no_alerts(self):
        Form(self.env["account.move"].with_context(default_move_type="out_invoice"))

    def test_the_smart_button(self):
        document = self.create_document()
        self.server.script(opinion())
        self.click(document)
        self.assertEqual(document.l10n_cl_dte_ai_validation_count, 1)
        action = document.action_l10n_cl_dte_ai_open_validations()
        rows = self.env[action["res_model"]].search(action["domain"])
        self.assertEqual(rows.move_id, document)


class SettingsPageTests:
    def setUp(self):
        super().setUp()
        self.own_company = self.company_data["company"].with_env(self.admin_env)

    def settings(self):
        return self.admin_env["res.config.settings"].create({})

    def save(self, **values):
        form = Form(self.admin_env["res.config.settings"])
        for name, value in values.items():
            form[f"l10n_cl_dte_ai_{name}"] = value
        form.save().execute()
        self.env.invalidate_all()

    def test_an_address_and_a_key_make_a_service(self):
        self.own_company.l10n_cl_dte_ai_service_id = False
        self.save(url=f" {self.server.url}/ ", new_key=f" {KEY} ", policy="block")
        service = self.own_company.l10n_cl_dte_ai_service_id
        self.assertTrue(service)
        self.assertNotEqual(service, self.service)
        self.assertEqual(service.url, self.server.url)
        self.assertEqual(service.sudo().key, KEY)
        self.assertEqual(service.interactive_seconds, 12)
        self.assertEqual(self.own_company.l10n_cl_dte_ai_policy, "block")
        self.server.script(opinion())
        self.click(self.create_document())

    def test_what_is_there_is_edited_in_place(self):
        self.save(url=self.server.url, interactive_seconds=6, background_seconds=20)
        self.assertEqual(self.own_company.l10n_cl_dte_ai_service_id, self.service)
        self.assertEqual(self.service.interactive_seconds, 6)
        self.assertEqual(self.service.sudo().key, KEY)

    def test_saving_another_setting_changes_nothing(self):
        values = self.service.sudo().read()
        self.admin_env["res.config.settings"].create({}).execute()
        self.env.invalidate_all()
        after = self.service.sudo().read()
        for row in values + after:
            row.pop("write_date")
            row.pop("write_uid")
        self.assertEqual(values, after)

    def test_clearing_the_address_detaches_the_service(self):
        self.save(url="")
        self.assertFalse(self.own_company.l10n_cl_dte_ai_service_id)
        self.assertTrue(self.service.exists())

    def test_a_key_without_an_address(self):
        with self.assertRaisesRegex(UserError, "with its key"):
            self.save(url="", new_key=KEY)

    def test_time_limits_are_bounded(self):
        for values in (
            {"interactive_seconds": 2},
            {"interactive_seconds": 13},
            {"background_seconds": 4},
            {"background_seconds": 26},
        ):
            with (
                self.subTest(**values),
                self.assertRaisesRegex(psycopg2.errors.CheckViolation, "time_limits"),
                self.cr.savepoint(),
                mute_logger("odoo.sql_db"),
            ):
                self.service.sudo().write(values)
                self.env.flush_all()

    # === Test connection === #

    def connect(self):
        action = self.settings().action_l10n_cl_dte_ai_test_connection()
        self.service.invalidate_recordset()
        return action["params"]["type"], str(action["params"]["message"])

    def assertConnection(self, kind, text, health):
        got_kind, message = self.connect()
        self.assertEqual(got_kind, kind, message)
        self.assertIn(text, message)
        self.assertEqual(self.service.health, health)

    def test_a_healthy_service(self):
        self.server.script(healthy(), to=HEALTH)
        self.server.script(refusal("dte_data is empty"))
        self.assertConnection("success", "accepts the key (version 1.2.0)", "healthy")

    def test_a_degraded_service(self):
        self.server.script(healthy("degraded", 207), to=HEALTH)
        self.server.script(refusal("dte_data is empty"))
        self.assertConnection("warning", "degraded", "degraded")

    def test_a_service_that_is_unhealthy(self):
        self.server.script(healthy("unhealthy", 503), to=HEALTH)
        self.server.script(refusal("dte_data is empty"))
        self.assertConnection("warning", "degraded", "down")

    def test_a_key_that_is_refused(self):
        """`/health` alone would say that all is well."""
        self.server.script(healthy(), to=HEALTH)
        self.server.script(reply(403, {"detail": "Invalid API key"}))
        self.assertConnection("danger", "refused the key", "misconfigured")

    def test_something_else_that_answers(self):
        for answer in (
            reply(body=b"<html>Welcome</html>"),
            reply(404, b""),
            reply(body={"status": "ok"}),
        ):
            self.server.script(answer, to=HEALTH)
            self.assertConnection("danger", "is not the AI service", "misconfigured")

    def test_a_service_that_has_moved(self):
        self.server.script(reply(301, b"", {"Location": "/other"}), to=HEALTH)
        self.assertConnection("danger", "another address", "misconfigured")

    def test_a_service_that_cannot_be_reached(self):
        with Loopback() as gone:
            url = gone.url
        self.service.sudo().url = url
        self.assertConnection("danger", f"cannot be reached at {url}", "down")

    def test_a_service_that_does_not_answer(self):
        self.total_seconds = 0.4
        self.server.script(reply(delay=5), to=HEALTH)
        self.assertConnection("danger", "cannot be reached", "down")

    def test_a_certificate_that_nobody_vouches_for(self):
        with tls_server() as server:
            self.service.sudo().url = server.url
            self.assertConnection("danger", "certificate", "misconfigured")
            self.assertFalse(server.requests, "nothing was sent")

    def test_a_port_without_encryption_is_told_as_such(self):
        self.service.sudo().url = self.server.url.replace("http:", "https:")
        self.assertConnection("danger", "without encryption", "misconfigured")
        self.assertFalse(self.server.requests, "nothing was sent")

    def test_a_service_that_was_mended(self):
        self.server.script(reply(404, b""), to=HEALTH)
        self.connect()
        self.assertEqual(self.service.health, "misconfigured")
        self.test_a_healthy_service()

    def test_without_a_service(self):
        self.own_company.l10n_cl_dte_ai_service_id = False
        with self.assertRaisesRegex(UserError, "Enter the address"):
            self.settings().action_l10n_cl_dte_ai_test_connection()


@tagged("post_install_l10n", "post_install", "-at_install")
class TestUserInterface(ViewsTests, SettingsPageTests, DteAiCommon):
    """One class: what it shares takes seconds to set up."""
