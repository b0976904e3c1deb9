# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from contextlib import contextmanager

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import plaintext2html

from ..tools.dte import rules
from .account_move_generation import OVERRIDE_GROUP
from .l10n_cl_dte_ai_service import USER_GROUP

ACTIVITY = "l10n_cl_dte_ai.mail_activity_type_decide"
# Of the transaction: what may become posted, however. No user writes the cursor's
# cache.
LET_THROUGH = "l10n_cl_dte_let_through"
# In the context it only hides drafts, from whoever sets it.
HIDES_STOPPED = "l10n_cl_dte_hides_stopped"
LOOK_AGAIN = 1000


# pylint: disable=consider-merging-classes-inherited
class AccountMove(models.Model):
    """The company's policy on the act of confirming, by which a folio is spent.

    It guards the act, so it holds on every road: the button, the cron of what is posted
    by itself, tills, paid web orders, and a plain `write` of the state. A person who
    asks for what the policy stops is told why, and may go on only with the right to,
    and a reason that is kept. Where nobody can answer, nothing stands in the customer's
    way: the document stays a draft for a person, or is confirmed and marked.
    """

    _inherit = "account.move"

    # The date that posting gave to an undated draft. It is not the accountant's word,
    # so a verdict on the draft still holds; a date that she enters later is.
    l10n_cl_dte_posting_date = fields.Date(
        string="Date Given by Posting", readonly=True, copy=False
    )
    l10n_cl_dte_stopped = fields.Boolean(
        string="Stopped for a Person",
        readonly=True,
        copy=False,
        help="A scheduled action would have confirmed it, and company policy stopped "
        "that: it is confirmed by a person, or by itself once nothing stands against "
        "it.",
    )
    l10n_cl_dte_posted_unchecked = fields.Boolean(
        string="Confirmed Unattended",
        readonly=True,
        copy=False,
        help="Confirmed where nobody could be asked, as at a till or for a paid web "
        "order, although company policy would have stopped a person.",
    )

    # === What stands against it === #

    def _l10n_cl_dte_objections(self):
        """Return why company policy does not let these documents be confirmed.

        Extend it for another policy: whatever it returns is stopped, on every road.

        :return: for a person, of those only that are stopped
        :rtype: dict[AccountMove, str]
        """
        guarded = self.filtered(
            lambda move: (
                move.company_id.sudo().l10n_cl_dte_ai_on_post != "off"
                and move._l10n_cl_dte_is_covered()
            )
        )
        documents = guarded._l10n_cl_dte_as_documents()
        asked = guarded._l10n_cl_dte_ai_on_post("required")
        validations = asked._l10n_cl_dte_ai_current_validations(
            {move: documents[move] for move in asked}
        )
        objections = {}
        for move, document in documents.items():
            findings = move._l10n_cl_dte_apply_rules(document)
            errors = [f.message for f in findings if f.severity == rules.ERROR]
            if errors:
                objections[move] = " ".join(errors)
            elif move in asked and (
                text := move._l10n_cl_dte_ai_objection(findings, validations[move])
            ):
                objections[move] = text
        return objections

    def _l10n_cl_dte_ai_objection(self, findings, validation):
        """Return why the opinion that there is does not let it be confirmed, or
        None.
        """
        # Who was asked and could not answer is the policy's matter.
        was_asked = validation.reason or validation.state in ("done", "failed")
        service = self.company_id.sudo().l10n_cl_dte_ai_service_id
        if not was_asked and service._no_call_reason() != "not_configured":
            return self.env._(
                "the AI service has not been asked yet. Press Generate DTE."
            )
        if not self._l10n_cl_dte_needs_override(findings, validation):
            return None
        if validation.state == "done":
            return self.env._("the AI service objects. Press Generate DTE to see why.")
        return self.env._(
            "the AI service has given no opinion yet, and company policy wants its "
            "approval. Press Generate DTE to see why."
        )

    def _l10n_cl_dte_ai_on_post(self, value):
        """Return the documents of companies that have chosen a way on posting, and a
        service; what is archived, or has lost its key, lifts no policy.
        """

        def has_chosen(move):
            company = move.company_id.sudo()
            service = company.l10n_cl_dte_ai_service_id
            return (
                company.l10n_cl_dte_ai_on_post == value
                and move._l10n_cl_dte_is_covered()
                and service
                and (
                    value == "required" or service._no_call_reason() != "not_configured"
                )
            )

        return self.filtered(has_chosen)

    # === The act === #

    def write(self, vals):
        # EXTENDS 'account': every road to a folio comes through here.
        if vals.get("state") == "posted":
            moves = self.filtered(lambda move: move.state != "posted")
            moves._l10n_cl_dte_require_let_through()
        result = super().write(vals)
        if vals.get("state") in ("posted", "cancel"):
            self._l10n_cl_dte_close_stop()
        if vals.get("state") == "cancel":
            self._l10n_cl_dte_close_activities()
        return result

    def _post(self, soft=True):
        # EXTENDS 'account': do what the company wants on posting, and remember which
        # dates were posting's and not the user's.
        if self.env.context.get(HIDES_STOPPED):
            self = self.with_context(**{HIDES_STOPPED: False})
        moves = self._l10n_cl_dte_let_through(soft)
        if self and not moves:
            return moves
        undated = moves.filtered(
            lambda move: move.l10n_cl_dte_is_candidate and not move.invoice_date
        )
        undated.filtered(lambda move: move.is_sale_document())._l10n_cl_dte_date_today()
        with moves._l10n_cl_dte_letting_through():
            posted = super(AccountMove, moves)._post(soft)
        for date, dated in (
            undated.filtered("invoice_date").grouped("invoice_date").items()
        ):
            dated._l10n_cl_dte_set({"l10n_cl_dte_posting_date": date})
        (posted & moves)._l10n_cl_dte_ai_ask_in_background()
        return posted

    def _l10n_cl_dte_let_through(self, soft=True):
        """Return the documents that may be posted now, as company policy wants it.

        Extend it with what has to be in order before a document is posted.

        :param bool soft: of `_post`: documents of a later date are left alone
        :raise UserError: where a person asks for what the policy stops
        """
        done = self.env.cr.cache.get(LET_THROUGH, ())
        objections = self.filtered(
            lambda move: move.id not in done
        )._l10n_cl_dte_objections()
        if objections and not self.env.su:
            self._l10n_cl_dte_raise(objections)
        stopped = self.browse()
        for move, text in objections.items():
            # Nobody to ask: a cron, a till, the website. Code alone has this mode.
            if move._l10n_cl_dte_can_wait():
                stopped |= move
                move._l10n_cl_dte_stop(text)
            else:
                move._l10n_cl_dte_mark_unchecked(text)
        return self - stopped

    def _l10n_cl_dte_require_let_through(self):
        done = self.env.cr.cache.get(LET_THROUGH, ())
        moves = self.filtered(lambda move: move.id not in done)
        if objections := moves._l10n_cl_dte_objections():
            self._l10n_cl_dte_raise(objections)

    @contextmanager
    def _l10n_cl_dte_letting_through(self):
        """Within it these documents may become posted; nothing of it outlives it."""
        cache = self.env.cr.cache
        before = cache.get(LET_THROUGH, frozenset())
        cache[LET_THROUGH] = before | set(self.ids)
        try:
            yield
        finally:
            cache[LET_THROUGH] = before

    def _l10n_cl_dte_raise(self, objections):
        """:raise UserError: which says all that is stopped, and what can be done"""
        lines = [
            f"{move._l10n_cl_dte_name()}: {text}" for move, text in objections.items()
        ]
        hint = self.env._(
            "Mend what is said, and confirm again. Who may override can confirm a "
            "document anyway, with a reason: Generate DTE, Confirm Anyway."
        )
        raise UserError(
            self.env._("Not confirmed, so that no folio is spent:")
            + "\n\n"
            + "\n".join(lines)
            + f"\n\n{hint}"
        )

    def _l10n_cl_dte_confirm_anyway(self, reason):
        """Confirm a document against rules or policy, and keep who did so and why.

        :raise AccessError: where the user may not override
        :raise UserError: without a reason
        """
        self.ensure_one()
        self.check_access("write")
        if not self.env.user.has_group(OVERRIDE_GROUP):
            raise AccessError(
                self.env._(
                    "Only users who may override can confirm this document. Mend what "
                    "was found, or ask one of them."
                )
            )
        if not (reason or "").strip():
            raise UserError(
                self.env._("Give a reason for confirming the document anyway.")
            )
        objections = self._l10n_cl_dte_objections()
        with self._l10n_cl_dte_letting_through():
            self.action_post()
        lines = [
            self.env._("Confirmed anyway, reason: %s", reason),
            self.env._("What stood against it: %s", objections.get(self, "—")),
        ]
        self._message_log(body=Markup("<br/>").join(lines))

    # === Where nobody can be asked === #

    def _l10n_cl_dte_can_wait(self):
        """Tell whether it can stay a draft although a scheduled action wants it posted.

        What the customer has paid cannot: Odoo books the payment on the invoice at
        once, and would lose the till's order or leave the web order's payment undone.
        Extend it for what else cannot wait.
        """
        self.ensure_one()
        if self.company_id.sudo().l10n_cl_dte_ai_unattended == "post":
            return False
        till = "pos_order_ids" in self._fields and self.sudo().pos_order_ids
        paid = (
            "transaction_ids" in self._fields
            and self.sudo().transaction_ids.filtered(
                lambda transaction: transaction.state in ("authorized", "done")
            )
        )
        return not (till or paid)

    def _l10n_cl_dte_stop(self, text):
        """Leave a draft to a person, and ask once."""
        if not self.l10n_cl_dte_stopped:
            self._l10n_cl_dte_set({"l10n_cl_dte_stopped": True})
        self._l10n_cl_dte_ask_person(
            self.env._("Not confirmed: decide"),
            self.env._(
                "It was to be confirmed by itself, and company policy stopped that, so "
                "that no folio is spent. Mend what is said: then it is confirmed by "
                "itself, or you confirm it."
            ),
            text,
        )

    def _l10n_cl_dte_mark_unchecked(self, text):
        """Let it be posted, say so, and put it on somebody's list."""
        self._l10n_cl_dte_close_stop()
        self._l10n_cl_dte_set({"l10n_cl_dte_posted_unchecked": True})
        intro = self.env._(
            "Confirmed where nobody could be asked, although company policy would have "
            "stopped it. Mend what is said before its DTE is generated, or make a "
            "credit note."
        )
        self._message_log(body=Markup("%s<br/>%s") % (intro, text))
        self._l10n_cl_dte_ask_person(
            self.env._("Confirmed unattended: look at it"), intro, text
        )

    def _l10n_cl_dte_ask_person(self, summary, intro, text):
        if self.activity_search([ACTIVITY], only_automated=False):
            return
        self.activity_schedule(
            ACTIVITY,
            summary=summary,
            note=plaintext2html(f"{intro}\n\n{text}"),
            user_id=self._l10n_cl_dte_person_in_charge().id,
        )

    def _l10n_cl_dte_person_in_charge(self):
        """Return who can mend or decide: the document's own, or the company's."""
        company = self.company_id
        own = (self.invoice_user_id | self.create_uid).filtered(
            lambda user: (
                user.active
                and not user._is_superuser()
                and user.has_group(USER_GROUP)
                and company in user.company_ids
            )
        )
        if own:
            return own[0]
        for group in (OVERRIDE_GROUP, USER_GROUP):
            users = (
                self.env.ref(group)
                .sudo()
                .all_user_ids.filtered(
                    lambda user: user.active and company in user.company_ids
                )
            )
            if users:
                return users.sorted("id")[0]
        return self.env.ref("base.user_admin")

    def _l10n_cl_dte_close_stop(self):
        """What was stopped waits for nobody any more."""
        stopped = self.filtered("l10n_cl_dte_stopped")
        if stopped:
            stopped._l10n_cl_dte_set({"l10n_cl_dte_stopped": False})
            stopped._l10n_cl_dte_close_activities()

    def _l10n_cl_dte_close_activities(self):
        """Nobody is asked any more: it is decided, generated or cancelled."""
        self.sudo().activity_unlink([ACTIVITY], only_automated=False)

    # === What is posted by itself === #

    def _autopost_draft_entries(self, batch_size=100):
        # EXTENDS 'account': it takes the oldest hundred. Those that a person has to
        # look at would be the same hundred every day, and starve the rest.
        self._l10n_cl_dte_look_again()
        hiding = self.with_context(**{HIDES_STOPPED: True})
        return super(AccountMove, hiding)._autopost_draft_entries(batch_size)

    @api.model
    def _l10n_cl_dte_look_again(self):
        """Release what was stopped, and has been mended or approved since."""
        stopped = self.search(
            [
                ("l10n_cl_dte_stopped", "=", True),
                ("state", "=", "draft"),
                ("auto_post", "!=", "no"),
                ("date", "<=", fields.Date.context_today(self)),
            ],
            limit=LOOK_AGAIN,
        )
        still = self.concat(*stopped._l10n_cl_dte_objections())
        (stopped - still)._l10n_cl_dte_close_stop()

    @api.model
    def _search(self, domain, *args, **kwargs):
        # EXTENDS 'account'
        if self.env.context.get(HIDES_STOPPED):
            domain = Domain(domain) & Domain("l10n_cl_dte_stopped", "!=", True)
        return super()._search(domain, *args, **kwargs)

    # === The opinion === #

    def _l10n_cl_dte_ai_ask_in_background(self):
        """Put what was just posted into the queue, where the company wants that."""
        moves = self._l10n_cl_dte_ai_on_post("background")
        questions = {
            move: question
            for move, question in moves._l10n_cl_dte_ai_questions().items()
            if not move._l10n_cl_dte_has_errors(question.document)
        }
        if questions:
            asked = self.concat(*questions)
            self.env["l10n_cl_dte_ai.validation"]._get_or_queue(asked, questions)
            self.env["l10n_cl_dte_ai.validation"]._trigger_cron()

    def _l10n_cl_dte_date_today(self):
        """Date drafts with today in Chile, and not where the user's clock stands.

        At nine in the evening it is tomorrow in Madrid, and for a server in UTC.
        """
        for move in self:
            rate = move.invoice_currency_rate
            expected = move._get_expected_currency_rate_at(move.create_date.date())
            # As Odoo does it: a rate that somebody entered stays.
            kept = [self._fields["invoice_currency_rate"]] if rate != expected else []
            with self.env.protecting(kept, move):
                move.invoice_date = move.company_id._l10n_cl_dte_today()
