# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import logging

from odoo.tools import sql

_logger = logging.getLogger(__name__)

# Stored fields that Odoo would compute for each invoice there is.
COLUMNS = {
    "l10n_cl_dte_state": "varchar",
    "l10n_cl_dte_ai_state": "varchar",
    "l10n_cl_dte_findings": "jsonb",
    "l10n_cl_dte_fingerprint": "varchar",
    "l10n_cl_dte_ai_digest": "varchar",
}


def add_columns(cr):
    """Make them before Odoo does: documents of before us were issued otherwise."""
    for name, kind in COLUMNS.items():
        if not sql.column_exists(cr, "account_move", name):
            sql.create_column(cr, "account_move", name, kind)


def pre_init_hook(env):
    add_columns(env.cr)


def take_folios(env):
    """Take the folios that documents have; tell, at each, what has one of another."""
    for move in env["l10n_cl_dte.folio"]._take_all():
        problem = move._l10n_cl_dte_folio_problem()
        _logger.warning("%s: %s", move.display_name, problem)
        move._message_log(body=problem)


def post_init_hook(env):
    take_folios(env)
    # What is still a draft is ours from now on.
    drafts = env["account.move"].search(
        [("state", "=", "draft"), ("journal_id.l10n_latam_use_documents", "=", True)]
    )
    drafts._l10n_cl_dte_refresh()


def uninstall_hook(env):
    env["l10n_cl_dte.document"]._give_files_back()
    env["ir.config_parameter"].sudo().search(
        [("key", "=", "l10n_cl_dte_ai.schema_version")]
    ).unlink()
    # Odoo cannot delete a company that still has a chart of accounts.
    env["l10n_cl_dte_ai.demo"]._unload()
