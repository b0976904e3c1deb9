# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import re

from odoo import api, fields, models
from odoo.fields import Domain

from ..tools.dte import rules
from ..tools.dte.document import Receptor
from ..tools.dte.texts import plain
from .texts import one_line

READINESS_FIELDS = (
    "name",
    "vat",
    "country_id",
    "l10n_cl_sii_taxpayer_type",
    "l10n_latam_identification_type_id",
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

    l10n_cl_dte_is_incomplete = fields.Boolean(
        string="Not Ready for DTE",
        compute="_compute_l10n_cl_dte_missing",
        search="_search_l10n_cl_dte_is_incomplete",
    )
    l10n_cl_dte_missing = fields.Char(
        string="Missing for DTE", compute="_compute_l10n_cl_dte_missing"
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

    @api.depends("l10n_cl_dte_readiness")
    @api.depends_context("lang")
    def _compute_l10n_cl_dte_missing(self):
        for partner in self:
            errors = [
                finding["message"]
                for finding in partner.l10n_cl_dte_readiness
                if finding["severity"] == rules.ERROR
            ]
            partner.l10n_cl_dte_missing = " ".join(errors)
            partner.l10n_cl_dte_is_incomplete = bool(errors)

    def _search_l10n_cl_dte_is_incomplete(self, operator, value):
        """Select Chilean customers for whom something is not entered.

        What is entered and wrong, as a RUT's digit, the rules say at the document.
        """
        if operator != "in":
            return NotImplemented
        asked = Domain("customer_rank", ">", 0) & Domain(
            "country_id.code", "in", ("CL", False)
        )
        empty = Domain.OR(
            Domain(name, "=", False)
            for name in (
                "country_id",
                "street",
                "city",
                "commercial_partner_id.vat",
                "commercial_partner_id.l10n_cl_activity_description",
                "commercial_partner_id.l10n_cl_sii_taxpayer_type",
            )
        )
        found = asked & empty
        if True not in value:
            return ~found
        return Domain.TRUE if False in value else found

    @api.model
    def default_get(self, fields):
        # EXTENDS 'base': in a Chilean company, a contact is Chilean unless told.
        values = super().default_get(fields)
        chile = self.env.ref("base.cl")
        if self.env.company.account_fiscal_country_id == chile:
            for name, value in (
                ("country_id", chile.id),
                (
                    "l10n_latam_identification_type_id",
                    self.env.ref("l10n_cl.it_RUT").id,
                ),
                ("l10n_cl_sii_taxpayer_type", "1"),
            ):
                if name in fields and f"default_{name}" not in self.env.context:
                    values[name] = value
        return values

    def _l10n_cl_dte_receptor(self):
        """Return the partner as a DTE names its receiver; the giro is the firm's."""
        firm = self.commercial_partner_id
        return Receptor(
            RUTRecep=firm._l10n_cl_dte_rut(),
            RznSocRecep=one_line(firm.name),
            GiroRecep=one_line(firm.l10n_cl_activity_description),
            DirRecep=self._l10n_cl_dte_street(),
            CmnaRecep=one_line(self.city),
            country=firm.country_id.code or "",
            taxpayer=firm.l10n_cl_sii_taxpayer_type or "",
            has_rut=firm._l10n_cl_dte_has_rut(),
        )

    def _l10n_cl_dte_has_rut(self):
        """Tell whether it is a RUT that the contact is known by; VAT is one in
        Chile.
        """
        kind = self.l10n_latam_identification_type_id
        return not kind or kind.is_vat or kind == self.env.ref("l10n_cl.it_RUN")

    def _l10n_cl_dte_street(self):
        return one_line(f"{self.street or ''} {self.street2 or ''}")

    def _l10n_cl_dte_rut(self):
        """Return the RUT as the SII writes it: 12345678-5, no dots, no country.

        A dash as a word processor writes it is one, and a space that cannot be seen is
        none.
        """
        rut = "".join(plain(self.vat or "").upper().replace(".", "").split())
        # Odoo's own formatting has put a second dash beside one that it does not know.
        rut = re.sub("-+", "-", rut.replace("\xad", "").removeprefix("CL"))
        if rut and "-" not in rut:
            rut = f"{rut[:-1]}-{rut[-1]}"
        return rut.lstrip("0")
