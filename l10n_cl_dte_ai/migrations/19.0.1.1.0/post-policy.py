# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""By default, what the SII's rules refuse is not confirmed any more."""


def migrate(cr, _version):
    cr.execute(
        "UPDATE res_company SET l10n_cl_dte_ai_on_post = 'rules'"
        " WHERE l10n_cl_dte_ai_on_post = 'off'"
    )
