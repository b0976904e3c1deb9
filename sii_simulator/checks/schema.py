# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Encoding, well-formedness, schema name, and the SII's official schema."""

import functools
import threading
from pathlib import Path

import cl_sii
from lxml import etree

from . import reading

ENCODING = "ISO-8859-1"
FOLDER = Path(cl_sii.__file__).parent / "data/ref/factura_electronica/schemas-xml"
ENVELOPE = "EnvioDTE_v10.xsd"
_LOCK = threading.Lock()
_MOST_ERRORS = 10


@functools.cache
def _schema(name):
    return etree.XMLSchema(etree.parse(str(FOLDER / name)))


def load():
    """Read the schema now, so that the first upload does not wait for it."""
    with _LOCK:
        _schema(ENVELOPE)


def errors_of(content):
    """(root, errors): the tree of an envelope, or None and what is wrong, as lines."""
    encoding = reading.declared_encoding(content)
    if encoding != ENCODING:
        return None, [f"encoding {encoding or 'no declarado'}: debe ser {ENCODING}"]
    try:
        root = reading.parse(content)
    except reading.Unreadable as error:
        return None, [f"LSX-00200: {error}"]
    located = root.get(f"{{{reading.XSI}}}schemaLocation", "").split()
    pairs = set(zip(located[::2], located[1::2], strict=False))
    if root.tag != f"{{{reading.SII}}}EnvioDTE" or (reading.SII, ENVELOPE) not in pairs:
        return None, ["LSX-00202: Invalid Schema Name"]
    with _LOCK:  # lxml keeps the errors on the schema
        schema = _schema(ENVELOPE)
        if schema.validate(root):
            return root, []
        log = list(schema.error_log)[:_MOST_ERRORS]
    return None, [f"LSX-{e.type:05}: line {e.line}: {e.message}" for e in log]


def is_mislabelled(content):
    """Whether bytes under the Latin-1 label are UTF-8."""
    if content.isascii():
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
