# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""RUTs as the SII writes them: digits without dots, a hyphen, the check digit."""

import re

_FORM = re.compile(r"[1-9]\d{0,7}-[\dK]")


def check_digit(number):
    """The check digit ("0" to "9" or "K") of the number (int or digits), modulo 11."""
    digits = [int(digit) for digit in reversed(str(number))]
    weighted = sum(digit * (2 + place % 6) for place, digit in enumerate(digits))
    return "0123456789K0"[11 - weighted % 11] if weighted % 11 else "0"


def is_valid(rut):
    """Whether `rut` has the SII's form and the right check digit."""
    if not _FORM.fullmatch(rut or ""):
        return False
    number, _hyphen, digit = rut.partition("-")
    return check_digit(number) == digit


def join(number, digit):
    """The RUT of two fields of a form or a SOAP call."""
    return f"{(number or '').strip()}-{(digit or '').strip().upper()}"
