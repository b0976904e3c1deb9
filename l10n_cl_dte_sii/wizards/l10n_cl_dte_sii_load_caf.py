# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..tools import caf as cafs
from ..tools.errors import SiiError


class L10nClDteSiiLoadCaf(models.TransientModel):
    """Load folios. The file is looked at and never kept: it holds a private key."""

    _name = "l10n_cl_dte_sii.load.caf"
    _description = "Load SII Folios (CAF)"

    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    # Not stored, not even for as long as the dialog is open.
    file = fields.Binary(string="File of the SII", store=False)
    summary = fields.Char(store=False, readonly=True)
    problem = fields.Char(store=False, readonly=True)
    start = fields.Integer(string="Next Free Folio")
    caf_id = fields.Many2one("l10n_cl_dte_sii.caf", readonly=True)

    # === Compute === #

    @api.onchange("file", "company_id")
    def _onchange_file(self):
        self.summary = self.problem = False
        if not self.file:
            return
        try:
            caf, _vouched = self._read(self.file, self.company_id)
        except UserError as error:
            self.problem = str(error)
            return
        self.start = self._next_free(caf)
        self.summary = self.env._(
            "Type %(code)s, folios %(first)s to %(last)s, given on %(date)s.",
            code=caf.code,
            first=caf.first,
            last=caf.last,
            date=caf.date,
        )

    # === CRUD === #

    @api.model_create_multi
    def create(self, vals_list):
        files = [vals.pop("file", None) for vals in vals_list]
        wizards = super().create(vals_list)
        for wizard, file in zip(wizards, files, strict=True):
            wizard.caf_id = wizard._load(file)
        return wizards

    # === Actions === #

    def action_load(self):
        """Show what was loaded: making the wizard did it."""
        self.ensure_one()
        return {
            **self.env["ir.actions.act_window"]._for_xml_id(
                "l10n_cl_dte_sii.action_caf"
            ),
            "target": "main",
        }

    # === Business === #

    def _load(self, file):
        """Check a file, and make the row and the key of its CAF.

        :raise UserError: with what is wrong; nothing is left of it
        """
        company = self.company_id
        company._l10n_cl_dte_sii_check_manager()
        # Two that load at the same time.
        company.sudo().lock_for_update()
        caf, is_vouched = self._read(file, company)
        self.env["l10n_cl_dte_sii.folio"]._import_history(
            company._l10n_cl_dte_sii_with_settings()
        )
        start = self.start or self._next_free(caf)
        if not caf.first <= start <= caf.last + 1:
            raise UserError(
                self.env._(
                    "The next free folio must be one of the range, from %(first)s to "
                    "%(last)s.",
                    first=caf.first,
                    last=caf.last,
                )
            )
        key = (
            self.env["certificate.key"]
            .sudo()
            .create(
                {
                    "name": f"CAF {caf.code} {caf.first}–{caf.last}",
                    "content": base64.b64encode(caf.private_pem),
                    "company_id": company.id,
                }
            )
        )
        settings = company._l10n_cl_dte_sii_with_settings()
        row = (
            self.env["l10n_cl_dte_sii.caf"]
            .sudo()
            .create(
                {
                    "company_id": company.id,
                    "issuer": caf.issuer,
                    "environment": settings.l10n_cl_dte_sii_environment,
                    "code": caf.code,
                    "first": caf.first,
                    "last": caf.last,
                    "start": start,
                    "date": caf.date,
                    "expires_on": caf.expires_on,
                    "is_vouched": is_vouched,
                    "key_id": key.id,
                    "node": base64.b64encode(caf.node),
                }
            )
        )
        self.env["l10n_cl_dte_sii.folio"]._link_history(row)
        row.message_post(
            body=self.env._("Loaded; folios are used from %s on.", start),
            author_id=self.env.user.partner_id.id,
        )
        return row

    def _read(self, file, company):
        """Return a CAF that is good for a company, and whether the SII's key is known.

        :raise UserError: with what is wrong
        """
        settings = company._l10n_cl_dte_sii_with_settings()
        environment = settings.l10n_cl_dte_sii_environment
        if not environment:
            raise UserError(
                self.env._(
                    "Choose the SII's environment of %s in the settings first: folios "
                    "are good in one environment only.",
                    company.name,
                )
            )
        try:
            caf = cafs.parse(base64.b64decode(file or b""))
            taken = (
                self.env["l10n_cl_dte_sii.caf"]
                .sudo()
                .search(
                    [
                        ("issuer", "=", caf.issuer),
                        ("environment", "=", environment),
                        ("code", "=", caf.code),
                    ]
                )
            )
            is_vouched = cafs.check(
                caf,
                company._l10n_cl_dte_sii_rut(),
                environment,
                company._l10n_cl_dte_sii_today(),
                [(each.first, each.last) for each in taken],
                company._l10n_cl_dte_sii_authorities(),
            )
        except SiiError as error:
            raise UserError(error.explain(self.env._)) from None
        except ValueError:  # of the file's transport
            raise UserError(
                self.env._("The file did not arrive: choose it again.")
            ) from None
        return caf, is_vouched

    def _next_free(self, caf):
        """Return the number after the highest one that a document of ours has."""
        companies = self.company_id._l10n_cl_dte_sii_with_rut(caf.issuer)
        highest = (
            self.env["account.move"]
            .sudo()
            .search(
                [
                    ("company_id", "in", companies.ids),
                    ("l10n_latam_document_type_id.code", "=", caf.code),
                    ("move_type", "in", ("out_invoice", "out_refund", "in_invoice")),
                    ("posted_before", "=", True),
                    ("sequence_number", ">=", caf.first),
                    ("sequence_number", "<=", caf.last),
                ],
                order="sequence_number desc",
                limit=1,
            )
            .filtered("l10n_cl_dte_is_candidate")
        )
        return max(caf.first, highest.sequence_number + 1)
