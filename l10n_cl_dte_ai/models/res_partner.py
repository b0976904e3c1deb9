# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models

from ..tools.dte import rules
from ..tools.dte.document import Receptor

READINESS_FIELDS = (
    "name",
    "vat",
    "l10n_cl_activity_description",
    "street",
    "street2",
    "city",
)


class ResPartner(models.Model):
    _inherit = "res.partner"

    l10n_cl_dte_readiness = fields.Json(
        string="DTE Readiness", compute="_compute_l10n_cl_dte_readiness"
    )

    @api.depends(
        *READINESS_FIELDS, *(f"commercial_partner_id.{n}" for n in READINESS_FIELDS)
    )
    @api.depends_context("lang")
    def _compute_l10n_cl_dte_readiness(self):
        for partner in self:
            commercial = partner.commercial_partner_id
            partner.l10n_cl_dte_readiness = [
                {
                    "severity": finding.severity,
                    "message": finding.message,
                    "record": commercial != partner
                    and finding.field not in ("DirRecep", "CmnaRecep")
                    and {
                        "model": "res.partner",
                        "id": commercial.id,
                        "name": commercial.display_name,
                    },
                }
                for finding in rules.check_receptor(
                    partner._l10n_cl_dte_receptor(),
                    self.env._,
                    self.env["account.move"]._l10n_cl_dte_rules(),
                )
            ]

    def _l10n_cl_dte_receptor(self):
        """Return the partner as a DTE names its receiver; the giro is the firm's."""
        firm = self.commercial_partner_id
        return Receptor(
            RUTRecep=firm._l10n_cl_dte_rut(),
            RznSocRecep=_text(firm.name),
            GiroRecep=_text(firm.l10n_cl_activity_description),
            DirRecep=self._l10n_cl_dte_street(),
            CmnaRecep=_text(self.city),
        )

    def _l10n_cl_dte_street(self):
        return _text(f"{self.street or ''} {self.street2 or ''}")

    def _l10n_cl_dte_rut(self):
        """Return the RUT as the SII writes it: 12345678-5, no dots, no country."""
        rut = (self.vat or "").upper().replace(".", "").replace(" ", "")
        rut = rut.removeprefix("CL")
        if rut and "-" not in rut:
            rut = f"{rut[:-1]}-{rut[-1]}"
        return rut.lstrip("0")


def _text(value):
    return " ".join((value or "").split())
