# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A file of anyone's, as documents: a DTE or an envelope (EnvioDTE), signed or not.

Strict: what is not as the format says is a :class:`ReadError`, and what a
:class:`~.document.Documento` has no place for is named in `left_out`. Signatures and
stamps are left out, too, and not verified. The bytes may come from anywhere: no entity
is expanded, and nothing is fetched.
"""

import re
from typing import NamedTuple

from lxml import etree

from . import document as dte
from .order import ORDER
from .parts import Part, ReadError, name_of
from .tax_codes import WITHHELD
from .xml import NAMESPACE

MAX_BYTES = 32 * 2**20  # an envelope of 2,000 documents has a third of it
_PREFIX = f"{{{NAMESPACE}}}"
_DECLARATION = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)["']""")
_LATIN_1 = frozenset(("iso-8859-1", "iso8859-1", "iso_8859-1", "latin-1", "latin1"))
_UTF_8 = frozenset(("utf-8", "utf8", "us-ascii", "ascii"))
_BOM = b"\xef\xbb\xbf"


class Reading(NamedTuple):
    """A document that was read.

    :param list[LeftOut] left_out: what the file says besides
    :param dict lines: of the file, by element's name and number of its line
    """

    document: dte.Documento
    left_out: list
    lines: dict

    def line_of(self, finding):
        """Return the line of the file that a rule's finding is about, or where the
        element is missing that of what it belongs to.
        """
        name = finding.field
        while name not in ("Documento", None):
            for key in ((name, finding.line), (name, None)):
                if key in self.lines:
                    return self.lines[key]
            name = next((part for part, names in ORDER.items() if name in names), None)
        return self.lines["Documento", None]


def read(content):
    """Return the documents of a file.

    :param bytes content: of a DTE or an EnvioDTE
    :rtype: list[Reading]
    :raise ReadError: where it is none, or not as the format says
    """
    root = _parse(content)
    name = name_of(root)
    if name == "DTE":
        return [_read_dte(root)]
    if name == "EnvioDTE":
        found = root.findall(f"{_PREFIX}SetDTE/{_PREFIX}DTE")
        if not found:
            raise ReadError("The envelope (EnvioDTE) has no document in it.", 1)
        return [_read_dte(each) for each in found]
    if name in ("EnvioBOLETA", "AEC", "RespuestaDTE", "EnvioRecibos"):
        raise ReadError(f"{name} is another kind of file: DTE and EnvioDTE are read.")
    if etree.QName(root).localname in ("DTE", "EnvioDTE"):
        raise ReadError(
            f"The elements are not in the SII's namespace, {NAMESPACE}.",
            root.sourceline,
        )
    raise ReadError(f"The file is no DTE: its root is {root.tag}.", root.sourceline)


# === From bytes to elements ===


def _parse(content):
    if len(content) > MAX_BYTES:
        raise ReadError(f"The file has more than {MAX_BYTES // 2**20} MB.")
    if not content.strip():
        raise ReadError("The file is empty.")
    _check_encoding(content)
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise ReadError("The file defines entities (DOCTYPE), which no DTE does.")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        return etree.fromstring(content, parser)
    except etree.XMLSyntaxError as error:
        raise ReadError(f"The file is no XML: {error.msg}.", error.lineno) from error


def _check_encoding(content):
    """Refuse bytes that are not what the file says of them.

    A signature is over the bytes: read otherwise than they were meant, “ñ” becomes “Ã±”
    in silence.
    """
    if content[:2] in (b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<"):
        raise ReadError("The file is in UTF-16: a DTE is in ISO-8859-1.", 1)
    if content[:1].isspace() and content.lstrip().startswith(b"<?xml"):
        raise ReadError("The file begins with white space, before its declaration.", 1)
    has_bom = content.startswith(_BOM)
    declaration = _DECLARATION.match(content.removeprefix(_BOM))
    declared = declaration[1].decode() if declaration else ""
    if declared.lower() in _LATIN_1:
        if has_bom:
            raise ReadError(f"The file declares {declared} and begins as UTF-8.", 1)
        if not content.isascii() and _fault_in_utf_8(content) is None:
            raise ReadError(
                f"The file declares {declared}, and its bytes are UTF-8. The SII "
                "refuses its signature so.",
                1,
            )
    elif declared.lower() in _UTF_8 or not declared:
        fault = _fault_in_utf_8(content)
        if fault is not None:
            raise ReadError(
                f"The file declares {declared or 'no encoding, which means UTF-8'}, "
                "and its bytes are not: probably it is in ISO-8859-1.",
                content.count(b"\n", 0, fault) + 1,
            )
    else:
        raise ReadError(f"The file is in {declared}: a DTE is in ISO-8859-1.", 1)


def _fault_in_utf_8(content):
    try:
        content.decode()
    except UnicodeDecodeError as error:
        return error.start
    return None


# === From elements to the document ===


def _read_dte(element):
    left_out, lines = [], {}
    root = Part(element, "DTE", left_out, lines)
    for other in ("Exportaciones", "Liquidacion"):
        if other in root.children:
            raise ReadError(
                f"{other} have another form and are not read.", root.element.sourceline
            )
    body = root.part("Documento")
    heading = body.part("Encabezado")
    read = _read_heading(heading)
    read["Detalle"] = tuple(
        _read_line(line) for line in body.parts("Detalle", "NroLinDet")
    )
    read["DscRcgGlobal"] = tuple(
        part.close(
            dte.DscRcgGlobal(
                **part.wholes("NroLinDR", "IndExeDR"),
                **part.texts("GlosaDR"),
                TpoMov=part.one_of("TpoMov", (dte.DISCOUNT, dte.SURCHARGE)),
                TpoValor=part.one_of("TpoValor", ("$", "%")),
                ValorDR=part.number("ValorDR", 2),
            )
        )
        for part in body.parts("DscRcgGlobal", "NroLinDR")
    )
    read["Referencia"] = tuple(
        _read_reference(number, part)
        for number, part in enumerate(body.parts("Referencia", "NroLinRef"), start=1)
    )
    document = dte.Documento(**read)
    for part in (heading, body, root):
        part.close(None)
    return Reading(document, sorted(left_out, key=lambda each: each.line), lines)


def _read_heading(heading):
    about, emisor, receptor, totals = map(
        heading.part, ("IdDoc", "Emisor", "Receptor", "Totales")
    )
    code = about.text("TipoDTE", required=True)
    if code not in dte.KNOWN_TYPES:
        raise ReadError(
            f"Documents of type {code} have another form and are not read.",
            about.element.sourceline,
        )
    read = {
        "TipoDTE": code,
        "Folio": about.whole("Folio") or None,
        "FchEmis": about.date("FchEmis"),
        "IndTraslado": about.whole("IndTraslado") or None,
        "FmaPago": about.whole("FmaPago") or None,
        "FchVenc": about.date("FchVenc"),
        "MntPagos": tuple(
            part.close(
                dte.MntPagos(
                    FchPago=part.date("FchPago", required=True),
                    MntPago=part.whole("MntPago", required=True),
                    GlosaPagos=part.text("GlosaPagos"),
                )
            )
            for part in about.parts("MntPagos")
        ),
        "Emisor": dte.Emisor(
            **emisor.texts("RUTEmisor", "RznSoc", "GiroEmis", "Sucursal"),
            **emisor.texts("DirOrigen", "CmnaOrigen", "CiudadOrigen"),
            Acteco=tuple(emisor.all("Acteco")),
            CdgSIISucur=emisor.whole("CdgSIISucur") or None,
        ),
        "Receptor": dte.Receptor(
            **receptor.texts("RUTRecep", "RznSocRecep", "GiroRecep"),
            **receptor.texts("DirRecep", "CmnaRecep", "CiudadRecep"),
        ),
        **_read_totals(totals),
        "OtraMoneda": next(
            map(_read_other_currency, heading.parts("OtraMoneda")), None
        ),
    }
    for part in (about, emisor, receptor, totals):
        part.close(None)
    return read


def _read_totals(totals):
    taxes = []
    for part in totals.parts("ImptoReten"):
        code = part.whole("TipoImp", required=True)
        amount = part.whole("MontoImp", required=True)
        sign = -1 if code in WITHHELD else 1
        rate = part.number("TasaImp", 2)
        taxes.append(part.close(dte.ImptoReten(code, rate, sign * amount)))
    read = {
        **totals.wholes("MntNeto", "MntExe", "IVA", "IVANoRet", "MontoNF"),
        "TasaIVA": totals.number("TasaIVA", 2),
        "MntTotal": totals.whole("MntTotal", required=True),
        "ImptoReten": tuple(taxes),
    }
    # It is the sum of two others, and written again as such.
    if totals.whole("MontoPeriodo") not in (0, read["MntTotal"] + read["MontoNF"]):
        totals.leave_out("MontoPeriodo")
    return read


def _read_other_currency(part):
    amounts = ("MntNetoOtrMnda", "MntExeOtrMnda", "IVAOtrMnda", "MntTotOtrMnda")
    return part.close(
        dte.OtraMoneda(
            TpoMoneda=part.text("TpoMoneda", required=True),
            TpoCambio=part.number("TpoCambio", 4),
            **{name: part.number(name, 4) for name in amounts},
        )
    )


def _read_line_currency(part):
    amounts = ("FctConv", "DctoOtrMnda", "RecargoOtrMnda", "MontoItemOtrMnda")
    return part.close(
        dte.OtrMnda(
            PrcOtrMon=part.number("PrcOtrMon", 6),
            Moneda=part.text("Moneda", required=True),
            **{name: part.number(name, 4) for name in amounts},
        )
    )


def _read_line(line):
    return line.close(
        dte.Detalle(
            NroLinDet=line.whole("NroLinDet", required=True),
            CdgItem=tuple(
                part.close(dte.CdgItem(**part.texts("TpoCodigo", "VlrCodigo")))
                for part in line.parts("CdgItem")
            ),
            **line.wholes("IndExe", "DescuentoMonto", "RecargoMonto"),
            **line.texts("NmbItem", "DscItem", "UnmdItem"),
            QtyItem=line.number("QtyItem", 6),
            PrcItem=line.number("PrcItem", 6),
            OtrMnda=next(map(_read_line_currency, line.parts("OtrMnda")), None),
            DescuentoPct=line.number("DescuentoPct", 2),
            RecargoPct=line.number("RecargoPct", 2),
            CodImpAdic=tuple(line.whole_of(each) for each in line.take("CodImpAdic")),
            MontoItem=line.whole("MontoItem", required=True),
        )
    )


def _read_reference(number, part):
    if part.item == number:  # it is written again as its position
        part.take("NroLinRef")
    return part.close(
        dte.Referencia(
            **part.texts("TpoDocRef", "FolioRef", "RazonRef"),
            FchRef=part.date("FchRef"),
            CodRef=part.whole("CodRef") or None,
            IndGlobal=bool(part.whole("IndGlobal")),
        )
    )
