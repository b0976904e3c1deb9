# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the AI service said could hold the key: proxies like to quote a request.

It is taken out of what was kept: the findings of validations, and the chatter of the
documents that were asked about.
"""

import logging
import os

from psycopg2.extras import Json

from odoo.addons.l10n_cl_dte_ai.tools.ai import Redactor

_logger = logging.getLogger(__name__)
KEY_VARIABLE, URL_VARIABLE = "L10N_CL_DTE_AI_KEY", "L10N_CL_DTE_AI_URL"
CHUNK = 10_000


def migrate(cr, version):
    cr.execute("SELECT key FROM l10n_cl_dte_ai_service WHERE key IS NOT NULL")
    keys = [key for (key,) in cr.fetchall()]
    from_environment = os.environ.get(KEY_VARIABLE, "").strip()
    if from_environment and not os.environ.get(URL_VARIABLE):
        _logger.warning(
            "%s is not used any more until %s names the one address that may be given "
            "it.",
            KEY_VARIABLE,
            URL_VARIABLE,
        )
    redact = Redactor(*keys, from_environment)
    count = _clean(
        cr,
        "SELECT id, findings FROM l10n_cl_dte_ai_validation WHERE findings IS NOT NULL",
        "UPDATE l10n_cl_dte_ai_validation SET findings = %s WHERE id = %s",
        lambda findings: _cleaned_findings(findings, redact),
    )
    count += _clean(
        cr,
        """
        SELECT id, body
          FROM mail_message
         WHERE model = 'account.move'
           AND body IS NOT NULL
           AND res_id IN (SELECT move_id FROM l10n_cl_dte_ai_validation)
        """,
        "UPDATE mail_message SET body = %s WHERE id = %s",
        redact,
    )
    if count:
        _logger.info("A key was taken out of %s texts that the service had sent", count)


def _cleaned_findings(findings, redact):
    texts = redact.all([finding["message"] for finding in findings])
    pairs = zip(findings, texts, strict=True)
    return [{**finding, "message": text} for finding, text in pairs]


def _clean(cr, query, update, cleaned):
    """Write what `cleaned` makes of each value that it changes; return how many."""
    count, last = 0, 0
    while True:
        cr.execute(f"{query} AND id > %s ORDER BY id LIMIT %s", [last, CHUNK])
        rows = cr.fetchall()
        if not rows:
            return count
        last = rows[-1][0]
        for row_id, value in rows:
            new = cleaned(value)
            if new != value:
                cr.execute(
                    update, [Json(new) if isinstance(new, list) else new, row_id]
                )
                count += 1
