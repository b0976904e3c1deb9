# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What JSON Schema cannot say: a document's date is not in the future."""

import schemathesis

from ai_service import clock


@schemathesis.hook
def filter_body(context, body):
    """Whether schemathesis should send a body that it made up."""
    document = body.get("dte_data") if isinstance(body, dict) else None
    date = document.get("fecha_emision") if isinstance(document, dict) else None
    return not isinstance(date, str) or date <= clock.today().isoformat()
