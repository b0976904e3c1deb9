# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.exceptions import AccessError

from ..tools import result_mail
from ..tools.errors import SiiError


class L10nClDteSiiResult(models.Model):
    """A mail of the SII with the result of an envelope: came in, or loaded by a person.

    Anybody can write a mail that looks like one. So it is believed only of an envelope
    that we sent, and only where it agrees with what the SII itself counted: it tells
    which documents were rejected, and why, and never how many. Code alone makes rows.
    """

    _name = "l10n_cl_dte_sii.result"
    _inherit = ["mail.thread"]
    _description = "Result Mail of the SII"
    _order = "id desc"
    _rec_name = "track_id"

    sending_id = fields.Many2one(
        "l10n_cl_dte_sii.sending", index="btree_not_null", ondelete="cascade"
    )
    company_id = fields.Many2one(
        related="sending_id.company_id", store=True, index="btree_not_null"
    )
    track_id = fields.Char(string="Track ID")
    issuer = fields.Char(string="RUT")
    state = fields.Selection(
        [
            ("applied", "Applied"),
            ("early", "Kept Until the SII Says That It Is Done"),
            ("unknown", "Of No Envelope Sent From Here"),
            ("contradicts", "Contradicts What the SII Counted"),
            ("unreadable", "Not a Result Mail"),
        ],
        required=True,
    )
    content = fields.Text(string="As It Came")

    # === Coming in === #

    @api.model
    def message_new(self, msg_dict, custom_values=None):
        # OVERRIDE 'mail': the gateway works as superuser, and nobody else calls this.
        if not self.env.su:
            raise AccessError(self.env._("Only incoming mail makes these."))
        for content in _parts(msg_dict):
            try:
                return self._take(result_mail.read(content), content)
            except SiiError:
                continue
        return self.create({"state": "unreadable"})

    @api.model
    def _take(self, result, content, companies=None):
        """Keep a mail's result, and apply it where it may be believed.

        :param result_mail.Result result: what it says
        :param bytes content: the XML
        :param companies: those that it may be of; all, if None
        """
        sendings = self.env["l10n_cl_dte_sii.sending"].sudo()
        domain = [("track_id", "=", result.track_id), ("issuer", "=", result.issuer)]
        if companies is not None:
            domain.append(("company_id", "in", companies.ids))
        sending = sendings.search(domain, limit=1)
        reviews = [
            {
                "code": each.code,
                "folio": each.folio,
                "state": each.state,
                "findings": [finding.as_dict() for finding in each.findings],
            }
            for each in result.reviews
        ]
        state = sending._take_results(reviews) if sending else "unknown"
        return self.sudo().create(
            {
                "sending_id": sending.id,
                "track_id": result.track_id,
                "issuer": result.issuer,
                "state": state,
                "content": content.decode("latin-1").replace("\x00", ""),
            }
        )


class L10nClDteSiiSending(models.Model):
    _inherit = "l10n_cl_dte_sii.sending"

    result_ids = fields.One2many(
        "l10n_cl_dte_sii.result", "sending_id", string="Result Mails"
    )

    def _take_results(self, reviews):
        """Apply what a result mail says of single documents.

        :param reviews: dictionaries with `code`, `folio`, `state`, `findings`; what it
            names none of was accepted
        :return: a state of `l10n_cl_dte_sii.result`
        """
        self.ensure_one()
        if self.state not in ("open", "done", "refused"):
            self.results = reviews
            if self.state in ("received", "unknown"):
                self.next_at = self._now()  # the SII has finished, so ask
                self._trigger()
            return "early"
        self.results = False
        said = {(each["code"], each["folio"]): each for each in reviews}
        verdicts, findings = {}, {}
        for row in self.document_ids:
            review = said.pop((row.document_type_id.code, row.folio), None)
            verdicts[row.id] = review["state"] if review else "accepted"
            findings[row.id] = review["findings"] if review else []
        if said or not self._agrees(verdicts):
            return "contradicts"
        self._keep_findings(findings)
        if self.state == "open":
            self._decide(verdicts)
        return "applied"

    def _agrees(self, verdicts):
        """Tell whether verdicts are as many as the SII counted, and none is undone."""
        if self.state == "refused":
            return True
        for row in self.document_ids:
            if row.state not in ("open", "received", verdicts[row.id]):
                return False
        for code, rows in self.document_ids.grouped(
            lambda row: row.document_type_id.code
        ).items():
            _reported, *counted = (self.counts or {}).get(code, (0, 0, 0, 0))
            states = [verdicts[row.id] for row in rows]
            if counted != [
                states.count(state) for state in ("accepted", "rejected", "objected")
            ]:
                return False
        return True

    def _keep_findings(self, findings):
        for row in self.document_ids:
            if found := findings[row.id]:
                row.sii_findings = found
                if row.state not in ("open", "received"):
                    row._tell()


def _parts(message):
    """Yield what in a mail could be the result: its attachments, then its text."""
    for attachment in message.get("attachments") or ():
        content = attachment[1]
        yield (
            content.encode("latin-1", "replace")
            if isinstance(content, str)
            else content
        )
    yield str(message.get("body") or "").encode("latin-1", "xmlcharrefreplace")
