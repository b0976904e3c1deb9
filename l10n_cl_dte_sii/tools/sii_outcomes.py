# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a call to the SII ends with: a typed answer, or one of three errors.

================= ========================================== =======================
error             meaning                                    of an envelope
================= ========================================== =======================
:class:`NotSent`  nothing of the request has left            surely not stored
:class:`Refused`  the SII answered, and did not do it        surely not stored
:class:`Unknown`  no answer that says what became of it      **perhaps stored**: ask,
                                                             never send it again
================= ========================================== =======================

Errors carry codes and never the text of an exception.  Answers are kept without the
token.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

# Meanings of an envelope's state.
ON_THE_WAY, NOT_THERE, PROCESSED, REFUSED, OTHER = (
    "on_the_way",
    "not_there",
    "processed",
    "refused",
    "other",
)
ACCEPTED, OBJECTED, REJECTED = "accepted", "objected", "rejected"


class SiiFault(Exception):
    """The SII was not asked, did not do it, or nobody can tell.

    :param str code: what was the matter, a stable word that the caller translates:

        * of any: `unreachable` (name, connection, proxy), `no_answer` (time-out, reset,
          HTTP error, page, broken XML, redirect), `address` (what is there is not the
          SII: TLS, an address that nobody sends to), `token` (login refused),
          `permission` (STATUS 1, ESTADO 106), `busy` (STATUS 9), `size` (2)
        * of an upload: `cut` (3), `company` (6), `schema` (7), `signature` (8),
          `repeated` (99)
        * of :meth:`~.sii_client.SiiClient.ask_for_mail_again`: `no_mail`
    :param str state: STATUS or ESTADO where the SII gave one
    :param str detail: what the SII says of it
    :param str answer: all that it answered, cleaned and bounded
    """

    # Whether the SII itself has answered: what its breaker wants to know.
    is_there = False

    def __init__(self, code, *, state="", detail="", answer=""):
        super().__init__(code)
        self.code = code
        self.state = state
        self.detail = detail
        self.answer = answer


class NotSent(SiiFault):
    """Nothing of the request has left this machine."""


class Refused(SiiFault):
    """The SII answered that it does not do it: nothing was stored."""

    is_there = True


class Unknown(SiiFault):
    """What was sent may have arrived, or not."""

    def __init__(self, code, **kwargs):
        super().__init__(code, **kwargs)
        self.is_there = code == "repeated"


class Received(NamedTuple):
    """STATUS 0 with a TRACKID: the SII has the envelope, and has not looked at it yet.

    :param str track_id: digits, without leading zeros
    """

    track_id: str
    answer: str = ""


class Counts(NamedTuple):
    """What became of an envelope's documents of one type, in numbers.

    :param int objected: accepted, with objections; not among `accepted`
    """

    reported: int = 0
    accepted: int = 0
    rejected: int = 0
    objected: int = 0

    @property
    def verdict(self):
        """What became of each of them where all came to the same, or None."""
        if self.reported < 1:
            return None
        for state, number in (
            (ACCEPTED, self.accepted),
            (OBJECTED, self.objected),
            (REJECTED, self.rejected),
        ):
            others = self.accepted + self.objected + self.rejected - number
            if number == self.reported and not others:
                return state
        return None


@dataclass(frozen=True)
class UploadStatus:
    """What QueryEstUp says of an envelope.

    :param str state: the SII's word, e.g. `EPR`
    :param str meaning: `on_the_way`, `not_there` (−11 with ERR_CODE 2: not yet),
        `processed` (which is **not** *accepted*: see `counts`), `refused` (as a whole)
        or `other` (a state that no source names)
    :param counts: {type, e.g. "33": :class:`Counts`} of what is processed
    :param str detail: the SII's GLOSA
    """

    state: str
    meaning: str
    counts: dict = field(default_factory=dict)
    detail: str = ""
    answer: str = ""


@dataclass(frozen=True)
class DocumentStatus:
    """What QueryEstDte says of one document by its type, folio, date and amount.

    It has no word for *rejected* nor for *objected*.

    :param str state: e.g. `DOK`
    :param is_received: whether the SII has a document of that type and folio
    :param data_agree: whether its receiver, date and amount are those asked about
    """

    state: str
    is_received: bool
    data_agree: bool
    detail: str = ""
    answer: str = ""


@dataclass(frozen=True)
class DocumentKnown:
    """What QueryEstDteAv says of one document by its signature.

    :param bool is_known: the SII has this very document
    :param bool is_other: it has another one under this folio (an earlier version)
    :param track_id: of the envelope in which it came, where the SII tells, or None
    """

    is_known: bool
    is_other: bool = False
    track_id: str | None = None
    state: str = ""
    detail: str = ""
    answer: str = ""


class DocumentKey(NamedTuple):
    """A document as the SII's queries name it.

    :param str issuer: RUT, as `76101010-7`
    :param str receiver: RUT as in the document
    :param str code: type, e.g. `33`
    :param int folio:
    :param date date: of emission (FchEmis)
    :param int amount: MntTotal
    :param str signature: the DTE's SignatureValue, for :class:`DocumentKnown`
    """

    issuer: str
    receiver: str
    code: str
    folio: int
    date: object
    amount: int
    signature: str = ""
