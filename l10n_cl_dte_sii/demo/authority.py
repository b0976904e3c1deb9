# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A stand-in for the SII and for a provider of certificates: in demo and tests only.

What it gives out is good in the simulator's environment of a database that was told its
public key, and nowhere else.  It needs the program `openssl`, for the SII's CAFs have
keys of 512 bits, which Python's libraries no longer make.
"""

import base64
import datetime
import subprocess
from functools import cached_property

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

KEY_ID = 900
SIMULATOR = "simulator"
HOLDER = "11111111-1"


def small_key(exponent=3):
    """Return a private key as they are in CAFs."""
    option = "-3" if exponent == 3 else "-f4"
    done = subprocess.run(  # noqa: S603
        ["openssl", "genrsa", option, "512"],  # noqa: S607
        capture_output=True,
        check=True,
    )
    return serialization.load_pem_private_key(done.stdout, None)


def ec_key():
    """Return a private key of a kind that the SII does not take."""
    return ec.generate_private_key(ec.SECP256R1())


class TestAuthority:
    """Gives out CAFs of any kind.

    :param int key_id: the number by which its key is known (IDK)
    """

    __test__ = False  # for pytest: this is no test

    def __init__(self, key_id=KEY_ID):
        self.key_id = key_id

    @cached_property
    def key(self):
        return small_key(65537)

    @property
    def public_key(self):
        """Base64, as the SII's keys are known."""
        return base64.b64encode(
            self.key.public_key().public_bytes(
                serialization.Encoding.DER,
                serialization.PublicFormat.SubjectPublicKeyInfo,
            )
        ).decode()

    def caf(
        self,
        issuer,
        code,
        first,
        last,
        date=None,
        name="Empresa de prueba",
        key=None,
        **changes,
    ):
        """Return the file of a CAF.

        :param changes: other texts of elements of `DA`, by name; `FRMA` and `RSASK`,
            too, to get one that is wrong
        :rtype: bytes
        """
        key = key or small_key()
        numbers = key.public_key().public_numbers()
        date = date or datetime.date.today()
        about = (
            f"<RE>{changes.get('RE', issuer)}</RE><RS>{name}</RS>"
            f"<TD>{code}</TD><RNG><D>{first}</D><H>{last}</H></RNG><FA>{date}</FA>"
            f"<RSAPK><M>{_base64(numbers.n)}</M><E>{_base64(numbers.e)}</E></RSAPK>"
            f"<IDK>{changes.get('IDK', self.key_id)}</IDK>"
        )
        signed = f"<DA>{about}</DA>".encode("latin-1")
        seal = self.key.sign(signed, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
        seal = changes.get("FRMA") or base64.b64encode(seal).decode()
        private = changes.get("RSASK") or _pem(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.TraditionalOpenSSL,
                serialization.NoEncryption(),
            )
        )
        public = changes.get("RSAPUBK") or _pem(
            key.public_key().public_bytes(
                serialization.Encoding.PEM,
                serialization.PublicFormat.SubjectPublicKeyInfo,
            )
        )
        lines = about.replace("><", ">\n<")
        return (
            '<?xml version="1.0"?>\n<AUTORIZACION>\n<CAF version="1.0">\n'
            f"<DA>\n{lines}\n</DA>\n"
            f'<FRMA algoritmo="SHA1withRSA">{seal}</FRMA>\n</CAF>\n'
            f"<RSASK>{private}</RSASK>\n\n<RSAPUBK>{public}</RSAPUBK>\n"
            "</AUTORIZACION>\n"
        ).encode("latin-1")


def _base64(number):
    return base64.b64encode(
        number.to_bytes((number.bit_length() + 7) // 8, "big")
    ).decode()


def _pem(content):
    return content.decode()


def certificate(
    holder=HOLDER, key=None, place="san", days=365, name="Rosa Elvira Prueba", now=None
):
    """Return a key and its certificate, as a provider gives them to a person.

    :param str place: of the holder's RUT: `san`, `subject` or `none`
    :param int days: that it is still valid; less than 0 for one that ended
    """
    key = key or rsa.generate_private_key(65537, 2048)
    now = now or datetime.datetime.now(datetime.timezone.utc)
    attributes = [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    if place == "subject":
        attributes.append(x509.NameAttribute(NameOID.SERIAL_NUMBER, holder))
    subject = x509.Name(attributes)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=730))
        .not_valid_after(now + datetime.timedelta(days=days))
    )
    if place == "san":
        text = holder.encode("ascii")
        other = x509.OtherName(
            x509.ObjectIdentifier("1.3.6.1.4.1.8321.1"),
            bytes((0x16, len(text))) + text,  # the DER of an IA5String
        )
        builder = builder.add_extension(
            x509.SubjectAlternativeName([other]), critical=False
        )
    return key, builder.sign(key, hashes.SHA256())


def pfx(key, signed, password="clave"):  # noqa: S107
    """Return the file that a provider would give."""
    return pkcs12.serialize_key_and_certificates(
        b"prueba",
        key,
        signed,
        None,
        serialization.BestAvailableEncryption(password.encode())
        if password
        else serialization.NoEncryption(),
    )
