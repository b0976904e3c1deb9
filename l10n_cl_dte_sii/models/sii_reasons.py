# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Why a sending stands where it does: the one catalogue of codes and their texts.

Each has a short label for lists and a sentence for people: what happened, what it
means, what to do. The codes of an upload's STATUS and of an envelope's state are those
of the SII's manuals on sending and on asking.
"""

from odoo.tools import LazyTranslate

_lt = LazyTranslate(__name__)

REASONS = [
    # The SII cannot be had now: it goes on by itself.
    ("unreachable", "Not reachable"),
    ("no_answer", "No usable answer"),
    ("busy", "SII busy"),
    ("paused", "Paused after failures"),
    ("lost", "Interrupted while sending"),
    # Somebody has to act; it goes on by itself then.
    ("permission", "No permission"),
    ("company", "Company not authorised"),
    ("token", "Login refused"),
    ("address", "Address or TLS"),
    ("certificate", "Certificate"),
    ("resolution", "Resolution"),
    ("not_configured", "Not configured"),
    ("neutralized", "Test database"),
    ("copied", "Copied database"),
    ("test_caf", "Folios of a test"),
    ("envelope", "Envelope cannot be made"),
    # The envelope was refused as a whole.
    ("size", "Size"),
    ("cut", "File cut off"),
    ("schema", "Schema"),
    ("signature", "Signature"),
    ("cover", "Cover"),
    ("repeated", "Sent before"),
    ("content", "Content"),
    # Of what was processed.
    ("counts", "Counts differ"),
]
WIRE_REASONS = ("unreachable", "no_answer", "busy")

EXPLANATIONS = {
    "unreachable": _lt(
        "The SII's server cannot be reached. Nothing was sent, and nothing is lost."
    ),
    "no_answer": _lt("The SII's server gave no answer that can be used."),
    "busy": _lt("The SII says that it takes nothing at this moment."),
    "paused": _lt(
        "The SII's server has failed several times in a row, so it is left alone for a "
        "moment."
    ),
    "lost": _lt("It was interrupted while it was being sent."),
    "permission": _lt(
        "The SII says that the certificate's holder may not send for this company. "
        "Give the permission on the SII's site, under Factura electrónica → Sistema de "
        "facturación de mercado → Mantención de usuarios."
    ),
    "company": _lt(
        "The SII says that this company is not authorised to issue electronic "
        "documents in this environment. Finish its certification, or choose the other "
        "environment in the settings."
    ),
    "token": _lt(
        "The SII refused the login with the certificate. Check in the settings that it "
        "is valid, and the server's clock."
    ),
    "address": _lt(
        "What answers at the SII's address is not the SII, or cannot prove that it is. "
        "Nothing was sent: an administrator has to check the server's network."
    ),
    "certificate": _lt(
        "The company has no certificate that is valid now, of a holder whose RUT is "
        "known: load one in the settings."
    ),
    "resolution": _lt(
        "Number and date of the SII's resolution are missing: enter them in the "
        "settings. In certification the date is the day on which the SII authorised "
        "the tests."
    ),
    "not_configured": _lt(
        "The company works in no environment of the SII, or in another one than that "
        "of these documents: see the settings."
    ),
    "neutralized": _lt(
        "This is a neutralized test database: no document leaves it, and the SII is "
        "not asked."
    ),
    "copied": _lt(
        "This database is a copy of the one in which the SII's environment was chosen, "
        "so that nothing leaves it. To send from this one, an administrator empties "
        "the environment in the settings, saves, and chooses it again."
    ),
    "test_caf": _lt(
        "The folios were not signed with the SII's key of production (300): load a CAF "
        "of production, and issue the document with one of its folios."
    ),
    "envelope": _lt("The envelope could not be made."),
    "size": _lt("The SII refused the envelope for its size."),
    "cut": _lt("The SII says that the envelope arrived cut off."),
    "schema": _lt(
        "The SII refused the envelope because its form is not that of its schema. Mend "
        "what it says, and send again under the same folio."
    ),
    "signature": _lt(
        "The SII refused a signature. Check the certificate in the settings, and send "
        "again under the same folio."
    ),
    "cover": _lt(
        "The SII refused the envelope's cover: check the company's RUT, the number and "
        "date of its resolution and the certificate's holder in the settings, and send "
        "again under the same folio."
    ),
    "repeated": _lt("The SII says that it has this envelope already."),
    "content": _lt(
        "The SII refused the envelope. What it says of it stands below and in the mail "
        "with the result."
    ),
    "counts": _lt("What the SII counted is not what was sent."),
}

# Somebody has to act before it can go on.
ACT_REASONS = ("permission", "company", "token", "address")
# Of these the documents are to be mended; the others pass, or are the settings'.
REFUSED = ("size", "cut", "schema", "signature", "cover", "content")
# State of an envelope that was refused as a whole (manual of QueryEstUp).
STATE_REASONS = {
    "RSC": "schema",
    "RFR": "signature",
    "RCT": "cover",
    "RPT": "repeated",
    "RCH": "content",
    "VOF": "content",
}
