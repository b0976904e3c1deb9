# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Test certificates of a person, as Chile's providers issue them, and worse ones."""

import datetime
import ipaddress
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

HOLDER_OID = x509.ObjectIdentifier("1.3.6.1.4.1.8321.1")
ISSUER_OID = x509.ObjectIdentifier("1.3.6.1.4.1.8321.2")
ISSUER_RUT = "96928180-5"
PLACES = ("san", "serial", "none")
ENCRYPTIONS = ("aes", "3des", "rc2")
_IA5_STRING = 0x16
_DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Certificate:
    """A private key with its certificate, and the one that issued it."""

    key: rsa.RSAPrivateKey
    certificate: x509.Certificate
    issuer: x509.Certificate

    def key_pem(self):
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )

    def certificate_pem(self):
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def issuer_pem(self):
        return self.issuer.public_bytes(serialization.Encoding.PEM)

    def pfx(self, password, encryption="aes"):
        """The PKCS#12 file, under AES, or under 3DES or RC2 as older programs do."""
        if encryption == "rc2":
            return self._pfx_of_openssl(password)
        builder = serialization.PrivateFormat.PKCS12.encryption_builder()
        if encryption == "3des":
            builder = builder.key_cert_algorithm(
                pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC
            ).hmac_hash(hashes.SHA1())  # noqa: S303
        return pkcs12.serialize_key_and_certificates(
            b"prueba",
            self.key,
            self.certificate,
            [self.issuer],
            builder.build(password.encode()),
        )

    def _pfx_of_openssl(self, password):
        program = shutil.which("openssl")
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, "both.pem"), Path(folder, "made.pfx")
            source.write_bytes(self.key_pem() + self.certificate_pem())
            subprocess.run(  # noqa: S603
                [program, "pkcs12", "-export", "-legacy", "-in", source, "-out", target]
                + ["-passout", "stdin"],
                input=password.encode(),
                check=True,
                capture_output=True,
            )
            return target.read_bytes()


def person(rut, name="Persona de Prueba", place="san", bits=2048, start=None, days=365):
    """A certificate of the holder `rut`.

    `place` says where the RUT stands: `san` (OID 1.3.6.1.4.1.8321.1), `serial` (the
    subject's serialNumber, as formerly) or `none`. `start` is the first day (default:
    yesterday), `days` may be negative: already expired.
    """
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if place == "serial":
        subject.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, rut))
    names = [_other_name(ISSUER_OID, ISSUER_RUT)] if place != "none" else []
    if place == "san":
        names.insert(0, _other_name(HOLDER_OID, rut))
    return _issue(subject, names, bits, start, days)


def host(names=("localhost",), addresses=("127.0.0.1",), days=365, own=False):
    """A certificate for a TLS server; signed by itself if `own`."""
    subject = [x509.NameAttribute(NameOID.COMMON_NAME, names[0])]
    alternatives = [x509.DNSName(name) for name in names]
    alternatives += [x509.IPAddress(ipaddress.ip_address(each)) for each in addresses]
    return _issue(subject, alternatives, 2048, None, days, own)


def holder(certificate):
    """The RUT in a certificate of `person()`; None if there is none."""
    try:
        names = certificate.extensions.get_extension_for_class(
            x509.SubjectAlternativeName
        ).value
    except x509.ExtensionNotFound:
        names = ()
    for name in names:
        if isinstance(name, x509.OtherName) and name.type_id == HOLDER_OID:
            return name.value[2:].decode("ascii", "replace").strip().upper()
    numbers = certificate.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
    return numbers[0].value.strip().upper() if numbers else None


def _other_name(oid, text):
    value = text.encode("ascii")
    return x509.OtherName(oid, bytes([_IA5_STRING, len(value)]) + value)


def _issue(subject, alternatives, bits, start, days, own=False):
    start = start or datetime.datetime.now(datetime.timezone.utc) - _DAY
    end = start + days * _DAY
    if end <= start:
        start = end - 365 * _DAY
    key = rsa.generate_private_key(65537, bits)
    subject = x509.Name(subject)
    if own:
        issuer_key, issuer, issuer_name = key, None, subject
    else:
        issuer_key, issuer = _authority(start, end)
        issuer_name = issuer.subject
    builder = _builder(subject, key, issuer_name, start, end)
    if alternatives:
        builder = builder.add_extension(
            x509.SubjectAlternativeName(alternatives), critical=False
        )
    builder = builder.add_extension(x509.BasicConstraints(False, None), critical=True)
    certificate = builder.sign(issuer_key, hashes.SHA256())
    return Certificate(key, certificate, issuer or certificate)


def _authority(start, end):
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, "Certificadora de Prueba")]
    )
    certificate = (
        _builder(name, key, name, start - _DAY, end + _DAY)
        .add_extension(x509.BasicConstraints(True, None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return key, certificate


def _builder(subject, key, issuer, start, end):
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
