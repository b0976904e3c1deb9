# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The stamp as a barcode on paper: PDF417 of its very bytes."""

import io
from typing import NamedTuple

import pdf417gen

# The SII asks for level 5, at least 2 × 5 cm, and a printer of more than 200 dpi.
ERROR_LEVEL = 5
MODULE_MM = 0.25
ROW_MODULES = 3
PIXELS = 4  # a module, so the picture has 406 dpi
LETTER_COLUMNS = 13
# What is as narrow as 57 mm has room for.
NARROW_COLUMNS = 8


class Barcode(NamedTuple):
    """:param bytes png: black and white, without a margin
    :param float width: in millimetres, in which it has to be printed
    :param float height:
    """

    png: bytes
    width: float
    height: float


def pdf417(ted, columns=LETTER_COLUMNS):
    """Return the barcode of a stamp.

    :param bytes ted: the element `TED` as it stands in the file
    :rtype: Barcode
    """
    codes = pdf417gen.encode(ted, columns=columns, security_level=ERROR_LEVEL)
    image = pdf417gen.render_image(codes, scale=PIXELS, ratio=ROW_MODULES, padding=0)
    stream = io.BytesIO()
    image.convert("1").save(stream, "PNG", optimize=True)
    width, height = (size / PIXELS * MODULE_MM for size in image.size)
    return Barcode(stream.getvalue(), width, height)
