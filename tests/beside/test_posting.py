# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The policy on confirming, with the apps beside which a company uses invoices.

A till, a paid web order, and what is posted by itself have nobody who could answer:
whatever the policy says, the customer is served, and a person gets to know.
"""

from contextlib import contextmanager
from datetime import timedelta

from odoo import Command, fields
from odoo.exceptions import UserError
from odoo.tests import tagged

from odoo.addons.l10n_cl_dte_ai.tests.test_posting import PostingCase

POLICIES = [
    (on_post, unattended)
    for on_post in ("off", "rules", "background", "required")
    for unattended in ("draft", "post")
]


class BesideCase(PostingCase):
    """Each situation under each policy, with a customer whom the rules refuse."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.product = (
            cls.env["product.product"]
            .sudo()
            .create(
                {
                    "name": "Pan amasado",
                    "list_price": 1000,
                    "invoice_policy": "order",
                    "available_in_pos": True,
                    "taxes_id": [Command.set(cls.vat_19.ids)],
                }
            )
        )

    @contextmanager
    def under(self, on_post, unattended):
        with self.subTest(on_post=on_post, unattended=unattended):
            self.set_policy(on_post, "block", unattended)
            yield

    def assertServed(self, invoice, on_post):
        """Posted; and where the policy would have stopped a person, marked once."""
        self.assertEqual(invoice.state, "posted")
        would_stop = on_post != "off"
        self.assertEqual(invoice.l10n_cl_dte_posted_unchecked, would_stop)
        self.assertEqual(len(self.activities(invoice)), int(would_stop))
        if would_stop:
            worklist = self.env["account.move"].search(
                [
                    ("l10n_cl_dte_posted_unchecked", "=", True),
                    ("l10n_cl_dte_state", "in", ["errors", "review", "waiting"]),
                ]
            )
            self.assertIn(invoice, worklist)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestTill(BesideCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        env = cls.admin_env(su=True)
        cash = env["account.journal"].search(
            [("type", "=", "cash"), ("company_id", "=", cls.own_company.id)], limit=1
        )
        cls.method = env["pos.payment.method"].create(
            {"name": "Efectivo", "journal_id": cash.id}
        )
        cls.config = env["pos.config"].create(
            {
                "name": "Caja",
                "invoice_journal_id": cls.company_data["default_journal_sale"].id,
                "payment_method_ids": [Command.set(cls.method.ids)],
            }
        )
        cls.cashier = cls.create_user_as_admin(
            "cashier", "base.group_user,point_of_sale.group_pos_user"
        )

    @classmethod
    def create_user_as_admin(cls, login, groups):
        accountant, cls.env = cls.env, cls.admin_env(su=True)
        try:
            return cls.create_user(login, groups)
        finally:
            cls.env = accountant

    def sell(self, customer):
        self.config.open_ui()
        session = self.config.current_session_id
        order = (
            self.env["pos.order"]
            .with_user(self.cashier)
            .create(
                {
                    "session_id": session.id,
                    "partner_id": customer.id,
                    "amount_tax": 190,
                    "amount_total": 1190,
                    "amount_paid": 0,
                    "amount_return": 0,
                    "to_invoice": True,
                    "lines": [
                        Command.create(
                            {
                                "product_id": self.product.id,
                                "qty": 1,
                                "price_unit": 1000,
                                "price_subtotal": 1000,
                                "price_subtotal_incl": 1190,
                                "tax_ids": [Command.set(self.vat_19.ids)],
                            }
                        )
                    ],
                }
            )
        )
        order.add_payment(
            {
                "pos_order_id": order.id,
                "amount": 1190,
                "payment_method_id": self.method.id,
            }
        )
        order.action_pos_order_paid()
        order.with_context(generate_pdf=False)._generate_pos_order_invoice()
        return order

    def test_a_till_is_never_held_up(self):
        for on_post, unattended in POLICIES:
            with self.under(on_post, unattended):
                order = self.sell(self.other_customer)
                self.assertEqual(order.state, "done")
                self.assertServed(order.account_move.with_env(self.env), on_post)

    def test_a_good_one_is_not_marked(self):
        self.set_policy("rules")
        invoice = self.sell(self.customer).account_move
        self.assertEqual(invoice.state, "posted")
        self.assertFalse(invoice.sudo().l10n_cl_dte_posted_unchecked)


@tagged("post_install_l10n", "post_install", "-at_install")
class TestWebOrder(BesideCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        env = cls.admin_env(su=True)
        env["ir.config_parameter"].sudo().set_param("sale.automatic_invoice", "True")
        method = env.ref("payment.payment_method_unknown").sudo()
        cls.provider = (
            env["payment.provider"]
            .sudo()
            .create(
                {
                    "name": "Pago",
                    "code": "none",
                    "state": "test",
                    "company_id": cls.own_company.id,
                    "payment_method_ids": [Command.set(method.ids)],
                }
            )
        )
        method.active = True
        cls.provider_method = cls._create_dummy_payment_method_for_provider(
            provider=cls.provider, journal=cls.company_data["default_journal_bank"]
        )

    def order(self, customer, **values):
        return (
            self.env["sale.order"]
            .sudo()
            .create(
                {
                    "partner_id": customer.id,
                    "company_id": self.own_company.id,
                    "order_line": [
                        Command.create(
                            {"product_id": self.product.id, "product_uom_qty": 1}
                        )
                    ],
                    **values,
                }
            )
        )

    def pay(self, order, amount=None):
        """What the provider's notification, or the cron after it, does."""
        transactions = self.env["payment.transaction"].sudo().with_user(1)
        transaction = transactions.create(
            {
                "provider_id": self.provider.id,
                "payment_method_id": self.provider.payment_method_ids[:1].id,
                "reference": f"{order.name}-{amount}",
                "amount": amount or order.amount_total,
                "currency_id": order.currency_id.id,
                "partner_id": order.partner_id.id,
                "operation": "online_direct",
                "sale_order_ids": [Command.set(order.ids)],
            }
        )
        transaction._set_done()
        transaction.with_context(skip_sale_auto_invoice_send=True)._post_process()
        return transaction

    def test_a_paid_web_order_is_invoiced_and_marked(self):
        for on_post, unattended in POLICIES:
            with self.under(on_post, unattended):
                order = self.order(self.other_customer)
                transaction = self.pay(order)
                self.assertEqual(order.state, "sale")
                [invoice] = transaction.invoice_ids.with_env(self.env)
                self.assertServed(invoice, on_post)
                self.assertIn(invoice.payment_state, ("paid", "in_payment"))

    def test_a_down_payment_on_the_web_as_well(self):
        self.set_policy("rules")
        order = self.order(
            self.other_customer, require_payment=True, prepayment_percent=0.5
        )
        transaction = self.pay(order, order.amount_total / 2)
        [invoice] = transaction.invoice_ids.with_env(self.env)
        self.assertServed(invoice, "rules")

    def test_a_down_payment_that_a_person_makes_is_stopped_and_says_why(self):
        self.set_policy("rules")
        order = self.order(self.other_customer)
        order.action_confirm()
        wizard = (
            self.env["sale.advance.payment.inv"]
            .sudo()
            .with_context(active_model="sale.order", active_ids=order.ids)
            .create({"advance_payment_method": "percentage", "amount": 30})
        )
        wizard.create_invoices()
        invoice = order.invoice_ids.with_env(self.env)
        with self.assertRaisesRegex(UserError, "giro"):
            invoice.action_post()
        self.assertEqual(invoice.state, "draft")


@tagged("post_install_l10n", "post_install", "-at_install")
class TestByItself(BesideCase):
    def test_auto_posted_and_recurring_under_each_policy(self):
        for on_post, unattended in POLICIES:
            for auto_post in ("at_date", "monthly"):
                with self.under(on_post, unattended):
                    self.confirm_by_cron(auto_post, on_post, unattended)

    def confirm_by_cron(self, auto_post, on_post, unattended):
        yesterday = fields.Date.today() - timedelta(days=1)
        document = self.bad_draft(
            auto_post=auto_post, date=yesterday, invoice_date=yesterday
        )
        self.run_auto_post()
        if on_post == "off" or unattended == "post":
            self.assertServed(document, on_post)
        else:
            self.assertEqual(document.state, "draft")
            self.assertTrue(document.l10n_cl_dte_stopped)
            self.assertEqual(len(self.activities(document)), 1)
