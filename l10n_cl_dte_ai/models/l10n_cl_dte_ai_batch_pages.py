# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models


# pylint: disable=consider-merging-classes-inherited
class L10nClDteAiBatch(models.Model):
    """The lists that a batch leads to: as its documents stand now."""

    _inherit = "l10n_cl_dte_ai.batch"

    def action_open_results(self):
        """Show the documents, grouped by where they stand, each with why."""
        self.ensure_one()
        dtes = self.move_ids.filtered("l10n_cl_dte_state")
        return {
            **self._documents_action(dtes or self.move_ids),
            "display_name": self.name,
            "context": {
                "create": False,
                "search_default_group_by_l10n_cl_dte_state": bool(dtes),
            },
        }

    def action_open_opinions(self):
        """Show what the AI service said of them, grouped by verdict."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "l10n_cl_dte_ai.action_validation"
        )
        action.pop("path", None)
        return {
            **action,
            "display_name": self.name,
            "domain": [("batch_ids", "in", self.ids)],
            "context": {"search_default_group_by_outcome": 1, "create": False},
        }

    def action_open_left_out(self):
        """Show what has no file in one list, to be mended or generated from there."""
        self.ensure_one()
        return {
            **self._documents_action(self.move_ids - self._moves_with_file()),
            "display_name": self.env._("Left out of %s", self.name),
            "context": {"create": False},
        }

    def _documents_action(self, moves):
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "l10n_cl_dte_ai.action_to_review"
        )
        return {**action, "domain": [("id", "in", moves.ids)]}
