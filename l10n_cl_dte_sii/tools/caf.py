# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A CAF: the SII's authorisation of a range of folios, with the key that stamps them.

    caf = parse(content)
    check(caf, issuer="76101010-7", environment=CERTIFICATION, today=today, taken=[])

Sources: the SII's "Instructivo técnico" of the stamp; Res. Ex. 58 of 2017 for the six
months; what was measured on CAFs of production.
"""

import base64
import datetime
import re
from dataclasses import dataclass, field
from typing import NamedTuple

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from stdnum.cl import rut

from . import rsa_sha1
from .errors import (
    CERTIFICATION,
    PRODUCTION,
    CafBadRange,
    CafExpired,
    CafForged,
    CafFromTheFuture,
    CafKeyMismatch,
    CafOfAnotherCompany,
    CafOfAnotherEnvironment,
    CafOfAnotherType,
    CafOfUnknownAuthority,
    CafOfUnknownType,
    CafOverlaps,
    CafTooHigh,
    CafUnreadable,
    FolioOutOfRange,
)
from .xml import DECLARATION, flat, from_base64, without_declaration
from .xml import parse as parse_xml

KNOWN_TYPES = frozenset(
    ("33", "34", "39", "41", "43", "46", "52", "56", "61", "110", "111", "112")
)
# The others never expire. The SII compares the day of signing with the day that the
# folios were given; some count six months, we count the shorter 180 days.
EXPIRING_TYPES = frozenset(("33", "43", "46", "56", "61"))
VALID_DAYS = 180

# What Odoo reads of a document's name as its number has nine digits.
MAX_FOLIO = 999_999_999
# One is about 3 kB.
MAX_BYTES = 64 * 1024
ALGORITHM = "SHA1withRSA"


class Authority(NamedTuple):
    """Who signs CAFs.

    :param str key: its public key (SubjectPublicKeyInfo), base64
    :param str environment: the only one in which its CAFs are good
    """

    key: str
    environment: str

    def load(self):
        return serialization.load_der_public_key(base64.b64decode(self.key))


# By the number of the key (IDK). Their certificates ended in 2004; the keys are in use.
OFFICIAL = {
    300: Authority(
        "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAJ3uv8XuvZbfTHz1Pxv6Fdhdc+8ExnGPjAez94Xv7nXn"
        "tO9aOuB5wyZakA5F9gKJCvb7T6+iuNaTj38BHDWFszUCAwEAAQ==",
        PRODUCTION,
    ),
    100: Authority(
        "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAMj78A3LIaVQAKWFUixd5SinPgzhbMA6seXqfeSyooER"
        "41L6743LfVHjSavUsQXc1PZ8+eExFQWMnwFUKRuMcVMCAwEAAQ==",
        CERTIFICATION,
    ),
}


@dataclass(frozen=True)
class Caf:
    """An authorisation as it was read: nothing in it has been checked yet.

    :param str issuer: RUT of the company that got it (RE), as `76101010-7`
    :param str name: of that company, as the SII wrote it (RS)
    :param str code: type of document (TD)
    :param int first: folio of the range (RNG/D)
    :param int last: folio of the range (RNG/H)
    :param date date: day on which the SII gave it (FA)
    :param int key_id: number of the SII's key that signed it (IDK)
    :param public: the key that verifies its stamps (RSAPK)
    :param bytes node: the element `CAF`, flattened, in Latin-1: it goes into the stamp
    :param bytes signed: what the SII signed: the element `DA`, flattened
    :param bytes signature: of the SII (FRMA)
    """

    issuer: str
    name: str
    code: str
    first: int
    last: int
    date: datetime.date
    key_id: int
    public: rsa.RSAPublicKey = field(repr=False)
    node: bytes = field(repr=False)
    signed: bytes = field(repr=False)
    signature: bytes = field(repr=False)
    private_pem: bytes = field(repr=False)
    public_pem: bytes = field(repr=False)

    @property
    def expires_on(self):
        """The last day on which it may sign, or None if it never expires."""
        if self.code not in EXPIRING_TYPES:
            return None
        return self.date + datetime.timedelta(days=VALID_DAYS)

    def is_expired(self, day):
        return bool(self.expires_on and day > self.expires_on)

    def load_key(self):
        """Return the key that stamps; it belongs to what the SII signed.

        :raise CafKeyMismatch:
        """
        key = _load_private(self.private_pem)
        if key.public_key() != self.public:
            raise CafKeyMismatch
        return key


# === Reading === #


def parse(content):
    """Read a CAF's file, whose bytes are Latin-1 whatever it declares.

    :param bytes content: of the file
    :rtype: Caf
    :raise CafUnreadable:
    """
    if len(content) > MAX_BYTES:
        raise CafUnreadable
    # What an editor put before it does no harm: nothing of it was signed.
    text = without_declaration(content.removeprefix(b"\xef\xbb\xbf"))
    try:
        root = parse_xml(DECLARATION + text)
        return _read(root, text)
    except CafUnreadable:
        raise
    except (ValueError, AttributeError, TypeError):
        # No XML, or elements that are missing or hold something else.
        raise CafUnreadable from None


def _read(root, text):
    if root.tag != "AUTORIZACION" or b"<!--" in text or b"<![" in text:
        raise CafUnreadable
    node = flat(_only(rb"<CAF\b[^>]*>.*</CAF>", text))
    signed = _only(rb"<DA>.*</DA>", node)
    seal = root.find("CAF/FRMA")
    if seal.get("algoritmo") != ALGORITHM:
        raise CafUnreadable
    about = root.find("CAF/DA")
    return Caf(
        issuer=_rut(about.findtext("RE")),
        name=about.findtext("RS"),
        code=str(int(about.findtext("TD"))),
        first=int(about.findtext("RNG/D")),
        last=int(about.findtext("RNG/H")),
        date=datetime.date.fromisoformat(about.findtext("FA").strip()),
        key_id=int(about.findtext("IDK")),
        public=public_key(about.find("RSAPK")),
        node=node,
        signed=signed,
        signature=from_base64(seal.text),
        private_pem=_pem(root.findtext("RSASK")),
        public_pem=_pem(root.findtext("RSAPUBK")),
    )


def public_key(element):
    """Return the key in an element `RSAPK`.

    :raise ValueError: where it is none
    """
    modulus, exponent = (
        int.from_bytes(from_base64(element.findtext(name)), "big")
        for name in ("M", "E")
    )
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()


def _only(pattern, content):
    """Return what a file must have exactly once."""
    match = re.search(pattern, content, re.DOTALL)
    tag = pattern.partition(rb"\b")[0].partition(b">")[0]
    if not match or len(re.findall(tag + rb"\b", content)) != 1:
        raise CafUnreadable
    return match[0]


def _rut(text):
    number, _dash, digit = text.strip().upper().rpartition("-")
    return f"{int(number)}-{digit}"


def _pem(text):
    """Return a key without the tabs and empty lines that some files have."""
    lines = (line.strip() for line in text.splitlines())
    return "\n".join([*filter(None, lines), ""]).encode("ascii")


def _load_private(pem):
    try:
        key = serialization.load_pem_private_key(pem, None)
    except Exception:  # noqa: BLE001 the library raises whatever OpenSSL says
        raise CafKeyMismatch from None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise CafKeyMismatch
    return key


# === Checking === #


def check(caf, issuer, environment, today, taken=(), authorities=None):
    """Raise what makes a CAF useless for a company.

    :param Caf caf: as it was read
    :param str issuer: RUT of the company
    :param str environment: in which the company works
    :param date today: in Chile
    :param taken: the ranges `(first, last)` that the company has of this type
    :param dict authorities: more of them, by IDK: of a simulator. They never take the
        place of the SII's.
    :return: whether the signature could be checked: not where the SII uses a key
        that is not known here, which certification tolerates and production does not
    :rtype: bool
    :raise CafError:
    """
    if caf.issuer != _rut(issuer):
        raise CafOfAnotherCompany(caf.issuer, issuer)
    if caf.code not in KNOWN_TYPES:
        raise CafOfUnknownType(caf.code)
    if not 1 <= caf.first <= caf.last:
        raise CafBadRange(caf.first, caf.last)
    if caf.last > MAX_FOLIO:
        raise CafTooHigh(caf.last, MAX_FOLIO)
    if not rut.is_valid(caf.issuer):
        raise CafUnreadable
    is_vouched = check_authority(caf, environment, authorities)
    _check_keys(caf)
    _check_dates(caf, today)
    for first, last in taken:
        if caf.first <= last and first <= caf.last:
            raise CafOverlaps(caf.first, caf.last, first, last)
    return is_vouched


def check_authority(caf, environment, authorities=None):
    """Check who signed a CAF; parameters and result are those of :func:`check`."""
    authority = {**(authorities or {}), **OFFICIAL}.get(caf.key_id)
    if authority is None:
        if environment == CERTIFICATION:
            return False
        raise CafOfUnknownAuthority(caf.key_id, environment)
    if authority.environment != environment:
        raise CafOfAnotherEnvironment(authority.environment, environment)
    if not rsa_sha1.is_signed(authority.load(), caf.signed, caf.signature):
        raise CafForged
    return True


def _check_keys(caf):
    ours = caf.load_key().public_key()
    try:
        published = serialization.load_pem_public_key(caf.public_pem)
    except Exception:  # noqa: BLE001 the library raises whatever OpenSSL says
        raise CafKeyMismatch from None
    if published != ours:
        raise CafKeyMismatch


def _check_dates(caf, today):
    if caf.date > today:
        raise CafFromTheFuture(caf.date)
    if caf.is_expired(today):
        raise CafExpired(caf.date, caf.expires_on)


def check_use(caf, issuer, code, folio, day):
    """Raise what forbids this CAF to stamp one document.

    :param date day: of signing, in Chile
    :raise CafError:
    """
    if caf.issuer != _rut(issuer):
        raise CafOfAnotherCompany(caf.issuer, issuer)
    if caf.code != code:
        raise CafOfAnotherType(caf.code, code)
    if not caf.first <= folio <= caf.last:
        raise FolioOutOfRange(folio, caf.first, caf.last)
    if caf.is_expired(day):
        raise CafExpired(caf.date, caf.expires_on)


def from_node(node, private_pem):
    """Return a CAF that was read before, of the element that stamps need and its key.

    :param bytes node: :attr:`Caf.node`
    :param bytes private_pem: in any form that PEM has
    :rtype: Caf
    :raise CafUnreadable:
    """
    return parse(
        b"<AUTORIZACION>%s<RSASK>%s</RSASK><RSAPUBK>-</RSAPUBK></AUTORIZACION>"
        % (node, private_pem)
    )
