# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""An envelope as a tree and, as signatures and stamps need them, as its very bytes."""

import datetime
import re
from dataclasses import dataclass
from xml.parsers import expat

from lxml import etree

SII = "http://www.sii.cl/SiiDte"
DSIG = "http://www.w3.org/2000/09/xmldsig#"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
NAMES = {"s": SII, "d": DSIG}
_DECLARATION = re.compile(rb"""^<\?xml[^>]*?encoding\s*=\s*["']([\w.-]+)["']""")


class Unreadable(Exception):
    """The bytes are no XML that we read; the text says why."""


@dataclass(frozen=True)
class Cut:
    """A DTE as it stands in the file, and the DD of its stamp (empty if it has
    none).
    """

    document: bytes
    stamp: bytes


def declared_encoding(content):
    """The encoding that the XML declaration names, upper case; "" if none."""
    found = _DECLARATION.match(content)
    return found[1].decode().upper() if found else ""


def parse(content):
    """The root of `content` (bytes); refuses DOCTYPEs, and loads nothing."""
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        raise Unreadable(str(error)) from None
    if root.getroottree().docinfo.doctype:
        raise Unreadable("DOCTYPE no permitido")
    return root


def cut(content):
    """A `Cut` for each DTE in the file, in order."""
    reader = expat.ParserCreate()
    open_at, cuts, stamp = {}, [], [b""]

    def start(name, _attributes):
        local = name.rpartition(":")[2]
        if local in ("DTE", "DD"):
            open_at[local] = reader.CurrentByteIndex

    def end(name):
        local = name.rpartition(":")[2]
        if local not in open_at:
            return
        last = content.index(b">", reader.CurrentByteIndex) + 1
        piece = content[open_at.pop(local) : last]
        if local == "DD":
            stamp[0] = piece
        else:
            cuts.append(Cut(piece, stamp[0]))
            stamp[0] = b""

    reader.StartElementHandler, reader.EndElementHandler = start, end
    try:
        reader.Parse(content, True)
    except expat.ExpatError as error:
        raise Unreadable(str(error)) from None
    return cuts


def signed_of(dte):
    """What a DTE (an element) signs: its first child, comments aside; None if none."""
    return next(dte.iterchildren(tag=etree.Element), None)


def standalone(piece, encoding):
    """A piece of a file as a file of its own (bytes)."""
    return f'<?xml version="1.0" encoding="{encoding}"?>\n'.encode() + piece


def moment(value):
    """The naive local time of a dateTime, or the midnight of a date.

    The schema allows zones and fractions, which the SII's formats have not: they are
    left out. Raises `Unreadable`.
    """
    try:
        return datetime.datetime.fromisoformat(value[:19])
    except ValueError:
        raise Unreadable(f"fecha [{value}]") from None


def day(value):
    """The date of a date or dateTime. Raises `Unreadable`."""
    return moment(value[:10]).date()


def number(value):
    """A number without sign and leading zeros, as text; other text as it is."""
    digits = value.removeprefix("+")
    return str(int(digits)) if digits.isascii() and digits.isdigit() else value


def text(element, path):
    """The stripped text at `path` (`s:` for the SII's names); "" if there is none."""
    return (element.findtext(path, namespaces=NAMES) or "").strip()
