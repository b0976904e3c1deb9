# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.exceptions import AccessError

from .account_move_generation import OVERRIDE_GROUP
from .l10n_cl_dte_ai_service import USER_GROUP

# The rules of our own service, by what a person calls it that they look at.
KINDS = {
    "price": ("price_is_usual", "price_has_no_vat", "price_is_what_others_pay"),
    "quantity": ("quantity_is_usual", "quantity_is_whole"),
    "amount": ("amount_is_usual", "total_adds_up", "lines_add_up"),
    "discount": ("discount_is_usual", "discounts_are_percentages"),
    "unit": ("unit_is_usual",),
    "items": ("items_are_the_receivers", "none_is_repeated", "has_lines"),
    "duplicate": ("is_not_a_duplicate", "fee_is_billed_once"),
    "taxes": ("taxes_are_usual", "vat_is_nineteen_percent"),
    "date": (
        *("not_in_the_future", "not_stale"),
        *("dates_follow_folios", "date_follows_the_last"),
    ),
    "reference": (
        *("note_corrects_the_receivers", "note_credits_what_is_left"),
        *("note_has_lines_of_the_document", "note_refers_to_a_document"),
        *("note_says_why", "reference_is_complete", "reference_is_not_later"),
    ),
    "customer": ("receiver_is_another", "generic_receiver_fits_the_type"),
}
KIND_OF_RULE = {rule: kind for kind, rules in KINDS.items() for rule in rules}


class L10nClDteAiFinding(models.Model):
    """A finding of the AI service that a person can decide on.

    Made and decided by our code alone. What is decided goes along with the customer's
    next documents, so that the service does not bring it up again as long as it is the
    same; and it shows which kinds are a waste of time.
    """

    _name = "l10n_cl_dte_ai.finding"
    _description = "Finding of the AI Service"
    _order = "id desc"
    _rec_name = "message"

    validation_id = fields.Many2one(
        "l10n_cl_dte_ai.validation",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    move_id = fields.Many2one(
        related="validation_id.move_id", store=True, index=True, precompute=True
    )
    company_id = fields.Many2one(
        related="validation_id.company_id", store=True, index=True, precompute=True
    )
    partner_id = fields.Many2one(
        related="move_id.commercial_partner_id",
        string="Customer",
        store=True,
        index=True,
        precompute=True,
    )
    key = fields.Char(
        required=True,
        readonly=True,
        help="How the service calls it: the same as long as it is the same thing.",
    )
    rule = fields.Char(
        required=True, readonly=True, help="What of the service found it."
    )
    kind = fields.Selection(
        [
            ("price", "Price"),
            ("quantity", "Quantity"),
            ("amount", "Total"),
            ("discount", "Discount"),
            ("unit", "Unit"),
            ("items", "Items"),
            ("duplicate", "Duplicate"),
            ("taxes", "Taxes"),
            ("date", "Date"),
            ("reference", "Reference"),
            ("customer", "Customer"),
            ("other", "Something Else"),
        ],
        compute="_compute_kind",
        store=True,
        precompute=True,
        string="About",
    )
    message = fields.Char(required=True, readonly=True, string="Finding")
    # Not a Float: Odoo knows no empty one, and 0 is a value.
    value = fields.Json(readonly=True, help="What of it is unusual, as a number.")

    decision = fields.Selection(
        [("reviewed", "Reviewed"), ("not_useful", "Not Useful")], readonly=True
    )
    decided_by_id = fields.Many2one("res.users", string="Decided by", readonly=True)
    decided_on = fields.Datetime(readonly=True)
    dismissed_share = fields.Float(
        compute="_compute_dismissed_share",
        store=True,
        precompute=True,
        aggregator="avg",
        string="Not Useful (%)",
        help="Of what was found, how much somebody called not useful.",
    )

    # === Compute === #

    @api.depends("rule")
    def _compute_kind(self):
        for finding in self:
            finding.kind = KIND_OF_RULE.get(finding.rule, "other")

    @api.depends("decision")
    def _compute_dismissed_share(self):
        for finding in self:
            finding.dismissed_share = 100.0 * (finding.decision == "not_useful")

    # === Actions === #

    def action_not_useful(self):
        """Say of findings that they are no use: the same is not brought up again.

        Where nothing else stands against a document, it is reviewed thereby.

        :raise AccessError: where company policy leaves that to others
        """
        for finding in self._of_who_may_decide():
            finding._decide("not_useful")
            finding._log(self.env._("Not useful, and not to be brought up again: %s"))
            finding.validation_id._review_if_all_dismissed()

    def action_bring_up_again(self):
        """Take back what was decided: the service may say it again.

        :raise AccessError: where company policy leaves that to others
        """
        for finding in self._of_who_may_decide().filtered("decision"):
            finding.sudo().write(
                {"decision": False, "decided_by_id": False, "decided_on": False}
            )
            finding._log(self.env._("May be brought up again: %s"))

    def action_open_document(self):
        self.ensure_one()
        return self.move_id._get_records_action()

    def _of_who_may_decide(self):
        """Return `self` where the user may decide on all of them.

        What is dismissed lets the next document pass that has it. So where the policy
        keeps this one from who may not override, dismissing is not theirs either.
        """
        if not self.env.user.has_group(USER_GROUP):
            raise AccessError(
                self.env._("Deciding on a DTE is reserved to users of DTE AI.")
            )
        self.check_access("read")
        self.move_id.check_access("write")
        for finding in self:
            row = finding.validation_id
            kept = row.move_id._l10n_cl_dte_needs_override([], row.sudo())
            if kept and not self.env.user.has_group(OVERRIDE_GROUP):
                raise AccessError(
                    self.env._(
                        "Company policy keeps to what the AI service says: only users "
                        "who may override can call a finding not useful."
                    )
                )
        return self

    # === Business === #

    def _decide(self, decision):
        self.sudo().write(
            {
                "decision": decision,
                "decided_by_id": self.env.uid,
                "decided_on": fields.Datetime.now(),
            }
        )

    def _shown(self):
        """Return what is shown beside a finding: what a person can do, or has done.

        :rtype: dict
        """
        if not self.decision:
            return {"id": self.id}
        labels = dict(self._fields["decision"]._description_selection(self.env))
        name = self.sudo().decided_by_id.name
        return {"id": self.id, "decision": f"{labels[self.decision]} · {name}"}

    def _log(self, text):
        self.move_id._message_log(body=text % self.message)


class L10nClDteAiValidation(models.Model):
    """An opinion, and its findings that a person can decide on."""

    _inherit = "l10n_cl_dte_ai.validation"

    finding_ids = fields.One2many(
        "l10n_cl_dte_ai.finding",
        "validation_id",
        string="Findings and Decisions",
        readonly=True,
    )
    shown_findings = fields.Json(
        compute="_compute_shown_findings",
        help="The findings with what persons have decided on them.",
    )

    @api.depends("findings", "finding_ids.decision")
    def _compute_shown_findings(self):
        for validation in self:
            rows = {row.message: row for row in validation.finding_ids}
            validation.shown_findings = [
                {**finding, **rows[finding["message"]]._shown()}
                if finding["message"] in rows
                else finding
                for finding in validation.findings or []
            ]

    def _keep_findings(self, told):
        """Make a row of each finding that can be told apart.

        :param told: `ai.Told` objects; what is none of the texts shown is left out
        """
        self.ensure_one()
        self.finding_ids.unlink()
        shown = {finding["message"] for finding in self.findings or []}
        by_key = {each.key: each for each in told if each.message in shown}
        self.env["l10n_cl_dte_ai.finding"].create(
            [
                {
                    "validation_id": self.id,
                    "key": each.key,
                    "rule": each.rule,
                    "message": each.message,
                    "value": each.value,
                }
                for each in by_key.values()
            ]
        )

    def _decide_findings(self):
        """Keep of each finding that somebody has looked at it, and went on."""
        self.sudo().finding_ids.filtered(lambda row: not row.decision).with_user(
            self.env.user
        )._decide("reviewed")

    def _review_if_all_dismissed(self):
        """Take an opinion as read, all of whose findings were dismissed."""
        findings = {finding["message"] for finding in self.findings or []}
        rows = self.sudo().finding_ids
        dismissed = rows.filtered(lambda row: row.decision == "not_useful")
        if (
            self.verdict == "review"
            and self.is_current
            and not self.decided_by_id
            and findings == set(dismissed.mapped("message"))
            and not self.move_id._l10n_cl_dte_needs_override([], self.sudo())
        ):
            self.move_id._l10n_cl_dte_decide()
