# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import base64

from markupsafe import Markup

from odoo import api, fields, models

from ..tools import stamp
from ..tools.sii_codes import what_to_do
from ..tools.sii_outcomes import DocumentKey
from .l10n_cl_dte_document import FROZEN, SENT_STATES


# pylint: disable=consider-merging-classes-inherited
class L10nClDteDocument(models.Model):
    """What became of a signed version that was sent."""

    _inherit = "l10n_cl_dte.document"

    state = fields.Selection(
        ########################################################################
        # STATE DIAGRAM, beside that of `l10n_cl_dte_sii.sending`
        # * signed --[its sending is claimed]--> sending --> received | unknown
        # * sending --[nothing was sent]--> signed
        # * received --[the SII's word on it]--> accepted | objected | rejected
        # * received --[processed, and no word on it]--> open --> as received
        # * uploaded --[the SII has it]--> received
        # Frozen from `sending` on, but for `rejected`: that is mended as a new
        # version, under the same folio.
        ########################################################################
        selection_add=SENT_STATES,
        ondelete={name: "set default" for name, _label in SENT_STATES},
    )
    sending_id = fields.Many2one(
        "l10n_cl_dte_sii.sending",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
    )
    sii_findings = fields.Json(
        string="What the SII Says",
        readonly=True,
        help="A list of {code, text}, as the SII gave them.",
    )
    sii_words = fields.Char(
        compute="_compute_sii_words", string="What the SII Says of It"
    )
    answered_on = fields.Datetime(string="Result on", readonly=True)

    @api.depends("sii_findings")
    @api.depends_context("lang")
    def _compute_sii_words(self):
        for row in self:
            row.sii_words = " ".join(row._texts_of_findings())

    # === Its life === #

    def _is_frozen(self):
        # EXTENDS 'l10n_cl_dte_ai'
        return super()._is_frozen() or self.state in FROZEN

    def _is_spent(self):
        # EXTENDS 'l10n_cl_dte_ai': what was refused is never sent as it was.
        return super()._is_spent() or self.state == "rejected"

    def _move_state(self):
        # EXTENDS 'l10n_cl_dte_ai': once mended it is generated again.
        move = self.move_id
        is_mended = self.fingerprint != move.l10n_cl_dte_fingerprint
        if self.state == "rejected" and move.state == "posted" and is_mended:
            return "outdated"
        return super()._move_state()

    def _why_frozen(self):
        # EXTENDS: what was sent from here has a sending, which names the host.
        self.ensure_one()
        name = self.move_id.display_name
        if self.state == "uploaded" or not self.sending_id:
            return super()._why_frozen()
        host = self.sending_id.sudo()._host_name()
        if self.state in ("accepted", "objected"):
            return self.env._(
                "“%(document)s” was accepted by %(host)s (track ID %(track)s), so it "
                "may not change any more: correct it with a credit note.",
                document=name,
                host=host,
                track=self.track_id,
            )
        return self.env._(
            "“%(document)s” is on its way to %(host)s, so it may not change now. If it "
            "is rejected, it can be mended under the same folio; if it is accepted, "
            "correct it with a credit note.",
            document=name,
            host=host,
        )

    # === At the SII === #

    def _as_asked(self):
        """Return this version as the SII is asked about it: what its stamp says.

        :rtype: DocumentKey
        """
        facts = stamp.read(base64.b64decode(self.with_context(bin_size=False).ted))
        return DocumentKey(
            issuer=facts.RE,
            receiver=facts.RR,
            code=facts.TD,
            folio=facts.F,
            date=fields.Date.to_date(facts.FE),
            amount=facts.MNT,
            signature=self.signature_value,
        )

    def _ask_about_upload(self):
        # EXTENDS: whether it arrived is asked, and nothing is ever sent.
        result = super()._ask_about_upload()
        sending = self.env["l10n_cl_dte_sii.sending"]._queue(self)
        sending.write({"state": "unknown", "is_by_hand": True, "attempts": 0})
        sending._trigger()
        return result

    # === The SII's word === #

    def _decide(self, state, findings=None):
        """The SII has said what became of these versions.

        :param str state: accepted, objected or rejected
        :param findings: of each, `{code, text}`; None where it gave none
        :type findings: dict[L10nClDteDocument, list] | None
        """
        rows = self.sudo()
        rows.write({"state": state, "answered_on": fields.Datetime.now()})
        for row, found in (findings or {}).items():
            row.sudo().sii_findings = found
        if state in ("accepted", "objected"):
            rows.folio_id.write({"state": "accepted"})
        rows._tell()

    def _tell(self):
        """Write into the chatter of each document what became of it."""
        self.move_id._message_log_batch(
            {
                row.move_id.id: Markup("<br/>").join(
                    [row._verdict(), *row._texts_of_findings()]
                )
                for row in self
            }
        )

    def _verdict(self):
        """Return how this version stands at the SII, for a person."""
        values = {
            "host": self.sending_id._host_name(),
            "track": self.track_id or "–",
        }
        match self.state:
            case "received":
                return self.env._("Sent to %(host)s, track ID %(track)s.", **values)
            case "open":
                return self.env._(
                    "Processed by %(host)s (track ID %(track)s). What became of it "
                    "stands in the mail with the result.",
                    **values,
                )
            case "accepted":
                return self.env._("Accepted by %(host)s, track ID %(track)s.", **values)
            case "objected":
                return self.env._(
                    "Accepted with objections by %(host)s, track ID %(track)s. The "
                    "document is valid.",
                    **values,
                )
            case "rejected":
                return self.env._(
                    "Rejected by %(host)s, track ID %(track)s. Mend it and send it "
                    "again: it keeps its folio.",
                    **values,
                )
        return self.env._(
            "Sent to %(host)s, and no answer came that can be used. It is asked "
            "whether the document arrived.",
            **values,
        )

    def _texts_of_findings(self):
        """Return what the SII says of it, and what to do."""
        sending = self.sending_id
        if sending.state == "refused":
            return [*filter(None, [sending.message, sending.detail])]
        texts = []
        for each in self.sii_findings or []:
            said = f"{each['text']} ({each['code']})." if each["code"] else each["text"]
            texts.append(f"{said} {what_to_do(each['code'], self.env._)}")
        return texts
