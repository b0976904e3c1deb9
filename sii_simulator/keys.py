# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""RSA of the kind that the SII uses for folios: 512 bits, which only openssl makes."""

import base64
import shutil
import subprocess

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa


class OpensslMissing(Exception):
    """The program `openssl` is not on PATH or refuses to make such a key."""


def generate(small_exponent):
    """A private key of 512 bits as PEM (bytes); exponent 3 if `small_exponent`."""
    program = shutil.which("openssl")
    if not program:
        raise OpensslMissing("openssl is not on PATH: apt-get install openssl")
    exponent = ["-3"] if small_exponent else []
    for form in (["-traditional"], []):  # before OpenSSL 3 it was the only form
        made = subprocess.run(  # noqa: S603
            [program, "genrsa", *form, *exponent, "512"],
            capture_output=True,
            check=False,
        )
        if not made.returncode:
            return made.stdout
    raise OpensslMissing(made.stderr.decode(errors="replace"))


def load_private(pem):
    return serialization.load_pem_private_key(pem, None)


def public_pem(key):
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def sign(key, content):
    """RSA-SHA1 (PKCS#1 v1.5) over `content`, in base64."""
    signature = key.sign(content, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
    return base64.b64encode(signature).decode()


def is_signed(public_key, signature, content):
    """Whether `signature` (base64) over `content` was made with that key."""
    try:
        public_key.verify(
            base64.b64decode(signature),
            content,
            padding.PKCS1v15(),
            hashes.SHA1(),  # noqa: S303
        )
    except (InvalidSignature, ValueError):
        return False
    return True


def numbers(public_key):
    """Modulus and exponent in base64, as a CAF's RSAPK has them."""
    values = public_key.public_numbers()
    return tuple(
        base64.b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")).decode()
        for value in (values.n, values.e)
    )


def from_numbers(modulus, exponent):
    """The public key of `numbers()`; ValueError if they are none."""
    modulus, exponent = (
        int.from_bytes(base64.b64decode(value), "big") for value in (modulus, exponent)
    )
    return rsa.RSAPublicNumbers(exponent, modulus).public_key()
