# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import json

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..tools import dte_document, dte_rules
from ..tools.dte_document import FACTURA_COMPRA, GUIA
from .account_move_generation import OVERRIDE_GROUP
from .l10n_cl_dte_ai_service import USER_GROUP


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
    l10n_cl_dte_ai_is_candidate = fields.Boolean(
        string="Can Become a DTE",
        compute="_compute_l10n_cl_dte_ai_is_candidate",
        help="A document that a Chilean company issues: the button is shown.",
    )
    # The date that posting gave to an undated draft. It is not the accountant's word,
    # so a verdict on the draft still holds; a date that she enters later is.
    l10n_cl_dte_ai_posting_date = fields.Date(
        string="Date Given by Posting", readonly=True, copy=False
    )

    # === Compute === #

    @api.depends(
        "company_id.account_fiscal_country_id",
        "move_type",
        "l10n_latam_use_documents",
        "l10n_latam_document_type_id",
    )
    def _compute_l10n_cl_dte_ai_is_candidate(self):
        # Not `country_code`, which reads the country each time for a person who waits.
        chile = self.env["ir.model.data"]._xmlid_to_res_id("base.cl")
        for move in self:
            # The buyer issues a purchase invoice (46), so it is a vendor bill with a
            # folio of ours.
            is_own_bill = (
                move.move_type == "in_invoice"
                and move.l10n_latam_document_type_id.code == FACTURA_COMPRA
            )
            move.l10n_cl_dte_ai_is_candidate = (
                move.company_id.account_fiscal_country_id.id == chile
                and (move.is_sale_document() or is_own_bill)
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
                  ORDER BY id DESC LIMIT 1),
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
        if self._l10n_cl_dte_ai_outdated_files():
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

    # === CRUD === #

    def unlink(self):
        # EXTENDS 'account': a batch may have waited for nothing else.
        batches = self.sudo().l10n_cl_dte_ai_validation_ids.batch_ids
        result = super().unlink()
        batches._update()
        return result

    # === Valid actions === #

    def _l10n_cl_dte_ai_is_covered(self):
        """Tell whether this is a document of a type that we check and generate."""
        self.ensure_one()
        return (
            self.l10n_cl_dte_ai_is_candidate
            and self.state != "cancel"
            and self.l10n_latam_document_type_id.code in dte_document.COVERED_TYPES
        )

    def _l10n_cl_dte_ai_why_not_covered(self):
        """Return why this document cannot be checked, for a person, or None."""
        self.ensure_one()
        if not self.l10n_cl_dte_ai_is_candidate:
            return self.env._(
                "A DTE is generated for customer documents and purchase invoices (46) "
                "of Chilean companies, in a journal that uses documents. “%s” is none.",
                self.display_name,
            )
        if self.state == "cancel":
            return self.env._(
                "“%s” is cancelled, so no DTE can be generated for it.",
                self.display_name,
            )
        if self.l10n_latam_document_type_id.code == GUIA:
            return self.env._(
                "A dispatch guide (52) accompanies goods, and is made of a delivery: an "
                "invoice does not say why and where to they move. Odoo Community keeps "
                "neither these nor a folio with its deliveries, so no guide can be "
                "generated here. Issue it with your provider, and refer to it in the "
                "invoice's DTE References."
            )
        if not self._l10n_cl_dte_ai_is_covered():
            return self.env._(
                "Documents of type “%s” are not covered. Covered are the invoice (33), "
                "the exempt invoice (34), the purchase invoice (46), the debit note "
                "(56) and the credit note (61).",
                self.l10n_latam_document_type_id.display_name,
            )
        return None

    # === Actions === #

    def action_l10n_cl_dte_ai_generate(self):
        """Check the document, ask the service if needed, and show what was found."""
        self._l10n_cl_dte_fetch()
        if problem := self._l10n_cl_dte_ai_why_not_covered():
            raise UserError(problem)
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

    def _l10n_cl_dte_ai_findings(self):
        """Return what the rules find in Odoo's data.

        :rtype: list[dte_rules.Finding]
        """
        return self._l10n_cl_dte_ai_check(self._l10n_cl_dte_document())

    def _l10n_cl_dte_ai_check(self, document):
        """Return what the rules find in a document that was built of this invoice."""
        self.ensure_one()
        company_tz = self.company_id.partner_id.tz or "America/Santiago"
        today = fields.Date.context_today(self.with_context(tz=company_tz))
        return dte_rules.check(document, today, self.env._)

    def _l10n_cl_dte_ai_has_errors(self, document):
        return any(
            finding.severity == dte_rules.ERROR
            for finding in self._l10n_cl_dte_ai_check(document)
        )

    def _l10n_cl_dte_ai_current_validation(self):
        """Return the row of the document as it is now, also one not yet answered."""
        self.ensure_one()
        return self._l10n_cl_dte_ai_current_validations()[self]

    def _l10n_cl_dte_ai_current_validations(self, documents=None):
        """Return the row of each document as it is now, also one not yet answered.

        :param documents: what `_l10n_cl_dte_documents` returns, where that is known
        :rtype: dict[AccountMove, L10nClDteAiValidation]
        """
        contents = self._l10n_cl_dte_ai_contents(documents)
        return {
            move: move._l10n_cl_dte_ai_row(content).filtered(
                lambda row: row.state != "cancelled"
            )
            for move, content in contents.items()
        }

    def _l10n_cl_dte_ai_row(self, content):
        """Return the row on a content of this document, none where there is none.

        Once the file is settled, the row on it stays the document's: it is not
        outdated by a customer who moves years later.
        """
        rows = self.sudo().l10n_cl_dte_ai_validation_ids
        row = rows.filtered(lambda row: row.digest == content.digest)
        if not row and rows and self._l10n_cl_dte_ai_is_settled():
            row = rows.filtered(
                lambda row: dte_document.is_same_but_for_parties(
                    json.loads(row.request_body)["dte_data"], content.dte_data
                )
            )
        return row[:1]

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

    def _l10n_cl_dte_ai_name(self):
        """Return the document's name and customer: drafts have no number."""
        partner = self.commercial_partner_id.name or "—"
        return f"{self.display_name} · {partner}"

    # === Posting === #

    def _l10n_cl_dte_ai_require_verdict(self):
        """:raise UserError: for what company policy does not let through, all at once"""
        problems = []
        for move in self:
            name = move._l10n_cl_dte_ai_name()
            findings = move._l10n_cl_dte_ai_findings()
            errors = [f.message for f in findings if f.severity == dte_rules.ERROR]
            if errors:
                problems.append(f"{name}: {' '.join(errors)}")
                continue
            validation = move._l10n_cl_dte_ai_current_validation()
            # Who was asked and could not answer is the policy's matter.
            was_asked = validation.reason or validation.state in ("done", "failed")
            if not was_asked:
                text = self.env._(
                    "%s: the AI service has not been asked yet. Press Generate DTE.",
                    name,
                )
            elif not move._l10n_cl_dte_ai_needs_override(findings, validation):
                continue
            elif validation.state == "done":
                text = self.env._(
                    "%s: the AI service objects. Press Generate DTE to see why.", name
                )
            else:
                text = self.env._(
                    "%s: the AI service has given no opinion yet, and company policy "
                    "wants its approval. Press Generate DTE to see why.",
                    name,
                )
            problems.append(text)
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
