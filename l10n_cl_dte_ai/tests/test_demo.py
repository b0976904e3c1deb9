# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The demo company: what its documents show is what the rules find."""

from odoo.tests import TransactionCase, tagged

from .. import demo

# The rule that finds what is wrong with a document. The others that are not clean have
# mistakes that only the AI service can see.
FOUND_BY_RULES = {
    "no_giro": {"giro_receptor"},
    "no_comuna": {"address"},
    "all_exempt": {"affected_line"},
    "emoji": {"latin_1"},
    "wrong_rut": {"rut", "identity_has_rut"},  # it is kept as a foreign number
    "tomorrow": {"date"},
    "next_month": {"date"},
    "final_consumer": {"stand_in"},
    "credit_note_no_reference": {"reference"},
    "credit_note_backdated": {"references"},
}


@tagged("post_install_l10n", "post_install", "-at_install")
class TestDemo(TransactionCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.company = cls.env["l10n_cl_dte_ai.demo"]._load()

    def test_it_is_loaded_once(self):
        company_domain = [("company_id", "=", self.company.id)]
        count = self.env["account.move"].search_count(company_domain)
        again = self.env["l10n_cl_dte_ai.demo"]._load()
        self.assertEqual(again, self.company)
        self.assertEqual(self.env["account.move"].search_count(company_domain), count)

    def test_there_are_documents_of_every_type(self):
        documents = dict(demo.showcase(self.env))
        self.assertGreaterEqual(len(documents), 15)
        self.assertEqual(
            {document.code for document in documents}, {"33", "34", "56", "61"}
        )
        self.assertEqual(
            {move.state for move in documents.values()}, {"draft", "posted"}
        )
        self.assertGreaterEqual(
            len({move.commercial_partner_id for move in documents.values()}), 12
        )

    def test_the_rules_find_what_each_document_shows(self):
        for document, move in demo.showcase(self.env):
            with self.subTest(document.key):
                self.assertEqual(move.l10n_latam_document_type_id.code, document.code)
                self.assertTrue(move._l10n_cl_dte_is_covered())
                found = {f.code for f in move._l10n_cl_dte_findings()}
                if document.clean:
                    self.assertFalse(found)
                else:
                    self.assertEqual(found, FOUND_BY_RULES.get(document.key, set()))

    def test_every_rule_that_is_expected_has_its_document(self):
        keys = {document.key for document, _move in demo.showcase(self.env)}
        self.assertLessEqual(set(FOUND_BY_RULES), keys)
