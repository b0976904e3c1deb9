# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A DTE as the XML of the SII: unsigned, so not yet a tax document.

Stamp (TED), time of signature (TmstFirma) and Signature belong to whoever signs it.
"""

import re

from .texts import fit

NAMESPACE = "http://www.sii.cl/SiiDte"
ENCODING = "ISO-8859-1"


def as_xml(document):
    """Return the document as the bytes of its file: the same for the same document.

    Elements in the schema's order, without those that are empty.

    :param Documento document: with its folio and date
    :rtype: bytes
    """
    document, _cuts = fit(document)
    return "\n".join(
        (
            f'<?xml version="1.0" encoding="{ENCODING}"?>',
            f'<DTE xmlns="{NAMESPACE}" version="1.0">',
            f'<Documento ID="F{document.Folio}T{document.TipoDTE}">',
            *_heading(document),
            *_lines(document),
            *_discounts(document),
            *_references(document),
            "</Documento>",
            "</DTE>",
            "",
        )
    ).encode(ENCODING)


def without_parties(content):
    """Return a file that :func:`as_xml` wrote without what it says of the parties."""
    return re.sub(rb"<Emisor>.*</Receptor>", b"", content, count=1, flags=re.DOTALL)


def _heading(document):
    emisor, receptor = document.Emisor, document.Receptor
    return (
        "<Encabezado>",
        "<IdDoc>",
        *_elements(
            ("TipoDTE", document.TipoDTE),
            ("Folio", document.Folio),
            ("FchEmis", document.FchEmis),
            ("IndTraslado", document.IndTraslado),
            ("FmaPago", document.FmaPago),
            ("FchVenc", document.FchVenc),
        ),
        "</IdDoc>",
        "<Emisor>",
        *_elements(
            ("RUTEmisor", emisor.RUTEmisor),
            ("RznSoc", emisor.RznSoc),
            ("GiroEmis", emisor.GiroEmis),
            *(("Acteco", code) for code in emisor.Acteco[:4]),
            ("DirOrigen", emisor.DirOrigen),
            ("CmnaOrigen", emisor.CmnaOrigen),
            ("CiudadOrigen", emisor.CiudadOrigen),
        ),
        "</Emisor>",
        "<Receptor>",
        *_elements(
            ("RUTRecep", receptor.RUTRecep),
            ("RznSocRecep", receptor.RznSocRecep),
            ("GiroRecep", receptor.GiroRecep),
            ("DirRecep", receptor.DirRecep),
            ("CmnaRecep", receptor.CmnaRecep),
            ("CiudadRecep", receptor.CiudadRecep),
        ),
        "</Receptor>",
        "<Totales>",
        *_elements(
            ("MntNeto", document.MntNeto),
            ("MntExe", document.MntExe),
            ("TasaIVA", _decimal(document.TasaIVA, 2)),
            ("IVA", document.IVA),
        ),
        *_taxes(document),
        f"<MntTotal>{document.MntTotal}</MntTotal>",
        "</Totales>",
        "</Encabezado>",
    )


def _taxes(document):
    for tax in document.ImptoReten:
        yield "<ImptoReten>"
        yield from _elements(
            ("TipoImp", tax.TipoImp),
            ("TasaImp", _decimal(tax.TasaImp, 2)),
            # The code says whether it is added or subtracted.
            ("MontoImp", abs(tax.MontoImp)),
        )
        yield "</ImptoReten>"


def _lines(document):
    for line in document.Detalle:
        yield "<Detalle>"
        yield from _elements(
            ("NroLinDet", line.NroLinDet),
            ("IndExe", line.IndExe and 1),
            ("NmbItem", line.NmbItem),
            ("DscItem", line.DscItem),
            ("QtyItem", _decimal(line.QtyItem, 6)),
            ("UnmdItem", line.UnmdItem),
            ("PrcItem", _decimal(line.PrcItem, 6)),
            ("DescuentoPct", _decimal(line.DescuentoPct, 2)),
            ("DescuentoMonto", line.DescuentoMonto),
            ("RecargoPct", _decimal(line.RecargoPct, 2)),
            ("RecargoMonto", line.RecargoMonto),
            *(("CodImpAdic", code) for code in line.CodImpAdic[:2]),
        )
        yield f"<MontoItem>{line.MontoItem}</MontoItem>"
        yield "</Detalle>"


def _discounts(document):
    for discount in document.DscRcgGlobal:
        yield "<DscRcgGlobal>"
        yield from _elements(
            ("NroLinDR", discount.NroLinDR),
            ("TpoMov", "D"),
            ("GlosaDR", discount.GlosaDR),
            ("TpoValor", "$"),
            ("ValorDR", discount.ValorDR),
            ("IndExeDR", discount.IndExeDR and 1),
        )
        yield "</DscRcgGlobal>"


def _references(document):
    for number, reference in enumerate(document.Referencia, start=1):
        yield "<Referencia>"
        yield from _elements(
            ("NroLinRef", number),
            ("TpoDocRef", reference.TpoDocRef),
            ("FolioRef", reference.FolioRef),
            ("FchRef", reference.FchRef),
            ("CodRef", reference.CodRef),
            ("RazonRef", reference.RazonRef),
        )
        yield "</Referencia>"


def _elements(*values):
    return [
        f"<{name}>{_escape(value) if isinstance(value, str) else value}</{name}>"
        for name, value in values
        if value
    ]


def _escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _decimal(value, digits):
    """Return a number without the zeros at its end; nothing of a zero."""
    if not value:
        return ""
    if value == int(value):
        return str(int(value))
    text = f"{value:.{digits}f}".rstrip("0").rstrip(".")
    return text if text != "0" else ""
