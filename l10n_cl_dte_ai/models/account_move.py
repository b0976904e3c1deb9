# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import io
import zipfile

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools import dte_document, dte_rules, dte_xml
from .account_move_document import COMPANY_FIELDS, MOVE_FIELDS
from .l10n_cl_dte_ai_service import USER_GROUP

OVERRIDE_GROUP = "l10n_cl_dte_ai.group_override"
SCHEMA_PREFIX = "l10n_cl_dte_ai"


class AccountMove(models.Model):
    _inherit = "account.move"

    # === Fields === #
    l10n_cl_dte_ai_validation_ids = fields.One2many(
        "l10n_cl_dte_ai.validation",
        "move_id",
        string="AI Validations",
        groups=USER_GROUP,
    )
    l10n_cl_dte_ai_validation_count = fields.Integer(
        string="AI Validations Count",
        compute="_compute_l10n_cl_dte_ai_validation_count",
        groups=USER_GROUP,
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
        compute="_compute_l10n_cl_dte_ai_state",
        search="_search_l10n_cl_dte_ai_state",
        groups=USER_GROUP,
        help="What the AI service said of the document as it is now. “Changed Since”: "
        "it has only seen the document as it was before.",
    )
    l10n_cl_dte_ai_attachment_id = fields.Many2one(
        "ir.attachment",
        string="Generated DTE",
        readonly=True,
        copy=False,
        groups=USER_GROUP,
    )
    l10n_cl_dte_ai_is_candidate = fields.Boolean(
        string="Can Become a DTE",
        compute="_compute_l10n_cl_dte_ai_is_candidate",
        help="A customer document of a Chilean company: the button is shown.",
    )
    # The date that posting gave to an undated draft. It is not the accountant's word,
    # so a verdict on the draft still holds; a date that she enters later is.
    l10n_cl_dte_ai_posting_date = fields.Date(
        string="Date Given by Posting", readonly=True, copy=False
    )

    # === Compute === #

    @api.depends("country_code", "move_type", "l10n_latam_use_documents")
    def _compute_l10n_cl_dte_ai_is_candidate(self):
        for move in self:
            move.l10n_cl_dte_ai_is_candidate = (
                move.country_code == "CL"
                and move.is_sale_document()
                and move.l10n_latam_use_documents
            )

    @api.depends("l10n_cl_dte_ai_validation_ids")
    def _compute_l10n_cl_dte_ai_validation_count(self):
        for move in self:
            move.l10n_cl_dte_ai_validation_count = len(
                move.l10n_cl_dte_ai_validation_ids
            )

    @api.depends(
        "l10n_cl_dte_ai_validation_ids.outcome",
        "l10n_cl_dte_ai_validation_ids.is_current",
    )
    def _compute_l10n_cl_dte_ai_state(self):
        # Lists show it together with `_field_to_sql`, which says the same in SQL.
        for move in self:
            rows = move.l10n_cl_dte_ai_validation_ids
            current = rows.filtered(lambda r: r.is_current and r.state != "cancelled")
            if current:
                move.l10n_cl_dte_ai_state = current[0].outcome
            elif any(row.state == "done" for row in rows):
                move.l10n_cl_dte_ai_state = "outdated"
            else:
                move.l10n_cl_dte_ai_state = False

    def _search_l10n_cl_dte_ai_state(self, operator, value):
        if operator != "in":
            return NotImplemented
        # Odoo checks the groups of a stored field only.
        self._check_field_access(self._fields["l10n_cl_dte_ai_state"], "read")
        values = tuple(item or "" for item in value)
        return Domain.custom(
            to_sql=lambda model, alias, _query: SQL(
                "COALESCE(%s, '') IN %s",
                model._l10n_cl_dte_ai_state_sql(alias),
                values,
            )
        )

    def _field_to_sql(self, alias, field_expr, query=None):
        # EXTENDS 'account': makes the field sortable and groupable, though not stored.
        if field_expr == "l10n_cl_dte_ai_state":
            self._check_field_access(self._fields[field_expr], "read")
            return self._l10n_cl_dte_ai_state_sql(alias)
        return super()._field_to_sql(alias, field_expr, query=query)

    def _l10n_cl_dte_ai_state_sql(self, alias):
        self.env["l10n_cl_dte_ai.validation"].flush_model(
            ["move_id", "outcome", "is_current", "state"]
        )
        return SQL(
            """COALESCE(
                (SELECT outcome FROM l10n_cl_dte_ai_validation
                  WHERE move_id = %(move)s AND is_current AND state != 'cancelled'
                  LIMIT 1),
                (SELECT 'outdated' FROM l10n_cl_dte_ai_validation
                  WHERE move_id = %(move)s AND state = 'done' LIMIT 1))""",
            move=SQL.identifier(alias, "id"),
        )

    @api.model
    def _get_view_cache_key(self, view_id=None, view_type="form", **options):
        # EXTENDS 'base'
        key = super()._get_view_cache_key(view_id, view_type, **options)
        return (*key, self._l10n_cl_dte_ai_has_chilean_company())

    @api.model
    def _get_view(self, view_id=None, view_type="form", **options):
        # EXTENDS 'base': other countries' companies see nothing of this in their lists.
        arch, view = super()._get_view(view_id, view_type, **options)
        if (
            view_type in ("list", "search")
            and not self._l10n_cl_dte_ai_has_chilean_company()
        ):
            for node in arch.xpath("//*[contains(@name, 'l10n_cl_dte_ai_')]"):
                node.getparent().remove(node)
        return arch, view

    @api.model
    def _l10n_cl_dte_ai_has_chilean_company(self):
        return "CL" in self.env.companies.account_fiscal_country_id.mapped("code")

    def _get_alerts(self):
        # EXTENDS 'account'
        alerts = super()._get_alerts()
        if not self.l10n_cl_dte_ai_is_candidate or not self.env.user.has_group(
            USER_GROUP
        ):
            return alerts
        alerts.update(self._l10n_cl_dte_ai_mend_alerts())
        if self._l10n_cl_dte_ai_is_file_outdated():
            alerts["l10n_cl_dte_ai_file"] = {
                "level": "warning",
                "message": self.env._(
                    "The document has changed since its DTE was generated. Press "
                    "Generate DTE to replace the file."
                ),
            }
        open_findings = {
            "action_text": self.env._("See what was found"),
            "action": self._l10n_cl_dte_ai_wizard_action(),
        }
        match self.l10n_cl_dte_ai_state:
            case "rejected":
                alerts["l10n_cl_dte_ai_rejected"] = {
                    "level": "danger",
                    "message": self.env._("The AI service advises against sending."),
                    **open_findings,
                }
            case "review":
                alerts["l10n_cl_dte_ai_review"] = {
                    "level": "warning",
                    "message": self.env._(
                        "The AI service recommends a review of this document."
                    ),
                    **open_findings,
                }
            case "outdated":
                alerts["l10n_cl_dte_ai_outdated"] = {
                    "level": "info",
                    "message": self.env._(
                        "The document has changed since the AI service saw it. Press "
                        "Generate DTE to check it again."
                    ),
                }
            case "waiting" | "no_opinion" | "failed" as state:
                validation = self._l10n_cl_dte_ai_current_validation()
                alerts[f"l10n_cl_dte_ai_{state}"] = {
                    "level": "warning" if state == "failed" else "info",
                    "message": validation.message
                    or self.env._("The AI service is being asked."),
                    **open_findings,
                }
        return alerts

    def _l10n_cl_dte_ai_mend_alerts(self):
        """Return an alert for each record whose errors the SII would refuse."""
        if (
            not self.id
            or not self.invoice_line_ids
            or not self._l10n_cl_dte_ai_is_covered()
            or self.sudo().l10n_cl_dte_ai_attachment_id
        ):
            return {}
        messages = {}
        for finding in self._l10n_cl_dte_ai_findings():
            if finding.severity == dte_rules.ERROR:
                record = self._l10n_cl_dte_ai_record_to_mend(finding)
                messages.setdefault(record, []).append(finding.message)
        alerts = {}
        for record, texts in messages.items():
            alert = {"level": "warning", "message": "\n".join(texts)}
            if record != self:
                alert["action_text"] = self.env._("Open %s", record.display_name)
                alert["action"] = record._get_records_action()
            alerts[f"l10n_cl_dte_ai_mend_{record._name}_{record.id}"] = alert
        return alerts

    # === Valid actions === #

    def _l10n_cl_dte_ai_fetch_kind(self):
        """Read what tells whether these can become DTEs, and no more: a person waits.

        The ORM by itself reads all that a company, a journal and a country have.
        """
        self.fetch(MOVE_FIELDS)
        self.company_id.fetch(COMPANY_FIELDS)
        self.company_id.account_fiscal_country_id.fetch(["code"])
        self.journal_id.fetch(["l10n_latam_use_documents"])
        self.l10n_latam_document_type_id.fetch(["code", "doc_code_prefix"])

    def _l10n_cl_dte_ai_is_covered(self):
        """Tell whether this is a document of a type that we check and generate."""
        self.ensure_one()
        return (
            self.l10n_cl_dte_ai_is_candidate
            and self.state != "cancel"
            and self.l10n_latam_document_type_id.code in dte_document.COVERED_TYPES
        )

    def _l10n_cl_dte_ai_check_covered(self):
        """:raise UserError: that says why this document cannot be checked"""
        self.ensure_one()
        if not self.l10n_cl_dte_ai_is_candidate:
            raise UserError(
                self.env._(
                    "A DTE is generated for customer documents of Chilean companies, in "
                    "a journal that uses documents. “%s” is none.",
                    self.display_name,
                )
            )
        if self.state == "cancel":
            raise UserError(
                self.env._(
                    "“%s” is cancelled, so no DTE can be generated for it.",
                    self.display_name,
                )
            )
        if not self._l10n_cl_dte_ai_is_covered():
            raise UserError(
                self.env._(
                    "Documents of type “%s” are not covered. Covered are the invoice "
                    "(33), the exempt invoice (34), the debit note (56) and the credit "
                    "note (61).",
                    self.l10n_latam_document_type_id.display_name,
                )
            )

    # === Actions === #

    def action_l10n_cl_dte_ai_generate(self):
        """Check the document, ask the service if needed, and show what was found."""
        self._l10n_cl_dte_ai_fetch_kind()
        self._l10n_cl_dte_ai_check_covered()
        if not self.env.user.has_group(USER_GROUP):
            raise AccessError(
                self.env._("Generating a DTE is reserved to users of DTE AI.")
            )
        self.check_access("write")
        self._l10n_cl_dte_ai_ask()
        return self._l10n_cl_dte_ai_wizard_action()

    def action_l10n_cl_dte_ai_open_validations(self):
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "l10n_cl_dte_ai.action_validation"
        )
        return {
            **action,
            "domain": [("move_id", "=", self.id)],
            "context": {"create": False},
        }

    def _l10n_cl_dte_ai_wizard_action(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Generate DTE"),
            "res_model": "l10n_cl_dte_ai.generate",
            "view_mode": "form",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_move_id": self.id},
        }

    # === Business === #

    def _l10n_cl_dte_ai_ask(self):
        """Have an opinion on the document as it is, or a row in the queue for it.

        Errors that Odoo's data shows stop here: no request is spent on a document that
        has to change anyway.
        """
        self.ensure_one()
        service = self.company_id.sudo().l10n_cl_dte_ai_service_id
        if service._no_call_reason() == "not_configured":
            return
        contents = self._l10n_cl_dte_ai_contents()
        if self._l10n_cl_dte_ai_has_errors(contents[self].document):
            return
        validation = self.env["l10n_cl_dte_ai.validation"]._request(self, contents)
        if validation.state == "failed" and validation.reason != "refused":
            validation.with_user(self.env.user)._requeue()
        validation._ask_now()

    def _l10n_cl_dte_ai_findings(self, document=None):
        """Return what the rules find in Odoo's data.

        :param Documento document: this one's, if it has just been built
        :rtype: list[dte_rules.Finding]
        """
        self.ensure_one()
        document = document or self._l10n_cl_dte_document()
        company_tz = self.company_id.partner_id.tz or "America/Santiago"
        today = fields.Date.context_today(self.with_context(tz=company_tz))
        return dte_rules.check(document, today, self.env._)

    def _l10n_cl_dte_ai_has_errors(self, document=None):
        return any(
            finding.severity == dte_rules.ERROR
            for finding in self._l10n_cl_dte_ai_findings(document)
        )

    def _l10n_cl_dte_ai_current_validation(self):
        """Return the row of the document as it is now, also one not yet answered."""
        self.ensure_one()
        digest = self._l10n_cl_dte_ai_digests().get(self)
        return self.sudo().l10n_cl_dte_ai_validation_ids.filtered(
            lambda row: row.digest == digest and row.state != "cancelled"
        )[:1]

    def _l10n_cl_dte_ai_record_to_mend(self, finding):
        """Return the record in which a rule's finding is mended."""
        self.ensure_one()
        match finding.target:
            case dte_rules.COMPANY:
                return self.company_id
            case dte_rules.EMISOR:
                return self.company_id.partner_id
            case dte_rules.RECEPTOR if finding.field in ("DirRecep", "CmnaRecep"):
                return self.partner_id
            case dte_rules.RECEPTOR:
                return self.commercial_partner_id
        return self

    def _l10n_cl_dte_ai_needs_override(self, findings):
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
        """
        self.ensure_one()
        if any(finding.severity == dte_rules.ERROR for finding in findings):
            return True
        company = self.company_id.sudo()
        policy = company.l10n_cl_dte_ai_policy
        service = company.l10n_cl_dte_ai_service_id
        if policy == "advise" or service._no_call_reason() == "not_configured":
            return False
        outcome = self._l10n_cl_dte_ai_current_validation().outcome
        if policy == "warn":
            return outcome == "rejected"
        return outcome != "approved"

    def _l10n_cl_dte_ai_generate(self, override_reason=None):
        """Attach the document to the invoice, and note it in the chatter.

        :param str override_reason: why it is generated against rules or policy
        :return: the attachment; the one that is there if nothing has changed
        :raise UserError: where the document is not posted, or an override is needed
        """
        self._l10n_cl_dte_ai_check_covered()
        if self.state != "posted":
            raise UserError(
                self.env._(
                    "“%s” is a draft: confirm it first, so that it gets its folio.",
                    self.display_name,
                )
            )
        if self._l10n_cl_dte_ai_has_edi():
            raise UserError(
                self.env._(
                    "Odoo's own electronic invoicing for Chile is installed: it "
                    "generates the document, with Send. Here it is only checked."
                )
            )
        findings = self._l10n_cl_dte_ai_findings()
        content = self._l10n_cl_dte_ai_file_content()
        refused = self._l10n_cl_dte_ai_schema_errors(content)
        needs_override = bool(refused) or self._l10n_cl_dte_ai_needs_override(findings)
        validation = self._l10n_cl_dte_ai_current_validation()
        if needs_override:
            self._l10n_cl_dte_ai_check_override(override_reason, refused)
            validation.write(
                {
                    "override_user_id": self.env.uid,
                    "override_reason": override_reason,
                }
            )
        attachment = self.sudo().l10n_cl_dte_ai_attachment_id
        attachment = attachment.with_context(bin_size=False)
        if attachment and attachment.raw == content:
            return attachment
        name = (
            f"DTE_{self.l10n_latam_document_type_id.code}_{self._l10n_cl_dte_folio()}"
        )
        if attachment:
            replaced = fields.Datetime.now().strftime("%Y%m%d-%H%M%S")
            attachment.name = f"{name}_replaced_{replaced}.xml"
        attachment = self.env["ir.attachment"].create(
            {
                "name": f"{name}.xml",
                "raw": content,
                "mimetype": "application/xml",
                "res_model": self._name,
                "res_id": self.id,
            }
        )
        self.sudo().l10n_cl_dte_ai_attachment_id = attachment
        self._l10n_cl_dte_ai_note_generation(
            attachment,
            validation,
            [*(finding.message for finding in findings), *refused],
            override_reason if needs_override else None,
        )
        return attachment

    def _l10n_cl_dte_ai_check_override(self, reason, refused):
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

    def _l10n_cl_dte_ai_note_generation(self, attachment, validation, found, reason):
        outcomes = dict(validation._fields["outcome"]._description_selection(self.env))
        verdict = outcomes.get(validation.outcome) or self.env._("not asked")
        lines = [
            self.env._(
                "DTE generated: %s. It is unsigned: not yet a tax document.",
                attachment.name,
            ),
            self.env._("AI verdict: %s.", verdict),
            self.env._("The SII's rules: %s", " ".join(found))
            if found
            else self.env._("The SII's rules: nothing found."),
        ]
        if reason:
            lines.append(self.env._("Generated anyway, reason: %s", reason))
        self.message_post(
            body=Markup("<br/>").join(lines), attachment_ids=attachment.ids
        )

    def _l10n_cl_dte_ai_file_content(self):
        return dte_xml.as_xml(self._l10n_cl_dte_document())

    def _l10n_cl_dte_ai_is_file_outdated(self):
        """Tell whether generating now would give another file than the one there is."""
        attachment = self.sudo().l10n_cl_dte_ai_attachment_id
        # A form asks for the sizes of files instead of the files.
        attachment = attachment.with_context(bin_size=False)
        return (
            bool(attachment)
            and self.state == "posted"
            and self._l10n_cl_dte_ai_is_covered()
            and attachment.raw != self._l10n_cl_dte_ai_file_content()
        )

    @api.model
    def _l10n_cl_dte_ai_has_edi(self):
        """Tell whether Odoo Enterprise's electronic invoicing is there to generate."""
        return "l10n_cl_edi" in self.env.registry._init_modules

    def _l10n_cl_dte_ai_schema_errors(self, content):
        """Return what the SII's schema says against a file, if it has been loaded."""
        schema = self.env["ir.attachment"]._l10n_cl_dte_ai_schema()
        return dte_xml.schema_errors(content, schema) if schema else []

    def _l10n_cl_dte_ai_generate_zip(self):
        """Generate each document that needs no override, and put them in one file.

        The same documents give the same bytes. What cannot be generated is left out
        and holds up none of the others.

        :return: the zip, empty if there is nothing to put in; and why, by document
        :rtype: tuple[ir.attachment, dict[AccountMove, str]]
        """
        files, refused = {}, {}
        many_companies = len(self.company_id) > 1
        for move in self:
            try:
                with self.env.cr.savepoint():
                    attachment = move._l10n_cl_dte_ai_generate()
            except UserError as error:
                refused[move] = str(error)
                continue
            rut = move.company_id.partner_id._l10n_cl_dte_rut()
            folder = f"{rut}/" if many_companies else ""
            files[f"{folder}{attachment.name}"] = attachment.raw
        if not files:
            return self.env["ir.attachment"], refused
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in sorted(files.items()):
                entry = zipfile.ZipInfo(name)  # of 1980: no time makes it differ
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, content)
        archive = self.env["ir.attachment"].create(
            {"name": "DTE.zip", "raw": stream.getvalue(), "mimetype": "application/zip"}
        )
        return archive, refused

    # === Posting === #

    def _l10n_cl_dte_ai_require_verdict(self):
        """:raise UserError: for what company policy does not let through, all at once"""
        problems = []
        for move in self:
            findings = move._l10n_cl_dte_ai_findings()
            errors = [f.message for f in findings if f.severity == dte_rules.ERROR]
            if errors:
                problems.append(f"{move.display_name}: {' '.join(errors)}")
                continue
            validation = move._l10n_cl_dte_ai_current_validation()
            if validation.state != "done":
                problems.append(
                    self.env._(
                        "%s: the AI service has not answered yet. Press Generate DTE.",
                        move.display_name,
                    )
                )
            elif move._l10n_cl_dte_ai_needs_override(findings):
                problems.append(
                    self.env._(
                        "%s: the AI service objects. Press Generate DTE to see why.",
                        move.display_name,
                    )
                )
        if problems:
            raise UserError(
                self.env._("Not confirmed, so that no folio is spent:")
                + "\n\n"
                + "\n".join(problems)
            )

    def _l10n_cl_dte_ai_on_post(self, value):
        """Return the documents of companies that have chosen a way on posting."""
        return self.filtered(
            lambda move: (
                move.company_id.l10n_cl_dte_ai_on_post == value
                and move._l10n_cl_dte_ai_is_covered()
                and move.company_id.sudo().l10n_cl_dte_ai_service_id._no_call_reason()
                != "not_configured"
            )
        )

    def _post(self, soft=True):
        # EXTENDS 'account': remember which dates were posting's and not the user's, and
        # do what the company wants on posting.
        required = self._l10n_cl_dte_ai_on_post("required")
        if not self.env.user.has_group(OVERRIDE_GROUP):
            required._l10n_cl_dte_ai_require_verdict()
        undated = self.filtered(
            lambda move: move.l10n_cl_dte_ai_is_candidate and not move.invoice_date
        )
        posted = super()._post(soft)
        for date, moves in (
            undated.filtered("invoice_date").grouped("invoice_date").items()
        ):
            moves.l10n_cl_dte_ai_posting_date = date
        contents = {
            move: content
            for move, content in (posted & self)
            ._l10n_cl_dte_ai_on_post("background")
            ._l10n_cl_dte_ai_contents()
            .items()
            if not move._l10n_cl_dte_ai_has_errors(content.document)
        }
        if contents:
            moves = self.concat(*contents)
            self.env["l10n_cl_dte_ai.validation"]._request(moves, contents)
            self.env["l10n_cl_dte_ai.validation"]._trigger_cron()
        return posted
