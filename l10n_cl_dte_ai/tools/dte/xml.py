# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A DTE as the XML of the SII: unsigned, so not yet a tax document.

Stamp (TED), time of signature (TmstFirma) and Signature belong to whoever signs it.
Whoever has more to say than a :class:`~.document.Documento` adds it to the tree with
:func:`add`, before :func:`as_bytes` makes the file of it.
"""

import hashlib
import re

from lxml import etree

from .order import ORDER
from .texts import fit

NAMESPACE = "http://www.sii.cl/SiiDte"
ENCODING = "ISO-8859-1"

_PREFIX = f"{{{NAMESPACE}}}"
# Of our own text; without a table of the IDs, which nobody asks for.
_PARSER = etree.XMLParser(collect_ids=False, resolve_entities=False, no_network=True)
_PARTIES = re.compile(rb"<Emisor>.*</Receptor>", re.DOTALL)
_BETWEEN = re.compile(rb">\s+<")


def as_xml(document):
    """Return the document as the bytes of its file: the same for the same document.

    :param Documento document: with its folio and date
    :rtype: bytes
    """
    return as_bytes(as_tree(document))


def as_tree(document):
    """Return the document as a tree: elements in the schema's order, none empty.

    It is written as text and parsed, which takes half the time of building it.

    :param Documento document: with its folio and date
    :return: the element `DTE`
    :rtype: etree._Element
    """
    document, _cuts = fit(document)
    return etree.fromstring(
        "".join(
            (
                f'<DTE xmlns="{NAMESPACE}" version="1.0">',
                f'<Documento ID="F{document.Folio}T{document.TipoDTE}">',
                "<Encabezado>",
                *_about(document),
                *_parties(document.Emisor, document.Receptor),
                *_totals(document),
                "</Encabezado>",
                *_lines(document),
                *_discounts(document),
                *_references(document),
                "</Documento></DTE>",
            )
        ),
        _PARSER,
    )


def as_bytes(root):
    """Return a tree as the bytes of a file, with each element on a line of its own.

    :param etree._Element root: what :func:`as_tree` returned
    :rtype: bytes
    """
    content = etree.tostring(root, encoding=ENCODING, xml_declaration=False)
    # In texts, “>” is written as an entity.
    lines = content.replace(b"><", b">\n<")
    return b'<?xml version="1.0" encoding="%b"?>\n%b\n' % (ENCODING.encode(), lines)


def add(parent, name, text=None):
    """Add an element to a part of the tree, where the SII's schema wants it.

    :param etree._Element parent: a part as :func:`part` finds it
    :param str name: of the new element, as `Contacto`
    :param str text: what it says; None, for one that is to have elements of its own
    :return: the new element
    :raise ValueError: where the schema knows no such element there
    """
    order = ORDER.get(etree.QName(parent).localname, ())
    if name not in order:
        raise ValueError(f"{etree.QName(parent).localname} has no element {name}")
    element = etree.Element(f"{_PREFIX}{name}")
    element.text = text
    later = order[order.index(name) + 1 :]
    for position, other in enumerate(parent):
        if etree.QName(other).localname in later:
            parent.insert(position, element)
            break
    else:
        parent.append(element)
    return element


def part(root, path):
    """Return the element at a path as `Documento/Encabezado/Receptor`, or None."""
    return root.find(path, {None: NAMESPACE})


def fingerprint(root, parties):
    """Return what a document says without its parties, as 64 hexadecimal digits.

    A file that was made of it holds as long as this does: it is the same whatever the
    contacts are called, and however the file is laid out.

    :param etree._Element root: of a DTE that is not signed
    :param parties: what tells its parties from others, whatever they are called
    :rtype: str
    """
    content = etree.tostring(root, method="c14n")
    content = _PARTIES.sub(b"", content, count=1)
    content = _BETWEEN.sub(b"><", content)
    return hashlib.sha256(repr(tuple(parties)).encode() + content).hexdigest()


def _about(document):
    yield "<IdDoc>"
    yield from _elements(
        ("TipoDTE", document.TipoDTE),
        ("Folio", document.Folio),
        ("FchEmis", document.FchEmis),
        ("IndTraslado", document.IndTraslado),
        ("FmaPago", document.FmaPago),
    )
    for payment in document.MntPagos:
        yield from _part(
            "MntPagos",
            ("FchPago", payment.FchPago),
            ("MntPago", payment.MntPago),
            ("GlosaPagos", payment.GlosaPagos),
        )
    yield from _elements(("FchVenc", document.FchVenc))
    yield "</IdDoc>"


def _parties(emisor, receptor):
    yield from _part(
        "Emisor",
        ("RUTEmisor", emisor.RUTEmisor),
        ("RznSoc", emisor.RznSoc),
        ("GiroEmis", emisor.GiroEmis),
        *(("Acteco", code) for code in emisor.Acteco[:4]),
        ("Sucursal", emisor.Sucursal),
        ("CdgSIISucur", emisor.CdgSIISucur),
        ("DirOrigen", emisor.DirOrigen),
        ("CmnaOrigen", emisor.CmnaOrigen),
        ("CiudadOrigen", emisor.CiudadOrigen),
    )
    yield from _part(
        "Receptor",
        ("RUTRecep", receptor.RUTRecep),
        ("RznSocRecep", receptor.RznSocRecep),
        ("GiroRecep", receptor.GiroRecep),
        ("DirRecep", receptor.DirRecep),
        ("CmnaRecep", receptor.CmnaRecep),
        ("CiudadRecep", receptor.CiudadRecep),
    )


def _totals(document):
    yield "<Totales>"
    yield from _elements(
        ("MntNeto", document.MntNeto),
        ("MntExe", document.MntExe),
        ("TasaIVA", decimal(document.TasaIVA, 2)),
        ("IVA", document.IVA),
    )
    for tax in document.ImptoReten:
        yield from _part(
            "ImptoReten",
            ("TipoImp", tax.TipoImp),
            ("TasaImp", decimal(tax.TasaImp, 2)),
            # The code says whether it is added or subtracted.
            ("MontoImp", abs(tax.MontoImp)),
        )
    yield from _elements(("IVANoRet", document.IVANoRet))
    yield f"<MntTotal>{document.MntTotal}</MntTotal>"
    if document.MontoNF:
        yield f"<MontoNF>{document.MontoNF}</MontoNF>"
        yield f"<MontoPeriodo>{document.MntTotal + document.MontoNF}</MontoPeriodo>"
    yield "</Totales>"
    if other := document.OtraMoneda:
        yield from _part(
            "OtraMoneda",
            ("TpoMoneda", other.TpoMoneda),
            *(
                (name, decimal(getattr(other, name), 4))
                for name in (
                    "TpoCambio",
                    "MntNetoOtrMnda",
                    "MntExeOtrMnda",
                    "IVAOtrMnda",
                    "MntTotOtrMnda",
                )
            ),
        )


def _lines(document):
    for line in document.Detalle:
        yield f"<Detalle><NroLinDet>{line.NroLinDet}</NroLinDet>"
        for code in line.CdgItem[:5]:
            yield from _part(
                "CdgItem",
                ("TpoCodigo", code.TpoCodigo),
                ("VlrCodigo", code.VlrCodigo),
            )
        yield from _elements(
            ("IndExe", int(line.IndExe)),
            ("NmbItem", line.NmbItem),
            ("DscItem", line.DscItem),
            ("QtyItem", decimal(line.QtyItem, 6)),
            ("UnmdItem", line.UnmdItem),
            ("PrcItem", decimal(line.PrcItem, 6)),
        )
        if line.OtrMnda:
            yield from _in_other_currency(line.OtrMnda)
        yield from _elements(
            ("DescuentoPct", decimal(line.DescuentoPct, 2)),
            ("DescuentoMonto", line.DescuentoMonto),
            ("RecargoPct", decimal(line.RecargoPct, 2)),
            ("RecargoMonto", line.RecargoMonto),
            *(("CodImpAdic", code) for code in line.CodImpAdic[:2]),
        )
        yield f"<MontoItem>{line.MontoItem}</MontoItem></Detalle>"


def _in_other_currency(other):
    return _part(
        "OtrMnda",
        ("PrcOtrMon", decimal(other.PrcOtrMon, 6)),
        ("Moneda", other.Moneda),
        *(
            (name, decimal(getattr(other, name), 4))
            for name in (
                "FctConv",
                "DctoOtrMnda",
                "RecargoOtrMnda",
                "MontoItemOtrMnda",
            )
        ),
    )


def _discounts(document):
    for discount in document.DscRcgGlobal:
        yield from _part(
            "DscRcgGlobal",
            ("NroLinDR", discount.NroLinDR),
            ("TpoMov", discount.TpoMov),
            ("GlosaDR", discount.GlosaDR),
            ("TpoValor", discount.TpoValor),
            ("ValorDR", decimal(discount.ValorDR, 2)),
            ("IndExeDR", int(discount.IndExeDR)),
        )


def _references(document):
    for number, reference in enumerate(document.Referencia, start=1):
        yield from _part(
            "Referencia",
            ("NroLinRef", number),
            ("TpoDocRef", reference.TpoDocRef),
            ("IndGlobal", reference.IndGlobal and 1),
            ("FolioRef", reference.FolioRef),
            ("FchRef", reference.FchRef),
            ("CodRef", reference.CodRef),
            ("RazonRef", reference.RazonRef),
        )


def _part(name, *values):
    return (f"<{name}>", *_elements(*values), f"</{name}>")


def _elements(*values):
    return [
        f"<{name}>{_escape(value) if isinstance(value, str) else value}</{name}>"
        for name, value in values
        if value
    ]


def _escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def decimal(value, digits):
    """Return a number without the zeros at its end; nothing of a zero."""
    if not value:
        return ""
    if value == int(value):
        return str(int(value))
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return text if text != "0" else ""
