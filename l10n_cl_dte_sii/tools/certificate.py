# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A person's certificate: read from its .pfx, and whose it is."""

import re

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from stdnum.cl import rut

from .errors import (
    CertificateNotRsa,
    CertificateNotValidNow,
    CertificatePasswordWrong,
    CertificateUnreadable,
    CertificateWithoutKey,
)
from .signature import Signer

# Of the SII: the holder's RUT as otherName of the SubjectAlternativeName. The issuer's
# is at the same place of another extension, under ….2.
HOLDER_RUT = x509.ObjectIdentifier("1.3.6.1.4.1.8321.1")
MAX_BYTES = 64 * 1024

# How each form of file begins: PKCS#12 is a DER sequence with the version number 3.
_PKCS12 = re.compile(
    rb"\x30(?:[\x00-\x80]|\x81.|\x82..|\x83...)\x02\x01\x03", re.DOTALL
)
_RUT = re.compile(r"\b(\d{1,2}\.?\d{3}\.?\d{3})-?([\dkK])\b")


def load(content, password, now):
    """Return who signs, from a .pfx or .p12.

    :param bytes content: of the file
    :param str password: that opens it
    :param datetime now: with its zone
    :rtype: Signer
    :raise CertificateError:
    """
    if len(content) > MAX_BYTES:
        raise CertificateUnreadable
    if not _PKCS12.match(content):
        raise _what_else(content)
    try:
        key, certificate, _more = pkcs12.load_key_and_certificates(
            content, (password or "").encode()
        )
    except Exception:  # noqa: BLE001 the library raises whatever OpenSSL says
        raise CertificatePasswordWrong from None
    if key is None or certificate is None:
        raise CertificateWithoutKey
    if not isinstance(key, rsa.RSAPrivateKey):
        raise CertificateNotRsa
    check_validity(certificate, now)
    return Signer(key, certificate)


def _what_else(content):
    """Return the error for a file that is no PKCS#12."""
    for read in (x509.load_der_x509_certificate, x509.load_pem_x509_certificate):
        try:
            read(content)
        except ValueError:
            continue
        return CertificateWithoutKey()
    return CertificateUnreadable()


def check_validity(certificate, now):
    """:raise CertificateNotValidNow: before its first moment and after its last"""
    first, last = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if not first <= now <= last:
        raise CertificateNotValidNow(first.date(), last.date())


def holder_rut(certificate):
    """Return the RUT of who holds a certificate, as `12345678-5`, or None.

    It stands in the SubjectAlternativeName, formerly in the subject's serial number;
    some certificates have neither, and the holder has to say it.
    """
    for text in (*_alternative_names(certificate), *_serial_numbers(certificate)):
        match = _RUT.search(text)
        if match and rut.is_valid("".join(match.groups())):
            number = int(match[1].replace(".", ""))
            return f"{number}-{match[2].upper()}"
    return None


def _alternative_names(certificate):
    try:
        extension = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        )
    except (x509.ExtensionNotFound, ValueError):
        return
    for name in extension.value.get_values_for_type(x509.OtherName):
        if name.type_id == HOLDER_RUT:
            # The DER of a short string: a byte of kind, one of length, the text.
            yield name.value[2:].decode("latin-1")


def _serial_numbers(certificate):
    for attribute in certificate.subject.get_attributes_for_oid(
        x509.NameOID.SERIAL_NUMBER
    ):
        yield str(attribute.value)
