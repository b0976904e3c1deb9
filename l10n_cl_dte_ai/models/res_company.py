# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models

from ..tools.dte import payload, rules
from ..tools.dte.document import Emisor
from .l10n_cl_dte_ai_service import USER_GROUP
from .res_partner import READINESS_FIELDS
from .texts import one_line


class ResCompany(models.Model):
    _inherit = "res.company"

    # Who sees a company, as portal users do, would see what its service is called.
    l10n_cl_dte_ai_service_id = fields.Many2one(
        "l10n_cl_dte_ai.service",
        string="AI Service",
        ondelete="set null",
        groups=f"base.group_system,{USER_GROUP}",
    )
    l10n_cl_dte_ai_policy = fields.Selection(
        [
            ("advise", "Advise: show what was found, and generate"),
            ("warn", "Warn: what the AI rejects needs a reason"),
            ("block", "Block: only what the AI approves is generated"),
        ],
        string="AI Policy",
        default="advise",
        required=True,
        help="Whoever may override can generate a document in any case, with a reason.",
    )

    l10n_cl_dte_ai_on_post = fields.Selection(
        [
            ("off", "Nothing is looked at: somebody presses Generate DTE"),
            ("rules", "What the SII's rules refuse is not confirmed"),
            ("background", "The same, and the AI service is asked in the background"),
            (
                "required",
                "First the document must be allowed: without errors, and as the policy "
                "says",
            ),
        ],
        string="When a Document is Confirmed",
        default="rules",
        required=True,
        help="It holds on every road by which a document is confirmed, for everybody. "
        "Whoever may override can confirm one anyway, with a reason that is kept.",
    )
    l10n_cl_dte_ai_unattended = fields.Selection(
        [
            ("draft", "It stays a draft, and somebody gets an activity"),
            ("post", "It is confirmed and marked, and somebody gets an activity"),
        ],
        string="When Nobody Can Be Asked",
        default="draft",
        required=True,
        help="What a scheduled action would confirm, and the policy stops. What a "
        "customer has paid at a till or on the website is confirmed and marked in any "
        "case, because Odoo books the payment on it at once.",
    )

    l10n_cl_dte_ai_leave_out_names = fields.Boolean(
        string="Ask the AI Without Names",
        help="The names of your company and of your customers, and all addresses, are "
        "not sent to the AI service: it reads “(omitido)” instead. RUT, activity "
        "(giro), amounts and what is written in the lines are sent, because that is "
        "what it checks; mind that a RUT tells whose it is. Answers already given stay "
        "valid: nothing is asked again.",
    )

    # === What a DTE says of its issuer; the names are those of `l10n_cl_edi` === #
    l10n_cl_company_activity_ids = fields.Many2many(
        "l10n_cl.company.activities",
        string="Activity Codes",
        help="Chile: up to four activity codes (acteco), which every DTE names.",
    )
    l10n_cl_dte_resolution_number = fields.Char(
        string="SII Exempt Resolution Number",
        help="Of the SII's resolution that lets the company issue electronic "
        "documents. It is 0 while the company is being certified.",
    )
    l10n_cl_dte_resolution_date = fields.Date(string="SII Exempt Resolution Date")
    l10n_cl_dte_ciudad = fields.Char(
        string="City of Origin",
        help="Chile: the city (ciudad) on electronic documents, beside the comuna.",
    )
    l10n_cl_dte_branch_code = fields.Integer(
        string="SII Branch Code",
        help="Chile: the code that the SII gave to this branch (sucursal), for "
        "companies that have more than one. It stands on each electronic document.",
    )
    l10n_cl_dte_readiness = fields.Json(
        string="DTE Readiness", compute="_compute_l10n_cl_dte_readiness"
    )

    @api.depends(
        *(f"partner_id.{name}" for name in READINESS_FIELDS),
        "l10n_cl_company_activity_ids.code",
        "l10n_cl_dte_resolution_number",
        "l10n_cl_dte_resolution_date",
        "l10n_cl_dte_ciudad",
    )
    @api.depends_context("lang")
    def _compute_l10n_cl_dte_readiness(self):
        for company in self:
            contact = {
                "model": "res.partner",
                "id": company.partner_id.id,
                "name": company.partner_id.display_name,
            }
            missing = [
                {
                    "severity": finding.severity,
                    "message": finding.message,
                    "record": finding.target == rules.EMISOR and contact,
                }
                for finding in rules.check_emisor(
                    company._l10n_cl_dte_emisor(),
                    self.env._,
                    self.env["account.move"]._l10n_cl_dte_rules(),
                )
            ]
            if text := company._l10n_cl_dte_missing_resolution():
                missing.append(
                    {"severity": rules.WARNING, "message": text, "record": False}
                )
            company.l10n_cl_dte_readiness = missing

    def write(self, vals):
        # EXTENDS 'base'
        result = super().write(vals)
        without_service = "l10n_cl_dte_ai_service_id" in vals and (
            not vals["l10n_cl_dte_ai_service_id"]
        )
        if without_service or vals.get("active") is False:
            self.env["l10n_cl_dte_ai.validation"]._give_up(self)
        return result

    def _l10n_cl_dte_today(self):
        """Return the day it is where the company is.

        :rtype: datetime.date
        """
        return fields.Date.context_today(self.with_context(tz=self._l10n_cl_dte_zone()))

    def _l10n_cl_dte_zone(self):
        """Return the time zone of the company, whoever asks and wherever he is.

        :rtype: str
        """
        return self.sudo().partner_id.tz or "America/Santiago"

    def _l10n_cl_dte_missing_resolution(self):
        number = self.l10n_cl_dte_resolution_number
        if number and self.l10n_cl_dte_resolution_date:
            return None
        if number:
            return self.env._(
                "The date of the SII's resolution is missing. Sending and printing "
                "documents needs it."
            )
        if self.l10n_cl_dte_resolution_date:
            return self.env._(
                "The number of the SII's resolution is missing. Sending and printing "
                "documents needs it."
            )
        return self.env._(
            "The number and date of the SII's resolution are missing. Sending and "
            "printing documents needs them."
        )

    def _l10n_cl_dte_issuer(self):
        """Return whose folios the company's documents have: of its RUT, as the SII
        sees.

        Branches of one RUT share them.
        """
        rut = self.sudo().partner_id._l10n_cl_dte_rut()
        return rut or self.root_id.sudo().partner_id._l10n_cl_dte_rut() or f"#{self.id}"

    def _l10n_cl_dte_emisor(self):
        """Return the company as a DTE names its issuer."""
        partner = self.partner_id
        return Emisor(
            RUTEmisor=partner._l10n_cl_dte_rut(),
            RznSoc=one_line(partner.name),
            GiroEmis=one_line(partner.l10n_cl_activity_description),
            Acteco=tuple(
                code.strip()
                for code in self.l10n_cl_company_activity_ids.mapped("code")
            ),
            CdgSIISucur=self.l10n_cl_dte_branch_code or None,
            DirOrigen=partner._l10n_cl_dte_street(),
            CmnaOrigen=one_line(partner.city),
            CiudadOrigen=one_line(self.l10n_cl_dte_ciudad),
        )

    def _l10n_cl_dte_ai_to_send(self, body):
        """Return of a request what the company lets the AI service know.

        :rtype: dict
        """
        if self.sudo().l10n_cl_dte_ai_leave_out_names:
            return payload.without_names(body)
        return body
