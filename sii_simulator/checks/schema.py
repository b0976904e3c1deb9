# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Encoding, well-formedness, schema name, and the SII's official schema."""

import datetime
import functools
import threading
from pathlib import Path

import cl_sii
from lxml import etree

from . import reading

ENCODING = "ISO-8859-1"
FOLDER = Path(cl_sii.__file__).parent / "data/ref/factura_electronica/schemas-xml"
ENVELOPE = "EnvioDTE_v10.xsd"
# (root, schema) for each kind; cl-sii has none for boletas, see `_structure`.
KINDS = {
    "dte": ("EnvioDTE", ENVELOPE),
    "boleta": ("EnvioBOLETA", "EnvioBOLETA_v11.xsd"),
}
BOLETAS = ("39", "41")
MOST_BOLETAS = 500
_LOCK = threading.Lock()
_MOST_ERRORS = 10


def _is_number(text):
    return text.isascii() and text.isdigit() and len(text) <= 18


def _is_date(text):
    return len(text) == len("2026-12-31") and _is_of(text, "%Y-%m-%d")


def _is_moment(text):
    return len(text) == len("2026-12-31T10:00:00") and _is_of(text, "%Y-%m-%dT%H:%M:%S")


def _is_of(text, form):
    try:
        return bool(datetime.datetime.strptime(text, form))
    except ValueError:
        return False


_COVER_FORMS = {
    "FchResol": _is_date,
    "NroResol": _is_number,
    "TmstFirmaEnv": _is_moment,
}
_DOCUMENT_FORMS = {
    "s:Encabezado/s:IdDoc/s:Folio": _is_number,
    "s:Encabezado/s:IdDoc/s:FchEmis": _is_date,
    "s:Encabezado/s:Totales/s:MntTotal": _is_number,
    "s:TmstFirma": _is_moment,
    "s:TED/s:DD/s:F": _is_number,
    "s:TED/s:DD/s:CAF/s:DA/s:RNG/s:D": _is_number,
    "s:TED/s:DD/s:CAF/s:DA/s:RNG/s:H": _is_number,
    "s:TED/s:DD/s:CAF/s:DA/s:FA": _is_date,
}


@functools.cache
def _schema(name):
    return etree.XMLSchema(etree.parse(str(FOLDER / name)))


def load():
    """Read the schema now, so that the first upload does not wait for it."""
    with _LOCK:
        _schema(ENVELOPE)


def errors_of(content, kind="dte"):
    """(root, errors): the tree of an envelope, or None and what is wrong, as lines."""
    name, schema_name = KINDS[kind]
    encoding = reading.declared_encoding(content)
    if encoding != ENCODING:
        return None, [f"encoding {encoding or 'no declarado'}: debe ser {ENCODING}"]
    try:
        root = reading.parse(content)
    except reading.Unreadable as error:
        return None, [f"LSX-00200: {error}"]
    located = root.get(f"{{{reading.XSI}}}schemaLocation", "").split()
    pairs = set(zip(located[::2], located[1::2], strict=False))
    named = (reading.SII, schema_name) in pairs
    if root.tag != f"{{{reading.SII}}}{name}" or not named:
        return None, ["LSX-00202: Invalid Schema Name"]
    if kind == "boleta":
        errors = _structure(root)
        return (None, errors) if errors else (root, [])
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


def _structure(root):
    """What we need of an envelope of boletas, in place of its schema."""
    cover = root.find("s:SetDTE/s:Caratula", reading.NAMES)
    signed = root.findall("s:SetDTE/s:DTE/s:Documento", reading.NAMES)
    dtes = root.findall("s:SetDTE/s:DTE", reading.NAMES)
    if cover is None or not signed or len(signed) != len(dtes):
        return ["faltan Caratula o documentos"]
    if len(signed) > MOST_BOLETAS:
        return [f"mas de {MOST_BOLETAS} boletas"]
    errors = [
        f"Caratula/{name} [{reading.text(cover, f's:{name}')}]"
        for name, is_right in _COVER_FORMS.items()
        if not is_right(reading.text(cover, f"s:{name}"))
    ]
    for document in signed:
        code = reading.text(document, "s:Encabezado/s:IdDoc/s:TipoDTE")
        if code not in BOLETAS:
            errors.append(f"TipoDTE [{code}]")
        if document.getparent().find("d:Signature", reading.NAMES) is None:
            errors.append("DTE sin Signature")
        errors += [
            f"{path.replace('s:', '')} [{reading.text(document, path)}]"
            for path, is_right in _DOCUMENT_FORMS.items()
            if not is_right(reading.text(document, path))
        ]
    return errors[:_MOST_ERRORS]
