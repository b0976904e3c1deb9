# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import hashlib
from typing import NamedTuple

from markupsafe import Markup

from odoo import api, models
from odoo.exceptions import AccessError, UserError

from ..tools.dte import rules
from ..tools.dte.document import Documento
from .generators import generator
from .machine import together_or_alone

OVERRIDE_GROUP = "l10n_cl_dte_ai.group_override"


class Plan(NamedTuple):
    """What generating a document now would give, and what stands against it.

    :param Documento document: what it says
    :param bytes content: of the file, as it is built
    :param list findings: of the rules
    :param list refused: what the SII's schema says against it, as texts
    :param validation: the row of the document as it is, or none
    """

    document: Documento
    content: bytes
    findings: list
    refused: list
    validation: models.BaseModel
    needs_override: bool


# pylint: disable=consider-merging-classes-inherited
class AccountMove(models.Model):
    """The file of an invoice: generated, kept, replaced, put together with others."""

    _inherit = "account.move"

    # === Whether it can be generated === #

    def _l10n_cl_dte_why_not_generated(self):
        """Return why no file can be made of this document, for a person, or None."""
        self.ensure_one()
        if problem := self._l10n_cl_dte_why_not_covered():
            return problem
        if self.state != "posted":
            if self._l10n_cl_dte_has_errors(self._l10n_cl_dte_as_document()):
                return self.env._(
                    "“%s” is a draft, and the SII would refuse it as it is. Mend it "
                    "first: confirming it would spend a folio.",
                    self.display_name,
                )
            return self.env._(
                "“%s” is a draft: confirm it first, so that it gets its folio.",
                self.display_name,
            )
        if problem := self._l10n_cl_dte_folio_problem():
            return problem
        if other := generator(self.env):
            return self.env._(
                "The addon %s is installed, which generates the document. Here it is "
                "only checked.",
                other.module,
            )
        return None

    @api.model
    def _l10n_cl_dte_has_edi(self):
        """Tell whether Odoo Enterprise's electronic invoicing is there to generate."""
        return "l10n_cl_edi" in self.env.registry._init_modules

    def _l10n_cl_dte_needs_override(self, findings, validation=None):
        """Tell whether generating now goes against the rules or the company's policy.

        ============ ========= ========= ========= ==========================
        policy       approved  to review rejected  waiting, no opinion, failed
        ============ ========= ========= ========= ==========================
        advise       free      free      free      free
        warn         free      free      override  free
        block        free      override  override  override
        ============ ========= ========= ========= ==========================

        Errors in Odoo's data need an override in any case. Where the company has no
        service there is nothing to wait for; one that is archived, or has lost its key,
        does not lift the policy.

        :param findings: of the rules
        :param validation: the row of the document as it is, where that is known
        """
        self.ensure_one()
        if any(finding.severity == rules.ERROR for finding in findings):
            return True
        company = self.company_id.sudo()
        policy = company.l10n_cl_dte_ai_policy
        if policy == "advise" or not company.l10n_cl_dte_ai_service_id:
            return False
        if validation is None:
            validation = self._l10n_cl_dte_ai_current_validation()
        if validation.decision_overrides:
            return False
        if policy == "warn":
            return validation.outcome == "rejected"
        return validation.outcome != "approved"

    def _l10n_cl_dte_plan_files(self):
        """Return what generating each posted document would give.

        Each is built once, and the number of queries does not grow with them.

        :rtype: dict[AccountMove, Plan]
        """
        documents = self._l10n_cl_dte_as_documents()
        validations = self._l10n_cl_dte_ai_current_validations(documents)
        errors_of = self.env["l10n_cl_dte.schema"]._checker()
        plans = {}
        for move, document in documents.items():
            content = move._l10n_cl_dte_xml(document)
            findings = move._l10n_cl_dte_apply_rules(document)
            refused = errors_of(content)
            plans[move] = Plan(
                document=document,
                content=content,
                findings=findings,
                refused=refused,
                validation=validations[move],
                needs_override=bool(refused)
                or move._l10n_cl_dte_needs_override(findings, validations[move]),
            )
        return plans

    def _l10n_cl_dte_why_no_file(self):
        """Return why each of these documents has no file, for a person.

        :rtype: dict[AccountMove, str]
        """
        reasons = {move: move._l10n_cl_dte_why_not_generated() for move in self}
        open_moves = self.filtered(lambda move: not reasons[move])

        def note(move, _error):
            reasons[move] = self.env._(
                "Odoo itself meets a fault with this document, which its log names. "
                "Tell your administrator; the others are not concerned."
            )

        plan_files = type(self)._l10n_cl_dte_plan_files
        for plans in together_or_alone(open_moves, plan_files, note):
            for move, plan in plans.items():
                reasons[move] = move._l10n_cl_dte_objection(plan)
        return reasons

    def _l10n_cl_dte_objection(self, plan):
        if version := self.l10n_cl_dte_document_id:
            return self.env._(
                "The file of “%s” is missing on the server. Press Generate DTE in the "
                "document, or ask your administrator to restore it from a backup.",
                version.file_name,
            )
        errors = [
            finding.message
            for finding in plan.findings
            if finding.severity == rules.ERROR
        ]
        if errors or plan.refused:
            return " ".join([*errors, *plan.refused])
        if not plan.needs_override:
            return self.env._("Not generated yet. Press Generate DTE in the document.")
        match plan.validation.outcome:
            case "rejected":
                return self.env._(
                    "The AI service advises against sending, and company policy keeps "
                    "to that. Open the document to see why."
                )
            case "review":
                return self.env._(
                    "The AI service recommends a review, and company policy wants its "
                    "approval. Open the document to see why."
                )
        return self.env._(
            "The AI service has given no opinion yet, and company policy wants its "
            "approval. Press Generate DTE in the document."
        )

    # === Generating === #

    def _l10n_cl_dte_generate(self, override_reason=None):
        """Make the document's file, and note it in the chatter.

        :param str override_reason: why it is generated against rules or policy
        :return: the version; the one that is there if nothing has changed
        :raise UserError: where the document is not posted, or an override is needed
        """
        if problem := self._l10n_cl_dte_why_not_generated():
            raise UserError(problem)
        plan = self._l10n_cl_dte_plan_files()[self]
        if plan.needs_override:
            self._l10n_cl_dte_check_override(override_reason, plan)
            plan.validation.write(
                {
                    "override_user_id": self.env.uid,
                    "override_reason": override_reason,
                }
            )
            plan.validation._decide_findings()
        self._l10n_cl_dte_make_versions(
            {self: plan}, override_reason if plan.needs_override else None
        )
        return self.l10n_cl_dte_document_id

    def _l10n_cl_dte_require_allowed(self, override_reason=None):
        """Hold the policy against generating, where another addon does it.

        :raise UserError: where an override is needed, and not given
        """
        plan = self._l10n_cl_dte_plan_files()[self]
        if plan.needs_override:
            self._l10n_cl_dte_check_override(override_reason, plan)
            self._message_log(
                body=self.env._("Generated anyway, reason: %s", override_reason)
            )

    def _l10n_cl_dte_differs(self):
        """Tell whether generating now would give another file than there is."""
        self.ensure_one()
        version = self.l10n_cl_dte_document_id
        if not version or self.state != "posted" or not self._l10n_cl_dte_is_covered():
            return False
        content = self._l10n_cl_dte_xml(self._l10n_cl_dte_as_document())
        return hashlib.sha256(content).hexdigest() != version.built_sha256

    def _l10n_cl_dte_generate_allowed(self):
        """Generate what can be generated without an override; leave out the others.

        :return: the documents that got a new file
        """
        moves = self.filtered(lambda move: not move._l10n_cl_dte_why_not_generated())
        plans = moves._l10n_cl_dte_plan_files()
        return moves._l10n_cl_dte_make_versions(
            {move: plan for move, plan in plans.items() if not plan.needs_override}
        )

    def _l10n_cl_dte_check_override(self, reason, plan):
        """:raise UserError: where the user may not generate it, or not without
        reason
        """
        refused = plan.refused
        if not self.env.user.has_group(OVERRIDE_GROUP):
            has_errors = any(f.severity == rules.ERROR for f in plan.findings)
            is_found = has_errors or plan.validation.outcome in ("review", "rejected")
            text = (
                self.env._(
                    "This document has problems, and only users who may override can "
                    "generate it anyway. Mend what was found, or ask one of them."
                )
                if is_found or refused
                else self.env._(
                    "Company policy wants the AI's approval first, and it has not been "
                    "given yet. There is nothing to mend: wait for it, or ask a user "
                    "who may override."
                )
            )
            raise AccessError(text + "".join(f"\n{error}" for error in refused))
        if not (reason or "").strip():
            raise UserError(
                self.env._("Give a reason for generating the document anyway.")
                + "".join(f"\n{error}" for error in refused)
            )

    def _l10n_cl_dte_make_versions(self, plans, override_reason=None):
        """Make a version of each of these documents, where it is not there already.

        :param plans: dict[AccountMove, Plan]
        :param override_reason: of documents that are generated against what was found
        :return: the documents that got a new file; a replaced one is kept
        """
        self.check_access("write")
        built = {
            move: hashlib.sha256(plan.content).hexdigest()
            for move, plan in plans.items()
        }
        new, versions = self.browse(), self.env["l10n_cl_dte.document"].sudo()
        for move in plans:
            current = move.sudo().l10n_cl_dte_document_id
            is_same = current.built_sha256 == built[move] and current._has_file()
            if is_same and not current._is_spent():
                continue
            current._supersede()
            new |= move
        if not new:
            return new
        rows = versions.create(
            [
                {
                    **move._l10n_cl_dte_version_values(plans[move], override_reason),
                    "built_sha256": built[move],
                }
                for move in new
            ]
        )
        rows._attach(
            {
                row: move._l10n_cl_dte_finish_content(plans[move])
                for move, row in zip(new, rows, strict=True)
            }
        )
        new._l10n_cl_dte_log_versions(rows, plans, override_reason)
        new._l10n_cl_dte_close_activities()
        new._l10n_cl_dte_after_generating(rows)
        return new

    def _l10n_cl_dte_finish_content(self, plan):
        """Return the bytes to keep, of those that were built: here they are the same.

        The seam for who changes them: stamps and signs, or wraps them. Extend it, take
        `super()` for the bytes, and return others; to raise UserError undoes it all.

        :param Plan plan: with the built `content` and the `document` that it is of
        :rtype: bytes
        """
        self.ensure_one()
        return plan.content

    def _l10n_cl_dte_after_generating(self, versions):
        """Do what is to follow; the seam for who sends or prints documents.

        In the transaction that generated them: queue what talks to others.

        :param versions: the new `l10n_cl_dte.document` rows of these invoices
        """

    def _l10n_cl_dte_version_values(self, plan, override_reason=None):
        """Return the values of a new version; extend it for fields of your own."""
        override_user = bool(override_reason) and self.env.user
        if not override_reason and plan.validation.decision_overrides:
            override_user = plan.validation.decided_by_id
            override_reason = plan.validation.decision_reason
        return {
            "move_id": self.id,
            "document_type_id": self.l10n_latam_document_type_id.id,
            "folio": plan.document.Folio,
            "file_name": f"{self._l10n_cl_dte_file_name()}.xml",
            "fingerprint": self._l10n_cl_dte_fingerprint_of(plan.document),
            "validation_id": plan.validation.id,
            "verdict": plan.validation.outcome,
            "findings": [
                *(
                    {"severity": each.severity, "message": each.message}
                    for each in plan.findings
                ),
                *({"severity": "error", "message": text} for text in plan.refused),
            ],
            "override_user_id": override_user and override_user.id,
            "override_reason": override_reason or False,
        }

    def _l10n_cl_dte_log_versions(self, versions, plans, override_reason):
        notes = {
            move.id: move._l10n_cl_dte_note(version, plans[move], override_reason)
            for move, version in zip(self, versions, strict=True)
        }
        messages = self._message_log_batch(notes)
        for message, version in zip(messages, versions, strict=True):
            message.attachment_ids = version.attachment_id

    def _l10n_cl_dte_file_name(self):
        code = self.l10n_latam_document_type_id.code
        return f"DTE_{code}_{self._l10n_cl_dte_folio()}"

    def _l10n_cl_dte_note(self, version, plan, override_reason):
        validation = plan.validation
        outcomes = dict(validation._fields["outcome"]._description_selection(self.env))
        verdict = outcomes.get(validation.outcome) or self.env._("not asked")
        found = [*(finding.message for finding in plan.findings), *plan.refused]
        lines = [
            self._l10n_cl_dte_headline(version),
            self.env._("AI verdict: %s.", verdict),
            self.env._("The SII's rules: %s", " ".join(found))
            if found
            else self.env._("The SII's rules: nothing found."),
        ]
        if override_reason:
            lines.append(self.env._("Generated anyway, reason: %s", override_reason))
        return Markup("<br/>").join(lines)

    def _l10n_cl_dte_headline(self, version):
        """Return what was made, for the chatter; the seam for who signs it as well."""
        return self.env._(
            "DTE generated: %s. It is unsigned: not yet a tax document.",
            version.file_name,
        )
