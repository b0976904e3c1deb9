# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import io
import re
from collections import Counter

import polib

from odoo.tests import TransactionCase, tagged
from odoo.tools import file_path
from odoo.tools.translate import trans_export

MODULE = "l10n_cl_dte_ai"
DEMO = f":{MODULE}.demo_"
TEMPLATE = f"{MODULE}/i18n/{MODULE}.pot"
SPANISH = f"{MODULE}/i18n/es.po"
# OCA leaves a translation empty where it is the source's own words.
SAME_IN_SPANISH = {
    '<span class="text-muted mx-1">·</span>',
    "Acteco",
    "DTE",
    "Error",
    "HTTP",
    "ID",
    "IVA",
    "Nº",
    "R.U.T.",
    "Total",
    "comuna",
    "https://ai.example.cl",
}
TO_MEND = "Run `make i18n`, and translate in es.po what is new."

PLACEHOLDER_OR_TAG = re.compile(r"%(?:\(\w+\))?[sdif]|%%|<[^<>]+>")


def _read(path):
    return polib.pofile(file_path(path))


def _uses(terms):
    """Return where each term is used, as Odoo finds its translation by it."""
    return {
        (term.msgid, name)
        for term in terms
        for name, _line in term.occurrences
        if DEMO not in name
    }


def _kinds(terms):
    """Return which terms are the server's and which the browser's."""
    return {
        (term.msgid, line)
        for term in terms
        for line in term.comment.splitlines()
        if line.startswith("odoo-")
    }


@tagged("post_install_l10n", "post_install", "-at_install")
class TestTranslations(TransactionCase):
    def _assert_empty(self, problems, title):
        if problems:
            lines = "\n".join(f"  {problem!r}" for problem in sorted(problems))
            self.fail(f"{title}:\n{lines}\n{TO_MEND}")

    def test_template_is_up_to_date(self):
        buffer = io.BytesIO()
        trans_export(None, [MODULE], buffer, "po", self.env)
        extracted = polib.pofile(buffer.getvalue().decode())
        template = _read(TEMPLATE)
        for read in (_uses, _kinds):
            now, then = read(extracted), read(template)
            self._assert_empty(now - then, f"Missing in {TEMPLATE}")
            self._assert_empty(then - now, f"Not used, in {TEMPLATE}")

    def test_spanish_is_complete(self):
        spanish = {term.msgid: term for term in _read(SPANISH) if not term.obsolete}
        terms = {term.msgid for term in _read(TEMPLATE)}
        self._assert_empty(terms - spanish.keys(), f"Missing in {SPANISH}")
        self._assert_empty(spanish.keys() - terms, f"Not in the template, in {SPANISH}")
        missing = {msgid for msgid, term in spanish.items() if not term.translated()}
        self._assert_empty(missing - SAME_IN_SPANISH, f"Empty or fuzzy in {SPANISH}")

    def test_spanish_keeps_placeholders_and_tags(self):
        def marks(text):
            return Counter(PLACEHOLDER_OR_TAG.findall(text))

        self._assert_empty(
            {
                (term.msgid, term.msgstr)
                for term in _read(SPANISH)
                if term.msgstr and marks(term.msgid) != marks(term.msgstr)
            },
            f"Other placeholders or tags in {SPANISH}",
        )


@tagged("post_install_l10n", "post_install", "-at_install")
class TestSpanish(TransactionCase):
    """Texts that are put together while running, where a translation is easily lost."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for lang in ("en_US", "es_419"):
            cls.env["res.lang"]._activate_lang(lang)
        cls.env["ir.module.module"]._load_module_terms([MODULE], ["es_419"])

    def test_outcome_in_dialog(self):
        wizard = self.env["l10n_cl_dte_ai.generate"].with_context(lang="es_419")
        outcomes = dict(wizard.fields_get(["outcome"])["outcome"]["selection"])
        self.assertEqual(outcomes["approved"], "Aprobado")
        self.assertEqual(outcomes["not_asked"], "Sin consultar")

    def test_managers_are_told_in_their_language(self):
        group = self.env.ref("l10n_cl_dte_ai.group_manager")
        group.all_user_ids.partner_id.lang = "en_US"
        chilean = self.env["res.users"].create(
            {
                "name": "Amanda",
                "login": "amanda",
                "lang": "es_419",
                "group_ids": [(4, group.id)],
            }
        )
        service = self.env["l10n_cl_dte_ai.service"].create(
            {"name": "AI", "url": "https://ai.example.cl", "new_key": "k" * 16}
        )

        service.with_context(lang=None)._notify_managers("credentials")

        message = self.env["mail.message"].search(
            [("partner_ids", "in", chilean.partner_id.ids)]
        )
        self.assertIn("requiere su atención", message.subject)
        self.assertIn("rechazó la clave", message.body)
        self.assertEqual(message.partner_ids, chilean.partner_id)
