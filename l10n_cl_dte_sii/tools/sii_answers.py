# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the SII's answers mean.

Sources: the SII's manuals on automatic sending (STATUS of an upload), automatic
authentication (ESTADO of seed and token), and on asking for the state of envelopes and
of documents (ESTADO, ERR_CODE); STATUS 99 and the states PRD, VOF and RPT are known
from libraries in use.  Names are matched without namespace or prefix, which vary.
"""

import re
from typing import NamedTuple

from . import xml
from .sii_outcomes import (
    NOT_THERE,
    ON_THE_WAY,
    OTHER,
    PROCESSED,
    REFUSED,
    Counts,
    DocumentKnown,
    DocumentStatus,
    Received,
    Refused,
    Unknown,
    UploadStatus,
)

# An answer that is kept: it is for people who look for a reason.
MAX_KEPT = 8 * 1024

# STATUS of an upload by which nothing was stored.
UPLOAD_REFUSALS = {
    "1": "permission",
    "2": "size",
    "3": "cut",
    "5": "token",
    "6": "company",
    "7": "schema",
    "8": "signature",
    "9": "busy",
}
RECEIVED, REPEATED = "0", "99"

UPLOAD_STATES = {
    **dict.fromkeys(("REC", "SOK", "CRT", "FOK", "PDR", "PRD"), ON_THE_WAY),
    **dict.fromkeys(("EPR", "RPR", "RLV"), PROCESSED),
    **dict.fromkeys(("RSC", "RFR", "RCT", "RCH", "RPT", "VOF"), REFUSED),
}
# ESTADO of a document: whether it is there, and whether the data agree.
DOCUMENT_STATES = {
    "DOK": (True, True),
    "DNK": (True, False),
    "FAU": (False, False),
    "FNA": (False, False),
    "FAN": (False, False),
    "EMP": (False, False),
    # What later notes did to a document that was received.
    **dict.fromkeys(("TMD", "TMC", "MMD", "MMC", "AND", "ANC"), (True, True)),
}
TOKEN_STATES = ("001", "002", "003")
NO_PERMISSION = "106"
NOT_THERE_YET = "-11"

_DECLARATION = re.compile(r"\A\s*(?:<\?xml[^>]*\?>\s*)?")
_DECLARED = re.compile(rb"""\A\s*<\?xml[^>]*encoding=["']([\w-]+)["']""")
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")


class TokenOver(Refused):
    """The token is not good (any more): a new login may help."""

    def __init__(self, state, answer):
        super().__init__("token", state=state, detail=answer.detail, answer=answer.text)


def as_text(content):
    """Return an answer as text: labels are not to be trusted, accents get mangled.

    :param bytes content:
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        declared = _DECLARED.match(content)
        is_latin = not declared or declared[1].lower() != b"utf-8"
        if is_latin or not _is_mostly_utf8(content):
            return content.decode("latin-1")
        return content.decode("utf-8", "replace")


def _is_mostly_utf8(content):
    """Tell whether more of the bytes beyond ASCII are UTF-8 than are not."""
    text = content.decode("utf-8", "replace")
    mangled = text.count("�")
    return sum(character > "\x7f" for character in text) - mangled > mangled


def kept(text):
    """Return the part of an answer that is kept, fit for a database and a page."""
    return _CONTROLS.sub("", text)[:MAX_KEPT]


class Answer(NamedTuple):
    """An answer, read: its elements in their order as (local name, text)."""

    elements: list
    text: str

    def get(self, name):
        """Return the text of the first element of a name, or an empty one."""
        return next((text for tag, text in self.elements if tag == name), "")

    def all(self, name):
        return [text for tag, text in self.elements if tag == name]

    @property
    def detail(self):
        """What the SII says of its own answer, as far as it says anything."""
        names = ("GLOSA", "GLOSA_ESTADO", "GLOSA_ERR")
        said = dict.fromkeys(filter(None, map(self.get, names)))
        return " · ".join(said)


def read(text):
    """Return the elements of an answer.

    :param str text:
    :rtype: Answer
    :raise Unknown: `no_answer` of what is no XML, or could do harm
    """
    content = _DECLARATION.sub("", text, count=1).encode("utf-8", "replace")
    try:
        root = xml.parse(content)
    except ValueError:
        raise Unknown("no_answer", answer=kept(text)) from None
    elements = [
        (node.tag.rpartition("}")[2], (node.text or "").strip())
        for node in root.iter()
        if isinstance(node.tag, str)
    ]
    return Answer(elements, kept(text))


def read_soap(text, method):
    """Return what a SOAP answer carries: an XML in a string.

    :param str method: that was called, e.g. `getEstUp`
    :rtype: Answer
    :raise Unknown: `no_answer` of a fault, and of anything else
    """
    outer = read(text)
    inner = outer.get(f"{method}Return")
    if not inner.startswith("<"):
        raise Unknown("no_answer", detail=outer.get("faultstring"), answer=outer.text)
    return read(inner)


# === Login === #


def login_part(answer, name):
    """Return SEMILLA or TOKEN of an answer.

    :raise Refused: `token` where the SII says why there is none
    :raise Unknown: `no_answer`
    """
    state, value = answer.get("ESTADO"), answer.get(name)
    if state == "00" and value:
        return value
    if state and state != "00":
        raise Refused("token", state=state, detail=answer.detail, answer=answer.text)
    raise Unknown("no_answer", answer=answer.text)


# === Upload === #


def upload_outcome(answer):
    """Return that an envelope was received.

    :rtype: Received
    :raise TokenOver: STATUS 5
    :raise Refused: what the SII says so of
    :raise Unknown: all else: 99, a STATUS that no source names, one without TRACKID
    """
    status, track_id = answer.get("STATUS"), answer.get("TRACKID")
    # Both of them, or neither: an answer that contradicts itself proves nothing.
    detail = "\n".join(answer.all("ERROR")) or answer.get("DETAIL")
    said = {"state": status, "detail": detail, "answer": answer.text}
    if answer.elements[0][0] != "RECEPCIONDTE" or len(answer.all("STATUS")) != 1:
        raise Unknown("no_answer", **said)
    if status == RECEIVED and _is_track(track_id):
        return Received(plain_track_id(track_id), answer.text)
    if track_id or status not in UPLOAD_REFUSALS:
        code = "repeated" if status == REPEATED else "no_answer"
        raise Unknown(code, **said)
    if status == "5":
        raise TokenOver(status, answer)
    raise Refused(UPLOAD_REFUSALS[status], **said)


def _is_track(text):
    return bool(re.fullmatch(r"0*[1-9][0-9]{0,17}", text))


def plain_track_id(text):
    """Return a track id as it is compared: digits, without leading zeros.

    :raise ValueError: of what is none
    """
    if not _is_track(text):
        raise ValueError("no track id")
    return text.lstrip("0")


# === What became of it === #


def _checked(answer):
    """Return the ESTADO of an answer to a query.

    :raise TokenOver:
    :raise Refused: `permission`
    :raise Unknown: where there is none
    """
    state = answer.get("ESTADO")
    if state in TOKEN_STATES:
        raise TokenOver(state, answer)
    if state == NO_PERMISSION:
        raise Refused(
            "permission", state=state, detail=answer.detail, answer=answer.text
        )
    if not state:
        raise Unknown("no_answer", answer=answer.text)
    return state


def upload_status(answer):
    """Return what became of an envelope.

    :rtype: UploadStatus
    :raise Unknown: an error of the SII's own (a number in the place of a state)
    """
    state = _checked(answer)
    said = {"detail": answer.detail, "answer": answer.text}
    if state == NOT_THERE_YET and answer.get("ERR_CODE") == "2":
        return UploadStatus(state, NOT_THERE, **said)
    if not state.isalpha():
        raise Unknown("no_answer", state=state, **said)
    meaning = UPLOAD_STATES.get(state, OTHER)
    counts = _counts(answer) if meaning == PROCESSED else {}
    return UploadStatus(state, meaning, counts, **said)


_NUMBERS = {
    "INFORMADOS": "reported",
    "ACEPTADOS": "accepted",
    "RECHAZADOS": "rejected",
    "REPAROS": "objected",
}


def _counts(answer):
    """Return {type: Counts}; what is no number leaves its type without any.

    The five elements stand one after the other, again for each type.
    """
    counts, broken, code = {}, set(), None
    for name, text in answer.elements:
        if name == "TIPO_DOCTO":
            code = text
            if code in counts:  # twice: nothing can be concluded
                broken.add(code)
            counts[code] = {}
        elif name in _NUMBERS and code:
            field = _NUMBERS[name]
            if field in counts[code] or not (text.isascii() and text.isdigit()):
                broken.add(code)
            else:
                counts[code][field] = int(text)
    return {
        code: Counts(**numbers)
        for code, numbers in counts.items()
        if code not in broken
    }


def document_status(answer):
    """Return what QueryEstDte says.

    :rtype: DocumentStatus
    :raise Unknown: a state that says nothing of the document
    """
    state = _checked(answer)
    if state not in DOCUMENT_STATES:
        raise Unknown(
            "no_answer", state=state, detail=answer.detail, answer=answer.text
        )
    return DocumentStatus(state, *DOCUMENT_STATES[state], answer.detail, answer.text)


def document_known(answer):
    """Return what QueryEstDteAv says.

    :rtype: DocumentKnown
    :raise Unknown: where it says neither yes nor no
    """
    _checked(answer)
    # One ESTADO is of the question, the other, in RESP_BODY, of the document.
    states = answer.all("ESTADO")
    state = next((each for each in states if each in DOCUMENT_STATES), "")
    said = {"state": state, "detail": answer.detail, "answer": answer.text}
    received, track_id = answer.get("RECIBIDO").upper(), answer.get("TRACKID")
    if received == "NO":
        return DocumentKnown(False, **said)
    # What the SII has under this folio may be an earlier version: its signature is
    # another one, and so the data differ.
    is_received, data_agree = DOCUMENT_STATES.get(state, (False, False))
    if received != "SI" or not is_received:
        said["state"] = state or states[0]
        raise Unknown("no_answer", **said)
    track_id = plain_track_id(track_id) if _is_track(track_id) else None
    return DocumentKnown(data_agree, not data_agree, track_id, **said)


def mail_outcome(answer):
    """Return what the SII says to the wish for another mail: its GLOSA.

    :raise Refused: `no_mail`
    """
    state = _checked(answer)
    if state in ("0", "00"):
        return answer.detail
    raise Refused("no_mail", state=state, detail=answer.detail, answer=answer.text)
