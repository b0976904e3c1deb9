# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64
from typing import NamedTuple

from odoo import models
from odoo.tools.image import image_data_uri

from odoo.addons.l10n_cl_dte_ai.tools.dte.document import (
    CANCELS,
    CORRECTS_AMOUNT,
    CORRECTS_TEXT,
)

from ..tools import barcode
from ..tools.errors import PRODUCTION, SIMULATOR

# Only these can be ceded (law 19.983); on a note or a receipt the copy is forbidden.
CEDIBLE_TYPES = frozenset(("33", "34", "43", "46", "52"))

# In Spanish, as all that the SII wants on paper.
WHAT_IT_DOES = {
    CANCELS: "anula",
    CORRECTS_TEXT: "corrige texto",
    CORRECTS_AMOUNT: "corrige montos",
}


class Printed(NamedTuple):
    """What the printed document shows of stamp and signature.

    :param str picture: of the barcode, as a data URI; "" of what is not signed
    :param float width: of it, in millimetres
    :param str resolution: under which the company issues documents
    :param str warning: what stands across the page, "" on a tax document
    :param bool is_cedible: whether a copy that can be ceded exists
    """

    picture: str
    width: float
    height: float
    resolution: str
    warning: str
    is_cedible: bool


# pylint: disable=consider-merging-classes-inherited
class AccountMove(models.Model):
    """The printed representation of a DTE: its stamp, and what it is not."""

    _inherit = "account.move"

    def _l10n_cl_dte_sii_printed(self, columns=barcode.LETTER_COLUMNS):
        """Return what is printed of a document that is signed here, None of others.

        :param int columns: of the barcode, fewer on narrow paper
        :rtype: Printed | None
        """
        self.ensure_one()
        if not self._l10n_cl_dte_sii_takes_folio():
            return None
        version = self.sudo().l10n_cl_dte_document_id
        ted = self._l10n_cl_dte_sii_valid_ted()
        picture, width, height = "", 0, 0
        if ted:
            code = barcode.pdf417(ted, columns)
            picture = image_data_uri(base64.b64encode(code.png))
            width, height = code.width, code.height
        settings = self.company_id._l10n_cl_dte_sii_with_settings().sudo()
        environment = version.environment or settings.l10n_cl_dte_sii_environment
        date = settings.l10n_cl_dte_resolution_date
        # Outside of production it is number 0.
        number = settings.l10n_cl_dte_resolution_number or "0"
        number = number if environment == PRODUCTION else "0"
        return Printed(
            picture,
            width,
            height,
            f"Res. {number} de {date.year}" if date else f"Res. {number}",
            self._l10n_cl_dte_sii_warning(ted, environment),
            bool(ted) and self.l10n_latam_document_type_id.code in CEDIBLE_TYPES,
        )

    def _l10n_cl_dte_sii_valid_ted(self):
        """Return the stamp of the signed file, b"" where it is not the document's."""
        version = self.sudo().l10n_cl_dte_document_id
        if not version.ted or version._move_state() == "outdated":
            return b""
        return base64.b64decode(version.with_context(bin_size=False).ted)

    def _l10n_cl_dte_sii_warning(self, ted, environment):
        if not ted:
            return self.env._("NOT SIGNED: NOT A TAX DOCUMENT")
        if environment == PRODUCTION:
            return ""
        if environment == SIMULATOR:
            return self.env._("TEST (SIMULATOR): NOT A TAX DOCUMENT")
        return self.env._("TEST (CERTIFICATION): NOT A TAX DOCUMENT")

    def _l10n_cl_dte_sii_printed_references(self):
        """Return the references of a document in words, as its file names them.

        As “Factura Electrónica N° 123 del 02-03-2026: anula (pedido doble)”.

        :rtype: list[str]
        """
        self.ensure_one()
        if not self._l10n_cl_dte_sii_takes_folio():
            return []
        move = self.sudo().with_context(lang=self._l10n_cl_dte_lang())
        references = move._l10n_cl_dte_reference_rows()
        types = move.env["l10n_latam.document.type"].search(
            [
                ("country_id.code", "=", "CL"),
                ("code", "in", [each.TpoDocRef for each in references]),
            ]
        )
        names = {each.code: each.name for each in types}
        return [_in_words(each, names) for each in references]


def _in_words(reference, names):
    text = names.get(reference.TpoDocRef, reference.TpoDocRef)
    # Of many documents at once, the folio is 0.
    text += " (varias)" if reference.IndGlobal else f" N° {reference.FolioRef}"
    if reference.FchRef:
        text += f" del {reference.FchRef:%d-%m-%Y}"
    if reference.CodRef:
        text += f": {WHAT_IT_DOES[reference.CodRef]}"
    if reference.RazonRef:
        text += f" ({reference.RazonRef})"
    return text
