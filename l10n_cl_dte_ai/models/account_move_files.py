# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import io
import zipfile

from odoo import models


# pylint: disable=consider-merging-classes-inherited
class AccountMove(models.Model):
    """The files that invoices have: whether they still hold, and all in one zip."""

    _inherit = "account.move"

    def _l10n_cl_dte_outdated_files(self):
        """Return the documents whose file says something else than they say today.

        What their parties are called and where they live does not count: a contact may
        move years later.
        """
        moves = self.filtered(
            lambda move: (
                move.state == "posted"
                and move.l10n_cl_dte_document_id
                and move._l10n_cl_dte_is_covered()
            )
        )
        documents = moves._l10n_cl_dte_as_documents()
        return moves.filtered(
            lambda move: (
                move.l10n_cl_dte_document_id.fingerprint
                != move._l10n_cl_dte_fingerprint_of(documents[move])
            )
        )

    def _l10n_cl_dte_zip(self):
        """Return the files of these documents in one zip; empty if there is none.

        The same files give the same bytes. One that is missing on the server is left
        out: who offers the zip says so, and why.

        :rtype: bytes
        """
        files = {}
        for version in self.l10n_cl_dte_document_id.sorted("id"):
            if version._has_file():
                name = version.file_name
                if name in files:  # the same folio of another issuer
                    name = f"{name.removesuffix('.xml')}_{version.move_id.id}.xml"
                files[name] = version._content()
        if not files:
            return b""
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in sorted(files.items()):
                entry = zipfile.ZipInfo(name)  # of 1980: no time makes it differ
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, content)
        return stream.getvalue()
