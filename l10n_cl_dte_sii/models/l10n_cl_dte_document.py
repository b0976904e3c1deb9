# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import re

from odoo import fields, models
from odoo.exceptions import AccessError, UserError

from ..tools import xml
from .environments import ENVIRONMENTS, SIGN_GROUP

_TED = re.compile(rb"<TED\b.*?</TED>", re.DOTALL)
_VALUE = re.compile(rb"<SignatureValue>\s*([^<]+?)\s*</SignatureValue>")
TRACK_ID = re.compile("[0-9]{1,15}")
# From the claim until the SII's word, and for ever after it was accepted.
FROZEN = (
    "uploaded",
    "sending",
    "unknown",
    "received",
    "open",
    "accepted",
    "objected",
)
SENT_STATES = [
    ("sending", "Being Sent"),
    ("unknown", "Unconfirmed"),
    ("received", "Sent"),
    ("open", "Processed, Result Open"),
    ("accepted", "Accepted"),
    ("objected", "Accepted with Objections"),
    ("rejected", "Rejected"),
]


class L10nClDteDocument(models.Model):
    """A version that is stamped and signed: its bytes never change again."""

    _inherit = "l10n_cl_dte.document"

    state = fields.Selection(
        selection_add=[("signed", "Signed"), ("uploaded", "Uploaded by Hand")],
        ondelete={"signed": "set default", "uploaded": "set default"},
    )
    environment = fields.Selection(ENVIRONMENTS, readonly=True)
    folio_id = fields.Many2one(
        "l10n_cl_dte_sii.folio",
        string="Ledger",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
    )
    ted = fields.Binary(
        string="Stamp",
        attachment=False,
        readonly=True,
        help="The element TED, byte for byte: what the barcode on paper holds.",
    )
    signature_value = fields.Char(
        readonly=True, help="By which the SII tells whether it has this very file."
    )
    signed_on = fields.Datetime(readonly=True)
    signed_by_id = fields.Many2one("res.users", readonly=True)
    holder_rut = fields.Char(
        string="Certificate of", readonly=True, help="RUT of the certificate's holder."
    )
    track_id = fields.Char(string="Track ID", readonly=True)
    uploaded_on = fields.Datetime(readonly=True)
    uploaded_by_id = fields.Many2one("res.users", readonly=True)

    # === Signature === #

    def _note_signature(self):
        """Write into new rows what their files are; leave out what is not signed."""
        for row in self.sudo():
            content = row.attachment_id.with_context(bin_size=False).raw or b""
            stamps = _TED.findall(content)
            values = _VALUE.findall(content)
            if len(stamps) != 1 or len(values) != 1:
                continue
            move = row.move_id
            folio = move._l10n_cl_dte_sii_folio()
            certificate = move.company_id._l10n_cl_dte_sii_certificate()
            row.write(
                {
                    "state": "signed",
                    "environment": folio.environment,
                    "folio_id": folio.id,
                    "ted": xml.to_base64(stamps[0]),
                    "signature_value": b"".join(values[0].split()).decode("ascii"),
                    "signed_on": fields.Datetime.now(),
                    "signed_by_id": self.env.uid,
                    "holder_rut": certificate.l10n_cl_dte_sii_holder_rut,
                }
            )
            move._l10n_cl_dte_sii_detach_pdf()

    def _replace(self, content):
        """Make a version of the same document with other bytes; this one is kept.

        :return: the new row
        """
        self.ensure_one()
        row = self.sudo()
        row._supersede()
        new = row.copy({"is_current": True, "superseded_on": False})
        new._attach({new: content})
        return new

    # === Upload by hand === #

    def _is_frozen(self):
        # EXTENDS 'l10n_cl_dte_ai'
        return super()._is_frozen() or self.state == "uploaded"

    def _why_frozen(self):
        """Return why a frozen document may not change, and what to do instead."""
        self.ensure_one()
        return self.env._(
            "“%(document)s” was uploaded to the SII (track ID %(track)s), so it may "
            "not change any more: correct it with a credit note.",
            document=self.move_id.display_name,
            track=self.track_id,
        )

    def _mark_uploaded(self, track_id):
        """A person uploaded this file on the SII's page, which gave a track ID.

        :raise AccessError: where the user may not sign
        :raise UserError: where it is not signed, or that is no track ID
        """
        self.ensure_one()
        if not self.env.user.has_group(SIGN_GROUP):
            raise AccessError(
                self.env._(
                    "Only who has the right “DTE SII: May Sign” says what was uploaded."
                )
            )
        self.move_id.check_access("write")
        track_id = (track_id or "").strip()
        if not TRACK_ID.fullmatch(track_id):
            raise UserError(
                self.env._(
                    "The track ID (identificador de envío) is a number of up to 15 "
                    "digits: copy it from the page that followed the upload."
                )
            )
        if self.state != "signed" or not self.is_current:
            raise UserError(
                self.env._(
                    "Only the signed file of a document as it is can have been "
                    "uploaded: sign it first."
                )
            )
        self.sudo().write(
            {
                "state": "uploaded",
                "track_id": track_id,
                "uploaded_on": fields.Datetime.now(),
                "uploaded_by_id": self.env.uid,
            }
        )
        self._ask_about_upload()
        self.move_id._message_log(
            body=self.env._(
                "%(file)s was uploaded to the SII by hand, track ID %(track)s.",
                file=self.file_name,
                track=track_id,
            )
        )

    def _ask_about_upload(self):
        """Have the SII asked about a file that a person uploaded; who sends does it."""

    def _move_state(self):
        # EXTENDS 'l10n_cl_dte_ai': a signed file is outdated like an unsigned one.
        if self.state == "signed" and (
            self.fingerprint != self.move_id.l10n_cl_dte_fingerprint
        ):
            return "outdated"
        return super()._move_state()
