# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""RSA with SHA-1 (PKCS#1 v1.5): old and weak, and the only one that the SII takes."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding


def sign(key, data):
    return key.sign(data, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303


def is_signed(key, data, signature):
    """Tell whether the owner of a public key signed the data."""
    try:
        key.verify(signature, data, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
    except InvalidSignature:
        return False
    return True
