# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Texts that the file cannot hold as they are."""

# pylint: disable=prefer-env-translation
# `_` is the caller's `env._`: there is no Odoo in here.

from ..document import Detalle, DscRcgGlobal, Emisor, Receptor
from ..texts import fit, fits, is_latin_1, odd_characters
from .base import (
    COMPANY,
    DOCUMENT,
    EMISOR,
    ERROR,
    LINE,
    RECEPTOR,
    REFERENCE,
    WARNING,
    Finding,
    rule,
)


@rule(40, "C: ENV-3-0")
def latin_1(document, _today, _):
    """The file is ISO 8859-1: no emoji, no control characters."""
    if fits(document):
        return
    for text, target, field, number in _texts(document):
        if is_latin_1(text):
            continue
        # What a word processor makes of plain characters is written as these.
        if bad := odd_characters(text):
            yield Finding(
                "latin_1",
                ERROR,
                _(
                    "“%(text)s” has a character that a DTE cannot hold: %(character)s. "
                    "Take it out or replace it.",
                    text=text,
                    character=bad[0] if bad[0].isprintable() else ascii(bad[0]),
                ),
                target,
                field,
                number,
            )


@rule(16, "X", WARNING)
def length(document, _today, _):
    """A text that is longer than the format holds is cut, and which is said here."""
    for cut in fit(document)[1]:
        yield Finding(
            "length",
            WARNING,
            _(
                "“%(text)s” is too long for a DTE and is cut to “%(kept)s”. Shorten it "
                "if that does not say enough.",
                text=cut.text,
                kept=cut.kept,
            ),
            _TARGETS.get(cut.part, REFERENCE),
            cut.field,
            cut.number if cut.part is Detalle else None,
        )


_TARGETS = {
    Emisor: EMISOR,
    Receptor: RECEPTOR,
    Detalle: LINE,
    DscRcgGlobal: DOCUMENT,
}


def _texts(document):
    emisor, receptor = document.Emisor, document.Receptor
    for part, target, fields in (
        (emisor, EMISOR, ("RznSoc", "GiroEmis", "DirOrigen", "CmnaOrigen")),
        (emisor, COMPANY, ("CiudadOrigen",)),
        (receptor, RECEPTOR, ("RznSocRecep", "GiroRecep", "DirRecep", "CmnaRecep")),
        (receptor, RECEPTOR, ("CiudadRecep",)),
    ):
        for field in fields:
            yield getattr(part, field), target, field, None
    for line in document.Detalle:
        yield line.NmbItem, LINE, "NmbItem", line.NroLinDet
        if line.DscItem:
            yield line.DscItem, LINE, "DscItem", line.NroLinDet
        yield line.UnmdItem, LINE, "UnmdItem", line.NroLinDet
    for discount in document.DscRcgGlobal:
        yield discount.GlosaDR, DOCUMENT, "GlosaDR", None
    for each in document.Referencia:
        yield each.FolioRef, REFERENCE, "FolioRef", None
        yield each.RazonRef, REFERENCE, "RazonRef", None
