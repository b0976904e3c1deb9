# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What we use of Odoo that it promises to nobody: which of it broke on another Odoo.

`docs/architecture.md` says what each is for. A failure here comes before all the others
that follow from it, and names the culprit.
"""

import inspect

from odoo.modules import module
from odoo.service.model import retrying
from odoo.tests import TransactionCase, tagged

# Methods of models that are called or extended: what they take, in this order.
METHODS = {
    ("account.move", "_post"): ["soft"],
    ("account.move", "_get_alerts"): [],
    ("account.move", "_autopost_draft_entries"): ["batch_size"],
    ("account.move", "_locked_increment"): ["format_string", "format_values"],
    ("account.move", "_compute_split_sequence"): [],
    ("account.move", "_compute_highlight_send_button"): [],
    ("account.move", "_detach_attachments"): [],
    ("account.move", "_get_expected_currency_rate_at"): ["date"],
    ("account.move", "_get_l10n_latam_documents_domain"): [],
    ("account.move", "_l10n_cl_get_formatted_sequence"): ["number"],
    ("account.move", "_message_log"): [],  # by name
    ("account.move", "_message_log_batch"): ["bodies"],
    ("account.move", "_search"): ["domain"],
    ("account.move", "_get_view"): ["view_id", "view_type"],
    ("account.move", "_get_view_cache_key"): ["view_id", "view_type"],
    ("account.debit.note", "_prepare_default_values"): ["move"],
    ("account.journal", "_fill_sale_purchase_dashboard_data"): ["dashboard_data"],
    ("account.move.reversal", "_prepare_default_reversal"): ["move"],
    ("account.payment.register", "_create_payments"): [],
    ("ir.actions.act_window", "_for_xml_id"): ["full_xml_id"],
    ("account.move.send", "_get_invoice_extra_attachments"): ["move"],
    ("digest.digest", "_compute_kpis_actions"): ["company", "user"],
    ("ir.attachment", "_compute_checksum"): ["bin_data"],
    ("ir.attachment", "_full_path"): ["path"],
    ("ir.cron", "_notifydb"): [],
    ("ir.cron", "_trigger"): ["at"],
    ("ir.cron", "_commit_progress"): ["processed"],
    ("ir.http", "lazy_session_info"): [],
    ("ir.model.data", "_xmlid_to_res_id"): ["xmlid"],
    ("ir.ui.menu", "_load_menus_blacklist"): [],
    ("ir.qweb", "_render"): ["template", "values"],
    ("res.lang", "_activate_and_install_lang"): ["code"],
    ("res.partner", "_filtered_access"): ["operation"],
    ("res.partner", "_get_records_action"): [],  # of every model
    ("res.partner", "_load_records"): ["data_list", "update"],
    ("res.partner", "_read_group"): ["domain", "groupby", "aggregates"],
    ("res.users", "_bus_send"): ["notification_type", "message"],
}


@tagged("post_install_l10n", "post_install", "-at_install")
class TestInternals(TransactionCase):
    def test_methods_take_what_we_give_them(self):
        for (model, name), wanted in METHODS.items():
            with self.subTest(model=model, method=name):
                method = getattr(self.env[model], name, None)
                self.assertTrue(method, "It is gone")
                # The first of them all: ours stand before it in the same order.
                for owner in type(self.env[model]).__mro__:
                    if name in owner.__dict__ and "l10n_cl_dte" not in owner.__module__:
                        method = owner.__dict__[name]
                        break
                taken = [
                    each.name
                    for each in inspect.signature(method).parameters.values()
                    if each.name not in ("self", "cls")
                ]
                self.assertEqual(taken[: len(wanted)], wanted)

    def test_what_is_retried_takes_a_function_and_an_environment(self):
        self.assertEqual(list(inspect.signature(retrying).parameters), ["func", "env"])

    def test_a_running_test_is_known_as_one(self):
        self.assertTrue(
            module.current_test, "Commits of a test would reach the database"
        )

    def test_the_registry_tells_what_is_installed(self):
        self.assertIn("l10n_cl_dte_ai", self.env.registry._init_modules)

    def test_a_transaction_has_a_place_for_what_ends_with_it(self):
        self.env.cr.precommit.data["l10n_cl_dte.test"] = True
        self.env.cr.precommit.clear()
        self.assertNotIn("l10n_cl_dte.test", self.env.cr.precommit.data)

    def test_records_and_fields_are_what_we_take_them_for(self):
        partner = self.env["res.partner"].new({"name": "Peumo"})
        self.assertFalse(partner._origin)
        self.assertEqual(partner._table, "res_partner")
        choices = partner._fields["type"]._description_selection(self.env)
        self.assertIn("invoice", dict(choices))
        self.assertTrue(self.env.ref("base.user_root")._is_superuser())
        self.assertFalse(self.env.ref("base.user_admin")._is_superuser())

    def test_reading_ahead_fills_the_cache(self):
        partners = self.env["res.partner"].search([], limit=2)
        self.env.invalidate_all()
        partners.fetch(["name"])
        with self.assertQueryCount(0):
            partners.mapped("name")
