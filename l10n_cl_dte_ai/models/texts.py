# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""How Odoo's values are written in a DTE."""

from odoo.tools import float_round


def pesos(amount):
    """Return an amount in whole pesos, half rounded up."""
    return int(float_round(amount, precision_digits=0, rounding_method="HALF-UP"))


def one_line(value):
    """Return a text without line breaks, or spaces at its ends or side by side."""
    return " ".join((value or "").split())


def folio(number):
    """Return a folio as the SII writes it: without the zeros that Odoo puts before."""
    number = one_line(number)
    return str(int(number)) if number.isdecimal() else number
