# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from markupsafe import escape

from odoo import models

from .l10n_cl_dte_ai_batch import BUS_BATCH
from .reasons import cron_off_text


# pylint: disable=consider-merging-classes-inherited
class L10nClDteAiBatch(models.Model):
    """What people are told of a batch: what it waits for, and that it has ended."""

    _inherit = "l10n_cl_dte_ai.batch"

    def _notice(self, counts):
        """Return what a person should know of a batch that has not ended, or None.

        :param dict[str, int] counts: its rows, by outcome
        """
        if self.problem:
            return self._explain_problem()
        match self.state:
            case "queueing" | "generating":
                return cron_off_text(self.env, "l10n_cl_dte_ai.ir_cron_generate")
            case "running":
                service = self.company_id.sudo().l10n_cl_dte_ai_service_id
                waiting = counts.get("waiting", 0) + counts.get("no_opinion", 0)
                return service._expectation(waiting)
        return None

    def _explain_problem(self):
        match self.problem:
            case "requester":
                return self.env._(
                    "%s may not generate documents of this company any more, so this "
                    "has stopped. Press Resume to have the rest generated in your own "
                    "name, or Cancel.",
                    self.user_id.name or self.env._("Whoever started it"),
                )
            case "machine":
                return self.env._(
                    "The server could not keep the files: its disk is full or may not "
                    "be written, or it has no memory left. What is generated is kept, "
                    "and it goes on by itself every ten minutes. Tell your "
                    "administrator."
                )
        return self.env._(
            "Odoo itself met a fault, which its log names. What is generated is kept, "
            "and it is tried again every ten minutes. Tell your administrator."
        )

    def _notify_problem(self):
        """Tell who started it, or who can act in her place."""
        for batch in self:
            users = batch.user_id.filtered("active")
            if batch.problem == "requester":
                users |= batch.move_ids[:1]._l10n_cl_dte_person_in_charge()
            for user in users:
                told = batch.with_context(lang=user.lang, tz=user.tz)
                told.env["mail.thread"].message_notify(
                    subject=told.env._("DTE generation has stopped: %s", told.name)
                    if batch.problem == "requester"
                    else told.env._("DTE generation is delayed: %s", told.name),
                    body=escape(told._explain_problem()),
                    partner_ids=user.partner_id.ids,
                    model=batch._name,
                    res_id=batch.id,
                )

    def _notify_end(self):
        """One notification at the end, in the inbox and as a message on the screen."""
        for batch in self.filtered("user_id"):
            user = batch.user_id
            batch = batch.with_context(lang=user.lang, tz=user.tz)
            counts = batch._counts().get(batch.id, {})
            outcomes = dict(
                batch.validation_ids._fields["outcome"]._description_selection(
                    batch.env
                )
            )
            text = ", ".join(
                f"{label}: {counts[outcome]}"
                for outcome, label in outcomes.items()
                if counts.get(outcome)
            )
            if batch.generates:
                generated = batch.env._(
                    "DTE generated: %(generated)s, generated before: %(before)s, left "
                    "out: %(left_out)s.",
                    generated=batch.generated,
                    before=max(batch.file_count - batch.generated, 0),
                    left_out=batch.left_out_count,
                )
                text = f"{text}. {generated}" if text else generated
            title = (
                batch.env._("DTE generation finished: %s", batch.name)
                if batch.generates
                else batch.env._("Validation finished: %s", batch.name)
            )
            user._bus_send(
                BUS_BATCH + "_done",
                {
                    "id": batch.id,
                    "title": title,
                    "message": text,
                    "has_files": batch.generates and bool(batch.file_count),
                },
            )
            batch.env["mail.thread"].message_notify(
                subject=title, body=text, partner_ids=user.partner_id.ids
            )
