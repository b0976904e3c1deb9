# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import io
import zipfile
from datetime import timedelta
from typing import NamedTuple

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..tools.dte import rules, xml
from .l10n_cl_dte_ai_service import USER_GROUP

OVERRIDE_GROUP = "l10n_cl_dte_ai.group_override"

# A file that is older has been signed and sent: what its parties are called or where
# they live today is no longer its matter.
SETTLED_AFTER = timedelta(days=7)


class Plan(NamedTuple):
    """What generating a document now would give, and what stands against it.

    :param bytes content: of the file
    :param list findings: of the rules
    :param list refused: what the SII's schema says against it, as texts
    :param validation: the row of the document as it is, or none
    """

    content: bytes
    findings: list
    refused: list
    validation: models.BaseModel
    needs_override: bool


# pylint: disable=consider-merging-classes-inherited
class AccountMove(models.Model):
    """The file of an invoice: generated, kept, replaced, put together with others."""

    _inherit = "account.move"

    l10n_cl_dte_ai_attachment_id = fields.Many2one(
        "ir.attachment",
        string="Generated DTE",
        readonly=True,
        copy=False,
        groups=USER_GROUP,
    )
    # On the document and not on the row of its verdict alone: rules and schema need an
    # override too where nobody has asked the service.
    l10n_cl_dte_ai_override_user_id = fields.Many2one(
        "res.users",
        string="DTE Generated Anyway by",
        readonly=True,
        copy=False,
        groups=USER_GROUP,
    )
    l10n_cl_dte_ai_override_reason = fields.Char(
        string="Reason to Generate the DTE Anyway",
        readonly=True,
        copy=False,
        groups=USER_GROUP,
    )

    # === Whether it can be generated === #

    def _l10n_cl_dte_why_not_generated(self):
        """Return why no file can be made of this document, for a person, or None."""
        self.ensure_one()
        if problem := self._l10n_cl_dte_why_not_covered():
            return problem
        if self.state != "posted":
            return self.env._(
                "“%s” is a draft: confirm it first, so that it gets its folio.",
                self.display_name,
            )
        if self._l10n_cl_dte_has_edi():
            return self.env._(
                "Odoo's own electronic invoicing for Chile is installed: it generates "
                "the document, with Send. Here it is only checked."
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

        Errors in Odoo's data need an override in any case. Where no service is
        configured there is nothing to wait for.

        :param findings: of the rules
        :param validation: the row of the document as it is, where that is known
        """
        self.ensure_one()
        if any(finding.severity == rules.ERROR for finding in findings):
            return True
        company = self.company_id.sudo()
        policy = company.l10n_cl_dte_ai_policy
        service = company.l10n_cl_dte_ai_service_id
        if policy == "advise" or service._no_call_reason() == "not_configured":
            return False
        if validation is None:
            validation = self._l10n_cl_dte_ai_current_validation()
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
        for move, plan in open_moves._l10n_cl_dte_plan_files().items():
            reasons[move] = move._l10n_cl_dte_objection(plan)
        return reasons

    def _l10n_cl_dte_objection(self, plan):
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
        """Attach the document to the invoice, and note it in the chatter.

        :param str override_reason: why it is generated against rules or policy
        :return: the attachment; the one that is there if nothing has changed
        :raise UserError: where the document is not posted, or an override is needed
        """
        if problem := self._l10n_cl_dte_why_not_generated():
            raise UserError(problem)
        plan = self._l10n_cl_dte_plan_files()[self]
        if plan.needs_override:
            self._l10n_cl_dte_check_override(override_reason, plan.refused)
            plan.validation.write(
                {
                    "override_user_id": self.env.uid,
                    "override_reason": override_reason,
                }
            )
        self._l10n_cl_dte_attach(
            {self: plan}, override_reason if plan.needs_override else None
        )
        return self.sudo().l10n_cl_dte_ai_attachment_id.sudo(False)

    def _l10n_cl_dte_generate_allowed(self):
        """Generate what can be generated without an override; leave out the others.

        :return: the documents that got a new file
        """
        moves = self.filtered(lambda move: not move._l10n_cl_dte_why_not_generated())
        plans = moves._l10n_cl_dte_plan_files()
        return moves._l10n_cl_dte_attach(
            {move: plan for move, plan in plans.items() if not plan.needs_override}
        )

    def _l10n_cl_dte_check_override(self, reason, refused):
        """:raise UserError: where the user may not generate it, or not without reason"""
        if not self.env.user.has_group(OVERRIDE_GROUP):
            raise AccessError(
                self.env._(
                    "This document has problems, and only users who may override can "
                    "generate it anyway. Mend what was found, or ask one of them."
                )
                + "".join(f"\n{error}" for error in refused)
            )
        if not (reason or "").strip():
            raise UserError(
                self.env._("Give a reason for generating the document anyway.")
                + "".join(f"\n{error}" for error in refused)
            )

    def _l10n_cl_dte_attach(self, plans, override_reason=None):
        """Attach files to these documents, where they are not there already.

        :param plans: dict[AccountMove, Plan]
        :param override_reason: of documents that are generated against what was found
        :return: the documents that got a new file; a replaced one is kept beside it
        """
        self.check_access("write")
        values = {
            "l10n_cl_dte_ai_override_user_id": bool(override_reason) and self.env.uid,
            "l10n_cl_dte_ai_override_reason": override_reason or False,
        }
        moves = self.browse()
        for move, plan in plans.items():
            old = move.sudo().l10n_cl_dte_ai_attachment_id.with_context(bin_size=False)
            if old.raw != plan.content:
                if old:
                    now = fields.Datetime.now().strftime("%Y%m%d-%H%M%S")
                    old.name = f"{move._l10n_cl_dte_file_name()}_replaced_{now}.xml"
                moves |= move
            elif override_reason:
                move.sudo().write(values)
        files = self.env["ir.attachment"].create(
            [
                {
                    "name": f"{move._l10n_cl_dte_file_name()}.xml",
                    "raw": plans[move].content,
                    "mimetype": "application/xml",
                    "res_model": self._name,
                    "res_id": move.id,
                }
                for move in moves
            ]
        )
        notes = {}
        # The entries do not depend on this: to see whether they do is most of the time.
        no_sync = {"skip_invoice_sync": True, "check_move_validity": False}
        for move, file in zip(moves, files, strict=True):
            move.sudo().with_context(**no_sync).write(
                {"l10n_cl_dte_ai_attachment_id": file.id, **values}
            )
            notes[move.id] = move._l10n_cl_dte_note(file, plans[move], override_reason)
        messages = moves._message_log_batch(notes)
        for message, file in zip(messages, files, strict=True):
            message.attachment_ids = file
        return moves

    def _l10n_cl_dte_file_name(self):
        code = self.l10n_latam_document_type_id.code
        return f"DTE_{code}_{self._l10n_cl_dte_folio()}"

    def _l10n_cl_dte_note(self, file, plan, override_reason):
        validation = plan.validation
        outcomes = dict(validation._fields["outcome"]._description_selection(self.env))
        verdict = outcomes.get(validation.outcome) or self.env._("not asked")
        found = [*(finding.message for finding in plan.findings), *plan.refused]
        lines = [
            self.env._(
                "DTE generated: %s. It is unsigned: not yet a tax document.", file.name
            ),
            self.env._("AI verdict: %s.", verdict),
            self.env._("The SII's rules: %s", " ".join(found))
            if found
            else self.env._("The SII's rules: nothing found."),
        ]
        if override_reason:
            lines.append(self.env._("Generated anyway, reason: %s", override_reason))
        return Markup("<br/>").join(lines)

    # === The file that there is === #

    def _l10n_cl_dte_is_settled(self):
        """Tell whether the file has been there for so long that it was sent."""
        self.ensure_one()
        file = self.sudo().l10n_cl_dte_ai_attachment_id
        return (
            self.state == "posted"
            and bool(file.create_date)
            and file.create_date < fields.Datetime.now() - SETTLED_AFTER
        )

    def _l10n_cl_dte_outdated_files(self):
        """Return the documents whose file says something else than they say today.

        The invoice itself counts at any time. What is changed in the contacts of its
        parties counts for a week: until then it may be a correction, afterwards the
        customer has moved.
        """
        moves = self.filtered(
            lambda move: (
                move.state == "posted"
                and move.sudo().l10n_cl_dte_ai_attachment_id
                and move._l10n_cl_dte_is_covered()
            )
        )
        outdated = self.browse()
        for move, document in moves._l10n_cl_dte_as_documents().items():
            # A form asks for the sizes of files instead of the files.
            file = move.sudo().l10n_cl_dte_ai_attachment_id
            old = file.with_context(bin_size=False).raw
            new = move._l10n_cl_dte_xml(document)
            if move._l10n_cl_dte_is_settled():
                old, new = map(xml.without_parties, (old, new))
            if old != new:
                outdated |= move
        return outdated

    def _l10n_cl_dte_zip(self):
        """Return the files of these documents in one zip; empty if there is none.

        The same files give the same bytes.

        :rtype: bytes
        """
        self.fetch(["l10n_cl_dte_ai_attachment_id"])
        files = {}
        for move in self.with_context(bin_size=False).sorted("id"):
            if file := move.l10n_cl_dte_ai_attachment_id:
                # Not the attachment's name, which whoever may edit it chooses.
                name = move._l10n_cl_dte_file_name()
                if f"{name}.xml" in files:  # the same folio of another issuer
                    name = f"{name}_{move.id}"
                files[f"{name}.xml"] = file.raw
        if not files:
            return b""
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in sorted(files.items()):
                entry = zipfile.ZipInfo(name)  # of 1980: no time makes it differ
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, content)
        return stream.getvalue()
