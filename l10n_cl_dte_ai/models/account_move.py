# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain

from ..tools.dte.document import COVERED_TYPES, FACTURA_COMPRA, GUIA
from .generators import generator
from .l10n_cl_dte_ai_service import USER_GROUP


# pylint: disable=consider-merging-classes-inherited
class AccountMove(models.Model):
    """An invoice that may become a DTE: fields, state, views and buttons."""

    _inherit = "account.move"

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
    l10n_cl_dte_document_ids = fields.One2many(
        "l10n_cl_dte.document",
        "move_id",
        string="Generated DTE Versions",
        copy=False,
    )
    l10n_cl_dte_document_id = fields.Many2one(
        "l10n_cl_dte.document",
        string="Generated DTE",
        compute="_compute_l10n_cl_dte_document_id",
        search="_search_l10n_cl_dte_document_id",
        help="The version that is current, also one that the document has outdated.",
    )
    l10n_cl_dte_document_count = fields.Integer(
        string="Generated DTE Count", compute="_compute_l10n_cl_dte_document_id"
    )
    l10n_cl_dte_is_candidate = fields.Boolean(
        string="Can Become a DTE",
        compute="_compute_l10n_cl_dte_is_candidate",
        help="A document that a Chilean company issues: the button is shown.",
    )

    # === Compute === #

    @api.depends(
        "company_id.account_fiscal_country_id",
        "move_type",
        "l10n_latam_use_documents",
        "l10n_latam_document_type_id",
        "reversed_entry_id",
        "debit_origin_id",
    )
    def _compute_l10n_cl_dte_is_candidate(self):
        # Not `country_code`, which reads the country each time for a person who waits.
        chile = self.env["ir.model.data"]._xmlid_to_res_id("base.cl")
        for move in self:
            # The buyer issues a purchase invoice (46), so it is a vendor bill with a
            # folio of ours; and so are the notes on it.
            is_own_bill = move.is_purchase_document() and (
                move.l10n_latam_document_type_id.code == FACTURA_COMPRA
                or move._l10n_cl_dte_corrects_own_bill()
            )
            move.l10n_cl_dte_is_candidate = (
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

    @api.depends("l10n_cl_dte_document_ids.is_current")
    def _compute_l10n_cl_dte_document_id(self):
        for move in self:
            versions = move.l10n_cl_dte_document_ids
            move.l10n_cl_dte_document_id = versions.filtered("is_current")[:1]
            move.l10n_cl_dte_document_count = len(versions)

    def _search_l10n_cl_dte_document_id(self, operator, value):
        if operator != "in":
            return NotImplemented
        current = Domain("is_current", "=", True)
        any_of = Domain("id", "in", [each for each in value if each])
        found = Domain("l10n_cl_dte_document_ids", "any", current & any_of)
        if False in value:
            found |= Domain("l10n_cl_dte_document_ids", "not any", current)
        return found

    # === Views === #

    @api.model
    def _get_view_cache_key(self, view_id=None, view_type="form", **options):
        # EXTENDS 'base'
        key = super()._get_view_cache_key(view_id, view_type, **options)
        return (*key, self._l10n_cl_dte_has_chilean_company())

    @api.model
    def _get_view(self, view_id=None, view_type="form", **options):
        # EXTENDS 'base': other countries' companies see nothing of this in their lists.
        arch, view = super()._get_view(view_id, view_type, **options)
        if (
            view_type in ("list", "search")
            and not self._l10n_cl_dte_has_chilean_company()
        ):
            for node in arch.xpath("//*[contains(@name, 'l10n_cl_dte_')]"):
                node.getparent().remove(node)
        if view_type == "form":
            self._l10n_cl_dte_hide_buttons_of_others(arch)
        self._l10n_cl_dte_colour_states(arch)
        return arch, view

    @api.model
    def _l10n_cl_dte_state_colours(self):
        """Return which states stand out, and how; extend it with further ones.

        Their text is always there: nobody has to see a colour to know.

        :rtype: dict[str, list[str]]
        """
        return {
            "success": ["ready", "generated"],
            "warning": ["review", "outdated"],
            "danger": ["errors"],
            "info": ["waiting"],
        }

    @api.model
    def _l10n_cl_dte_colour_states(self, arch):
        for node in arch.xpath("//field[@name='l10n_cl_dte_state'][@widget]"):
            for colour, states in self._l10n_cl_dte_state_colours().items():
                node.set(f"decoration-{colour}", f"l10n_cl_dte_state in {states}")

    @api.model
    def _l10n_cl_dte_hide_buttons_of_others(self, arch):
        """Leave one *Generate DTE*: ours, which goes on to that of another addon."""
        other = generator(self.env)
        for xmlid in other.hidden_actions if other else ():
            if action := self.env.ref(xmlid, raise_if_not_found=False):
                for node in arch.xpath(f"//button[@name='{action.id}']"):
                    node.getparent().remove(node)

    @api.model
    def _l10n_cl_dte_has_chilean_company(self):
        return "CL" in self.env.companies.account_fiscal_country_id.mapped("code")

    # === CRUD === #

    def unlink(self):
        # EXTENDS 'account': a batch may have waited for nothing else.
        batches = self.sudo().l10n_cl_dte_ai_validation_ids.batch_ids
        result = super().unlink()
        batches._update()
        return result

    # === Valid actions === #

    def _l10n_cl_dte_is_covered(self):
        """Tell whether this is a document of a type that we check and generate."""
        self.ensure_one()
        return (
            self.l10n_cl_dte_is_candidate
            and self.state != "cancel"
            and self.l10n_latam_document_type_id.code in COVERED_TYPES
        )

    def _l10n_cl_dte_why_not_covered(self):
        """Return why this document cannot be checked, for a person, or None."""
        self.ensure_one()
        if not self.l10n_cl_dte_is_candidate:
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
                "A dispatch guide (52) accompanies goods, and is made of a delivery: "
                "an invoice does not say why and where to they move. Odoo Community "
                "keeps neither these nor a folio with its deliveries, so no guide can "
                "be generated here. Issue it with your provider, and refer to it in "
                "the invoice's DTE References."
            )
        if not self._l10n_cl_dte_is_covered():
            return self.env._(
                "Documents of type “%s” are not covered. Covered are the invoice (33), "
                "the exempt invoice (34), the purchase invoice (46), the debit note "
                "(56) and the credit note (61).",
                self.l10n_latam_document_type_id.display_name,
            )
        return None

    # === Actions === #

    def action_l10n_cl_dte_generate(self):
        """Check the document, ask the service if needed, and show what was found."""
        self._l10n_cl_dte_fetch()
        if problem := self._l10n_cl_dte_why_not_covered():
            raise UserError(problem)
        if not self.env.user.has_group(USER_GROUP):
            raise AccessError(
                self.env._("Generating a DTE is reserved to users of DTE AI.")
            )
        self.check_access("write")
        self._l10n_cl_dte_ai_ask()
        return self._l10n_cl_dte_wizard_action()

    def action_l10n_cl_dte_download(self):
        """Give the file of the version that is current."""
        self.ensure_one()
        if not self.l10n_cl_dte_document_id:
            raise UserError(
                self.env._("“%s” has no DTE yet: generate it first.", self.display_name)
            )
        return self.l10n_cl_dte_document_id.action_download()

    def action_l10n_cl_dte_open_versions(self):
        """Show every version that was generated, also those that were superseded."""
        return self._l10n_cl_dte_open("l10n_cl_dte_ai.action_document")

    def action_l10n_cl_dte_ai_open_validations(self):
        return self._l10n_cl_dte_open("l10n_cl_dte_ai.action_validation")

    def _l10n_cl_dte_open(self, xmlid):
        self.ensure_one()
        return {
            **self.env["ir.actions.act_window"]._for_xml_id(xmlid),
            "domain": [("move_id", "=", self.id)],
            "context": {"create": False},
        }

    def _l10n_cl_dte_wizard_action(self):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Generate DTE"),
            "res_model": "l10n_cl_dte_ai.generate",
            "view_mode": "form",
            "views": [(False, "form")],
            "target": "new",
            "context": {"default_move_id": self.id},
        }

    def _l10n_cl_dte_name(self):
        """Return the document's name and customer: drafts have no number."""
        partner = self.commercial_partner_id.name or "—"
        return f"{self.display_name} · {partner}"
