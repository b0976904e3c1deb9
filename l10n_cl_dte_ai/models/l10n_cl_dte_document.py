# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
import contextlib
import hashlib
from pathlib import Path

from odoo import api, fields, models
from odoo.exceptions import UserError

from .l10n_cl_dte_ai_service import USER_GROUP
from .machine import telling_machine_errors


class L10nClDteDocument(models.Model):
    """One version of a document that was generated: its file, by whom, under what.

    The history of a document, what is downloaded, and what another addon stamps, signs
    and sends. Our code alone makes and changes rows, as superuser: no group may write
    them, so whatever stands here is a fact. The file is an attachment of the row
    (`res_field`), so that who may not write the row may not touch the file either.
    """

    _name = "l10n_cl_dte.document"
    _description = "Generated Electronic Tax Document (DTE)"
    _order = "id desc"
    _rec_name = "file_name"

    move_id = fields.Many2one(
        "account.move",
        string="Document",
        required=True,
        readonly=True,
        index=True,
        ondelete="cascade",
    )
    company_id = fields.Many2one(
        related="move_id.company_id", store=True, index=True, precompute=True
    )
    partner_id = fields.Many2one(related="move_id.commercial_partner_id")
    document_type_id = fields.Many2one(
        "l10n_latam.document.type", string="Type", readonly=True
    )
    folio = fields.Integer(readonly=True, aggregator=None)
    state = fields.Selection(
        [("generated", "Generated")],
        default="generated",
        required=True,
        readonly=True,
        index=True,
        help="How far this version is. Who stamps, signs or sends adds states.",
    )
    is_current = fields.Boolean(
        string="Current",
        default=True,
        readonly=True,
        help="Not superseded by a later version.",
    )
    superseded_on = fields.Datetime(readonly=True)
    renumbered_on = fields.Datetime(
        readonly=True, help="Odoo's resequencing gave the invoice another number."
    )

    # === The file === #
    file_name = fields.Char(readonly=True)
    file = fields.Binary(attachment=True, readonly=True, copy=False)
    attachment_id = fields.Many2one(
        "ir.attachment", readonly=True, copy=False, index="btree_not_null"
    )
    sha256 = fields.Char(
        string="SHA-256", readonly=True, help="Of the file, as hexadecimal digits."
    )
    built_sha256 = fields.Char(
        readonly=True,
        help="Of what was built, before stamp or signature: the same document is not "
        "generated twice.",
    )
    fingerprint = fields.Char(
        readonly=True,
        help="Of what the document says without its parties: another one outdates it.",
    )

    # === Under what it was generated === #
    validation_id = fields.Many2one(
        "l10n_cl_dte_ai.validation",
        string="Opinion",
        readonly=True,
        index="btree_not_null",
        ondelete="set null",
        groups=USER_GROUP,
    )
    verdict = fields.Selection(
        selection=lambda self: (
            self.env["l10n_cl_dte_ai.validation"]
            ._fields["outcome"]
            ._description_selection(self.env)
        ),
        string="AI Verdict",
        readonly=True,
        help="Of the opinion, at that time.",
    )
    findings = fields.Json(
        readonly=True, help="Of the rules and the schema, as texts, at that time."
    )
    found = fields.Char(compute="_compute_found", string="What Was Found")
    override_user_id = fields.Many2one(
        "res.users", string="Generated Anyway by", readonly=True
    )
    override_reason = fields.Char(string="Reason to Generate Anyway", readonly=True)

    _one_current = models.UniqueIndex("(move_id) WHERE is_current")
    _fingerprint_idx = models.Index("(fingerprint) WHERE is_current")

    @api.depends("findings")
    def _compute_found(self):
        for row in self:
            texts = [finding["message"] for finding in row.findings or []]
            row.found = " · ".join(texts)

    # === The file === #

    def _attach(self, contents):
        """Keep the files of new rows.

        :param dict[L10nClDteDocument, bytes] contents: by row
        """
        rows = self.sudo()
        with telling_machine_errors(self.env):
            attachments = rows._create_attachments(contents)
        for row, attachment in zip(rows, attachments, strict=True):
            row.write(
                {
                    "attachment_id": attachment.id,
                    "sha256": hashlib.sha256(contents[row]).hexdigest(),
                }
            )
        rows.invalidate_recordset(["file"], flush=False)

    def _create_attachments(self, contents):
        attachments = self.env["ir.attachment"].sudo()
        try:
            return attachments.create(
                [
                    {
                        "name": row.file_name,
                        "raw": contents[row],
                        "mimetype": "application/xml",
                        "res_model": self._name,
                        "res_field": "file",
                        "res_id": row.id,
                        "company_id": row.company_id.id,
                    }
                    for row in self
                ]
            )
        except OSError:
            # What a full disk had room for stays under the name of the whole, and the
            # next attempt would "collide" with it.
            for row in self:
                checksum = attachments._compute_checksum(contents[row])
                path = Path(attachments._full_path(f"{checksum[:2]}/{checksum}"))
                with contextlib.suppress(OSError):
                    if path.stat().st_size != len(contents[row]):
                        path.unlink()
            raise

    def _content(self):
        """Return the file, if it is there and the one that was generated.

        :rtype: bytes
        :raise UserError: where it is gone from Odoo's filestore, or another one
        """
        self.ensure_one()
        self.check_access("read")
        content = self.sudo().attachment_id.with_context(bin_size=False).raw or b""
        if hashlib.sha256(content).hexdigest() == self.sha256:
            return content
        raise UserError(
            self.env._(
                "The file of “%s” is missing on the server, or is not the one that was "
                "generated. Ask your administrator to restore Odoo's filestore from a "
                "backup, or generate the DTE again.",
                self.file_name,
            )
        )

    def _has_file(self):
        """Tell whether the file is there, without reading it."""
        self.ensure_one()
        attachment = self.sudo().attachment_id
        if not attachment.store_fname:
            return bool(attachment.db_datas)
        path = Path(attachment._full_path(attachment.store_fname))
        try:
            return path.is_file() and path.stat().st_size == attachment.file_size
        except OSError:  # it is there, and can't be read
            return False

    # === Its life === #

    def _move_state(self):
        """Return how the invoice of this current version stands.

        A state that another addon adds here needs its like in
        `account.move.l10n_cl_dte_state`; extend this where it is another one.
        """
        self.ensure_one()
        if self.state == "generated" and (
            self.fingerprint != self.move_id.l10n_cl_dte_fingerprint
        ):
            return "outdated"
        return self.state

    def _is_frozen(self):
        """Tell whether the document may not change any more: never, unless it is sent.

        Who sends documents extends this: from the claim until the SII's word, and for
        ever after it was accepted.
        """
        self.ensure_one()
        return False

    def _is_spent(self):
        """Tell whether this file is good for nothing any more: never, unless it is
        sent.

        Generating makes a new one then, also of a document that has not changed.
        """
        self.ensure_one()
        return False

    def _supersede(self):
        """A new version takes their place; these are kept."""
        rows = self.sudo()
        rows.write({"is_current": False, "superseded_on": fields.Datetime.now()})
        rows.flush_recordset()  # before the new one is current

    @api.model
    def _give_files_back(self):
        """Copy every current file to its invoice: who uninstalls us keeps them.

        The files of a model that is gone can't be reached any more.
        """
        for row in self.sudo().search([("is_current", "=", True)]):
            if row._has_file():
                row.attachment_id.copy(
                    {
                        "res_model": row.move_id._name,
                        "res_id": row.move_id.id,
                        "res_field": False,
                    }
                )

    # === Actions === #

    def action_download(self):
        """Give the file, or say that it is missing."""
        self.ensure_one()
        self._content()
        return {
            "type": "ir.actions.act_url",
            "url": f"/web/content/{self.sudo().attachment_id.id}?download=true",
            "target": "download",
        }
