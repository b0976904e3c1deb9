# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A document's texts as the format holds them: short enough, and in ISO 8859-1."""

import dataclasses
import operator
import re
import unicodedata
from typing import NamedTuple

from .document import Detalle, DscRcgGlobal, Emisor, Receptor, Referencia

# The longest texts that the schema allows.
MAX_UNIT_LENGTH = 4
MAX_CODE_LENGTH, MAX_CODE_TYPE_LENGTH = 35, 10
LIMITS = {
    Emisor: (
        ("RznSoc", 100),
        ("GiroEmis", 80),
        ("DirOrigen", 70),
        ("CmnaOrigen", 20),
        ("CiudadOrigen", 20),
        ("Sucursal", 20),
    ),
    Receptor: (
        ("RznSocRecep", 100),
        ("GiroRecep", 40),
        ("DirRecep", 70),
        ("CmnaRecep", 20),
        ("CiudadRecep", 20),
    ),
    Detalle: (("NmbItem", 80), ("DscItem", 1000), ("UnmdItem", MAX_UNIT_LENGTH)),
    DscRcgGlobal: (("GlosaDR", 45),),
    Referencia: (("FolioRef", 18), ("RazonRef", 90)),
}

# The file is ISO 8859-1, whose two ranges of control codes XML does not want.
LATIN_1 = re.compile(r"[\x20-\x7e\xa0-\xff]*")
_NOT_LATIN_1 = re.compile(r"[^\x20-\x7e\xa0-\xff]")
# What a word processor makes of plain characters says the same without it.
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("‘’‚‛′", "'"),
        **dict.fromkeys("“”„‟″", '"'),
        **dict.fromkeys("‐‑‒–—―−", "-"),
        **dict.fromkeys("\t\n\r\u2002\u2003\u2007\u2008\u2009\u200a\u202f", " "),
        **dict.fromkeys("\u200b\u200c\u200d\u200e\u200f\u2060\ufe0e\ufe0f\ufeff", ""),
        "…": "...",
        "•": "-",
        "€": "EUR",
        "™": "(TM)",
        "№": "Nº",
        "ﬁ": "fi",
        "ﬂ": "fl",
    }
)


# How to read all texts of a part at once, and their limits.
_READ = {
    kind: (operator.attrgetter(*names), limits)
    for kind, (names, limits) in (
        (kind, tuple(zip(*pairs, strict=True))) for kind, pairs in LIMITS.items()
    )
    if len(names) > 1
}
_READ[DscRcgGlobal] = (lambda part: (part.GlosaDR,), (45,))


class Cut(NamedTuple):
    """A text that lost something: what it was and what remains of it."""

    part: type
    field: str
    number: int
    text: str
    kept: str


def plain(text):
    """Return a text in the characters of ISO 8859-1, as far as nothing is lost."""
    if LATIN_1.fullmatch(text):
        return text
    return unicodedata.normalize("NFC", text).translate(_PLAIN)


def odd_characters(text):
    """Return the characters of a text that a DTE cannot hold."""
    if LATIN_1.fullmatch(text):
        return ""
    return "".join(_NOT_LATIN_1.findall(plain(text)))


def fit(document):
    """Return the document as the format can hold it, and what was cut for that.

    A line's long name goes on in its description, and typographic characters become
    plain ones: nothing is lost, so these are no cuts.

    :rtype: tuple[Documento, list[Cut]]
    """
    if fits(document):  # as most do
        return document, []
    cuts, changes = [], {}
    for name in ("Emisor", "Receptor"):
        part = getattr(document, name)
        fitted = _fit(part, 0, cuts)
        if fitted is not part:
            changes[name] = fitted
    for name in ("Detalle", "DscRcgGlobal", "Referencia"):
        parts = getattr(document, name)
        fitted = [
            _fit(_spread(part) if name == "Detalle" else part, number, cuts)
            for number, part in enumerate(parts, start=1)
        ]
        if any(new is not old for new, old in zip(fitted, parts, strict=True)):
            changes[name] = tuple(fitted)
    return dataclasses.replace(document, **changes), cuts


def fits(document):
    """Tell whether the format holds each of a document's texts and codes as it is."""
    texts = []
    for part in (
        document.Emisor,
        document.Receptor,
        *document.Detalle,
        *document.DscRcgGlobal,
        *document.Referencia,
    ):
        read, limits = _READ[type(part)]
        own = read(part)
        if not all(map(operator.le, map(len, own), limits)):
            return False
        texts += own
    codes = (code for line in document.Detalle for code in line.CdgItem)
    return is_latin_1("".join(texts)) and all(map(holds_code, codes))


def is_latin_1(text):
    """Tell whether the file can hold a text as it is."""
    return (text.isascii() and text.isprintable()) or bool(LATIN_1.fullmatch(text))


def _fit(part, number, cuts):
    kind, changes = type(part), {}
    for name, limit in LIMITS[kind]:
        text = getattr(part, name)
        if len(text) <= limit and is_latin_1(text):
            continue
        whole = plain(text)
        kept = changes[name] = _NOT_LATIN_1.sub(_substitute, whole)[:limit].rstrip()
        if len(whole) > limit and not (
            name == "UnmdItem" and _is_abbreviation(whole, kept)
        ):
            cuts.append(Cut(kind, name, number, text, kept))
    return dataclasses.replace(part, **changes) if changes else part


def _substitute(match):
    return "?" if match[0].isprintable() else ""


def _is_abbreviation(unit, kept):
    """“Unid” says “Unidades”; “Saco” does not say “Saco de 25 kg”."""
    return unit.isalpha() and len(kept) > 2


def holds_code(code):
    """Tell whether the format can hold the code of an item: a cut one is another."""
    return (
        0 < len(code.VlrCodigo) <= MAX_CODE_LENGTH
        and 0 < len(code.TpoCodigo) <= MAX_CODE_TYPE_LENGTH
        and bool(LATIN_1.fullmatch(code.VlrCodigo + code.TpoCodigo))
    )


def _spread(line):
    """Let a long name go on in the description, whole words if possible.

    Codes that cannot be held are left out.
    """
    if line.CdgItem and not all(map(holds_code, line.CdgItem)):
        codes = tuple(filter(holds_code, line.CdgItem))
        line = dataclasses.replace(line, CdgItem=codes)
    limit = 80
    if len(line.NmbItem) <= limit and is_latin_1(line.NmbItem):
        return line
    name = plain(line.NmbItem)
    if len(name) <= limit:
        return line
    end = name.rfind(" ", limit // 2, limit + 1)
    end = end if end > 0 else limit
    rest = f"{name[end:].strip()} {line.DscItem}".strip()
    return dataclasses.replace(line, NmbItem=name[:end], DscItem=rest)
