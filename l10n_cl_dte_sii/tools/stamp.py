# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The stamp of a DTE (TED): what the SII, and anyone with a phone, checks on paper.

It is made and spliced in as bytes: the signature is over the bytes of `DD` just as they
stand in the file.  Source: the SII's "Instructivo técnico", measured on accepted DTEs.
"""

import base64
import datetime
import re
from typing import NamedTuple

from . import caf as cafs
from . import rsa_sha1
from .errors import AlreadyStamped, DocumentUnreadable, NotLatin1, SignatureBroken
from .xml import DECLARATION, ENCODING, SII, escape, flat, from_base64, parse

MAX_TEXT = 40
# Of an export document's receiver.
FOREIGN_RUT = "55555555-5"
EXPORT_TYPES = frozenset(("110", "111", "112"))

_END = b"</Documento>"
_TED = re.compile(rb"<TED\b.*?</TED>", re.DOTALL)


class Facts(NamedTuple):
    """What a stamp says of a document; the names are the SII's.

    :param str RE: the issuer's RUT
    :param str TD: type of document
    :param int F: folio
    :param str FE: date of issue, as `2026-03-02`
    :param str RR: the receiver's RUT
    :param str RSR: the receiver's name, or its RUT if it has none
    :param int MNT: total, in pesos
    :param str IT1: the first line's name
    """

    RE: str
    TD: str
    F: int
    FE: str
    RR: str
    RSR: str
    MNT: int
    IT1: str


def facts(content):
    """Return what the stamp of a DTE's file has to say.

    :param bytes content: of the file
    :raise DocumentUnreadable:
    """
    try:
        root = parse(content)
        found = [
            root.findtext(f"{{{SII}}}Documento/{path}", namespaces={"": SII})
            for path in (
                "Encabezado/Emisor/RUTEmisor",
                "Encabezado/IdDoc/TipoDTE",
                "Encabezado/IdDoc/Folio",
                "Encabezado/IdDoc/FchEmis",
                "Encabezado/Receptor/RUTRecep",
                "Encabezado/Receptor/RznSocRecep",
                "Encabezado/Totales/MntTotal",
                "Detalle/NmbItem",
            )
        ]
        issuer, code, folio, date, receiver, name, total, item = found
        receiver = FOREIGN_RUT if code in EXPORT_TYPES else receiver
        return Facts(
            RE=issuer.strip(),
            TD=code.strip(),
            F=int(folio),
            FE=datetime.date.fromisoformat(date.strip()).isoformat(),
            RR=receiver.strip(),
            RSR=_cut(name or "") or receiver.strip(),
            MNT=int(total),
            # A line must have a name, but it may be of spaces.
            IT1=_cut(item) or "-",
        )
    except (AttributeError, TypeError, ValueError):
        raise DocumentUnreadable from None


def _cut(text):
    """Return a text as it fits into the stamp, before anything in it is escaped."""
    text = re.sub("[\t\r\n]", " ", text).strip(" ")
    return text[:MAX_TEXT].strip(" ")


def ted(facts, caf, key, time):
    """Return the element `TED`, flattened, in Latin-1.

    :param Facts facts: of the document
    :param Caf caf: whose range holds its folio
    :param key: the CAF's, from :meth:`~.caf.Caf.load_key`
    :param datetime time: of the stamp, Chile's local time without a zone
    :rtype: bytes
    :raise CafError: where the folio, type or company is not the CAF's, or it expired
    :raise NotLatin1:
    """
    cafs.check_use(caf, facts.RE, facts.TD, facts.F, time.date())
    try:
        said = "".join(
            f"<{name}>{escape(str(value))}</{name}>"
            for name, value in facts._asdict().items()
        ).encode(ENCODING)
    except UnicodeEncodeError:
        raise NotLatin1 from None
    moment = f"<TSTED>{time:%Y-%m-%dT%H:%M:%S}</TSTED>".encode()
    signed = b"<DD>%s%s%s</DD>" % (said, caf.node, moment)
    return b'<TED version="1.0">%s<FRMT algoritmo="%s">%s</FRMT></TED>' % (
        signed,
        cafs.ALGORITHM.encode(),
        base64.b64encode(rsa_sha1.sign(key, signed)),
    )


def stamp(content, caf, key, time):
    """Return the file of a DTE with its stamp and the time of its signature.

    All of it but what is added is kept, byte for byte.

    :param bytes content: of a file in Latin-1, without a stamp
    :return: the new content, and the element `TED` in it
    :rtype: tuple[bytes, bytes]
    :raise SiiError:
    """
    if content.count(_END) != 1:
        raise DocumentUnreadable
    if b"<TED" in content or b"<TmstFirma>" in content:
        raise AlreadyStamped
    element = ted(facts(content), caf, key, time)
    added = b"%s\n<TmstFirma>%s</TmstFirma>\n" % (
        element,
        f"{time:%Y-%m-%dT%H:%M:%S}".encode(),
    )
    return content.replace(_END, added + _END), element


def verify(content):
    """Check the stamp of a DTE: made with the key of its CAF, and for this document.

    Whether the SII gave that CAF is asked of :func:`~.caf.check` at loading.

    :param bytes content: of a file in Latin-1
    :raise SignatureBroken:
    :raise DocumentUnreadable: where there is no stamp
    """
    said, document = read(content), facts(content)
    # Others cut and trim texts in other ways.
    for name in ("RE", "TD", "F", "FE", "RR", "MNT"):
        if getattr(said, name) != getattr(document, name):
            raise SignatureBroken("TED")


def read(content):
    """Return what a stamp says, whose signature is checked, without its document.

    :param bytes content: that has one `TED`, in Latin-1: a file, or a barcode's bytes
    :rtype: Facts
    :raise SignatureBroken:
    :raise DocumentUnreadable: where there is no stamp
    """
    elements = _TED.findall(content)
    if len(elements) != 1:
        raise DocumentUnreadable
    element = flat(elements[0])
    try:
        root = parse(DECLARATION + element)
        signature = from_base64(root.findtext("FRMT"))
        key = cafs.public_key(root.find("DD/CAF/DA/RSAPK"))
        signed = re.search(rb"<DD>.*</DD>", element, re.DOTALL)[0]
        said = Facts(*(root.findtext(f"DD/{name}") for name in Facts._fields))
        said = said._replace(F=int(said.F), MNT=int(said.MNT))
    except (AttributeError, TypeError, ValueError):
        raise DocumentUnreadable from None
    if not rsa_sha1.is_signed(key, signed, signature):
        raise SignatureBroken("TED")
    return said
