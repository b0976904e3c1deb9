# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from dataclasses import replace

from odoo import api, fields, models

from odoo.addons.l10n_cl_dte_ai.tools.dte import rules, xml


def no_draft_words(document, _today, _translate):
    """No line is called “por definir”."""
    for line in document.Detalle:
        if "por definir" in line.NmbItem.lower():
            yield rules.Finding(
                "scratch_draft_words",
                rules.ERROR,
                f"Line {line.NroLinDet} is not defined yet.",
                rules.LINE,
                "NmbItem",
                line.NroLinDet,
            )


class AccountMove(models.Model):
    _inherit = "account.move"

    scratch_note = fields.Char(help="Described in the document's first line.")
    scratch_done = fields.Char(copy=False)

    # Another rule.
    @api.model
    def _l10n_cl_dte_rules(self):
        ours = rules.Rule(901, "P", rules.ERROR, no_draft_words)
        return [*super()._l10n_cl_dte_rules(), ours]

    # Another field of the payload: named, and built in.
    @api.model
    def _l10n_cl_dte_payload_fields(self):
        return [*super()._l10n_cl_dte_payload_fields(), "scratch_note"]

    def _l10n_cl_dte_build(self, known):
        document = super()._l10n_cl_dte_build(known)
        if not (document.Detalle and self.scratch_note):
            return document
        first, *others = document.Detalle
        first = replace(first, DscItem=self.scratch_note)
        return replace(document, Detalle=(first, *others))

    # Another policy.
    def _l10n_cl_dte_needs_override(self, findings, validation=None):
        needed = super()._l10n_cl_dte_needs_override(findings, validation)
        return needed or self.scratch_note == "ask first"

    # An element of the XML.
    def _l10n_cl_dte_tree(self, document):
        tree = super()._l10n_cl_dte_tree(document)
        xml.add(xml.part(tree, "Documento/Encabezado/Receptor"), "Contacto", "Scratch")
        return tree

    # The bytes, after they are built.
    def _l10n_cl_dte_finish_content(self, plan):
        return super()._l10n_cl_dte_finish_content(plan) + b"<!-- stamped -->\n"

    # What follows.
    def _l10n_cl_dte_after_generating(self, versions):
        super()._l10n_cl_dte_after_generating(versions)
        for version in versions:
            version.move_id.scratch_done = version.file_name
