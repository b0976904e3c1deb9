# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import hashlib
from datetime import timedelta
from functools import partial

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.service.model import retrying
from odoo.tools import SQL, format_datetime

from odoo.addons.l10n_cl_dte_ai.models.alarm import trigger
from odoo.addons.l10n_cl_dte_ai.models.database import can_commit, commit, database_now

from .environments import ENVIRONMENTS, SIGN_GROUP
from .l10n_cl_dte_sii_host import CRON
from .sii_reasons import EXPLANATIONS, REASONS, WIRE_REASONS

# Longer than any upload may take: what is still "sending" after it lost its worker.
LEASE = timedelta(seconds=180)
# How the documents of a sending stand, for as long as it stands so.
DOCUMENT_STATES = {
    "sending": "sending",
    "unknown": "unknown",
    "received": "received",
    "open": "open",
}
OPEN_STATES = ("ready", "sending", "unknown", "received", "open")


class L10nClDteSiiSending(models.Model):
    """One envelope on its way to the SII, and what became of it.

    An envelope is posted once for each claim, and an answer that did not come is no
    reason to post it again: the SII is asked whether it has the documents. Code alone
    makes and changes rows, so what stands here is a fact.
    """

    _name = "l10n_cl_dte_sii.sending"
    _inherit = ["mail.thread"]
    _description = "Sending to the SII"
    _order = "id desc"
    _rec_name = "track_id"

    company_id = fields.Many2one("res.company", required=True, index=True)
    host_id = fields.Many2one(
        "l10n_cl_dte_sii.host", required=True, ondelete="restrict", index=True
    )
    environment = fields.Selection(ENVIRONMENTS, required=True)
    issuer = fields.Char(string="RUT", required=True)
    holder_rut = fields.Char(
        string="Sent by", help="RUT of the holder of the certificate (RutEnvia)."
    )
    document_ids = fields.One2many(
        "l10n_cl_dte.document", "sending_id", string="Documents"
    )
    document_count = fields.Integer(compute="_compute_document_count")
    state = fields.Selection(
        ########################################################################
        # STATE DIAGRAM
        # * ready --[_claim, COMMIT]--> sending
        # * ready --[taken back, or none of its documents is as it was]--> cancelled
        # * sending --[nothing left this host, the SII's settings, it is busy]--> ready
        # * sending --[STATUS 0 and a track id]--> received
        # * sending --[STATUS: schema, signature, size]--> refused
        # * sending --[anything else, or its lease is over]--> unknown
        # * unknown --[the SII has the documents]--> received
        # * unknown --[said six times in 5 h 21 min that it has none]--> ready
        # * received --[refused as a whole]--> refused
        # * received --[EPR: known of each document]--> done
        # * received --[EPR: not known of each]--> open
        # * open --[the SII's result mail]--> done
        # What was uploaded by hand begins as unknown, and is never ready.
        ########################################################################
        [
            ("ready", "Waiting to Be Sent"),
            ("sending", "Being Sent"),
            ("unknown", "Unconfirmed"),
            ("received", "Sent"),
            ("open", "Processed, Result Open"),
            ("done", "Result Known"),
            ("refused", "Refused"),
            ("cancelled", "Cancelled"),
        ],
        required=True,
        default="ready",
        index=True,
        tracking=False,
    )
    reason = fields.Selection(REASONS, help="Why it stands where it does.")
    message = fields.Char(compute="_compute_message", string="What it means")
    detail = fields.Text(help="What the SII said about it, as it said it.")
    is_by_hand = fields.Boolean(
        string="Uploaded by Hand", help="It is never sent; what became of it is asked."
    )
    requested_by_id = fields.Many2one(
        "res.users", string="Sent for", default=lambda self: self.env.user
    )

    # === The envelope === #
    file_name = fields.Char()
    file = fields.Binary(attachment=True, copy=False)
    attachment_id = fields.Many2one("ir.attachment", copy=False, index="btree_not_null")
    sha256 = fields.Char(string="SHA-256")

    # === Its way === #
    track_id = fields.Char(string="Track ID", index="btree_not_null")
    attempts = fields.Integer(string="Uploads", aggregator="sum")
    questions = fields.Integer(aggregator=None, help="How often the SII was asked.")
    denials = fields.Integer(
        aggregator=None, help="How often in a row the SII said that it has nothing."
    )
    next_at = fields.Datetime(string="Next Step", index="btree_not_null")
    lease_until = fields.Datetime()
    sent_on = fields.Datetime()
    answered_on = fields.Datetime(string="Result on")
    sii_state = fields.Char(string="State at the SII", help="As it names it: EPR.")
    counts = fields.Json(
        help="What the SII counted: {type: [reported, accepted, rejected, objected]}."
    )
    results = fields.Json(help="Of a result mail that came before its time.")
    attempt_ids = fields.One2many(
        "l10n_cl_dte_sii.attempt", "sending_id", string="Attempts and Answers"
    )

    _due_idx = models.Index("(next_at) WHERE state IN ('ready', 'unknown', 'received')")

    # === Compute === #

    @api.depends("track_id", "issuer")
    def _compute_display_name(self):
        for sending in self:
            sending.display_name = sending.track_id or self.env._(
                "Sending %s", sending.id
            )

    @api.depends("document_ids")
    def _compute_document_count(self):
        for sending in self:
            sending.document_count = len(sending.document_ids)

    @api.depends("state", "reason", "next_at", "is_by_hand", "environment")
    @api.depends_context("lang", "tz")
    def _compute_message(self):
        for sending in self:
            sending.message = sending._explain()

    def _explain(self):
        """Return what its state means and what happens next, for a person."""
        if self.state in ("done", "cancelled"):
            return False
        text = self._explain_state()
        text = text[:1].upper() + text[1:]  # it may begin with the host's name
        if self.reason:
            text = f"{self.env._(EXPLANATIONS[self.reason])} {text}".strip()
        if self.next_at and self.state in ("ready", "unknown", "received"):
            time = format_datetime(self.env, self.next_at, dt_format="dd-MM HH:mm")
            text = f"{text} {self.env._('Next step at about %s.', time)}".strip()
        return text

    def _explain_state(self):
        host = self._host_name()
        match self.state:
            case "ready" if not self.reason:
                return self.env._("It waits to be sent.")
            case "sending":
                return self.env._("It is being sent to %s.", host)
            case "unknown" if self.is_by_hand:
                return self.env._(
                    "It was uploaded by hand, and %s is asked whether it has it.", host
                )
            case "unknown":
                return self.env._(
                    "Whether it arrived is not known: %s is asked for each document, "
                    "and only what it surely does not have is sent again. There is "
                    "nothing to do.",
                    host,
                )
            case "received":
                return self.env._(
                    "%(host)s has it (track ID %(track)s) and has not decided yet.",
                    host=host,
                    track=self.track_id,
                )
            case "open":
                return self.env._(
                    "%s has processed it, and did not say of each document what became "
                    "of it: that is in the mail with the result. Load that mail here, "
                    "or ask for it again.",
                    host,
                )
        return ""

    def _host_name(self):
        """Return who is asked, for texts: never the SII where it is the simulator."""
        self.ensure_one()
        return {
            "simulator": self.env._("the simulator"),
            "certification": self.env._("the SII (certification)"),
            "production": self.env._("the SII"),
        }[self.environment]

    # === Valid actions: buttons, crons and checks all ask this === #

    def _valid_actions(self):
        """Return what can be done with a sending.

        :rtype: set[str]
        """
        self.ensure_one()
        match self.state:
            case "ready":
                return {"send", "cancel"} if not self.denials else {"send"}
            case "sending":
                over = self.lease_until and self.lease_until < self._now()
                return {"lose"} if over else set()
            case "unknown" | "received":
                return {"ask", "load"} if self.track_id else {"ask"}
            case "open" | "done" | "refused":
                return {"mail", "load"} if self.track_id else set()
        return set()

    def _require(self, action):
        """:raise AccessError, UserError: where this user may not do that now"""
        self.ensure_one()
        self.check_access("read")
        if not self.env.user.has_group(SIGN_GROUP):
            raise AccessError(
                self.env._(
                    "Only who has the right “DTE SII: May Sign” deals with the SII."
                )
            )
        if action not in self._valid_actions():
            raise UserError(
                self.env._(
                    "That cannot be done with %(sending)s as it stands: %(message)s",
                    sending=self.display_name,
                    message=self.message
                    or dict(self._fields["state"]._description_selection(self.env))[
                        self.state
                    ],
                )
            )

    def action_cancel(self):
        """Take back what was not sent yet."""
        for sending in self:
            sending._require("cancel")
            sending.sudo()._cancel()

    def action_open_documents(self):
        """Show the invoices in it."""
        self.ensure_one()
        moves = self.document_ids.move_id
        return moves._get_records_action(name=self.env._("Documents"))

    def action_download(self):
        """Give the envelope, as it was sent."""
        self.ensure_one()
        self._content()
        return {
            "type": "ir.actions.act_url",
            "url": f"/web/content/{self.sudo().attachment_id.id}?download=true",
            "target": "download",
        }

    # === Making one === #

    @api.model
    def _queue(self, versions, at=None):
        """Queue signed versions to be sent in one envelope.

        :param versions: `l10n_cl_dte.document` of one company and environment
        :param datetime at: when; now if none
        """
        company, first = versions.company_id, versions[:1]
        sending = self.sudo().create(
            {
                "company_id": company.id,
                "environment": first.environment,
                "issuer": company._l10n_cl_dte_sii_rut(),
                "host_id": self.env["l10n_cl_dte_sii.host"]._of(first.environment).id,
                "requested_by_id": self.env.uid,
                "next_at": at or self._now(),
            }
        )
        versions.sudo().sending_id = sending
        return sending

    def _cancel(self):
        self.document_ids.sending_id = False
        self.write({"state": "cancelled", "next_at": False, "reason": False})

    def _keep(self, name, content):
        """Keep the envelope: if it is sent again, these bytes are."""
        attachment = self.env["ir.attachment"].create(
            {
                "name": name,
                "raw": content,
                "mimetype": "application/xml",
                "res_model": self._name,
                "res_field": "file",
                "res_id": self.id,
                "company_id": self.company_id.id,
            }
        )
        self.attachment_id.unlink()
        self.write(
            {
                "file_name": name,
                "attachment_id": attachment.id,
                "sha256": hashlib.sha256(content).hexdigest(),
            }
        )
        self.invalidate_recordset(["file"], flush=False)

    def _content(self):
        """Return the envelope's bytes.

        :raise UserError: where they are gone, or others
        """
        self.ensure_one()
        self.check_access("read")
        content = self.sudo().attachment_id.with_context(bin_size=False).raw or b""
        if not content or hashlib.sha256(content).hexdigest() != self.sha256:
            raise UserError(
                self.env._(
                    "The envelope of %s is missing on the server, or is not the one "
                    "that was signed. Ask your administrator to restore Odoo's "
                    "filestore from a backup.",
                    self.display_name,
                )
            )
        return content

    # === State === #

    def _enter(self, state, **values):
        """Go into a state, and have the documents follow."""
        self.write({"state": state, "lease_until": False, "reason": False, **values})
        follows = DOCUMENT_STATES.get(state)
        # A document uploaded by hand is that until the SII has it.
        if follows and not (self.is_by_hand and state == "unknown"):
            self.document_ids.filtered(lambda row: row.state != follows).write(
                {"state": follows}
            )

    def _postpone(self, reason, until):
        """Leave it as it is, for a reason, until a time."""
        self.write({"reason": reason, "next_at": until})

    def _now(self):
        """Return the time by which sendings go: the database's."""
        return database_now(self.env)

    @api.model
    def _make_due(self, host):
        """What waits only because a host was away is due now."""
        self.flush_model()
        waiting = self.sudo().search(
            [
                ("host_id", "=", host.id),
                ("state", "in", ("ready", "unknown", "received")),
                ("reason", "in", [*WIRE_REASONS, "paused"]),
                ("next_at", ">", self._now()),
            ]
        )
        waiting.next_at = self._now()

    @api.model
    def _trigger(self, at=None):
        trigger(self.env, CRON, at)

    # === Transactions === #

    def _commit(self):
        commit(self.env)

    @api.model
    def _repeat(self, change, *arguments):
        """Change rows and commit; again after a conflict, for no request is in it."""
        change = partial(change, *arguments)
        if not can_commit():
            return change()
        result = retrying(change, self.env)
        self._commit()
        return result

    def _lock(self, *states):
        """Take this row, if it is in one of these states and nobody else has it."""
        self.flush_recordset()
        self.env.cr.execute(
            SQL(
                """
                SELECT id FROM l10n_cl_dte_sii_sending
                 WHERE id = %s AND state IN %s
                   FOR UPDATE SKIP LOCKED
                """,
                self.id,
                states,
            )
        )
        is_taken = bool(self.env.cr.fetchone())
        self.invalidate_recordset(flush=False)
        return is_taken
