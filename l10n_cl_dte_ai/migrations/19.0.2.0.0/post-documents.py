# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A generated file was an attachment of the invoice; it becomes a version of its
own.
"""

import hashlib
import logging

from lxml import etree

from odoo import SUPERUSER_ID, api
from odoo.tools import split_every, sql

from odoo.addons.l10n_cl_dte_ai.hooks import take_folios
from odoo.addons.l10n_cl_dte_ai.tools.dte import xml

_logger = logging.getLogger(__name__)

CHUNK = 500
# What a file says since this version only: an invoice that has not changed has not
# changed because of it.
SINCE = (
    "MntPagos",
    "Sucursal",
    "CdgSIISucur",
    "IVANoRet",
    "MontoNF",
    "MontoPeriodo",
    "OtraMoneda",
    "CdgItem",
    "IndGlobal",
)


def migrate(cr, _version):
    env = api.Environment(cr, SUPERUSER_ID, {"active_test": False})
    take_folios(env)
    if not sql.column_exists(cr, "account_move", "l10n_cl_dte_ai_attachment_id"):
        return
    cr.execute(
        """
        SELECT id, l10n_cl_dte_ai_attachment_id, l10n_cl_dte_ai_override_user_id,
               l10n_cl_dte_ai_override_reason
          FROM account_move
         WHERE l10n_cl_dte_ai_attachment_id IS NOT NULL
      ORDER BY id
        """
    )
    for rows in split_every(CHUNK, cr.fetchall()):
        _move_files(env, rows)
        env.invalidate_all()
    _look_at_open_documents(env)


def _move_files(env, rows):
    files = {move_id: (file, user, reason) for move_id, file, user, reason in rows}
    moves = env["account.move"].browse(files)
    documents = moves._l10n_cl_dte_as_documents()
    questions = moves._l10n_cl_dte_ai_questions(documents)
    for move in moves:
        file_id, user_id, reason = files[move.id]
        attachment = env["ir.attachment"].browse(file_id).exists()
        if not attachment:
            continue
        content = attachment.raw or b""
        digest = hashlib.sha256(content).hexdigest() if content else False
        rebuilt = move._l10n_cl_dte_xml(documents[move])
        validation = _opinion(move, questions[move], attachment)
        version = env["l10n_cl_dte.document"].create(
            {
                "move_id": move.id,
                "document_type_id": move.l10n_latam_document_type_id.id,
                "folio": documents[move].Folio,
                "file_name": f"{move._l10n_cl_dte_file_name()}.xml",
                "attachment_id": attachment.id,
                "sha256": digest,
                # The same document is not generated twice, however it is laid out now.
                "built_sha256": hashlib.sha256(rebuilt).hexdigest()
                if _is_same(move, content, rebuilt, with_parties=True)
                else digest,
                "fingerprint": move._l10n_cl_dte_fingerprint_of(documents[move])
                if _is_same(move, content, rebuilt)
                else "changed",
                "validation_id": validation.id,
                "verdict": validation.outcome,
                "override_user_id": user_id,
                "override_reason": reason,
            }
        )
        env.flush_all()
        env.cr.execute(
            """
            UPDATE l10n_cl_dte_document version
               SET create_uid = file.create_uid, create_date = file.create_date
              FROM ir_attachment file
             WHERE file.id = %s AND version.id = %s
            """,
            [file_id, version.id],
        )
        env.cr.execute(
            "UPDATE ir_attachment SET res_model = 'l10n_cl_dte.document',"
            " res_field = 'file', res_id = %s WHERE id = %s",
            [version.id, file_id],
        )


def _opinion(move, question, attachment):
    """Return the row under which the file was made: on it as it is, or the last one."""
    rows = move.l10n_cl_dte_ai_validation_ids.filtered(lambda row: row.state == "done")
    current = rows.filtered(lambda row: row.digest == question.digest)
    before = rows.filtered(
        lambda row: row.answered_at and row.answered_at <= attachment.create_date
    )
    return (current or before.sorted("answered_at", reverse=True))[:1]


def _is_same(move, content, rebuilt, with_parties=False):
    try:
        old, new = (etree.fromstring(each) for each in (content, rebuilt))
    except etree.XMLSyntaxError:
        return False
    for name in SINCE:
        for element in list(new.iter(f"{{{xml.NAMESPACE}}}{name}")):
            element.getparent().remove(element)
    if with_parties:
        old, new = (etree.tostring(each, method="c14n") for each in (old, new))
        return b"".join(old.split()) == b"".join(new.split())
    return xml.fingerprint(old, ()) == xml.fingerprint(new, ())


def _look_at_open_documents(env):
    """Say where the documents stand that this addon has had to do with.

    Not those of before it was there: they were issued otherwise.
    """
    env.cr.execute(
        """
        SELECT move.id
          FROM account_move move
          JOIN account_journal journal ON journal.id = move.journal_id
         WHERE journal.l10n_latam_use_documents
           AND (move.state = 'draft'
                OR move.create_date >= (
                    SELECT min(create_date) FROM ir_model_data
                     WHERE module = 'l10n_cl_dte_ai')
                OR EXISTS (SELECT FROM l10n_cl_dte_document
                            WHERE move_id = move.id)
                OR EXISTS (SELECT FROM l10n_cl_dte_ai_validation
                            WHERE move_id = move.id))
      ORDER BY move.id
        """
    )
    for ids in split_every(CHUNK, [move_id for (move_id,) in env.cr.fetchall()]):
        env["account.move"].browse(ids)._l10n_cl_dte_refresh()
        env.flush_all()
        env.invalidate_all()
