# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import zoneinfo

from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError

from ..tools import caf as cafs
from ..tools.envelope import Cover
from ..tools.errors import PRODUCTION, SIMULATOR
from .environments import ENVIRONMENTS, MANAGER_GROUP

CHILE = zoneinfo.ZoneInfo("America/Santiago")
NOBODY = "66666666-6"  # who would send an envelope that is only rehearsed
AUTHORITY_PARAMETER = "l10n_cl_dte_sii.simulator_authority"
PIN = "l10n_cl_dte_sii_database_uuid"


def _without_pin(vals):
    """Return values to write, without what only we say."""
    return {name: value for name, value in vals.items() if name != PIN}


class ResCompany(models.Model):
    _inherit = "res.company"

    l10n_cl_dte_sii_environment = fields.Selection(
        ENVIRONMENTS,
        string="SII Environment",
        help="Chile: where this company's folios come from. Empty: documents are "
        "numbered by Odoo and not signed here.",
    )
    l10n_cl_dte_sii_certificate_id = fields.Many2one(
        "certificate.certificate",
        string="Certificate for the SII",
        ondelete="set null",
        copy=False,
        groups=MANAGER_GROUP,
    )

    l10n_cl_dte_sii_office = fields.Char(
        string="SII Office",
        help="Chile: the SII's unit of the company's address, as it stands under the "
        "red box of printed documents: SANTIAGO CENTRO.",
    )

    l10n_cl_dte_sii_send = fields.Selection(
        [
            ("hand", "By hand: somebody presses Send to the SII"),
            ("generating", "As soon as they are generated and signed"),
            ("schedule", "By the scheduled action, up to a hundred in an envelope"),
        ],
        string="Documents Are Sent",
        default="hand",
        required=True,
        help="Chile: when signed documents go to the SII. In an envelope of several "
        "the SII counts what it rejects, and says only by mail which these are.",
    )
    l10n_cl_dte_sii_database_uuid = fields.Char(
        string="SII Environment Chosen in Database",
        readonly=True,
        copy=False,
        groups=MANAGER_GROUP,
        help="A copy of this database sends nothing.",
    )

    @api.constrains("l10n_cl_dte_sii_certificate_id")
    def _check_l10n_cl_dte_sii_certificate(self):
        for company in self.sudo():
            certificate = company.l10n_cl_dte_sii_certificate_id
            if certificate.company_id - (company | company.parent_ids):
                raise ValidationError(
                    self.env._(
                        "“%(certificate)s” belongs to another company: load it for "
                        "%(company)s, too.",
                        certificate=certificate.name,
                        company=company.name,
                    )
                )

    # === CRUD === #

    def write(self, vals):
        # EXTENDS 'base': a company that issued documents in one environment cannot go
        # on in another, for their names are the same and so are their numbers.
        name = "l10n_cl_dte_sii_environment"
        changed = self.filtered(
            lambda company: name in vals and company[name] != vals[name]
        )
        left = {company: company[name] for company in changed if company[name]}
        result = super().write(_without_pin(vals))
        changed._l10n_cl_dte_sii_pin()
        for company in left:
            if vals[name]:
                company._l10n_cl_dte_sii_check_switch()
        for company in changed.filtered(name):
            self.env["l10n_cl_dte_sii.folio"]._import_history(company)
        return result

    @api.model_create_multi
    def create(self, vals_list):
        # EXTENDS 'base'
        companies = super().create([_without_pin(vals) for vals in vals_list])
        companies.filtered("l10n_cl_dte_sii_environment")._l10n_cl_dte_sii_pin()
        return companies

    def _l10n_cl_dte_sii_pin(self):
        """Keep that the environment was chosen in this database."""
        pinned = {PIN: self._l10n_cl_dte_sii_database()}
        # Past our own `write`, which refuses it.
        # pylint: disable-next=super-method-mismatch
        return super(ResCompany, self.sudo()).write(pinned)

    @api.model
    def _l10n_cl_dte_sii_database(self):
        return self.env["ir.config_parameter"].sudo().get_param("database.uuid")

    def _l10n_cl_dte_sii_check_switch(self):
        """:raise ValidationError: where folios of another environment were used"""
        used = (
            self.env["l10n_cl_dte_sii.folio"]
            .sudo()
            .search(
                [
                    ("issuer", "=", self._l10n_cl_dte_sii_rut()),
                    ("environment", "!=", self.l10n_cl_dte_sii_environment),
                ]
            )
        )
        if used.caf_id:
            raise ValidationError(
                self.env._(
                    "%(company)s has documents with folios of another environment of "
                    "the SII, and Odoo cannot tell two documents of the same number "
                    "apart. Do the certification in a database or a company of its "
                    "own, and start production in a clean one.",
                    company=self.name,
                )
            )
        used.unlink()  # they were only what Odoo had numbered before

    # === Business === #

    def _l10n_cl_dte_sii_check_manager(self):
        """:raise AccessError: for who may not load certificates and folios here"""
        user = self.env.user
        if not user.has_group(MANAGER_GROUP) or self - user.company_ids:
            raise AccessError(
                self.env._(
                    "Certificates and folios are loaded by administrators of DTE SII, "
                    "in companies of their own."
                )
            )

    def _l10n_cl_dte_sii_with_settings(self):
        """Return the company whose settings count: a branch may leave them to a parent.

        :rtype: res.company, empty where no environment is chosen
        """
        self.ensure_one()
        company = self.sudo()
        while company and not company.l10n_cl_dte_sii_environment:
            company = company.parent_id
        return company.sudo(False)

    def _l10n_cl_dte_sii_rut(self):
        """Return the RUT on this company's documents, as `76101010-7`; ""
        without one.
        """
        self.ensure_one()
        company = self.sudo()
        while company:
            if issuer := company._l10n_cl_dte_emisor().RUTEmisor:
                return issuer
            company = company.parent_id
        return ""

    def _l10n_cl_dte_sii_with_rut(self, issuer):
        """Return all companies that issue documents under a RUT, whoever asks."""
        chilean = self.sudo().search([("account_fiscal_country_id.code", "=", "CL")])
        return chilean.filtered(
            lambda company: company._l10n_cl_dte_sii_rut() == issuer
        )

    def _l10n_cl_dte_sii_today(self):
        """Return the day by which the SII counts, wherever user and server are."""
        return self._l10n_cl_dte_sii_now().date()

    def _l10n_cl_dte_sii_now(self):
        """Return Chile's local time, without its zone, as documents hold it."""
        now = fields.Datetime.now().replace(tzinfo=zoneinfo.ZoneInfo("UTC"))
        return now.astimezone(CHILE).replace(tzinfo=None)

    def _l10n_cl_dte_sii_authorities(self):
        """Return who signs the CAFs of the simulator that this database was told of.

        The parameter holds number and public key, as `900:MFww…`. Only administrators
        write it; nothing in it counts in certification or production.

        :rtype: dict[int, cafs.Authority]
        """
        text = self.env["ir.config_parameter"].sudo().get_param(AUTHORITY_PARAMETER)
        number, _colon, key = (text or "").partition(":")
        if not number.isdigit():
            return {}
        return {int(number): cafs.Authority(key, SIMULATOR)}

    def _l10n_cl_dte_sii_certificate(self):
        """Return with which certificate documents are signed, as superuser, or none."""
        company = self.sudo()
        while company and not company.l10n_cl_dte_sii_certificate_id:
            company = company.parent_id
        return company.l10n_cl_dte_sii_certificate_id

    def _l10n_cl_dte_sii_cover(self):
        """Return what stands on an envelope to the SII.

        :rtype: Cover
        """
        settings = self._l10n_cl_dte_sii_with_settings().sudo()
        is_production = settings.l10n_cl_dte_sii_environment == PRODUCTION
        certificate = self._l10n_cl_dte_sii_certificate()
        return Cover(
            issuer=self._l10n_cl_dte_sii_rut(),
            sender=certificate.l10n_cl_dte_sii_holder_rut or NOBODY,
            resolution_date=settings.l10n_cl_dte_resolution_date
            or self._l10n_cl_dte_sii_today(),
            # Anything else but 0 is refused outside of production.
            resolution_number=int(settings.l10n_cl_dte_resolution_number or 0)
            if is_production
            else 0,
        )

    # === Sending === #

    def _l10n_cl_dte_sii_sends(self, way):
        """Tell whether this company's documents are sent in that way."""
        self.ensure_one()
        settings = self._l10n_cl_dte_sii_with_settings().sudo()
        return bool(settings) and settings.l10n_cl_dte_sii_send == way

    def _l10n_cl_dte_sii_why_silent(self, environment, is_sending=True):
        """Return why nothing goes to the SII for this company now, as a code, or None.

        :param str environment: of what is to be sent, or asked about
        :param bool is_sending: and not only asking
        """
        self.ensure_one()
        settings = self._l10n_cl_dte_sii_with_settings().sudo()
        parameters = self.env["ir.config_parameter"].sudo()
        if parameters.get_param("database.is_neutralized"):
            return "neutralized"
        if settings.l10n_cl_dte_sii_environment != environment:
            return "not_configured"
        if settings.l10n_cl_dte_sii_database_uuid != self._l10n_cl_dte_sii_database():
            return "copied"
        certificate = self._l10n_cl_dte_sii_certificate()
        if not (certificate.is_valid and certificate.l10n_cl_dte_sii_holder_rut):
            return "certificate"
        if is_sending and not self._l10n_cl_dte_sii_has_resolution():
            return "resolution"
        return None

    def _l10n_cl_dte_sii_has_resolution(self):
        """Tell whether the cover of an envelope can name the company's resolution."""
        settings = self._l10n_cl_dte_sii_with_settings().sudo()
        number = settings.l10n_cl_dte_resolution_number or ""
        return bool(settings.l10n_cl_dte_resolution_date) and (
            settings.l10n_cl_dte_sii_environment != PRODUCTION
            or (number.isdecimal() and int(number) > 0)
        )

    def _l10n_cl_dte_sii_notify(self, subject, text, record=None):
        """Tell the administrators of DTE SII who work in this company."""
        self.ensure_one()
        users = self.env.ref(MANAGER_GROUP).all_user_ids.filtered(
            lambda user: user.active and self in user.company_ids
        )
        thread = record if record is not None else self.env["mail.thread"]
        thread.message_notify(
            partner_ids=users.partner_id.ids,
            subject=subject,
            body=text,
            email_layout_xmlid="mail.mail_notification_light",
        )
