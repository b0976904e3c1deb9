# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.tools import format_date

from ..models.account_move_generation import OVERRIDE_GROUP
from ..models.generators import generator
from ..models.l10n_cl_dte_ai_validation import as_read
from ..tools.dte import texts


def _rut(text):
    """Return a RUT as people read it: 12.345.678-5; what is none stays as it is."""
    body, dash, digit = (text or "").partition("-")
    if not (dash and body.isdecimal()):
        return text
    return f"{int(body):,}-{digit}".replace(",", ".")


def _number(value):
    """Return a number as it is written in Chile: 1.234,5."""
    text = f"{value:,.6f}".rstrip("0").rstrip(".")
    return text.translate(str.maketrans(",.", ".,"))


class L10nClDteAiGenerate(models.TransientModel):
    """What was found in one document, and what can be done about it.

    Shows what rules and validation say at this moment; decides nothing of its own.
    """

    _name = "l10n_cl_dte_ai.generate"
    _inherit = "l10n_cl_dte.on.documents"
    _description = "Generate DTE"

    move_id = fields.Many2one(
        "account.move", string="Document", required=True, readonly=True, index=True
    )
    state = fields.Selection(
        related="move_id.state", related_sudo=False, string="Document Status"
    )
    company_id = fields.Many2one(related="move_id.company_id", related_sudo=False)
    document_type_id = fields.Many2one(
        related="move_id.l10n_latam_document_type_id", related_sudo=False
    )
    partner_id = fields.Many2one(
        related="move_id.commercial_partner_id", related_sudo=False
    )
    currency_id = fields.Many2one(related="move_id.currency_id", related_sudo=False)
    amount_total = fields.Monetary(related="move_id.amount_total", related_sudo=False)
    odoo_findings = fields.Json(compute="_compute_situation")
    ai_findings = fields.Json(compute="_compute_situation")
    has_errors = fields.Boolean(compute="_compute_situation")
    outcome = fields.Selection(
        selection=lambda self: (
            *self.env["l10n_cl_dte_ai.validation"]
            ._fields["outcome"]
            ._description_selection(self.env),
            ("not_asked", self.env._("Not Asked")),
        ),
        compute="_compute_situation",
    )
    confidence = fields.Float(compute="_compute_situation", digits=(5, 1))
    message = fields.Char(compute="_compute_situation")
    answered_at = fields.Datetime(compute="_compute_situation")
    needs_override = fields.Boolean(compute="_compute_situation")
    may_override = fields.Boolean(compute="_compute_situation")
    is_stopped = fields.Boolean(
        string="Policy Stops Confirming", compute="_compute_situation"
    )
    override_reason = fields.Char(string="Reason")
    preview = fields.Html(compute="_compute_preview", sanitize=False)
    sent = fields.Text(compute="_compute_situation", string="What Is Sent")
    other_generator = fields.Char(
        compute="_compute_situation", help="The addon that generates it instead of us."
    )
    version_id = fields.Many2one(
        "l10n_cl_dte.document", string="Generated DTE", compute="_compute_situation"
    )
    dte_state = fields.Selection(
        related="move_id.l10n_cl_dte_state", related_sudo=False, string="DTE State"
    )
    hint = fields.Char(compute="_compute_situation", string="What Follows")
    differs = fields.Boolean(
        compute="_compute_situation",
        help="Generated now the file would be another: its contacts changed since.",
    )
    wants_reason = fields.Boolean(compute="_compute_situation")
    attachment_id = fields.Many2one(
        related="move_id.l10n_cl_dte_document_id.attachment_id",
        related_sudo=False,
        string="Generated File",
    )

    @api.depends("move_id")
    @api.depends_context("uid", "lang", "tz")
    def _compute_situation(self):
        self._check_documents()
        for wizard in self:
            move = wizard.move_id
            findings = move._l10n_cl_dte_findings()
            validation = move._l10n_cl_dte_ai_current_validation()
            wizard.odoo_findings = [
                {
                    "severity": finding.severity,
                    "message": finding.message,
                    "record": wizard._link(finding),
                }
                for finding in findings
            ]
            wizard.has_errors = any(f.severity == "error" for f in findings)
            wizard.ai_findings = validation.shown_findings or []
            wizard.outcome = validation.outcome or "not_asked"
            wizard.confidence = validation.confidence
            wizard.answered_at = validation.answered_at
            wizard.message = validation.message or wizard._why_not_asked(validation)
            wizard.needs_override = move._l10n_cl_dte_needs_override(findings)
            wizard.may_override = self.env.user.has_group(OVERRIDE_GROUP)
            wizard.is_stopped = move.state == "draft" and bool(
                move._l10n_cl_dte_objections()
            )
            wizard.sent = validation.sent or wizard._what_would_be_sent()
            other = generator(self.env)
            wizard.other_generator = other.module if other else False
            wizard.version_id = move.l10n_cl_dte_document_id
            wizard.hint = move._l10n_cl_dte_hint()
            wizard.differs = move._l10n_cl_dte_differs()
            wizard.wants_reason = move._l10n_cl_dte_needs_override([], validation)

    @api.depends("move_id")
    @api.depends_context("lang")
    def _compute_preview(self):
        """The document as a person reads it, with what the format cuts already cut."""
        self._check_documents()
        for wizard in self:
            whole = wizard.move_id._l10n_cl_dte_as_document()
            document, _cuts = texts.fit(whole)
            wizard.preview = self.env["ir.qweb"]._render(
                "l10n_cl_dte_ai.preview",
                {
                    "document": document,
                    "type_name": wizard.document_type_id.name,
                    "actions": {
                        int(key): label.partition(". ")[2]
                        for key, label in self.env["l10n_cl.account.invoice.reference"]
                        ._fields["reference_doc_code"]
                        ._description_selection(self.env)
                    },
                    "payments": {
                        int(key): label
                        for key, label in wizard.move_id._fields[
                            "l10n_cl_dte_payment_form"
                        ]._description_selection(self.env)
                    },
                    "pesos": lambda amount: f"$ {_number(amount)}",
                    "number": _number,
                    "rut": _rut,
                    # The four letters of the format mislead a reader: "20 Doce".
                    "units": {each.NroLinDet: each.UnmdItem for each in whole.Detalle},
                    "joined": lambda *texts: ", ".join(filter(None, texts)) or "—",
                    "date": lambda value: format_date(self.env, value),
                    "is_unsigned": wizard.version_id.state in (False, "generated"),
                },
            )

    def _what_would_be_sent(self):
        move = self.move_id
        contents = move._l10n_cl_dte_ai_questions()
        return as_read(move._l10n_cl_dte_ai_request_bodies(contents)[move])

    def _link(self, finding):
        """Return where a finding is mended, unless it is the document underneath."""
        record = self.move_id._l10n_cl_dte_record_to_mend(finding)
        if record == self.move_id:
            return False
        return {
            "model": record._name,
            "id": record.id,
            "name": record.display_name,
        }

    def _why_not_asked(self, validation):
        if validation:
            return False
        if self.has_errors:
            return self.env._(
                "Not asked yet: mend first what Odoo's data shows, so that no request "
                "is spent on a document that has to change."
            )
        service = self.company_id.sudo().l10n_cl_dte_ai_service_id
        if service and not service.active:
            return self.env._(
                "The AI service of this company is archived, so it is not asked. An "
                "administrator can restore it, or choose another one."
            )
        if service._no_call_reason() == "not_configured":
            return self.env._(
                "No AI service is configured for this company. An administrator can "
                "enter its address and key in the settings of Invoicing."
            )
        return self.env._("Not asked yet. Press Check Again.")

    # === Actions === #

    def action_generate(self):
        return self._generate()

    def action_download(self):
        self.ensure_one()
        return self.move_id.action_l10n_cl_dte_download()

    def action_reviewed(self):
        """Take what the AI says as read, with the reason that policy may want."""
        self.ensure_one()
        self.move_id._l10n_cl_dte_decide(self.override_reason)
        return {"type": "ir.actions.act_window_close"}

    def action_generate_anyway(self):
        return self._generate(self.override_reason or "")

    def action_confirm_and_generate(self):
        """Give a draft its folio and make its file, or neither of them.

        :raise UserError: where the policy stops the one or the other
        """
        self.ensure_one()
        self.move_id.action_post()
        return self._generate()

    def action_confirm_anyway(self):
        """Confirm a draft that the policy stops, with a reason."""
        self.ensure_one()
        self.move_id._l10n_cl_dte_confirm_anyway(self.override_reason)
        return {"type": "ir.actions.act_window_close"}

    def _generate(self, override_reason=None):
        self.ensure_one()
        if other := generator(self.env):
            self.move_id._l10n_cl_dte_require_allowed(override_reason)
            return other.next_step(self.move_id)
        version = self.move_id._l10n_cl_dte_generate(override_reason)
        return {
            "type": "ir.actions.client",
            "tag": "display_notification",
            "params": {
                "type": "success",
                # Odoo puts a full stop behind it, and "Ltda." has one.
                "title": self.move_id._l10n_cl_dte_name().removesuffix("."),
                "message": self.move_id._l10n_cl_dte_headline(version),
                "next": {"type": "ir.actions.act_window_close"},
            },
        }

    def action_check_again(self):
        """Look at the document as it is now; ask about it where that is new."""
        self.ensure_one()
        return self.move_id.action_l10n_cl_dte_generate()

    def action_queue_and_close(self):
        """Leave the document in the queue: the answer will be notified."""
        self.ensure_one()
        self.env["l10n_cl_dte_ai.validation"]._trigger_cron()
        return {"type": "ir.actions.act_window_close"}
