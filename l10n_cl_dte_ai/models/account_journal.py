# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, models
from odoo.fields import Domain


class AccountJournal(models.Model):
    """The card of a sales journal says what of its documents waits for somebody."""

    _inherit = "account.journal"

    def _fill_sale_purchase_dashboard_data(self, dashboard_data):
        # EXTENDS 'account'
        result = super()._fill_sale_purchase_dashboard_data(dashboard_data)
        journals = self.filtered(
            lambda journal: (
                journal.type == "sale"
                and journal.l10n_latam_use_documents
                and journal.company_id.account_fiscal_country_id.code == "CL"
            )
        )
        if not journals:
            return result
        of_journals = Domain("journal_id", "in", journals.ids)
        for name, domain in self._l10n_cl_dte_dashboard().items():
            for journal, count in self.env["account.move"]._read_group(
                of_journals & domain, ["journal_id"], ["__count"]
            ):
                numbers = dashboard_data[journal.id].setdefault("l10n_cl_dte", {})
                numbers[name] = count
        return result

    @api.model
    def _l10n_cl_dte_dashboard(self):
        """Return what is counted on the card.

        Extend it for further states, and show each as a link in the card's template,
        as `dashboard.l10n_cl_dte.NAME`; the filter that the link sets says the same.

        :rtype: dict[str, Domain]
        """
        state = "l10n_cl_dte_state"
        return {
            "to_generate": Domain(state, "in", ("ready", "outdated"))
            & Domain("state", "=", "posted"),
            "review": Domain(state, "=", "review"),
            "errors": Domain(state, "=", "errors"),
            "waiting": Domain(state, "=", "waiting"),
        }
