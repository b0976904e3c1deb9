# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Fields that are the document's no longer bear the name of the AI."""

from odoo.tools import sql

RENAMED = {
    "account.move": {
        "l10n_cl_dte_ai_is_candidate": "l10n_cl_dte_is_candidate",
        "l10n_cl_dte_ai_payment_form": "l10n_cl_dte_payment_form",
        "l10n_cl_dte_ai_posting_date": "l10n_cl_dte_posting_date",
        "l10n_cl_dte_ai_shows_references": "l10n_cl_dte_shows_references",
    },
    "res.company": {
        "l10n_cl_dte_ai_ciudad": "l10n_cl_dte_ciudad",
        "l10n_cl_dte_ai_readiness": "l10n_cl_dte_readiness",
    },
    "res.partner": {"l10n_cl_dte_ai_readiness": "l10n_cl_dte_readiness"},
    "res.config.settings": {
        "l10n_cl_dte_ai_ciudad": "l10n_cl_dte_ciudad",
        "l10n_cl_dte_ai_readiness": "l10n_cl_dte_readiness",
    },
}
# Models that inherit these by delegation have the fields as well.
DELEGATING = {"account.bank.statement.line": "account.move", "res.users": "res.partner"}


def migrate(cr, _version):
    for model, names in RENAMED.items():
        table = model.replace(".", "_")
        for old, new in names.items():
            if sql.column_exists(cr, table, old):
                sql.rename_column(cr, table, old, new)
            _rename_field(cr, model, old, new)
            _rename_in_what_users_keep(cr, model, old, new)
    for model, parent in DELEGATING.items():
        for old, new in RENAMED[parent].items():
            _rename_field(cr, model, old, new)


def _rename_field(cr, model, old, new):
    """Keep the field's own row, or Odoo would drop the column with the old one."""
    cr.execute(
        "UPDATE ir_model_fields SET name = %s WHERE model = %s AND name = %s",
        [new, model, old],
    )
    prefix = f"field_{model.replace('.', '_')}__"
    cr.execute(
        "UPDATE ir_model_data SET name = %s"
        " WHERE module = 'l10n_cl_dte_ai' AND model = 'ir.model.fields' AND name = %s",
        [prefix + new, prefix + old],
    )


def _rename_in_what_users_keep(cr, model, old, new):
    """Filters and export lists name fields by text."""
    cr.execute(
        r"""
        UPDATE ir_filters
           SET domain = regexp_replace(domain, %(old)s, %(new)s, 'g'),
               context = regexp_replace(context, %(old)s, %(new)s, 'g')
         WHERE model_id = %(model)s AND (domain ~ %(old)s OR context ~ %(old)s)
        """,
        {"model": model, "old": rf"\m{old}\M", "new": new},
    )
    cr.execute(
        r"""
        UPDATE ir_exports_line line
           SET name = regexp_replace(line.name, %(old)s, %(new)s, 'g')
          FROM ir_exports export
         WHERE export.id = line.export_id AND export.resource = %(model)s
           AND line.name ~ %(old)s
        """,
        {"model": model, "old": rf"\m{old}\M", "new": new},
    )
