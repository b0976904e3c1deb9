# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A file read back: what another program takes from it."""

import datetime
import xml.etree.ElementTree as ET

from tools.dte.document import (
    Detalle,
    Documento,
    DscRcgGlobal,
    Emisor,
    ImptoReten,
    Receptor,
    Referencia,
)
from tools.dte.tax_codes import WITHHELD

SII = {"": "http://www.sii.cl/SiiDte"}


def read(content):
    document = ET.fromstring(content).find("Documento", SII)
    heading = document.find("Encabezado", SII)
    totals = _Part(heading.find("Totales", SII))
    about = _Part(heading.find("IdDoc", SII))
    issuer = _Part(heading.find("Emisor", SII))
    return Documento(
        TipoDTE=about.text("TipoDTE"),
        Folio=about.whole("Folio") or None,
        FchEmis=about.date("FchEmis"),
        IndTraslado=about.whole("IndTraslado") or None,
        FmaPago=about.whole("FmaPago") or None,
        FchVenc=about.date("FchVenc"),
        Emisor=Emisor(
            **issuer.texts("RUTEmisor", "RznSoc", "GiroEmis"),
            **issuer.texts("DirOrigen", "CmnaOrigen", "CiudadOrigen"),
            Acteco=tuple(issuer.all("Acteco")),
        ),
        Receptor=Receptor(
            **_Part(heading.find("Receptor", SII)).texts(
                *("RUTRecep", "RznSocRecep", "GiroRecep"),
                *("DirRecep", "CmnaRecep", "CiudadRecep"),
            )
        ),
        MntNeto=totals.whole("MntNeto"),
        MntExe=totals.whole("MntExe"),
        TasaIVA=totals.number("TasaIVA"),
        IVA=totals.whole("IVA"),
        IVANoRet=totals.whole("IVANoRet"),
        MntTotal=totals.whole("MntTotal"),
        ImptoReten=tuple(
            ImptoReten(
                TipoImp=tax.whole("TipoImp"),
                TasaImp=tax.number("TasaImp"),
                MontoImp=tax.whole("MontoImp")
                * (-1 if tax.whole("TipoImp") in WITHHELD else 1),
            )
            for tax in map(_Part, heading.findall("Totales/ImptoReten", SII))
        ),
        Detalle=tuple(
            Detalle(
                **line.wholes("NroLinDet", "DescuentoMonto", "RecargoMonto"),
                **line.wholes("MontoItem"),
                **line.texts("NmbItem", "DscItem", "UnmdItem"),
                **line.numbers("QtyItem", "PrcItem", "DescuentoPct", "RecargoPct"),
                CodImpAdic=tuple(map(int, line.all("CodImpAdic"))),
                IndExe=line.text("IndExe") == "1",
            )
            for line in map(_Part, document.findall("Detalle", SII))
        ),
        DscRcgGlobal=tuple(
            DscRcgGlobal(
                **discount.wholes("NroLinDR", "ValorDR"),
                GlosaDR=discount.text("GlosaDR"),
                IndExeDR=discount.text("IndExeDR") == "1",
            )
            for discount in map(_Part, document.findall("DscRcgGlobal", SII))
        ),
        Referencia=tuple(
            Referencia(
                **reference.texts("TpoDocRef", "FolioRef", "RazonRef"),
                FchRef=reference.date("FchRef"),
                CodRef=reference.whole("CodRef") or None,
            )
            for reference in map(_Part, document.findall("Referencia", SII))
        ),
    )


class _Part:
    def __init__(self, element):
        self.element = element

    def text(self, name):
        return self.element.findtext(name, "", SII)

    def texts(self, *names):
        return {name: self.text(name) for name in names}

    def all(self, name):
        return [element.text for element in self.element.findall(name, SII)]

    def whole(self, name):
        return int(self.text(name) or 0)

    def wholes(self, *names):
        return {name: self.whole(name) for name in names}

    def number(self, name):
        return float(self.text(name) or 0)

    def numbers(self, *names):
        return {name: self.number(name) for name in names}

    def date(self, name):
        text = self.text(name)
        return datetime.date.fromisoformat(text) if text else None
