# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The mail in which the SII says what became of each document of an envelope.

It goes to the company's address at the SII, with an XML (RESULTADO_ENVIO) attached.
Documents that it does not name were accepted.  Its form is that of mails which programs
in use read (Odoo Enterprise's, LibreDTE's); there is no schema of it.

Nothing in a mail proves who wrote it: it is believed where it agrees with what the SII
answers itself.
"""

# pylint: disable=prefer-env-translation
# `_` is the caller's `env._`: there is no Odoo in here.

import html
import re
from dataclasses import dataclass, field

from . import xml
from .errors import SiiError
from .sii_answers import as_text, plain_track_id
from .sii_outcomes import ACCEPTED, OBJECTED, REJECTED, Counts

MAX_BYTES = 4 * 1024 * 1024

_ROOT = re.compile(r"<RESULTADO_ENVIO\b.*?</RESULTADO_ENVIO\s*>", re.DOTALL)
_STATES = {
    **dict.fromkeys(("RCH", "RSC", "RFR", "RCT", "FAN", "FNA"), REJECTED),
    **dict.fromkeys(("RPR", "RLV"), OBJECTED),
    **dict.fromkeys(("DOK", "ACD", "EPR"), ACCEPTED),
}
# "(REF L[5] -3-758) text": section, line, level, number.
_CODE = re.compile(
    r"\(?\s*([A-Z]{2,5})\s*(?:L\[(\d{1,4})\])?\s*-\s*(\d)\s*-\s*(\d{1,5})\s*\)?[\s:]*"
)


class ResultUnreadable(SiiError):
    """What was given is not the mail with an envelope's result."""

    def explain(self, _):
        return _(
            "This is not the mail with the result of an envelope: take the XML that is "
            "attached to the SII's mail “Resultado de Revisión Envío”, or all of its "
            "text."
        )


@dataclass(frozen=True)
class Finding:
    """One remark of the SII.

    :param str code: e.g. `REF-3-758`, or an empty text where it has none
    :param str text: as the SII words it
    :param line: number of the line or the reference that it is about, or None
    """

    code: str
    text: str
    line: int | None = None

    def as_dict(self):
        """Return it for a field of JSON."""
        return {"code": self.code, "text": self.text, "line": self.line}


@dataclass(frozen=True)
class Review:
    """What the SII says of one document.

    :param str code: its type, e.g. `33`
    :param state: `accepted`, `objected`, `rejected`; None where the word is unknown
    """

    code: str
    folio: int
    state: str | None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class Result:
    """What became of an envelope.

    :param str track_id: digits, without leading zeros
    :param str issuer: RUT of the company, as `76101010-7`
    :param str state: of the envelope, e.g. `EPR`
    :param counts: {type: :class:`Counts`}
    :param errors: why the envelope was refused as a whole
    :param reviews: of the documents that were rejected or objected to
    """

    track_id: str
    issuer: str
    state: str
    counts: dict = field(default_factory=dict)
    errors: tuple[Finding, ...] = ()
    reviews: tuple[Review, ...] = ()


def read(content):
    """Return the result in a mail's attachment, in its text, or in what was pasted.

    :param content: bytes or text, of the XML or with it somewhere in there
    :rtype: Result
    :raise ResultUnreadable:
    """
    if len(content) > MAX_BYTES:
        raise ResultUnreadable
    text = as_text(content) if isinstance(content, bytes) else content
    match = _ROOT.search(text) or _ROOT.search(html.unescape(text))
    if not match:
        raise ResultUnreadable
    try:
        root = xml.parse(match[0].encode("utf-8", "replace"))
        return Result(
            track_id=plain_track_id(_text(root, "IDENTIFICACION/TRACKID")),
            issuer=_rut(_text(root, "IDENTIFICACION/RUTEMISOR")),
            state=_word(_text(root, "IDENTIFICACION/ESTADO")),
            counts=dict(map(_counted, root.iterfind("ESTADISTICA/SUBTOTAL"))),
            errors=tuple(map(_finding, root.iterfind("ERRORENVIO/DETERRENVIO"))),
            reviews=tuple(map(_review, root.iterfind("REVISIONENVIO/REVISIONDTE"))),
        )
    except ValueError:
        raise ResultUnreadable from None


def _text(node, path):
    return " ".join((node.findtext(path) or "").split())


def _word(text):
    """Return the code at the beginning of `RCH - DTE Rechazado`."""
    return re.split(r"[^A-Z]", text.upper(), maxsplit=1)[0]


def _rut(text):
    match = re.fullmatch(r"0*(\d{1,8})-([\dkK])", text.replace(".", ""))
    if not match:
        raise ValueError("no RUT")
    return f"{match[1]}-{match[2].upper()}"


def _number(node, path):
    """Return a number, 0 where it is left out.

    :raise ValueError: of what is none
    """
    text = _text(node, path) or "0"
    if not (text.isascii() and text.isdigit()):
        raise ValueError(path)
    return int(text)


def _counted(node):
    names = ("INFORMADO", "ACEPTA", "RECHAZO", "REPARO")
    return _text(node, "TIPODOC"), Counts(*(_number(node, name) for name in names))


def _review(node):
    return Review(
        code=str(_number(node, "TIPODTE")),
        folio=_number(node, "FOLIO"),
        state=_STATES.get(_word(_text(node, "ESTADO"))),
        findings=tuple(map(_finding, node.iterfind("DETALLE"))),
    )


def _finding(node):
    text = " ".join("".join(node.itertext()).split())
    match = _CODE.match(text)
    if not match:
        return Finding("", text)
    section, line, level, number = match.groups()
    code = f"{section}-{level}-{number}"
    return Finding(code, text[match.end() :] or text, int(line) if line else None)
