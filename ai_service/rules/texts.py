# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The texts of the document: their characters and their lengths."""

import unicodedata
from collections.abc import Iterator

from .base import Case, Finding, error, notice, review, rule
from .lines import numbered

PARTY_FIELDS = {
    "razon_social_emisor": ("Razón social del emisor", 100),
    "razon_social_receptor": ("Razón social del receptor", 100),
    "giro_emisor": ("Giro del emisor", 80),
    "giro_receptor": ("Giro del receptor", 40),
    "direccion_receptor": ("Dirección del receptor", 70),
    "comuna_receptor": ("Comuna del receptor", 20),
}
ITEM_FIELDS = {
    "nombre": ("nombre", 80),
    "descripcion": ("descripción", 1000),
    "unidad": ("unidad", 4),
}


def _texts(case: Case) -> Iterator[tuple[str, str, int]]:
    for field, (label, length) in PARTY_FIELDS.items():
        if value := getattr(case.dte, field):
            yield label, value, length
    for where, item in numbered(case):
        for field, (label, length) in ITEM_FIELDS.items():
            if value := getattr(item, field):
                yield f"{where}, {label}", value, length


def _strange(text: str) -> list[str]:
    def is_strange(char: str) -> bool:
        control = unicodedata.category(char) == "Cc" and char not in "\t\n\r"
        return control or ord(char) > 0xFF

    return list(dict.fromkeys(filter(is_strange, text)))


def _shown(char: str) -> str:
    return f"«{char}»" if char.isprintable() else f"U+{ord(char):04X}"


@rule()
def only_latin_1(case: Case) -> Iterator[Finding]:
    """A DTE is ISO-8859-1 without control characters (C: ENV-3-0)."""
    for where, text, _ in _texts(case):
        if strange := _strange(text):
            listed = ", ".join(map(_shown, strange[:5]))
            yield error(
                f"{where}: tiene caracteres que el SII no admite ({listed})."
                " Reemplácelos o elimínelos."
            )


@rule()
def not_too_long(case: Case) -> Iterator[Finding]:
    """Lengths of RznSoc, Giro, Dir, Cmna, NmbItem, DscItem and UnmdItem (X).

    Many systems cut a text when they build the XML, so this asks for a look. A cut
    unit of measure loses nothing and is only said.
    """
    for where, text, length in _texts(case):
        if len(text) > length:
            finding = notice if length <= 4 else review
            yield finding(
                f"{where}: tiene {len(text)} caracteres y el SII admite {length}."
                " Acórtelo para que no se corte."
            )
