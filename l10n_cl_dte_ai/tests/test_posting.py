# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The policy guards the act: every road to a folio obeys it, and nobody is in
the way.
"""

from unittest.mock import patch

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import tagged

from .common import DteAiCommon
from .loopback import opinion


class PostingCase(DteAiCommon):
    """A company with a policy, and a customer whom the rules refuse: no giro."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.own_company = cls.company_data["company"].sudo()
        cls.other_customer.sudo().l10n_cl_activity_description = False
        cls.activity_type = cls.env.ref("l10n_cl_dte_ai.mail_activity_type_decide")

    def setUp(self):
        super().setUp()
        self.set_policy("rules")

    def set_policy(self, on_post, policy="warn", unattended="draft"):
        self.own_company.write(
            {
                "l10n_cl_dte_ai_on_post": on_post,
                "l10n_cl_dte_ai_policy": policy,
                "l10n_cl_dte_ai_unattended": unattended,
            }
        )

    def bad_draft(self, **values):
        """One that the rules refuse: its customer has no giro."""
        return self.create_document(partner_id=self.other_customer.id, **values)

    def rejected_draft(self, **values):
        document = self.create_document(**values)
        self.server.script(opinion("reject", errors=["Monto inusual"]))
        self.click(document)
        return document

    def activities(self, document):
        return document.sudo().activity_ids.filtered(
            lambda activity: activity.activity_type_id == self.activity_type
        )

    def run_auto_post(self):
        """Core's cron, as the scheduler runs it."""
        moves = self.env["account.move"].sudo().with_user(1)
        with patch.object(self.registry["ir.cron"], "_commit_progress"):
            moves._autopost_draft_entries()
        self.env.invalidate_all()


@tagged("post_install_l10n", "post_install", "-at_install")
class TestPosting(PostingCase):
    # === A person === #

    def test_by_default_an_error_of_the_rules_stops_confirm_and_says_what_to_mend(self):
        default = self.env["res.company"]._fields["l10n_cl_dte_ai_on_post"].default
        self.assertEqual(default(self.env["res.company"]), "rules")
        document = self.bad_draft()
        with self.assertRaisesRegex(UserError, r"(?s)no folio is spent.*giro.*Mend"):
            document.action_post()
        self.assertEqual(document.state, "draft")
        self.other_customer.sudo().l10n_cl_activity_description = "Panadería"
        document.action_post()
        self.assertEqual(document.state, "posted")

    def test_every_road_of_a_person_is_stopped(self):
        for make in (self.bad_draft, self.rejected_draft):
            self.set_policy("required")
            for user in (self.accountant, self.overrider, self.admin_env.user):
                document = make().with_user(user)
                for name, road in {
                    "button": lambda d: d.action_post(),
                    "write": lambda d: d.write({"state": "posted"}),
                    "web_save": lambda d: d.web_save({"state": "posted"}, {}),
                    "wizard": lambda d: (
                        d.env["validate.account.move"]
                        .with_context(active_model=d._name, active_ids=d.ids)
                        .create({})
                        .validate_move()
                    ),
                    "context": lambda d: d.with_context(
                        l10n_cl_dte_let_through=d.ids,
                        l10n_cl_dte_hides_stopped=True,
                        cron_id=1,
                        su=True,
                    ).action_post(),
                }.items():
                    with self.subTest(name, user=user.login, make=make.__name__):
                        with self.assertRaises(UserError):
                            road(document)
                        self.assertEqual(document.state, "draft")

    def test_where_nothing_is_wanted_nothing_is_looked_at(self):
        self.set_policy("off")
        document = self.bad_draft()
        document.action_post()
        self.assertEqual(document.state, "posted")

    # === Anyway === #

    def test_anyway_needs_the_right_and_a_reason_and_leaves_a_trace(self):
        document = self.bad_draft()
        wizard = self.click(document)
        self.assertTrue(wizard.is_stopped)
        wizard.override_reason = "Porque sí"
        with self.assertRaises(AccessError):
            wizard.action_confirm_anyway()
        wizard = self.click(document, self.overrider)
        for reason in (False, "", "  "):
            wizard.override_reason = reason
            with self.assertRaisesRegex(UserError, "Give a reason"):
                wizard.action_confirm_anyway()
        self.assertEqual(document.state, "draft")
        wizard.override_reason = "Lo pidió <b>Rosa</b>"
        wizard.action_confirm_anyway()
        self.assertEqual(document.state, "posted")
        messages = self.messages(document)
        self.assertIn("Lo pidió &lt;b&gt;Rosa", messages)
        self.assertIn("giro", messages)
        self.assertIn(self.overrider.partner_id, document.sudo().message_ids.author_id)

    def test_one_reason_is_for_one_document(self):
        document, other = self.bad_draft(), self.bad_draft()
        wizard = self.click(document, self.overrider)
        wizard.override_reason = "Solo este"
        wizard.action_confirm_anyway()
        with self.assertRaises(UserError):
            other.with_user(self.overrider).action_post()
        document.button_draft()
        with self.assertRaises(UserError):
            document.with_user(self.overrider).action_post()

    # === Nobody to ask: what is posted by itself === #

    def test_the_auto_post_cron_leaves_a_draft_and_one_activity(self):
        for make in (self.bad_draft, self.rejected_draft):
            with self.subTest(make.__name__):
                self.set_policy("required")
                document = make(auto_post="at_date", date=fields.Date.today())
                for _day in range(3):
                    self.run_auto_post()
                    self.assertEqual(document.state, "draft")
                    self.assertTrue(document.l10n_cl_dte_stopped)
                    [activity] = self.activities(document)
                    self.assertEqual(activity.user_id, self.accountant)

    def test_the_activity_ends_with_what_it_asks_for(self):
        """Also where it is not *Confirm* that ends it."""

        def stopped():
            document = self.bad_draft(auto_post="at_date", date=fields.Date.today())
            self.run_auto_post()
            self.assertTrue(self.activities(document))
            return document

        def anyway(document):
            wizard = self.click(document, self.overrider)
            wizard.override_reason = "Lo pidió Rosa"
            wizard.action_confirm_anyway()

        def by_a_till(document):
            self.set_policy("rules", unattended="post")
            document.sudo().with_user(1)._post()
            # Now it is another one: to look at what was confirmed.
            self.assertTrue(document.l10n_cl_dte_posted_unchecked)
            self.assertIn("unattended", self.activities(document).summary)
            document.with_user(self.overrider)._l10n_cl_dte_generate("Ya se entregó")

        def by_write(document):
            with document._l10n_cl_dte_letting_through():
                document.write({"state": "posted"})

        for road in (anyway, by_a_till, by_write, lambda each: each.button_cancel()):
            document = stopped()
            road(document)
            with self.subTest(road.__name__):
                self.assertFalse(document.l10n_cl_dte_stopped)
                self.assertFalse(self.activities(document))
                self.set_policy("rules")

    def test_what_is_stopped_does_not_starve_the_rest(self):
        stopped = [
            self.bad_draft(auto_post="at_date", date="2026-01-02") for _ in range(3)
        ]
        good = self.create_document(auto_post="at_date", date="2026-01-03")
        for _day in range(2):
            with patch.object(self.registry["ir.cron"], "_commit_progress"):
                self.env["account.move"].sudo().with_user(1)._autopost_draft_entries(3)
        self.env.invalidate_all()
        self.assertEqual(good.state, "posted")
        self.assertEqual({document.state for document in stopped}, {"draft"})

    def test_a_mended_one_is_confirmed_by_itself(self):
        document = self.bad_draft(auto_post="at_date", date=fields.Date.today())
        self.run_auto_post()
        self.assertEqual(document.state, "draft")
        self.other_customer.sudo().l10n_cl_activity_description = "Panadería"
        self.run_auto_post()
        self.assertEqual(document.state, "posted")
        self.assertFalse(document.l10n_cl_dte_stopped)
        self.assertFalse(self.activities(document))

    def test_a_recurring_one_goes_on_once_it_is_confirmed(self):
        document = self.bad_draft(auto_post="monthly", date=fields.Date.today())
        self.run_auto_post()
        self.assertEqual((document.state, document.auto_post), ("draft", "monthly"))
        self.other_customer.sudo().l10n_cl_activity_description = "Panadería"
        document.action_post()
        next_one = self.env["account.move"].search(
            [("auto_post_origin_id", "=", document.id), ("id", "!=", document.id)]
        )
        self.assertEqual(next_one.state, "draft")
        self.assertFalse(next_one.l10n_cl_dte_stopped)

    def test_the_company_may_want_it_confirmed_and_marked(self):
        self.set_policy("required", unattended="post")
        for make in (self.bad_draft, self.rejected_draft):
            document = make(auto_post="at_date", date=fields.Date.today())
            self.run_auto_post()
            self.assertEqual(document.state, "posted")
            self.assertTrue(document.l10n_cl_dte_posted_unchecked)
            self.assertEqual(len(self.activities(document)), 1)
            self.assertIn("nobody could be asked", self.messages(document))
            self.assertIn(document.l10n_cl_dte_state, ("errors", "review"))

    def test_nobody_says_that_he_is_nobody(self):
        document = self.bad_draft()
        values = {"l10n_cl_dte_stopped": True, "l10n_cl_dte_posted_unchecked": True}
        for name, value in values.items():
            with self.assertRaises(AccessError):
                document.write({name: value})

    def test_a_plain_write_by_odoobot_is_stopped_as_well(self):
        document = self.bad_draft().sudo().with_user(1)
        with self.assertRaises(UserError):
            document.write({"state": "posted"})
        self.assertEqual(document.state, "draft")
