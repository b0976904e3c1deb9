# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The SII's schemas were attachments, found by a name that anyone can give to one."""

import logging

from odoo import SUPERUSER_ID, api

from odoo.addons.l10n_cl_dte_ai.tools.dte import schema as dte_schema

_logger = logging.getLogger(__name__)
PREFIX = "l10n_cl_dte_ai."


def migrate(cr, version):
    env = api.Environment(cr, SUPERUSER_ID, {})
    attachments = env["ir.attachment"].search(
        [("name", "=like", f"{PREFIX}%.xsd"), ("res_id", "in", (False, 0))],
        order="id",
    )
    if not attachments:
        return
    # Only an administrator could load them; any user can have put one beside them, and
    # could still change one that was his before an administrator loaded it again.
    loaded = attachments.filtered(
        lambda file: all(
            user.with_user(user).env.is_system() or user.id == SUPERUSER_ID
            for user in file.create_uid | file.write_uid
        )
    )
    files = {file.name.removeprefix(PREFIX): file.raw or b"" for file in loaded}
    attachments.unlink()
    if not files:
        return
    try:
        dte_schema.verify(files)
    except dte_schema.SchemaError as error:
        _logger.info(
            "The schemas that were loaded are not the SII's (%s), and were dropped: "
            "an administrator can load them again in the settings.",
            error,
        )
        return
    env["l10n_cl_dte.schema"]._keep(files)
