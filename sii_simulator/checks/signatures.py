# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""XML signatures, verified by signxml, the library that cl-sii uses.

A DTE is verified as the SII is reported to do it: cut out of the envelope, as a
document of its own, so that nothing is inherited from what stands around it. With
`any_shape` the other ways that are in use count, too: in its place, and without an
`xmlns:xsi` that the DTE itself declares (as exclusive canonicalisation sees it).
"""

import base64
import re

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from lxml import etree
from signxml import SignatureConfiguration, XMLVerifier, exceptions
from signxml.algorithms import DigestAlgorithm, SignatureMethod

from . import reading

_XSI_DECLARED = re.compile(rb"""\s+xmlns:xsi\s*=\s*(?:"[^"]*"|'[^']*')""")
_WRONG = (
    exceptions.SignXMLException,
    exceptions.InvalidCertificate,
    etree.LxmlError,
    UnsupportedAlgorithm,
    ValueError,
    TypeError,
)


class BadSignature(Exception):
    """The signature does not hold; the text says why."""


def verify(content, signed, location="./"):
    """Verify the signature that is a child of the root; return its certificate.

    `content` is a document (bytes) and `signed` the ID that the signature must be for;
    "" for the whole document. Raises `BadSignature`.
    """
    root = reading.parse(content)
    signature = root.find(f"{location}{{{reading.DSIG}}}Signature")
    if signature is None:
        raise BadSignature("no tiene firma")
    uri = signature.find("d:SignedInfo/d:Reference", reading.NAMES)
    if uri is None or uri.get("URI") != (f"#{signed}" if signed else ""):
        raise BadSignature("la referencia no es a lo firmado")
    certificate = _certificate(signature)
    verifier = XMLVerifier()
    # lxml's canonical form of an inner node may carry an empty xmlns; so does cl-sii.
    verifier.excise_empty_xmlns_declarations = True
    try:
        verifier.verify(
            content,
            x509_cert=certificate,
            expect_config=SignatureConfiguration(
                location=location,
                signature_methods=frozenset([SignatureMethod.RSA_SHA1]),
                digest_algorithms=frozenset([DigestAlgorithm.SHA1]),
                ignore_ambiguous_key_info=True,  # compared in _certificate
                # Whether it was in force when it signed is asked elsewhere.
                verification_time=certificate.not_valid_before_utc,
            ),
        )
    except _WRONG as error:
        raise BadSignature(f"{type(error).__name__}: {error}") from None
    return certificate


def verify_document(cut, encoding, envelope=None):
    """The certificate of a DTE's signature, see the module; `cut` is its `Cut`.

    `envelope` (bytes, and the position of the DTE in it) allows any shape.
    """
    alone = reading.standalone(cut.document, encoding)
    signed, has_namespace = _document_id(alone)
    try:
        if not has_namespace:
            raise BadSignature("el DTE suelto no declara el namespace del SII")
        return verify(alone, signed)
    except BadSignature as error:
        if not envelope:
            raise
        reason = error
    without = _XSI_DECLARED.sub(b"", cut.document, count=1)
    for content, location in (
        (reading.standalone(without, encoding), "./"),
        (envelope[0], f"./s:SetDTE/s:DTE[{envelope[1] + 1}]/"),
    ):
        location = location.replace("s:", f"{{{reading.SII}}}")
        try:
            return verify(content, signed, location)
        except BadSignature:
            continue
    raise reason


def holds_at(certificate, moment):
    """Whether the certificate is in force at `moment` (aware)."""
    return certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc


def _document_id(content):
    """(ID, whether it has the SII's namespace) of what a DTE signs, its first child."""
    signed = reading.signed_of(reading.parse(content))
    return signed.get("ID", ""), signed.tag.startswith(f"{{{reading.SII}}}")


def _certificate(signature):
    given = signature.findtext(
        "d:KeyInfo/d:X509Data/d:X509Certificate", namespaces=reading.NAMES
    )
    try:
        certificate = x509.load_der_x509_certificate(base64.b64decode(given or ""))
        public = certificate.public_key().public_numbers()
        modulus, exponent = (
            int.from_bytes(base64.b64decode(_key_value(signature, name)), "big")
            for name in ("Modulus", "Exponent")
        )
        is_same = (public.n, public.e) == (modulus, exponent)
    except (ValueError, TypeError, AttributeError):
        raise BadSignature("KeyInfo sin certificado y clave RSA") from None
    if not is_same:
        raise BadSignature("KeyValue no es la clave del certificado")
    return certificate


def _key_value(signature, name):
    return signature.findtext(
        f"d:KeyInfo/d:KeyValue/d:RSAKeyValue/d:{name}", namespaces=reading.NAMES
    )
