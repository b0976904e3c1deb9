# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What waits for somebody, on the journal's card; and what is found, in figures."""

import inspect
import json
import re
import sys
from ast import literal_eval

from lxml import etree

from odoo.fields import Domain
from odoo.tests import tagged

from ..tools.dte.rules.base import RULES
from .common import DteAiCommon
from .loopback import opinion

RULE_MODULES = {sys.modules[rule.apply.__module__] for rule in RULES}


@tagged("post_install_l10n", "post_install", "-at_install")
class TestStatistics(DteAiCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.journal = cls.company_data["default_journal_sale"].with_env(cls.env)
        cls.other_customer.l10n_cl_activity_description = False

    def test_the_card_counts_what_its_links_show(self):
        ready, generated = self.create_posted(), self.create_posted()
        generated._l10n_cl_dte_generate()
        review = self.create_document()
        self.server.script(opinion("review", warnings=["Monto inusual"]))
        self.click(review)
        wrong = self.create_document(partner_id=self.other_customer.id)
        self.create_document()  # a draft is confirmed before it is generated
        expected = {"to_generate": ready, "review": review, "errors": wrong}
        card = json.loads(self.journal.kanban_dashboard)["l10n_cl_dte"]
        self.assertEqual(card, {name: len(found) for name, found in expected.items()})
        for name, domain in self.journal._l10n_cl_dte_dashboard().items():
            found = self.env["account.move"].search(
                domain & Domain("journal_id", "=", self.journal.id)
            )
            self.assertEqual(found, expected.get(name, ready.browse()), name)

    def test_each_link_of_the_card_sets_the_filter_that_was_counted(self):
        """Also those of an addon that sends: it adds lines, and its filters."""
        moves = self.env["account.move"]
        card = self.env.ref("account.account_journal_dashboard_kanban_view")
        arch = self.journal.get_view(card.id, "kanban")["arch"]
        lines = etree.fromstring(arch).xpath("//t[@name='l10n_cl_dte']/div")
        search = self.env.ref("account.view_account_invoice_filter")
        filters = etree.fromstring(moves.get_view(search.id, "search")["arch"])
        counted = self.journal._l10n_cl_dte_dashboard()
        shown = {}
        for line in lines:
            name = line.get("t-if").removeprefix("dashboard.l10n_cl_dte.")
            [chosen] = literal_eval(line.find(".//a").get("context"))
            chosen = chosen.removeprefix("search_default_")
            [node] = filters.xpath(f"//filter[@name='{chosen}']")
            shown[name] = Domain(literal_eval(node.get("domain")))
        self.assertEqual(shown.keys(), counted.keys())
        for name, domain in counted.items():
            with self.subTest(name):
                self.assertEqual(
                    sorted(
                        map(str, shown[name].optimize_full(moves).iter_conditions())
                    ),
                    sorted(map(str, domain.optimize_full(moves).iter_conditions())),
                )

    def test_findings_by_rule_and_customer(self):
        wrong = self.create_document(partner_id=self.other_customer.id)
        self.create_document()
        findings = self.env["l10n_cl_dte.finding"]
        groups = findings.formatted_read_group(
            [("severity", "=", "error")], ["code", "partner_id"], ["__count"]
        )
        self.assertEqual(
            [(each["code"], each["partner_id"][0], each["__count"]) for each in groups],
            [("giro_receptor", self.other_customer.id, 1)],
        )
        [row] = findings.search([("code", "=", "giro_receptor")])
        self.assertEqual((row.move_id, row.state), (wrong, "errors"))
        self.assertIn("giro", row.message)
        # Whoever may not see the invoice does not see what is found in it.
        elsewhere = self.env["res.company"].sudo().create({"name": "Ajena"})
        self.accountant.sudo().company_ids |= elsewhere
        there = findings.with_context(allowed_company_ids=elsewhere.ids)
        self.assertFalse(there.search([]))

    def test_every_rule_has_a_name(self):
        names = dict(self.env["l10n_cl_dte.finding"]._fields["code"].selection)
        codes = set()
        for source in {inspect.getsource(module) for module in RULE_MODULES}:
            codes.update(re.findall(r'Finding\(\s*"(\w+)"', source))
            found = re.findall(r'_identity\(\s*"(\w+)"', source)
            codes.update(f"identity_{name}" for name in found)
        self.assertGreater(len(codes), 40)
        self.assertEqual(codes - names.keys(), set())

    def test_opinions_and_decisions_are_counted(self):
        document = self.create_document()
        self.server.script(opinion("review", warnings=["Monto inusual"]))
        self.click(document)
        document.action_l10n_cl_dte_reviewed()
        rows = self.env["l10n_cl_dte_ai.validation"]
        for name, value in (
            ("partner_id", self.customer.id),
            ("decided_by_id", self.accountant.id),
            ("outcome", "review"),
        ):
            [group] = rows.formatted_read_group(
                [("move_id", "=", document.id)], [name], ["__count"]
            )
            found = group[name]
            self.assertEqual(found[0] if isinstance(found, tuple) else found, value)
