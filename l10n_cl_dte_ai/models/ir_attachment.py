# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import models, tools
from odoo.tools.xml_utils import load_xsd_files_from_url

from ..tools.dte import schema

SCHEMAS_URL = "https://www.sii.cl/factura_electronica/schema_dte.zip"
PREFIX = "l10n_cl_dte_ai"


class IrAttachment(models.Model):
    _inherit = "ir.attachment"

    def _l10n_cl_dte_ai_load_schemas(self):
        """Get the SII's schemas, as Odoo's other localizations get theirs.

        :return: the attachments, none where the SII could not be reached
        """
        return load_xsd_files_from_url(
            self.env, SCHEMAS_URL, request_max_timeout=20, xsd_name_prefix=PREFIX
        )

    def _l10n_cl_dte_ai_schema(self):
        """Return the schema of a DTE, None where it has not been loaded."""
        files = self.sudo().search([("name", "=like", f"{PREFIX}.%.xsd")], order="id")
        names = {file.name.removeprefix(f"{PREFIX}."): file.id for file in files}
        if schema.SCHEMA_FILE not in names:
            return None
        checksums = tuple(sorted(files.mapped("checksum")))
        return self._l10n_cl_dte_ai_parse_schema(checksums, tuple(names.items()))

    @tools.ormcache("checksums", cache="stable")
    def _l10n_cl_dte_ai_parse_schema(self, checksums, files):
        files = dict(files)
        return schema.load_schema(lambda name: self.sudo().browse(files[name]).raw)
