# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import logging
import time
from datetime import timedelta

from odoo import api, models
from odoo.exceptions import UserError

from ..tools import dialog, envelope, signature
from ..tools.errors import PRODUCTION, SiiError
from .environments import ENVIRONMENTS
from .l10n_cl_dte_sii_sending import LEASE
from .signing_desk import SigningDesk
from .sii_reasons import ACT_REASONS, REFUSED

_logger = logging.getLogger(__name__)

# Seconds that the cron goes on. Only about 51 s of Odoo's default limit of 120 are sure
# for all crons of a database, and the last exchange may take a minute more.
SLICE = 20
# After an attempt by which nothing was sent; then as the last.
RETRY_AFTER = tuple(timedelta(minutes=each) for each in (0.5, 2, 5, 15, 30))
# Where somebody has to act first: looked at again by itself.
ACT_FIRST = timedelta(minutes=30)
ASK_SOON = timedelta(seconds=10)


# The upload is a room of its own beside the sending.
# pylint: disable=consider-merging-classes-inherited
class L10nClDteSiiSending(models.Model):
    """The upload of an envelope: claimed, posted once, and what came of it kept.

        gate ──> claim ──commit──> one POST (no transaction) ──> store ──commit──> learn

    The claim is committed before the SII hears of the envelope, and after its answer
    only the storing is ever repeated: no conflict in the database posts twice. What a
    killed worker leaves behind is unknown once its lease is over, and never ready.
    """

    _inherit = "l10n_cl_dte_sii.sending"

    # === Who starts it === #

    def action_send(self):
        """Send now what waits."""
        self._require("send")
        self.sudo()._send_now()

    def _send_now(self):
        """Send while a person waits; what cannot go now stays queued, and says why."""
        self.ensure_one()
        self._commit()  # what others have done meanwhile counts
        self._exchange()
        self._trigger(self.next_at or None)

    @api.model
    def _cron_collect(self):
        """Send all that is signed, of companies that want it so."""
        if self.env["account.move"]._l10n_cl_dte_sii_collect():
            self._trigger()

    @api.model
    def _cron_exchange(self):
        """Deal with what is due, the longest waiting first, until the slice is over."""
        progress = self.env["ir.cron"]._commit_progress
        end = time.monotonic() + min(progress(), SLICE)
        self._lose_leases()
        finished, seen = self.browse(), set()
        while time.monotonic() < end:
            due = self.search(self._due_domain(), order="next_at, id", limit=1)
            step = due.id, due.state, due.next_at
            if not due or step in seen:
                break
            seen.add(step)
            if due._exchange():
                finished |= due
            progress(1)
        self._notify_results(finished)
        left = self.search(self._due_domain(), limit=1)
        self._trigger(self._now() if left else self._next_time())

    @api.model
    def _due_domain(self):
        """Select what may be dealt with now, without what waits for a host."""
        hosts = self.env["l10n_cl_dte_sii.host"].search(
            [("environment", "!=", False)], limit=len(ENVIRONMENTS)
        )
        is_open = hosts.filtered(lambda host: not host._is_closed())
        return [
            ("state", "in", ("ready", "unknown", "received")),
            ("next_at", "<=", self._now()),
            ("host_id", "in", is_open.ids),
        ]

    @api.model
    def _next_time(self):
        """Return when the next one is due; a minute away the cron looks by itself."""
        waiting = [
            ("state", "in", ("ready", "unknown", "received")),
            ("next_at", ">", self._now()),
        ]
        return self.search(waiting, order="next_at", limit=1).next_at or None

    @api.model
    def _lose_leases(self):
        """What lost its worker is unknown: nobody can tell whether it arrived."""
        lost = [("state", "=", "sending"), ("lease_until", "<", self._now())]
        for sending in self.search(lost):
            self._repeat(sending._lose)

    def _lose(self):
        if self._lock("sending") and "lose" in self._valid_actions():
            self._become_unknown("lost", self._now())

    def _exchange(self):
        """Take the next step of one sending: send it, or ask about it.

        :return: whether what became of it is known now
        """
        self.ensure_one()
        known = self.state in ("done", "refused", "open")
        if self.state == "ready":
            self._send()
        elif self.state in ("unknown", "received"):
            self._ask()
        self.invalidate_recordset()
        return not known and self.state in ("done", "refused", "open")

    # === Claim === #

    def _send(self):
        host = self.host_id
        grant = host._acquire()
        if not grant:
            self._repeat(self._postpone_if_ready, "paused", grant.until)
            return
        claimed = self._repeat(self._claim)
        if not claimed:
            return
        call, client = claimed
        self._commit()  # no transaction is open while the SII is asked
        with client:
            outcome = dialog.upload(client, call)
        self._repeat(self._store_upload, outcome)
        host._learn(outcome.is_there)
        self._commit()

    def _postpone_if_ready(self, reason, until):
        if self._lock("ready"):
            self._postpone(reason, until or self._now() + ACT_FIRST)

    def _claim(self):
        """Take this sending, so that no other worker does, with all that it needs.

        :return: what to send and with which client; None where it does not go now
        """
        if not self._lock("ready"):
            return None
        self._leave_out_what_changed()
        if not self.document_ids:
            self._cancel()
            return None
        if reason := self._why_not_sent():
            self._postpone(reason, self._now() + ACT_FIRST)
            return None
        try:
            if not self.attachment_id:
                self._build()
            content = self._content()
            client = self._client()
        except (SiiError, UserError) as error:
            text = error.explain(self.env._) if isinstance(error, SiiError) else error
            self.detail = str(text)
            self._postpone("envelope", self._now() + ACT_FIRST)
            return None
        self._enter(
            "sending",
            lease_until=self._now() + LEASE,
            attempts=self.attempts + 1,
            next_at=False,
            detail=False,
        )
        call = dialog.Upload(
            issuer=self.issuer,
            name=self.file_name,
            content=content,
            # A worker that was held up for so long does not begin any more.
            begin_until=time.monotonic() + LEASE.total_seconds() / 3,
        )
        return call, client

    def _leave_out_what_changed(self):
        """Part from documents that are not any more as they were signed.

        Those that were on their way before stay: nobody could change them.
        """
        changed = self.document_ids.filtered(
            lambda row: (
                not row.is_current
                or row.move_id.state != "posted"
                or row._move_state() not in ("signed", "unknown")
            )
        )
        if changed:
            changed.sending_id = False
            self.invalidate_recordset(["document_ids"])
            self.attachment_id.unlink()

    def _why_not_sent(self):
        """Return why this does not go now, as a code, or None."""
        if reason := self.company_id._l10n_cl_dte_sii_why_silent(self.environment):
            return reason
        if self.environment == PRODUCTION and any(
            not caf.is_vouched for caf in self.document_ids.folio_id.caf_id
        ):
            return "test_caf"
        return None

    def _build(self):
        """Make and keep the envelope: the documents' files, unchanged, and a signature.

        :raise SiiError, UserError: what stands against it
        """
        company = self.company_id
        time_ = company._l10n_cl_dte_sii_now()
        cover = company._l10n_cl_dte_sii_cover()
        rows = self.document_ids.sorted("id")
        unsigned = envelope.build([row._content() for row in rows], cover, time_)
        content = signature.sign_envelope(unsigned, self._signer())
        first = rows[0].file_name
        name = first if len(rows) == 1 else f"{time_:%Y%m%d-%H%M%S}-{self.id}.xml"
        self._keep(f"EnvioDTE_{name}", content)
        self.holder_rut = cover.sender

    def _signer(self):
        certificate = self.company_id._l10n_cl_dte_sii_certificate()
        return SigningDesk.of(self.env).signer(certificate)

    def _client(self):
        """Return a client of the host: nothing of the database is in it."""
        certificate = self.company_id._l10n_cl_dte_sii_certificate()
        return self.host_id._client(
            self._signer(), certificate.l10n_cl_dte_sii_holder_rut
        )

    # === What came of it === #

    def _store_upload(self, outcome):
        """Keep what an upload came to.

        :param dialog.Exchange outcome:
        """
        self._note(outcome)
        # Another worker may have found its lease over: a track id is the truth anyway.
        is_received = outcome.kind == dialog.DONE
        if not self._lock(*("sending", "unknown") if is_received else ("sending",)):
            return
        match outcome.kind:
            case dialog.DONE:
                self._become_received(outcome.value)
            case dialog.REFUSED if outcome.reason in REFUSED:
                self._become_refused(outcome.reason, outcome.detail)
            case dialog.NOT_SENT | dialog.REFUSED:
                self._stay_ready(outcome)
            case _:
                self.detail = outcome.detail
                self._become_unknown(outcome.reason, self._now() + ASK_SOON)

    def _become_received(self, track_id):
        now = self._now()
        self._enter(
            "received",
            track_id=track_id,
            sent_on=self.sent_on or now,
            next_at=now + ASK_SOON,
            questions=0,
            denials=0,
        )
        self.document_ids.track_id = track_id
        self.document_ids._tell()

    def _become_unknown(self, reason, ask_at):
        self._enter(
            "unknown", reason=reason, next_at=ask_at, denials=0, sent_on=self._now()
        )
        if not self.is_by_hand:
            self.document_ids._tell()

    def _become_refused(self, reason, detail):
        """The envelope was refused as a whole, and its documents with it."""
        self._enter(
            "refused",
            reason=reason,
            detail=detail,
            next_at=False,
            answered_on=self._now(),
        )
        self.document_ids._decide("rejected")

    def _stay_ready(self, outcome):
        """Nothing was stored: its documents can change again, and it goes later."""
        acts = outcome.reason in ACT_REASONS
        step = RETRY_AFTER[min(self.attempts, len(RETRY_AFTER)) - 1]
        until = self._now() + (ACT_FIRST if acts else step)
        # What was unknown before is not to change: it may be that it arrived.
        was_unknown = bool(self.sent_on)
        self._enter(
            "ready", reason=outcome.reason, next_at=until, detail=outcome.detail
        )
        state = "unknown" if was_unknown else "signed"
        self.document_ids.write({"state": state})
        if acts:
            self._hold_back_others(outcome.reason, until)

    def _hold_back_others(self, reason, until):
        """What stops one envelope of a company by its settings stops all."""
        others = self.search(
            [
                ("state", "=", "ready"),
                ("issuer", "=", self.issuer),
                ("environment", "=", self.environment),
                ("next_at", "<", until),
            ]
        )
        others._postpone(reason, until)

    def _note(self, exchange):
        """Keep what was answered.

        :param dialog.Exchange exchange:
        """
        self.env["l10n_cl_dte_sii.attempt"].create(
            {
                "sending_id": self.id,
                "kind": exchange.question,
                "document_id": exchange.document_id,
                "outcome": exchange.label,
                "answer": exchange.answer,
                "duration_ms": exchange.duration_ms,
            }
        )

    @api.model
    def _notify_results(self, sendings):
        """Tell each person once what became of what she sent."""
        for user, theirs in sendings.grouped("requested_by_id").items():
            rows = theirs.document_ids
            counts = {state: len(same) for state, same in rows.grouped("state").items()}
            if not counts:
                continue
            user._bus_send(
                "l10n_cl_dte_sii/results",
                {
                    "ids": theirs.ids,
                    "rejected": counts.get("rejected", 0),
                    "message": theirs.with_context(lang=user.lang)._say(counts),
                },
            )

    def _say(self, counts):
        labels = dict(
            self.env["l10n_cl_dte.document"]
            ._fields["state"]
            ._description_selection(self.env)
        )
        host = self[:1]._host_name()
        told = ", ".join(f"{labels[state]}: {n}" for state, n in counts.items())
        return f"{host[:1].upper()}{host[1:]}. {told}"
