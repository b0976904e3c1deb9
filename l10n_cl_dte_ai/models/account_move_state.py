# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.exceptions import AccessError
from odoo.fields import Domain
from odoo.tools import LazyTranslate

from ..tools.dte import rules, xml
from .generators import generator, state_of
from .l10n_cl_dte_ai_service import USER_GROUP
from .payload_fields import own_paths

_lt = LazyTranslate(__name__)

# Of documents without a file that holds: these follow their parties.
OPEN_STATES = ("errors", "review", "waiting", "ready")
# Of the company, beside what its documents say: what its policy wants.
POLICY_FIELDS = {"l10n_cl_dte_ai_policy", "l10n_cl_dte_ai_service_id"}


# pylint: disable=consider-merging-classes-inherited
class AccountMove(models.Model):
    """Where a document stands in its life: what lists, filters, alerts and buttons ask.

    Two stored steps. What the document says is looked at when the invoice changes, and
    when its parties do as long as it is open; the state follows from that, from the
    opinions and from the versions that were generated. Neither depends on a contact, a
    company or a tax: through them the ORM would look at every invoice that there has
    ever been.

    For showing and finding only: no decision is taken from these fields, and nobody can
    write them.
    """

    _inherit = "account.move"

    # === What the document says === #
    l10n_cl_dte_findings = fields.Json(
        string="What the Rules Find",
        compute="_compute_l10n_cl_dte_check",
        store=True,
        copy=False,
        help="Of a document that can be generated: a list of {code, severity, target, "
        "field, line, messages}, the messages by language.",
    )
    l10n_cl_dte_fingerprint = fields.Char(
        compute="_compute_l10n_cl_dte_check",
        store=True,
        copy=False,
        help="Of what the document says without its parties.",
    )
    l10n_cl_dte_ai_digest = fields.Char(
        compute="_compute_l10n_cl_dte_check",
        store=True,
        copy=False,
        help="Of what the AI service would be asked.",
    )

    # === Where it stands === #
    l10n_cl_dte_state = fields.Selection(
        ########################################################################
        # STATE DIAGRAM
        # * errors, review, waiting, ready: of the document as it is, see
        #   `_l10n_cl_dte_open_state`
        # * any of them --[generated]--> generated
        # * generated <--[the document changes, and back]--> outdated
        # * outdated --[generated again]--> generated
        # An addon that signs and sends goes on from generated, with states of
        # `l10n_cl_dte.document` that it adds here, too.
        ########################################################################
        [
            ("errors", "Errors"),
            ("review", "To Review"),
            ("waiting", "Waiting for the AI"),
            ("ready", "Ready"),
            ("generated", "Generated"),
            ("outdated", "Changed Since"),
        ],
        string="DTE",
        compute="_compute_l10n_cl_dte_state",
        store=True,
        index="btree_not_null",
        copy=False,
        # Without the mark no template names it.
        falsy_value_label=_lt("No DTE"),  # pylint: disable=translation-field
        help="Errors: the SII would refuse it. To review: the AI service objects, and "
        "nobody has decided. Waiting: company policy wants the AI's opinion first. "
        "Ready: nothing stands against it. Generated: its file is that of the document "
        "as it is. Changed since: generate it again.",
    )
    l10n_cl_dte_ai_state = fields.Selection(
        [
            ("waiting", "Waiting for the AI"),
            ("approved", "Approved"),
            ("review", "To Review"),
            ("rejected", "Rejected"),
            ("no_opinion", "No Opinion"),
            ("failed", "Failed"),
            ("outdated", "Changed Since"),
        ],
        string="AI Verdict",
        compute="_compute_l10n_cl_dte_state",
        store=True,
        index="btree_not_null",
        copy=False,
        groups=USER_GROUP,
        # Without the mark no template names it.
        falsy_value_label=_lt("Not Asked"),  # pylint: disable=translation-field
        help="What the AI service said of the document as it is now. “Changed Since”: "
        "it has only seen the document as it was before.",
    )

    l10n_cl_dte_todo = fields.Boolean(
        string="DTE to Do",
        compute="_compute_l10n_cl_dte_todo",
        search="_search_l10n_cl_dte_todo",
        help="A person has to mend it or to decide.",
    )
    l10n_cl_dte_next_step = fields.Char(
        string="Next Step",
        compute="_compute_l10n_cl_dte_next_step",
        help="What is to be done with a confirmed document: the one button that stands "
        "out.",
    )

    # === What the document says === #

    @api.depends(lambda self: own_paths(self._l10n_cl_dte_payload_fields()))
    def _compute_l10n_cl_dte_check(self):
        covered = self.filtered(lambda move: move.id and move._l10n_cl_dte_is_covered())
        for move in self - covered:
            # One that is being edited is looked at once it is saved.
            move.l10n_cl_dte_findings = move._origin.l10n_cl_dte_findings
            move.l10n_cl_dte_fingerprint = move._origin.l10n_cl_dte_fingerprint
            move.l10n_cl_dte_ai_digest = move._origin.l10n_cl_dte_ai_digest
            if move.id:
                move.l10n_cl_dte_findings = False
                move.l10n_cl_dte_fingerprint = False
                move.l10n_cl_dte_ai_digest = False
        for move, question in covered._l10n_cl_dte_ai_questions().items():
            move.l10n_cl_dte_findings = move._l10n_cl_dte_kept_findings(
                question.document
            )
            # What was never confirmed has no folio, and no file to be outdated.
            move.l10n_cl_dte_fingerprint = (
                move.posted_before
                and move._l10n_cl_dte_fingerprint_of(question.document)
            )
            move.l10n_cl_dte_ai_digest = question.digest

    def _l10n_cl_dte_kept_findings(self, document):
        """Return what the rules find, with its texts in each language of the
        database.
        """
        kept = {}
        for lang, _name in self.env["res.lang"].get_installed():
            for number, finding in enumerate(
                self.with_context(lang=lang)._l10n_cl_dte_apply_rules(document)
            ):
                entry = kept.setdefault(
                    number,
                    {
                        "code": finding.code,
                        "severity": finding.severity,
                        "target": finding.target,
                        "field": finding.field,
                        "line": finding.line,
                        "messages": {},
                    },
                )
                entry["messages"][lang] = finding.message
        return list(kept.values())

    def _l10n_cl_dte_fingerprint_of(self, document):
        """Return what tells whether a file that was made of this document still holds.

        Which contacts it names, but not what they are called or where they live: the
        customer of years ago has moved since.
        """
        parties = (self.company_id, self.commercial_partner_id, self.partner_id)
        return xml.fingerprint(
            self._l10n_cl_dte_tree(document), [party.id for party in parties]
        )

    # === Where it stands === #

    @api.depends(lambda self: self._l10n_cl_dte_state_dependencies())
    def _compute_l10n_cl_dte_state(self):
        for move in self:
            version = move.l10n_cl_dte_document_ids.filtered("is_current")
            opinion = move._l10n_cl_dte_ai_opinion(version)
            move.l10n_cl_dte_ai_state = opinion
            if version:
                move.l10n_cl_dte_state = version._move_state()
            elif state := state_of(move):
                move.l10n_cl_dte_state = state
            else:
                move.l10n_cl_dte_state = move._l10n_cl_dte_open_state()

    @api.model
    def _l10n_cl_dte_state_dependencies(self):
        """Return the fields that the state follows, dotted as in `@api.depends`.

        Extend it with what a further state comes from.
        """
        other = generator(self.env)
        return [
            *([other.field] if other and other.field in self._fields else []),
            "state",
            # Stands for findings and fingerprint, too, which are computed with it: for
            # each more, each process would walk all ways that lead here once more.
            "l10n_cl_dte_ai_digest",
            "l10n_cl_dte_document_ids.is_current",
            "l10n_cl_dte_document_ids.state",
            "l10n_cl_dte_document_ids.fingerprint",
            "l10n_cl_dte_document_ids.validation_id",
            "l10n_cl_dte_ai_validation_ids.digest",
            "l10n_cl_dte_ai_validation_ids.outcome",
            "l10n_cl_dte_ai_validation_ids.decided_by_id",
        ]

    def _l10n_cl_dte_open_state(self):
        """Return how a document without a file stands, False where there is none to be.

        Extend it for a further state of open documents.
        """
        self.ensure_one()
        if not self.l10n_cl_dte_ai_digest:
            return False
        row = self._l10n_cl_dte_ai_stored_row()
        # Nobody is asked about a document without lines: these need not be read then.
        if not row and not self.invoice_line_ids:
            return False
        findings = self.l10n_cl_dte_findings or []
        if any(finding["severity"] == rules.ERROR for finding in findings):
            return "errors"
        if not row or row.decided_by_id or row.outcome == "approved":
            return "ready"
        if row.outcome in ("review", "rejected"):
            return "review"
        if self.company_id.l10n_cl_dte_ai_policy != "block":
            return "ready"
        return "waiting" if row.state in ("pending", "sending") else "review"

    def _l10n_cl_dte_ai_stored_row(self):
        """Return the row on the document as it was last looked at; none if
        cancelled.
        """
        return self.l10n_cl_dte_ai_validation_ids.filtered(
            lambda row: (
                row.digest == self.l10n_cl_dte_ai_digest and row.outcome != "cancelled"
            )
        )[:1]

    def _l10n_cl_dte_ai_opinion(self, version):
        """Return the AI's word on the document, or on the version that holds."""
        rows = self.l10n_cl_dte_ai_validation_ids
        row = self._l10n_cl_dte_ai_stored_row()
        if not row and version.fingerprint == self.l10n_cl_dte_fingerprint:
            row = version.validation_id
        if row:
            return row.outcome
        return "outdated" if any(each.state == "done" for each in rows) else False

    # === What is to be done === #

    @api.model
    def _l10n_cl_dte_todo_states(self):
        """Return the states in which a person has to do something; extend it."""
        return ["errors", "review", "outdated"]

    @api.depends("l10n_cl_dte_state")
    def _compute_l10n_cl_dte_todo(self):
        states = self._l10n_cl_dte_todo_states()
        for move in self:
            move.l10n_cl_dte_todo = move.l10n_cl_dte_state in states

    def _search_l10n_cl_dte_todo(self, operator, value):
        if operator != "in":
            return NotImplemented
        states = self._l10n_cl_dte_todo_states()
        return Domain("l10n_cl_dte_state", "in", states)

    @api.depends("state", "l10n_cl_dte_state", "l10n_cl_dte_is_candidate")
    @api.depends_context("uid")
    def _compute_l10n_cl_dte_next_step(self):
        for move in self:
            move.l10n_cl_dte_next_step = move._l10n_cl_dte_next_step()

    def _l10n_cl_dte_next_step(self):
        """Return what the user is to do next with this document, False if nothing.

        Extend it for further steps, and show a highlighted button for each.

        :return: "generate" or "download"
        """
        if not self.l10n_cl_dte_is_candidate or self.state != "posted":
            return False
        if self.l10n_cl_dte_state in (*OPEN_STATES, "outdated", False):
            return self.env.user.has_group(USER_GROUP) and "generate"
        has_file = (
            self.l10n_cl_dte_state == "generated" and self.l10n_cl_dte_document_id
        )
        return bool(has_file) and "download"

    @api.depends("l10n_cl_dte_next_step")
    def _compute_highlight_send_button(self):
        # EXTENDS 'account': one button stands out, and what is sent to the customer
        # comes after the DTE.
        result = super()._compute_highlight_send_button()
        self.filtered("l10n_cl_dte_next_step").highlight_send_button = False
        return result

    # === What follows the parties === #

    def _l10n_cl_dte_refresh(self):
        """Look at these documents again, as soon as anyone reads them or all is
        saved.
        """
        names = (
            "l10n_cl_dte_findings",
            "l10n_cl_dte_fingerprint",
            "l10n_cl_dte_ai_digest",
        )
        for name in names:
            self.env.add_to_compute(self._fields[name], self)
        self.modified(names)

    @api.model
    def _l10n_cl_dte_open_domain(self, records):
        """Select the open documents that name these contacts, companies or taxes."""
        is_open = Domain("l10n_cl_dte_state", "in", OPEN_STATES)
        match records._name:
            case "res.partner":
                return is_open & (
                    Domain("partner_id", "in", records.ids)
                    | Domain("commercial_partner_id", "in", records.ids)
                    | Domain("company_id.partner_id", "in", records.ids)
                )
            case "res.company":
                return is_open & Domain("company_id", "in", records.ids)
            case "account.tax":
                return is_open & Domain("line_ids.tax_ids", "in", records.ids)
        raise ValueError(f"no document names a record of {records._name}")

    # === Nobody writes them === #

    @api.model
    def _l10n_cl_dte_protected_fields(self):
        """Return the fields that our code alone writes; extend it with your own.

        `readonly` is for the screen: whoever may write an invoice writes it over RPC.
        """
        return {
            "l10n_cl_dte_state",
            "l10n_cl_dte_findings",
            "l10n_cl_dte_fingerprint",
            "l10n_cl_dte_ai_digest",
            "l10n_cl_dte_ai_state",
            "l10n_cl_dte_posting_date",
            "l10n_cl_dte_stopped",
            "l10n_cl_dte_posted_unchecked",
        }

    @api.model
    def _get_validation_exceptions(self, extra_domain=None, add_base_exceptions=True):
        # EXTENDS OCA's `base_tier_validation`, where that is installed: what Odoo keeps
        # by itself is no change of an invoice that was approved.
        extended = getattr(super(), "_get_validation_exceptions", None)
        names = extended(extra_domain, add_base_exceptions) if extended else []
        return [*names, *sorted(self._l10n_cl_dte_protected_fields())]

    def _l10n_cl_dte_refuse(self, names):
        """:raise AccessError: where one of these fields is none to be written"""
        if refused := self._l10n_cl_dte_protected_fields().intersection(names):
            labels = self.fields_get(refused, ["string"])
            raise AccessError(
                self.env._(
                    "Odoo keeps these fields by itself, from what is done with the "
                    "document, and nobody can write them: %s.",
                    ", ".join(sorted(each["string"] for each in labels.values())),
                )
            )

    @api.model_create_multi
    def create(self, vals_list):
        # EXTENDS 'account'. A default of the context is a value like any other.
        defaults = [
            key.removeprefix("default_")
            for key in self.env.context
            if key.startswith("default_")
        ]
        self._l10n_cl_dte_refuse({*defaults, *(name for v in vals_list for name in v)})
        return super().create(vals_list)

    def write(self, vals):
        # EXTENDS 'account'
        self._l10n_cl_dte_refuse(vals)
        return super().write(vals)

    def _l10n_cl_dte_set(self, vals):
        """Write protected fields: for our own code, which nobody calls over RPC."""
        # Past our own `write`, which refuses them.
        return super().write(vals)  # pylint: disable=super-method-mismatch
