# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models

WARN_DAYS_LEFT = (60, 30, 7)


class CertificateCertificate(models.Model):
    _inherit = "certificate.certificate"

    l10n_cl_dte_sii_holder_rut = fields.Char(
        string="Holder's RUT",
        readonly=True,
        copy=False,
        help="Chile: of the person whose certificate it is, who signs for the company.",
    )
    # How many days were left when people were warned last.
    l10n_cl_dte_sii_warned_at = fields.Integer(readonly=True, copy=False)

    @api.model
    def _l10n_cl_dte_sii_warn(self):
        """Warn 60, 30 and 7 days before a certificate in use ends, and when it did."""
        now = fields.Datetime.now()
        companies = (
            self.env["res.company"]
            .sudo()
            .search([("l10n_cl_dte_sii_certificate_id", "!=", False)])
        )
        for certificate, users in companies.grouped(
            "l10n_cl_dte_sii_certificate_id"
        ).items():
            left = (certificate.date_end - now).days
            passed = [days for days in (*WARN_DAYS_LEFT, 0) if left < days]
            if not passed:
                continue
            mark = min(passed) or -1
            if certificate.l10n_cl_dte_sii_warned_at == mark:
                continue
            certificate.l10n_cl_dte_sii_warned_at = mark
            if left < 0:
                text = self.env._(
                    "The certificate of %(holder)s ended on %(date)s: nothing can be "
                    "signed. Renew it with your provider, and load the new one in the "
                    "settings.",
                    holder=certificate.name,
                    date=certificate.date_end.date(),
                )
            else:
                text = self.env._(
                    "The certificate of %(holder)s ends in %(days)s days, on %(date)s. "
                    "Renew it with your provider, and load the new one in the "
                    "settings.",
                    holder=certificate.name,
                    days=left,
                    date=certificate.date_end.date(),
                )
            for company in users:
                company._l10n_cl_dte_sii_notify(
                    self.env._("Certificate for the SII"), text
                )
