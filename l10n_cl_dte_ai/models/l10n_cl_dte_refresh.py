# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.fields import Domain

from ..tools.dte.payload import SCHEMA_VERSION
from .account_move_state import OPEN_STATES, POLICY_FIELDS
from .payload_fields import shared_fields

# Open documents that are looked at while the contact is saved; more wait for the cron.
AT_ONCE = 200
# Looked at and committed together: memory stays flat for any number.
CHUNK = 500
SCHEMA_PARAMETER = "l10n_cl_dte_ai.schema_version"


class L10nClDteRefresh(models.Model):
    """Contacts, companies and taxes that changed, and how far their documents are.

    A queue of the open documents that are to be looked at again. Rows and not marks on
    the documents: who saves a contact is not to wait for who is editing an invoice.
    """

    _name = "l10n_cl_dte.refresh"
    _description = "Open Documents to Look at Again"
    _order = "id"
    _log_access = False

    res_model = fields.Char(help="Empty: all open documents.")
    res_ids = fields.Json()
    done_up_to = fields.Integer(help="The id of the last document.")

    def init(self):
        # Digests of another form: verdicts on the old one are none on the new.
        parameters = self.env["ir.config_parameter"].sudo()
        known = parameters.get_param(SCHEMA_PARAMETER)
        if known == str(SCHEMA_VERSION):
            return
        if known:
            self._queue_all()
        parameters.set_param(SCHEMA_PARAMETER, str(SCHEMA_VERSION))

    @api.model
    def _queue_all(self):
        """Have every open document looked at again, in the background."""
        self.sudo().create({"res_model": False})

    @api.model
    def _parties_changed(self, records, names):
        """Have the open documents of these looked at again; settled ones are not.

        :param records: contacts, companies or taxes that were written
        :param names: of the fields that were
        """
        moves = self.env["account.move"].sudo()
        watched = shared_fields(moves, moves._l10n_cl_dte_payload_fields())
        watched["res.company"] |= POLICY_FIELDS
        if not records or watched[records._name].isdisjoint(names):
            return
        domain = moves._l10n_cl_dte_open_domain(records)
        moves = moves.with_context(active_test=False).search(domain, limit=AT_ONCE + 1)
        if len(moves) <= AT_ONCE:
            moves._l10n_cl_dte_refresh()
            return
        self.sudo().create({"res_model": records._name, "res_ids": records.ids})
        self.env.ref("l10n_cl_dte_ai.ir_cron_refresh").sudo()._trigger()

    @api.model
    def _cron_refresh(self):
        """Look at the documents of what changed, oldest change first."""
        progress = self.env["ir.cron"]._commit_progress
        while row := self.search([], limit=1):
            while moves := row._next_documents():
                moves._l10n_cl_dte_refresh()
                row.done_up_to = moves[-1].id
                self.env.flush_all()
                left = progress(len(moves), remaining=self.search_count([]))
                self.env.invalidate_all()
                if left <= 0:
                    self.env.ref("l10n_cl_dte_ai.ir_cron_refresh")._trigger()
                    return
            row.unlink()
            progress()

    def _next_documents(self):
        moves = self.env["account.move"]
        domain = (
            moves._l10n_cl_dte_open_domain(
                self.env[self.res_model].browse(self.res_ids)
            )
            if self.res_model
            else Domain("l10n_cl_dte_state", "in", OPEN_STATES)
        )
        after = Domain("id", ">", self.done_up_to)
        return moves.search(domain & after, order="id", limit=CHUNK)


class L10nClDteParty(models.AbstractModel):
    """What documents take from others: a change of it is looked for in the open
    ones.
    """

    _name = "l10n_cl_dte.party"
    _description = "What Documents Name"

    def write(self, vals):
        result = super().write(vals)
        self.env["l10n_cl_dte.refresh"]._parties_changed(self, vals)
        return result


class ResPartner(models.Model):
    _name = "res.partner"
    _inherit = ["res.partner", "l10n_cl_dte.party"]


class ResCompany(models.Model):
    _name = "res.company"
    _inherit = ["res.company", "l10n_cl_dte.party"]


class AccountTax(models.Model):
    _name = "account.tax"
    _inherit = ["account.tax", "l10n_cl_dte.party"]
