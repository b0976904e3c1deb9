# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64
import hashlib
import logging

from odoo import api, fields, models, tools
from odoo.exceptions import AccessError, UserError
from odoo.tools import LazyTranslate

from ..tools.dte import schema as dte_schema
from ..tools.dte.schema import SchemaError
from ..tools.dte.schema_download import download

_lt = LazyTranslate(__name__)
_logger = logging.getLogger(__name__)

SCHEMAS_URL = "https://www.sii.cl/factura_electronica/schema_dte.zip"
WHY_NOT_LOADED = {
    "unreachable": _lt(
        "The SII's site could not be reached, so its schemas were not loaded. "
        "Documents are still checked with its rules; try again later."
    ),
    "no_archive": _lt(
        "What the SII's site sent is not the archive of its schemas, so nothing was "
        "loaded. Documents are still checked with its rules; try again later."
    ),
    "incomplete": _lt(
        "The archive on the SII's site lacks the schema of a DTE, so nothing was "
        "loaded. Documents are still checked with its rules."
    ),
    "invalid": _lt(
        "The schemas on the SII's site cannot be read, so nothing was loaded. "
        "Documents are still checked with its rules."
    ),
    "not_of_sii": _lt(
        "What was sent as the SII's schemas would accept what the SII refuses, or "
        "refuse what it accepts, so nothing was loaded. Documents are still checked "
        "with its rules."
    ),
}


class L10nClDteSchema(models.Model):
    """A file of the SII's schemas, as an administrator had it loaded.

    What is in here judges documents, so nobody may write it, and it is no attachment,
    which anyone can make.
    """

    _name = "l10n_cl_dte.schema"
    _description = "Schema of the SII"
    _order = "name"

    name = fields.Char(string="File", required=True, readonly=True)
    content = fields.Binary(required=True, readonly=True, attachment=False)
    sha256 = fields.Char(
        string="SHA-256",
        required=True,
        readonly=True,
        help="Of the content as it was loaded.",
    )

    _unique_name = models.Constraint("UNIQUE(name)", "There is a file of this name.")

    # === Use === #

    @api.model
    def _state(self):
        """Return `none`, `loaded`, or `broken`: loaded, but not to be used."""
        try:
            return "loaded" if self._schema() else "none"
        except SchemaError:
            return "broken"

    @api.model
    def _checker(self):
        """Return a function that says what the SII's schema has against a file.

        It takes the bytes of a file, and returns texts. There are none where no schema
        was loaded; one that cannot be used is something against each file.
        """
        try:
            schema = self._schema()
        except SchemaError as error:
            _logger.warning("The SII's schemas cannot be used: %s", error)
            problem = self.env._(
                "The SII's schemas that were loaded cannot be used, so the file could "
                "not be checked with them. An administrator can load them again, or "
                "remove them: Settings, Invoicing, SII Schemas."
            )
            return lambda content: [problem]
        return schema.errors if schema else lambda content: []

    @api.model
    def _schema(self, name=dte_schema.SCHEMA_FILE, signed=False):
        """Return one of the SII's schemas, None where none was loaded.

        :param bool signed: require what only a signer can add, as the SII does
        :rtype: dte_schema.Schema
        :raise SchemaError: where what was loaded cannot be used
        """
        files = self.sudo().search_fetch([], ["name", "sha256"])
        if not files:
            return None
        checksums = tuple(files.mapped("sha256"))
        return self._compiled(checksums, name, signed)

    @api.model
    def _all(self):
        """Return the files, of which there is a handful."""
        return self.search([])  # pylint: disable=no-search-all

    @tools.ormcache("checksums", "name", "signed", cache="stable")
    def _compiled(self, checksums, name, signed):
        files = self.sudo().with_context(bin_size=False)._all()
        contents = {file.name: base64.b64decode(file.content or b"") for file in files}
        for file in files:
            if file.sha256 != _sha256(contents[file.name]):
                raise SchemaError("invalid", f"{file.name} has changed since")
        return dte_schema.Schema(contents, name, signed)

    # === Loading === #

    @api.model
    def _load_from_sii(self):
        """Get the schemas from the SII's site; keep those that there are if it fails.

        :raise UserError: where they are not to be had, or are not the SII's
        """
        self._check_administrator()
        try:
            files = download(SCHEMAS_URL)
            dte_schema.verify(files)
        except SchemaError as error:
            _logger.warning("The SII's schemas were not loaded: %s", error)
            raise UserError(self.env._(WHY_NOT_LOADED[error.code])) from error
        self._keep(files)

    @api.model
    def _keep(self, files):
        """Put these files in the place of those that there are.

        :param dict files: bytes by name, which `dte_schema.verify` has seen
        """
        self.sudo()._all().unlink()
        self.sudo().create(
            [
                {
                    "name": name,
                    "content": base64.b64encode(content),
                    "sha256": _sha256(content),
                }
                for name, content in files.items()
            ]
        )

    @api.model
    def _remove(self):
        """Forget the schemas: documents are then checked with the rules alone."""
        self._check_administrator()
        self.sudo()._all().unlink()

    def _check_administrator(self):
        if not self.env.is_system():
            raise AccessError(
                self.env._("The SII's schemas are an administrator's matter.")
            )


def _sha256(content):
    return hashlib.sha256(content).hexdigest()
