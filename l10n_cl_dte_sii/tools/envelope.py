# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The envelope in which DTEs go to the SII, or to the customer (EnvioDTE)."""

import re
from collections import Counter
from typing import NamedTuple

from .errors import DocumentUnreadable
from .xml import DECLARATION, SII, XSI, without_declaration

SII_RUT = "60803000-K"
# The schema's; ours are smaller, for one wrong document has the whole refused.
MAX_DOCUMENTS = 2000

_TYPE = re.compile(rb"<TipoDTE>(\d+)</TipoDTE>")


class Cover(NamedTuple):
    """What stands on an envelope (Caratula).

    :param str issuer: RUT of the company (RutEmisor)
    :param str sender: RUT of the certificate's holder (RutEnvia)
    :param date resolution_date: of the SII's resolution (FchResol); in certification
        the day on which the tests were authorised
    :param int resolution_number: 0 in certification (NroResol)
    :param str receiver: the SII's RUT, or the customer's for the exchange copy
    """

    issuer: str
    sender: str
    resolution_date: object
    resolution_number: int
    receiver: str = SII_RUT


def build(documents, cover, time):
    """Return an envelope without its signature.

    :param documents: the bytes of signed DTEs, which are put in unchanged
    :param Cover cover:
    :param datetime time: of the signature, Chile's local time without a zone
    :rtype: bytes
    :raise DocumentUnreadable: of none or too many documents, or of what is no DTE
    """
    if not 1 <= len(documents) <= MAX_DOCUMENTS:
        raise DocumentUnreadable
    inner = [without_declaration(each).strip() for each in documents]
    counts = Counter(map(_code, inner))
    subtotals = "".join(
        f"<SubTotDTE>\n<TpoDTE>{code}</TpoDTE>\n<NroDTE>{count}</NroDTE>\n</SubTotDTE>\n"
        for code, count in sorted(counts.items())
    )
    head = (
        f'<EnvioDTE xmlns="{SII}" xmlns:xsi="{XSI}" '
        f'xsi:schemaLocation="{SII} EnvioDTE_v10.xsd" version="1.0">\n'
        '<SetDTE ID="SetDoc">\n'
        '<Caratula version="1.0">\n'
        f"<RutEmisor>{cover.issuer}</RutEmisor>\n"
        f"<RutEnvia>{cover.sender}</RutEnvia>\n"
        f"<RutReceptor>{cover.receiver}</RutReceptor>\n"
        f"<FchResol>{cover.resolution_date:%Y-%m-%d}</FchResol>\n"
        f"<NroResol>{cover.resolution_number}</NroResol>\n"
        f"<TmstFirmaEnv>{time:%Y-%m-%dT%H:%M:%S}</TmstFirmaEnv>\n"
        f"{subtotals}"
        "</Caratula>\n"
    )
    return b"\n".join(
        (
            DECLARATION,
            head.encode("ascii").rstrip(b"\n"),
            *inner,
            b"</SetDTE>",
            b"</EnvioDTE>",
            b"",
        )
    )


def _code(document):
    match = _TYPE.search(document)
    if not match or not document.startswith(b"<DTE"):
        raise DocumentUnreadable
    return int(match[1])
