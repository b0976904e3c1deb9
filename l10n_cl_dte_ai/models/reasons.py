# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Why a document has no opinion yet: the one catalogue of codes and their texts.

The codes are those of `tools.ai` and a few of our own.  Each has a short label
for lists and a sentence for people: what happened, what it means, what to do.
"""

from odoo.tools import LazyTranslate

from .alarm import is_off

_lt = LazyTranslate(__name__)

REASONS = [
    # The service cannot be had now: it is asked again by itself.
    ("unreachable", "Service unreachable"),
    ("timeout", "Service too slow"),
    ("interrupted", "Connection interrupted"),
    ("server_error", "Service failing"),
    ("busy", "Service busy"),
    ("proxy", "Proxy fails"),
    ("strange", "Something else answered"),
    ("paused", "Paused after failures"),
    ("rate_limited", "Rate limit reached"),
    # It answered without an opinion that can be trusted.
    ("no_opinion", "No opinion given"),
    ("unreadable", "Answer not understood"),
    ("contradictory", "Contradictory answer"),
    # An administrator has to act.
    ("tls", "Certificate problem"),
    ("plain_http", "No encryption there"),
    ("ca_file", "Certificates of this server missing"),
    ("redirect", "Service has moved"),
    ("credentials", "Key refused"),
    ("wrong_service", "Not the AI service"),
    ("address", "Invalid address"),
    ("not_configured", "Not configured"),
    ("neutralized", "Test database"),
    ("copied", "Copied database"),
    # Neither the service nor the document.
    ("fault", "Fault in Odoo"),
    # The document has to be mended.
    ("refused", "Document refused"),
]

# What stands between us and the service, and passes by itself: not the document's.
WIRE_REASONS = (
    "unreachable",
    "timeout",
    "interrupted",
    "server_error",
    "busy",
    "proxy",
    "strange",
)

# The service did answer, but not with an opinion.
UNTRUSTED_REASONS = ("no_opinion", "unreadable", "contradictory")

EXPLANATIONS = {
    "unreachable": _lt(
        "The AI service cannot be reached. Your document is kept in the queue and the "
        "service is asked again by itself."
    ),
    "timeout": _lt(
        "The AI service did not answer in time. Your document is kept in the queue and "
        "the service is asked again by itself."
    ),
    "interrupted": _lt(
        "The connection to the AI service broke off. Your document is kept in the "
        "queue and the service is asked again by itself."
    ),
    "server_error": _lt(
        "The AI service reported a fault of its own. Your document is kept in the "
        "queue and the service is asked again by itself."
    ),
    "busy": _lt(
        "The AI service is busy. Your document is kept in the queue and the service is "
        "asked again by itself."
    ),
    "proxy": _lt(
        "The proxy through which this server reaches the Internet did not let it reach "
        "the AI service. Your document is kept in the queue and the service is asked "
        "again by itself. If this lasts, an administrator has to check the proxy that "
        "the server's environment names (HTTPS_PROXY)."
    ),
    "strange": _lt(
        "Something other than the AI service answered, as happens while it or a proxy "
        "is restarted. Your document is kept in the queue and the service is asked "
        "again by itself; if it lasts, the administrators are told."
    ),
    "paused": _lt(
        "The AI service has failed on several documents in a row, so it is left alone "
        "for a moment. Yours has not been sent yet: it is kept in the queue and is "
        "asked about by itself."
    ),
    "rate_limited": _lt(
        "The AI service accepts no more documents at this moment. Yours is kept in the "
        "queue and is asked about as soon as the limit allows."
    ),
    "no_opinion": _lt(
        "The AI service answered, but its model gave no opinion. This is not an "
        "approval."
    ),
    "unreadable": _lt(
        "The AI service answered something that cannot be understood, so it is not "
        "taken for an opinion."
    ),
    "contradictory": _lt(
        "The AI service recommended sending and contradicted itself: it listed errors, "
        "or had no confidence in its answer. So that is not taken for an opinion."
    ),
    "plain_http": _lt(
        "What answers at this address and port speaks http without encryption, so "
        "nothing was sent. An administrator has to enter the address of the encrypted "
        "service; in your own protected network, the address can begin with http:// "
        "and unencrypted connections be allowed."
    ),
    "tls": _lt(
        "The certificate of the AI service could not be verified, so nothing was sent. "
        "An administrator has to check the address in the settings."
    ),
    "ca_file": _lt(
        "The file of trusted certificate authorities that this server's environment "
        "names is missing, so the AI service could not be verified and nothing was "
        "sent. An administrator has to check REQUESTS_CA_BUNDLE."
    ),
    "redirect": _lt(
        "The AI service points to another address, and documents are not sent after "
        "it. An administrator has to enter the new address in the settings."
    ),
    "credentials": _lt(
        "The AI service refused the key. An administrator has to enter a valid key in "
        "the settings."
    ),
    "wrong_service": _lt(
        "What answers at the address in the settings is not the AI service. An "
        "administrator has to check the address."
    ),
    "address": _lt(
        "The address of the AI service is not valid. An administrator has to check it "
        "in the settings."
    ),
    "not_configured": _lt(
        "No AI service is configured for this company. An administrator can enter its "
        "address and key in the settings."
    ),
    "neutralized": _lt(
        "This is a neutralized test database: no document leaves it, and the AI "
        "service is not asked."
    ),
    "copied": _lt(
        "This database is a copy of the one in which the AI service was configured, so "
        "it is not asked. To use it here, enter the key again in the settings."
    ),
    "fault": _lt(
        "Odoo itself met a fault while it asked: the AI service is not to blame, and "
        "neither is your document, which is kept in the queue. If it happens again, "
        "tell your administrator; the server's log says which fault it was."
    ),
    "refused": _lt(
        "The AI service does not accept this document as it is. Mend what it says and "
        "check again."
    ),
}


def cron_off_text(env, cron):
    """Return what it means that a scheduled action is off, or None where it is on.

    :param str cron: its XML ID
    """
    if not is_off(env, cron):
        return None
    job = env.ref(cron, raise_if_not_found=False)
    return env._(
        "Nothing that waits goes on by itself, because the scheduled action “%s” is "
        "switched off. An administrator has to activate it again (Settings, Technical, "
        "Scheduled Actions).",
        job.sudo().name if job else cron,
    )
