# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The electronic signature of a DTE, an envelope and a seed, as the SII wants it.

XMLDSig with inclusive canonical XML and SHA-1.  A DTE is signed alone and its bytes are
put into the envelope unchanged: it declares no `xsi`, the envelope does.  Of the shapes
that occur this is the one which every program accepts that we could try.  Files of
others are accepted in three shapes, see :func:`verify`.
"""

import base64
import hashlib
import textwrap
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from . import rsa_sha1
from .errors import DocumentUnreadable, SignatureBroken
from .xml import DSIG, SII, XSI, canonical, from_base64, parse

C14N = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = f"{DSIG}enveloped-signature"
RSA_SHA1 = f"{DSIG}rsa-sha1"
SHA1 = f"{DSIG}sha1"

_SIGNED_INFO = (
    "<SignedInfo{namespaces}>"
    f'<CanonicalizationMethod Algorithm="{C14N}"></CanonicalizationMethod>'
    f'<SignatureMethod Algorithm="{RSA_SHA1}"></SignatureMethod>'
    '<Reference URI="{uri}">'
    '<Transforms><Transform Algorithm="{transform}"></Transform></Transforms>'
    f'<DigestMethod Algorithm="{SHA1}"></DigestMethod>'
    "<DigestValue>{digest}</DigestValue>"
    "</Reference>"
    "</SignedInfo>"
)
_SIGNATURE = (
    '<Signature xmlns="{dsig}">{signed_info}'
    "<SignatureValue>\n{value}\n</SignatureValue>"
    "<KeyInfo><KeyValue><RSAKeyValue>"
    "<Modulus>\n{modulus}\n</Modulus><Exponent>{exponent}</Exponent>"
    "</RSAKeyValue></KeyValue>"
    "<X509Data><X509Certificate>\n{certificate}\n</X509Certificate></X509Data>"
    "</KeyInfo></Signature>"
)


@dataclass(frozen=True)
class Signer:
    """Who signs: a private key, and the certificate of its holder.

    :param key: an `RSAPrivateKey`
    :param x509.Certificate certificate:
    """

    key: rsa.RSAPrivateKey = field(repr=False)
    certificate: x509.Certificate

    def __post_init__(self):
        numbers = self.certificate.public_key().public_numbers()
        der = self.certificate.public_bytes(Encoding.DER)
        # Written once for all documents of a batch.
        parts = {
            "modulus": _lines(_whole(numbers.n)),
            "exponent": _lines(_whole(numbers.e)),
            "certificate": _lines(der),
        }
        object.__setattr__(self, "parts", parts)


def _whole(number):
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def _lines(data):
    return "\n".join(textwrap.wrap(base64.b64encode(data).decode(), 64))


# === Signing === #


def sign_dte(content, signer):
    """Return the file of a DTE with its signature.

    :param bytes content: of a stamped file in Latin-1, without `xmlns:xsi`
    :param Signer signer:
    :rtype: bytes
    :raise DocumentUnreadable: of what is no DTE, or is signed already
    """
    return _sign(content, b"Documento", {"": SII}, signer)


def sign_envelope(content, signer):
    """Return an envelope with its signature, over all that is in `SetDTE`.

    :param bytes content: of :func:`~.envelope.build`
    :rtype: bytes
    :raise DocumentUnreadable: of what is no envelope, or is signed already
    """
    return _sign(content, b"SetDTE", {"": SII, "xsi": XSI}, signer)


def sign_seed(seed, signer):
    """Return the request for a token, with the SII's seed signed.

    :param str seed: as the SII gave it: digits
    :rtype: bytes
    :raise DocumentUnreadable: of anything else
    """
    if not (seed.isascii() and seed.isdigit()):
        raise DocumentUnreadable
    inner = f"<item><Semilla>{seed}</Semilla></item>"
    whole = f"<getToken>{inner}</getToken>".encode()
    added = _signature(canonical(whole), "", {}, signer, ENVELOPED)
    return whole.replace(b"</getToken>", added + b"</getToken>")


def _sign(content, name, namespaces, signer):
    """Put the signature of the only element of a name after it."""
    start, end = content.find(b"<%s " % name), content.rfind(b"</%s>" % name)
    end += len(name) + 3
    if not 0 <= start < end or b"<Signature" in content[end:]:
        raise DocumentUnreadable
    element = content[start:end]
    head, _space, rest = element.partition(b" ")
    try:
        # As if it stood alone, with the namespaces that its parents declare.
        alone = head + _declared(namespaces).encode() + b" " + rest
        identity = parse(head + b" " + rest.partition(b">")[0] + b"/>").get("ID")
        added = _signature(canonical(alone), f"#{identity}", namespaces, signer, C14N)
    except ValueError:
        raise DocumentUnreadable from None
    return b"%s\n%s%s" % (content[:end], added, content[end:])


def _declared(namespaces):
    """Return declarations in the order of canonical XML: the one without prefix
    first.
    """
    return "".join(
        f' xmlns{":" if prefix else ""}{prefix}="{uri}"'
        for prefix, uri in sorted(namespaces.items())
    )


def _signature(canonical_bytes, uri, namespaces, signer, transform):
    digest = hashlib.sha1(canonical_bytes).digest()  # noqa: S324 the SII's
    values = {
        "uri": uri,
        "transform": transform,
        "digest": base64.b64encode(digest).decode(),
    }
    # It is written in canonical form; only that in the file its namespaces are those
    # of its parents.
    around = _declared({**namespaces, "": DSIG})
    signed = _SIGNED_INFO.format(namespaces=around, **values).encode()
    return _SIGNATURE.format(
        dsig=DSIG,
        signed_info=_SIGNED_INFO.format(namespaces="", **values),
        value=_lines(rsa_sha1.sign(signer.key, signed)),
        **signer.parts,
    ).encode("ascii")


# === Verifying === #


def verify(content):
    """Check every signature in a DTE or an envelope, whoever made it.

    Each must sign the element that stands just before it, whole, by its ID.  That is
    canonicalised as it stands (in place), as if it stood alone (cut out), or with
    exclusive canonical XML: all three occur, and a forger gains nothing by the choice.
    Whether the certificate is one that the SII trusts is not asked here.

    :param bytes content: of a file
    :return: the certificates, by the ID of what each one signed
    :rtype: dict[str, x509.Certificate]
    :raise SignatureBroken: with the ID of what has been changed
    :raise DocumentUnreadable: where there is no signature, or it isn't where it must be
    """
    try:
        root = parse(content)
    except ValueError:
        raise DocumentUnreadable from None
    parents = {root, *root.iter(f"{{{SII}}}DTE")}
    signatures = list(root.iter(f"{{{DSIG}}}Signature"))
    identities = root.xpath("//@ID")
    if (
        len(identities) != len(set(identities))
        or {each.getparent() for each in signatures} != parents
        or not all(map(_is_bare, parents))
    ):
        raise DocumentUnreadable
    return dict(map(_verify_one, signatures))


def _is_bare(parent):
    """Tell whether an element has what is signed, its signature, and nothing else."""
    texts = (parent.text, *(child.tail for child in parent))
    return len(parent) == 2 and not "".join(filter(None, texts)).strip()


def _verify_one(signature):
    """Return the ID of what a signature signs, and the certificate that it has."""
    element, info = signature.getprevious(), _child(signature, "SignedInfo")
    identity = "Signature" if element is None else element.get("ID", "Signature")
    try:
        _check_methods(info, identity)
        certificate = _certificate(signature)
        digest = from_base64(_child(info, "Reference", "DigestValue").text)
        value = from_base64(_child(signature, "SignatureValue").text)
    except (AttributeError, TypeError, ValueError):
        raise SignatureBroken(identity) from None
    key = certificate.public_key()
    if not any(
        hashlib.sha1(shape).digest() == digest  # noqa: S324 the SII's
        for shape in _shapes(element)
    ) or not any(rsa_sha1.is_signed(key, shape, value) for shape in _shapes(info)):
        raise SignatureBroken(identity)
    return identity, certificate


def _child(element, *path):
    return element.find("/".join(f"{{{DSIG}}}{name}" for name in path))


def _check_methods(info, identity):
    """Check that a signature is over the element of an ID, as the SII wants it.

    :raise ValueError: of another element, of several, or with other algorithms
    """
    references = info.findall(f"{{{DSIG}}}Reference")
    transforms = {each.get("Algorithm") for each in info.iter(f"{{{DSIG}}}Transform")}
    methods = [
        _child(info, *path).get("Algorithm")
        for path in (("SignatureMethod",), ("Reference", "DigestMethod"))
    ]
    if (
        [each.get("URI") for each in references] != [f"#{identity}"]
        or not transforms <= {C14N, EXCLUSIVE, ENVELOPED}
        or methods != [RSA_SHA1, SHA1]
    ):
        raise ValueError(identity)


def _certificate(signature):
    """Return the certificate in a signature, whose key stands there by itself, too.

    :raise ValueError: where they are not the same, or it is no RSA
    """
    info = _child(signature, "KeyInfo")
    text = _child(info, "X509Data", "X509Certificate").text
    certificate = x509.load_der_x509_certificate(from_base64(text))
    key = certificate.public_key()
    given = _child(info, "KeyValue", "RSAKeyValue")
    if not isinstance(key, rsa.RSAPublicKey):
        raise ValueError("no RSA")
    numbers = key.public_numbers()
    for name, ours in (("Modulus", numbers.n), ("Exponent", numbers.e)):
        if given is not None and (
            int.from_bytes(from_base64(_child(given, name).text), "big") != ours
        ):
            raise ValueError(name)
    return certificate


def _shapes(element):
    """Yield the canonical forms that its signer may have had before him."""
    in_place = parse(etree.tostring(element, encoding="utf-8", with_tail=False))
    yield etree.tostring(in_place, method="c14n")
    yield etree.tostring(in_place, method="c14n", exclusive=True)
    etree.cleanup_namespaces(in_place)
    yield etree.tostring(in_place, method="c14n")
