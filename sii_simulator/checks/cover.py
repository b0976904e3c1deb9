# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The cover of an envelope (Caratula)."""

import collections

from .. import rut
from ..findings import Finding
from . import reading
from .reading import NAMES, text

SII_RUT = "60803000-K"


def findings(envelope_set, sending, company, environment, today):
    """What is wrong with the cover of a SetDTE.

    `sending` has what the upload's form said, `company` what the register says of the
    issuer (None: nothing), `today` is the date in Chile.
    """
    cover = envelope_set.find("s:Caratula", NAMES)
    issuer = text(cover, "s:RutEmisor")
    for name in ("RutEmisor", "RutEnvia", "RutReceptor"):
        if not rut.is_valid(text(cover, f"s:{name}")):
            yield Finding("SIM-3-6", f"{name} [{text(cover, f's:{name}')}]")
    if text(cover, "s:RutEnvia") != sending.sender:
        detail = f"[{text(cover, 's:RutEnvia')}] <> [{sending.sender}]"
        yield Finding("CRT-3-11", detail)
    if issuer != sending.company:
        yield Finding("SIM-3-7", f"[{issuer}] <> [{sending.company}]")
    if text(cover, "s:RutReceptor") != SII_RUT:
        yield Finding("SIM-3-9", text(cover, "s:RutReceptor"))
    yield from _resolution(cover, company, environment, today)
    yield from _subtotals(envelope_set, cover)


def _resolution(cover, company, environment, today):
    number, day = int(text(cover, "s:NroResol")), text(cover, "s:FchResol")
    is_wrong = reading.day(day) > today
    if environment == "certificacion":
        is_wrong |= number != 0
    else:
        is_wrong |= number == 0
    if company and company.resolution_date:
        is_wrong |= day[:10] != company.resolution_date
    if company and company.resolution_number is not None:
        is_wrong |= environment != "certificacion" and (
            number != company.resolution_number
        )
    if is_wrong:
        yield Finding("CRT-3-19", f"[{day} N {number}]")


def _subtotals(envelope_set, cover):
    present = collections.Counter(
        reading.number(node.text.strip())
        for node in envelope_set.iterfind(
            "s:DTE/*/s:Encabezado/s:IdDoc/s:TipoDTE", NAMES
        )
    )
    declared = [
        (reading.number(text(node, "s:TpoDTE")), int(text(node, "s:NroDTE")))
        for node in cover.iterfind("s:SubTotDTE", NAMES)
    ]
    if len(declared) != len(present) or dict(declared) != present:
        yield Finding("SIM-3-10", f"{dict(declared)} <> {dict(present)}")
