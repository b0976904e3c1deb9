# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The little of XML that caf, stamp, signature and envelope share.

The SII signs and compares bytes, and its bytes are Latin-1: nothing that has been
signed is ever written by an XML library again.
"""

import base64
import re

from lxml import etree

ENCODING = "ISO-8859-1"
DECLARATION = b'<?xml version="1.0" encoding="ISO-8859-1"?>'
SII = "http://www.sii.cl/SiiDte"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
DSIG = "http://www.w3.org/2000/09/xmldsig#"

_DECLARED = re.compile(rb"\A\s*<\?xml[^>]*\?>\s*")
_BETWEEN_TAGS = re.compile(rb">[ \t\r\n]+<")
_ENTITIES = str.maketrans(
    {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"}
)


def parse(content):
    """Return the root element of bytes; a DTD is refused, entities are not resolved.

    :raise ValueError: what is no XML, or has a document type
    """
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False
    )
    try:
        root = etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise ValueError(error.msg) from None
    if root.getroottree().docinfo.doctype:
        raise ValueError("a document type declaration is not allowed")
    return root


def without_declaration(content):
    return _DECLARED.sub(b"", content, count=1)


def flat(content):
    """Return the bytes without the white space between tags."""
    return _BETWEEN_TAGS.sub(b"><", content)


def escape(text):
    """Return a text with the five entities, as the stamp wants them."""
    return text.translate(_ENTITIES)


def from_base64(text):
    """Return the bytes of a text in base64, which may be broken into lines.

    :raise ValueError: of anything that is not just how those bytes are written
    """
    text = "".join(text.split())
    data = base64.b64decode(text, validate=True)
    if base64.b64encode(data).decode() != text:
        raise ValueError("not base64")
    return data


def to_base64(data):
    return base64.b64encode(data).decode()


def canonical(fragment):
    """Return the inclusive canonical form of an element, given as bytes in Latin-1.

    It is parsed anew each time: lxml adds an empty `xmlns` to an inner node.

    :rtype: bytes (UTF-8, as canonical XML always is)
    """
    return etree.tostring(parse(DECLARATION + fragment), method="c14n")
