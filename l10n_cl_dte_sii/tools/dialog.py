# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What is said to the SII about one envelope, and what is concluded from its answers.

No Odoo and no database in here: what is needed is given, and what was learnt is
returned, so that no transaction is open meanwhile.
"""

import time
from dataclasses import dataclass, field
from typing import NamedTuple

from .sii_outcomes import PROCESSED, REJECTED, Counts, DocumentKey, NotSent, SiiFault

NOT_SENT, REFUSED, UNKNOWN, DONE = "not_sent", "refused", "unknown", "done"


class Upload(NamedTuple):
    """An envelope to send.

    :param str issuer: RUT of the company
    :param str name: of the file
    :param bytes content: of it
    :param float begin_until: monotonic time after which it is not begun any more
    """

    issuer: str
    name: str
    content: bytes
    begin_until: float


class Inquiry(NamedTuple):
    """An envelope that the SII is asked about.

    :param track_id: None where it is not known whether it arrived
    :param documents: {id: DocumentKey}
    """

    issuer: str
    track_id: str | None
    documents: dict[int, DocumentKey]


class Exchange(NamedTuple):
    """One call, and what came of it.

    :param str question: a kind of `l10n_cl_dte_sii.attempt`
    :param str kind: `done`, or of a fault `not_sent`, `refused`, `unknown`
    :param reason: the fault's code
    :param value: of a call that was answered, as the client gives it
    """

    question: str
    document_id: int | None = None
    kind: str = DONE
    reason: str | None = None
    value: object = None
    label: str = ""
    detail: str = ""
    answer: str = ""
    duration_ms: int = 0
    is_there: bool = True


@dataclass
class Found:
    """What was learnt about an envelope.

    :ivar exchanges: all of them
    :ivar reason: the code of the fault, where it could not be asked to the end
    :ivar state: of the envelope, as the SII names it; `meaning` is what it means
    :ivar counts: {type: Counts} of what is processed
    :ivar verdicts: {id: accepted, objected, rejected} of the documents that are known
    :ivar tracks: {id: track id, "" where it is not told} of documents whose arrival was
        not known, or that the SII has under another one than asked
    """

    exchanges: list = field(default_factory=list)
    state: str = ""
    meaning: str = ""
    detail: str = ""
    counts: dict = field(default_factory=dict)
    verdicts: dict = field(default_factory=dict)
    tracks: dict = field(default_factory=dict)

    @property
    def reason(self):
        return self.exchanges[-1].reason if self.exchanges else None

    @property
    def is_there(self):
        return self.exchanges[-1].is_there if self.exchanges else True


class _Fault(Exception):
    """What was asked was not answered: it ends the dialog."""


def upload(client, call):
    """Post an envelope, once.

    :param SiiClient client:
    :param Upload call:
    :rtype: Exchange, with the track id as its value
    """
    if time.monotonic() > call.begin_until:
        return Exchange("upload", kind=NOT_SENT, reason="lost")

    def post():
        received = client.upload(call.issuer, call.name, call.content)
        return received.track_id, "STATUS 0", received

    return _exchange("upload", post)


def inquire(client, inquiry):
    """Ask what became of an envelope, or whether it arrived at all.

    :param SiiClient client:
    :param Inquiry inquiry:
    :rtype: Found
    """
    found = Found()
    try:
        if inquiry.track_id is None:
            _ask_arrival(client, inquiry, found)
        else:
            _ask_result(client, inquiry, found)
    except _Fault:
        found.verdicts, found.tracks = {}, {}
    return found


def ask_for_mail(client, inquiry):
    """Have the SII send the mail with the result again.

    :rtype: Exchange
    """

    def ask():
        said = client.ask_for_mail_again(inquiry.issuer, inquiry.track_id)
        return said, said, None

    return _exchange("mail", ask)


def verdicts(counts, documents, missing=()):
    """Return what counts by type say of each document, as far as they say it.

    :param counts: {type: Counts}
    :param documents: {id: DocumentKey}, all that are in the envelope
    :param missing: ids of those that the SII has not, or not as of this envelope
    :rtype: dict[int, str]
    """
    found = {}
    for code in {each.code for each in documents.values()}:
        ids = [key for key, each in documents.items() if each.code == code]
        of_type = counts.get(code, Counts())
        if of_type.reported != len(ids):
            continue
        gone = [key for key in ids if key in missing]
        if gone and len(gone) == of_type.rejected:
            found |= dict.fromkeys(gone, REJECTED)
            ids = [key for key in ids if key not in gone]
            of_type = of_type._replace(reported=len(ids), rejected=0)
        if verdict := of_type.verdict:
            found |= dict.fromkeys(ids, verdict)
    return found


# === One call === #


def _exchange(question, call, document_id=None):
    """Call, and keep what came of it.

    :param call: returns its value, a word for lists, and the client's answer
    :rtype: Exchange
    """
    start = time.monotonic()
    try:
        value, label, answer = call()
    except SiiFault as fault:
        kind = REFUSED if fault.is_there and fault.code != "repeated" else UNKNOWN
        return Exchange(
            question,
            document_id,
            NOT_SENT if isinstance(fault, NotSent) else kind,
            fault.code,
            label=fault.state or fault.code,
            detail=fault.detail,
            answer=fault.answer,
            duration_ms=_since(start),
            is_there=fault.is_there,
        )
    return Exchange(
        question,
        document_id,
        value=value,
        label=label,
        detail=getattr(answer, "detail", ""),
        answer=getattr(answer, "answer", ""),
        duration_ms=_since(start),
    )


def _since(start):
    return round(1000 * (time.monotonic() - start))


def _asked(found, question, call, document_id=None):
    """Ask, note it, and return the value."""
    exchange = _exchange(question, call, document_id)
    found.exchanges.append(exchange)
    if exchange.kind != DONE:
        raise _Fault
    return exchange.value


def _ask_known(client, document_id, key, found):
    """Ask whether the SII has this very document, by its signature."""

    def ask():
        said = client.document_known(key)
        return said, "SI" if said.is_known else "NO", said

    return _asked(found, "known", ask, document_id)


def _ask_status(client, document_id, key, found):
    """Ask whether the SII has a document of this folio."""

    def ask():
        said = client.document_status(key)
        return said, said.state, said

    return _asked(found, "document", ask, document_id)


# === Dialogs === #


def _ask_arrival(client, inquiry, found):
    for document_id, key in inquiry.documents.items():
        said = _ask_known(client, document_id, key, found)
        if said.is_known:
            found.tracks[document_id] = said.track_id or ""


def _ask_result(client, inquiry, found):
    def ask():
        said = client.upload_status(inquiry.issuer, inquiry.track_id)
        return said, said.state, said

    said = _asked(found, "state", ask)
    found.state, found.meaning, found.detail = said.state, said.meaning, said.detail
    if said.meaning == PROCESSED:
        found.counts = said.counts
        _ask_documents(client, inquiry, found)


def _ask_documents(client, inquiry, found):
    """Find out about single documents what the counts do not say.

    One that is rejected because the SII has it already is not rejected: so each that
    may be rejected is asked about by its signature first.
    """
    documents = inquiry.documents
    known = verdicts(found.counts, documents)
    missing = set()
    if any(counts.rejected for counts in found.counts.values()):
        for document_id, key in documents.items():
            if known.get(document_id, REJECTED) == REJECTED:
                said = _ask_known(client, document_id, key, found)
                # Of an earlier version under this folio the track id says nothing.
                is_elsewhere = said.is_known and said.track_id != inquiry.track_id
                if is_elsewhere and said.track_id:
                    found.tracks[document_id] = said.track_id
                    missing.add(document_id)
    for document_id, key in documents.items():
        if document_id in known or document_id in missing:
            continue
        if not _ask_status(client, document_id, key, found).is_received:
            missing.add(document_id)
    known = verdicts(found.counts, documents, missing)
    found.verdicts = {
        key: state for key, state in known.items() if key not in found.tracks
    }
