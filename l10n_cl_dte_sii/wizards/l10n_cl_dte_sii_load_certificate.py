# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64
import re
from datetime import timezone

from cryptography.hazmat.primitives import serialization
from stdnum.cl import rut

from odoo import api, fields, models
from odoo.exceptions import UserError

from ..tools import certificate as certificates
from ..tools.errors import SiiError


class L10nClDteSiiLoadCertificate(models.TransientModel):
    """Load a person's certificate into Odoo's own store.

    File and password are looked at and never kept: what is stored is the certificate,
    and its key in `certificate.key`. A wrong password leaves nothing.
    """

    _name = "l10n_cl_dte_sii.load.certificate"
    _description = "Load a Certificate for the SII"

    company_id = fields.Many2one(
        "res.company", required=True, default=lambda self: self.env.company
    )
    # Not stored, not even for as long as the dialog is open.
    file = fields.Binary(string="Certificate (.pfx or .p12)", store=False)
    password = fields.Char(store=False)
    holder_rut = fields.Char(
        string="Holder's RUT",
        help="Only for a certificate in which it does not stand.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        secrets = [
            (vals.pop("file", None), vals.pop("password", None)) for vals in vals_list
        ]
        wizards = super().create(vals_list)
        for wizard, (file, password) in zip(wizards, secrets, strict=True):
            wizard._load(file, password)
        return wizards

    def action_load(self):
        """Tell that it was loaded: making the wizard did it."""
        self.ensure_one()
        certificate = self.company_id.sudo().l10n_cl_dte_sii_certificate_id
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                "message": self.env._(
                    "%(holder)s (%(rut)s) signs for %(company)s until %(date)s.",
                    holder=certificate.name,
                    rut=certificate.l10n_cl_dte_sii_holder_rut,
                    company=self.company_id.name,
                    date=certificate.date_end.date(),
                ),
                "next": {"type": "ir.actions.client", "tag": "soft_reload"},
            },
        }

    def _load(self, file, password):
        """Make the certificate and its key, and let the company sign with them.

        :raise UserError: with what is wrong; nothing is left of it
        """
        company = self.company_id
        company._l10n_cl_dte_sii_check_manager()
        now = fields.Datetime.now().replace(tzinfo=timezone.utc)
        try:
            signer = certificates.load(base64.b64decode(file or b""), password, now)
        except SiiError as error:
            raise UserError(error.explain(self.env._)) from None
        except ValueError:  # of the file's transport
            raise UserError(
                self.env._("The file did not arrive: choose it again.")
            ) from None
        holder = self._holder(certificates.holder_rut(signer.certificate))
        key = (
            self.env["certificate.key"]
            .sudo()
            .create(
                {
                    "name": self.env._("Key of %s", holder),
                    "content": base64.b64encode(
                        signer.key.private_bytes(
                            serialization.Encoding.PEM,
                            serialization.PrivateFormat.PKCS8,
                            serialization.NoEncryption(),
                        )
                    ),
                    "company_id": company.id,
                }
            )
        )
        certificate = (
            self.env["certificate.certificate"]
            .sudo()
            .create(
                {
                    "content": base64.b64encode(
                        signer.certificate.public_bytes(serialization.Encoding.PEM)
                    ),
                    "private_key_id": key.id,
                    "company_id": company.id,
                    "l10n_cl_dte_sii_holder_rut": holder,
                }
            )
        )
        certificate.name = certificate.subject_common_name or holder
        company.sudo().l10n_cl_dte_sii_certificate_id = certificate

    def _holder(self, found):
        """Return the holder's RUT: the certificate's own, or the one that was
        entered.
        """
        entered = re.sub(r"[.\s]", "", self.holder_rut or "").upper()
        if entered and not rut.is_valid(entered):
            raise UserError(
                self.env._(
                    "“%s” is not a RUT: look at its last digit.", self.holder_rut
                )
            )
        if entered:
            entered = f"{int(rut.compact(entered)[:-1])}-{rut.compact(entered)[-1]}"
        if found and entered and found != entered:
            raise UserError(
                self.env._(
                    "The certificate is that of %(found)s, not of %(entered)s: leave "
                    "the RUT empty, or choose the other certificate.",
                    found=found,
                    entered=entered,
                )
            )
        if not (found or entered):
            raise UserError(
                self.env._(
                    "The certificate does not say whose it is: enter the RUT of its "
                    "holder."
                )
            )
        return found or entered
