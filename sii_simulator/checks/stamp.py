# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The stamp (TED) and the CAF in it."""

import re

from .. import keys
from ..caf import IDK
from ..findings import Finding
from . import reading
from .reading import NAMES, text

EXPORT = ("110", "111", "112")
ABROAD = "55555555-5"
# A CAF of the others does not age (Res. 58/2017).
AGEING = ("33", "43", "46", "56", "61")
DAYS = 180
_LENGTH = 40
_BETWEEN_TAGS = re.compile(r">\s+<")
_DA = re.compile(rb"<DA>.*</DA>", re.DOTALL)


def findings(signed, stamp, encoding, authority):
    """What is wrong with the stamp of a document.

    `signed` is its Documento (an element), `stamp` the bytes of DD as they stand in
    the file, `authority` the key that CAFs are signed with.
    """
    ted = signed.find("s:TED", NAMES)
    try:
        flat = _BETWEEN_TAGS.sub("><", stamp.decode(encoding)).encode("latin-1")
        key = keys.from_numbers(
            text(ted, "s:DD/s:CAF/s:DA/s:RSAPK/s:M"),
            text(ted, "s:DD/s:CAF/s:DA/s:RSAPK/s:E"),
        )
    except (ValueError, TypeError) as error:
        return [Finding("SIM-3-11", str(error))]
    found = []
    if not keys.is_signed(key, text(ted, "s:FRMT"), flat):
        found.append(Finding("TED-2-510"))
    found += _of_data(signed, ted)
    found += _of_caf(signed, ted, flat, authority)
    return found


def _of_data(signed, ted):
    """The stamp repeats what the document says."""
    code = reading.number(text(signed, "s:Encabezado/s:IdDoc/s:TipoDTE"))
    receiver = text(signed, "s:Encabezado/s:Receptor/s:RUTRecep")
    name = text(signed, "s:Encabezado/s:Receptor/s:RznSocRecep") or receiver
    expected = {
        "RE": text(signed, "s:Encabezado/s:Emisor/s:RUTEmisor"),
        "TD": code,
        "F": text(signed, "s:Encabezado/s:IdDoc/s:Folio"),
        "FE": text(signed, "s:Encabezado/s:IdDoc/s:FchEmis"),
        "RR": ABROAD if code in EXPORT else receiver,
        "RSR": _shortened(name),
        "MNT": text(signed, "s:Encabezado/s:Totales/s:MntTotal").partition(".")[0],
        "IT1": _shortened(text(signed, "s:Detalle/s:NmbItem")),
    }
    for name, value in expected.items():
        given = text(ted, f"s:DD/s:{name}")
        if reading.number(given) != reading.number(value):
            yield Finding("SIM-3-1", f"{name} [{given}] <> [{value}]")


def _of_caf(signed, ted, flat, authority):
    caf = ted.find("s:DD/s:CAF", NAMES)
    data = _DA.search(flat)
    issued_here = text(caf, "s:DA/s:IDK") == str(IDK)
    signature = text(caf, "s:FRMA")
    if not (
        issued_here
        and data
        and keys.is_signed(authority.public_key, signature, data[0])
    ):
        yield Finding("SIM-3-2", f"IDK {text(caf, 's:DA/s:IDK')}")
    if any(
        reading.number(text(caf, f"s:DA/s:{name}"))
        != reading.number(text(ted, f"s:DD/s:{name}"))
        for name in ("RE", "TD")
    ):
        yield Finding("SIM-3-4")
    folio = int(text(ted, "s:DD/s:F"))
    first, last = (int(text(caf, f"s:DA/s:RNG/s:{end}")) for end in "DH")
    if not first <= folio <= last:
        yield Finding("SIM-3-3", f"{folio} [{first}-{last}]")
    issued = reading.day(text(caf, "s:DA/s:FA"))
    on = reading.day(text(signed, "s:TmstFirma"))
    if reading.number(text(ted, "s:DD/s:TD")) in AGEING and (on - issued).days > DAYS:
        detail = f"Firma_DTE[{on}] - CAF[{issued}] > 6 meses"
        yield Finding("CAF-3-517", detail)
    if issued > on:
        yield Finding("SIM-3-5", f"Firma_DTE[{on}] - CAF[{issued}]")


def _shortened(value):
    return value[:_LENGTH].strip()
