# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the simulator keeps: logins, companies, envelopes, documents, mails. In memory.

Everything is read and changed with `lock` held; checks that cost time run without it.
"""

import datetime
import hashlib
import itertools
import secrets
import string
import threading
from collections import Counter
from dataclasses import dataclass, field

from .findings import ACCEPTED, REJECTED

SEED_SECONDS = 120  # the manual's two minutes
_TOKEN_LETTERS = string.ascii_uppercase + string.digits


@dataclass
class Company:
    """What the SII's register says of a taxpayer."""

    rut: str
    resolution_date: str | None = None  # YYYY-MM-DD; None: any
    resolution_number: int | None = None
    senders: frozenset | None = None  # RUTs that may send; None: anybody
    authorised: bool = True
    mail: str = ""


@dataclass
class Token:
    holder: str | None  # the RUT in the certificate
    kind: str  # which hosts it is for: dte, boleta
    since: datetime.datetime
    calls: int = 0


@dataclass
class Document:
    """A DTE in an envelope that was not refused."""

    issuer: str
    code: str
    folio: int
    receiver: str
    date: str  # YYYY-MM-DD
    amount: int
    signature: str  # SignatureValue without white space
    content: bytes  # the DTE as it stood in the envelope
    received: datetime.datetime
    track: int
    findings: list = field(default_factory=list)
    state: str = ACCEPTED
    references: list = field(default_factory=list)  # (type, folio, CodRef)

    @property
    def key(self):
        return self.issuer, self.code, self.folio

    @property
    def sha256(self):
        return hashlib.sha256(self.content).hexdigest()


@dataclass
class Sending:
    """An envelope that was taken, with a track id."""

    track: int
    sender: str
    company: str
    content: bytes
    received: datetime.datetime
    refused: str = ""  # RSC, RFR, RCT, RPT, VOF: the envelope as a whole
    errors: list = field(default_factory=list)  # why, as lines
    documents: list = field(default_factory=list)
    finished: bool = False  # its mail is out


@dataclass
class Settings:
    """What an admin call changes, and the command line sets."""

    environment: str = "certificacion"
    # Seconds after the upload at which each state begins.
    delays: dict = field(
        default_factory=lambda: {"SOK": 1, "CRT": 2, "FOK": 3, "PDR": 4, "EPR": 5}
    )
    latency: float = 0.0  # seconds that each answer takes
    token_seconds: float = 3600.0
    open_register: bool = True  # companies that nobody registered may send, too
    any_shape: bool = False  # signatures: see checks.signatures
    schema_later: bool = False  # RSC instead of STATUS 7
    signature_at_once: bool = False  # STATUS 8 instead of RFR
    reuse_rejected: bool = True  # a rejected folio may come again, corrected
    rejected_is_received: bool = True  # QueryEstDte: DOK for a rejected one, else FAU
    strict_user_agent: bool = True
    size_limit: int = 50 * 2**20


class Store:
    def __init__(self, clock):
        self.clock = clock
        self.lock = threading.RLock()
        self.settings = Settings()
        self.clear()

    def clear(self):
        with self.lock:
            self.seeds, self.tokens, self.companies = {}, {}, {}
            self.sendings, self.documents = {}, {}
            self.mails, self.decisions, self.fixed = [], [], {}
            self.annulled, self.ranges = set(), []
            self.counters = Counter()
            self.arrivals = Counter()  # how often each SignatureValue came in
            self.claims = {}
            self._tracks = itertools.count(257000001)
            self._seeds = itertools.count(43000000001)
            self._attentions = itertools.count(100001)

    def new_track(self, kind="dte"):
        """Ten digits with leading zeros when written, fifteen for boletas."""
        number = next(self._tracks)
        return number + 10**14 if kind == "boleta" else number

    def attention(self):
        """A "número de atención", as answers carry it."""
        return f"{next(self._attentions)} ( {self.clock.local():%Y/%m/%d %H:%M:%S})"

    # === Login ===

    def new_seed(self):
        with self.lock:
            seed = f"{next(self._seeds):012}"
            self.seeds[seed] = self.clock.now()
            return seed

    def use_seed(self, seed):
        """Whether the seed is ours, unused, and not older than two minutes."""
        with self.lock:
            since = self.seeds.pop(seed, None)
            age = (self.clock.now() - since).total_seconds() if since else None
            return age is not None and 0 <= age <= SEED_SECONDS

    def new_token(self, holder, kind="dte"):
        token = "".join(secrets.choice(_TOKEN_LETTERS) for _ in range(16))
        with self.lock:
            self.tokens[token] = Token(holder, kind, self.clock.now())
        return token

    def token(self, value, kind="dte"):
        """(Token, ""), or (None, "001" unknown or "002" expired)."""
        with self.lock:
            found = self.tokens.get((value or "").strip())
            if not found or found.kind != kind:
                return None, "001"
            age = (self.clock.now() - found.since).total_seconds()
            if age > self.settings.token_seconds:
                return None, "002"
            found.calls += 1
            return found, ""

    def drop_tokens(self):
        with self.lock:
            self.tokens.clear()

    # === Register ===

    def may_send(self, sender, company):
        """0, or the STATUS of an upload: 1 no permission, 6 company not authorised."""
        known = self.companies.get(company)
        if known is None:
            return 0 if self.settings.open_register else 6
        if not known.authorised:
            return 6
        if known.senders is not None and sender not in known.senders:
            return 1
        return 0

    # === Documents ===

    def current(self, key):
        """The document that holds a folio; one that was rejected only if no other."""
        versions = self.documents.get(key, [])
        valid = [each for each in versions if each.state != REJECTED]
        return (valid or versions or [None])[-1]

    def add(self, document):
        self.documents.setdefault(document.key, []).append(document)

    def notes(self, document):
        """(note, CodRef) of the accepted 56 and 61 that refer to a document."""
        wanted = document.code, str(document.folio)
        return [
            (note, reason)
            for versions in self.documents.values()
            for note in versions
            if note.issuer == document.issuer
            and note.code in ("56", "61")
            and note.state != REJECTED
            for *target, reason in note.references
            if tuple(target) == wanted
        ]
