# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import timedelta

from odoo import fields, models
from odoo.exceptions import UserError

from ..tools import dialog
from ..tools.errors import SiiError
from ..tools.sii_outcomes import PROCESSED
from .l10n_cl_dte_sii_sender import ACT_FIRST, ASK_SOON
from .sii_reasons import STATE_REASONS

# From one question about what became of an envelope to the next; the last repeats.
ASK_AFTER = (
    ASK_SOON,
    timedelta(seconds=30),
    *(timedelta(minutes=each) for each in (2, 5, 15, 30)),
)
# From one *no* about an envelope whose arrival is not known to the next question; after
# as many the SII surely has it not.
DENIED_AFTER = tuple(timedelta(minutes=each) for each in (1, 5, 15, 60, 240))
SURE_AFTER = len(DENIED_AFTER) + 1
# Nobody else asks while somebody does: a hundred documents take their time.
ASKING = timedelta(minutes=10)


# What is asked is a room of its own beside what is sent.
# pylint: disable=consider-merging-classes-inherited
class L10nClDteSiiSending(models.Model):
    """What became of an envelope: asked in due time, and concluded from the answers.

    *Processed* is not *accepted*: what the SII counts says so of each document, or its
    questions about single documents do, or the mail with the result.
    """

    _inherit = "l10n_cl_dte_sii.sending"

    def action_ask(self):
        """Ask the SII now."""
        self._require("ask")
        self.sudo()._send_now()

    def action_ask_for_mail(self):
        """Have the SII send the mail with the result again."""
        self._require("mail")
        sending = self.sudo()
        sending._commit()
        asked = sending._repeat(sending._begin_to_ask, *("open", "done", "refused"))
        if not asked:
            raise UserError(sending.with_env(self.env).sudo().message)
        inquiry, client = asked
        sending._commit()
        with client:
            outcome = dialog.ask_for_mail(client, inquiry)
        is_done = outcome.kind == dialog.DONE
        sending._repeat(sending._note, outcome)
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success" if is_done else "warning",
                "message": self.env._(
                    "The SII was asked to send the mail with the result again. It goes "
                    "to the address that the company gave to the SII."
                )
                if is_done
                else outcome.detail or outcome.label,
            },
        }

    # === Asking === #

    def _ask(self):
        """Ask about one sending: what became of it, or whether it arrived at all."""
        host = self.host_id
        grant = host._acquire()
        if not grant:
            self._repeat(self._ask_later, "paused", grant.until)
            return
        # A *no* counts only if it comes when it was planned: who presses the button
        # again and again learns nothing that a second before was not so.
        planned = self.next_at and self.next_at > self._now() and self.next_at
        asked = self._repeat(self._begin_to_ask, *("unknown", "received"))
        if not asked:
            return
        inquiry, client = asked
        self._commit()  # no transaction is open while the SII is asked
        with client:
            found = dialog.inquire(client, inquiry)
        self._repeat(self._store_answers, found, planned)
        host._learn(found.is_there)
        self._commit()

    def _ask_later(self, reason, until):
        if self._lock("unknown", "received"):
            self._postpone(reason, until or self._now() + ACT_FIRST)

    def _begin_to_ask(self, *states):
        """Take this sending to ask about it, with all that this needs.

        :return: what to ask and with which client; None where nobody is asked now
        """
        if not self._lock(*states):
            return None
        reason = self.company_id._l10n_cl_dte_sii_why_silent(
            self.environment, is_sending=False
        )
        try:
            client = None if reason else self._client()
        except SiiError:
            reason = "certificate"
        if reason:
            self._postpone(reason, self.next_at and self._now() + ACT_FIRST)
            return None
        if self.next_at:
            self.next_at = self._now() + ASKING
        return self._inquiry(), client

    def _inquiry(self):
        rows = self.document_ids.filtered(lambda row: row.signature_value)
        return dialog.Inquiry(
            issuer=self.issuer,
            track_id=self.track_id if self.state != "unknown" else None,
            documents={row.id: row._as_asked() for row in rows},
        )

    # === What came of it === #

    def _store_answers(self, found, planned):
        """Keep what was answered, and conclude from it.

        :param dialog.Found found:
        :param planned: when it was to be asked, where somebody asked earlier
        """
        for exchange in found.exchanges:
            self._note(exchange)
        if not self._lock("unknown", "received"):
            return
        self.questions += 1
        if found.reason:  # it could not be asked, or not all of it
            self._postpone(found.reason, self._next_question())
        elif self.state == "unknown":
            self._conclude_arrival(found, planned)
        else:
            self._conclude_result(found)

    def _next_question(self):
        step = ASK_AFTER[min(self.questions, len(ASK_AFTER) - 1)]
        return self._now() + step

    def _conclude_arrival(self, found, planned):
        """Of an envelope whose arrival is not known: what the SII has is sent."""
        if "" in found.tracks.values():  # it has some, and does not say where
            self._postpone(False, self._next_question())
            return
        arrived = self.document_ids.filtered(lambda row: row.id in found.tracks)
        if arrived == self.document_ids and len(set(found.tracks.values())) == 1:
            self._become_received(next(iter(found.tracks.values())))
            return
        self._split(arrived, found.tracks)
        if planned:
            self._postpone(False, planned)
            return
        self.denials += 1
        if self.denials < SURE_AFTER or self.is_by_hand:
            step = DENIED_AFTER[min(self.denials, len(DENIED_AFTER)) - 1]
            self._postpone(False, self._now() + step)
        else:
            # The documents stay as they are: the same bytes go out again, at once.
            self._enter("ready", next_at=self._now())
            self._trigger()

    def _split(self, arrived, tracks):
        """Give documents that the SII has under other track ids a sending of their
        own.
        """
        for track_id in sorted({tracks[row.id] for row in arrived}):
            rows = arrived.filtered(lambda row, t=track_id: tracks[row.id] == t)
            other = self.search(
                [
                    ("track_id", "=", track_id),
                    ("issuer", "=", self.issuer),
                    ("environment", "=", self.environment),
                    ("id", "!=", self.id),
                ],
                limit=1,
            ) or self.copy({"state": "unknown", "is_by_hand": False})
            rows.sending_id = other
            other.invalidate_recordset(["document_ids"])
            other._become_received(track_id)
        if arrived:
            # An envelope without them is made anew, if it comes to that.
            self.attachment_id.unlink()
            self.invalidate_recordset(["document_ids"])

    def _conclude_result(self, found):
        self.sii_state = found.state
        if reason := STATE_REASONS.get(found.state):
            if reason == "repeated":  # under which track id it has them is asked next
                self._enter("unknown", reason="repeated", next_at=self._now())
            else:
                self._become_refused(reason, found.detail)
            return
        if found.meaning != PROCESSED:
            self._postpone(False, self._next_question())
            return
        self.counts = {code: list(each) for code, each in found.counts.items()}
        moved = self.document_ids.filtered(lambda row: row.id in found.tracks)
        self._split(moved, found.tracks)
        self._decide(found.verdicts)
        if self.results:
            self._take_results(self.results)

    def _decide(self, verdicts, findings=None):
        """Give the documents their states; what has none is open.

        :param verdicts: {id of the document: accepted, objected, rejected}
        :param findings: what the SII says of each, by id
        """
        findings = findings or {}
        rows = self.document_ids
        for state in ("accepted", "objected", "rejected"):
            same = rows.filtered(lambda row, s=state: verdicts.get(row.id) == s)
            if same:
                same._decide(
                    state, {row: findings[row.id] for row in same if row.id in findings}
                )
        undecided = rows.filtered(lambda row: row.state in ("received", "open"))
        values = {"next_at": False, "answered_on": fields.Datetime.now()}
        if undecided:
            self.write({"state": "open", "reason": False, **values})
            new = undecided.filtered(lambda row: row.state != "open")
            new.write({"state": "open"})
            new._tell()
        else:
            self.write({"state": "done", "reason": False, **values})
