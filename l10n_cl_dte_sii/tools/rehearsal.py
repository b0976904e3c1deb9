# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What signing would make of a document, with keys that are good for nothing.

So that the SII's schema says what it has against a document before a folio is spent.
"""

import datetime
import functools
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from . import envelope, signature, stamp
from .caf import Caf
from .signature import Signer
from .xml import to_base64

_NODE = (
    '<CAF version="1.0"><DA><RE>{facts.RE}</RE><RS>Ensayo</RS><TD>{facts.TD}</TD>'
    "<RNG><D>{facts.F}</D><H>{facts.F}</H></RNG><FA>{day}</FA>"
    "<RSAPK><M>{modulus}</M><E>{exponent}</E></RSAPK><IDK>0</IDK></DA>"
    '<FRMA algoritmo="SHA1withRSA">{frma}</FRMA></CAF>'
)


class Rehearsed(NamedTuple):
    """:param bytes document: as it would be signed
    :param bytes envelope: with that document in it
    """

    document: bytes
    envelope: bytes


def rehearse(content, cover, time):
    """Return a document and its envelope as they would be signed.

    :param bytes content: of the unsigned file, with any folio from 1 on
    :param envelope.Cover cover:
    :param datetime time: of the signature, Chile's local time without a zone
    :rtype: Rehearsed
    :raise SiiError: what stamp or signature have against it
    """
    signer = _signer()
    caf = _caf(stamp.facts(content), time.date())
    stamped, _ted = stamp.stamp(content, caf, signer.key, time)
    document = signature.sign_dte(stamped, signer)
    unsigned = envelope.build([document], cover, time)
    return Rehearsed(document, signature.sign_envelope(unsigned, signer))


@functools.cache
def _signer():
    """A key for this process, and a certificate of nobody for it."""
    key = rsa.generate_private_key(65537, 1024)  # noqa: S505 it protects nothing
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Ensayo")])
    now = datetime.datetime.now(datetime.timezone.utc)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
    )
    return Signer(key, builder.sign(key, hashes.SHA256()))


def _caf(facts, day):
    """A CAF that fits one document, signed by nobody."""
    public = _signer().key.public_key()
    numbers = public.public_numbers()
    node = _NODE.format(
        facts=facts,
        day=day,
        modulus=_base64(numbers.n),
        exponent=_base64(numbers.e),
        frma=to_base64(bytes(64)),
    ).encode("ascii")
    return Caf(
        issuer=facts.RE,
        name="Ensayo",
        code=facts.TD,
        first=facts.F,
        last=facts.F,
        date=day,
        key_id=0,
        public=public,
        node=node,
        signed=b"",
        signature=b"",
        private_pem=b"",
        public_pem=b"",
    )


def _base64(number):
    return to_base64(number.to_bytes((number.bit_length() + 7) // 8, "big"))
