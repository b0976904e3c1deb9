# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The files that the addon's tests generate, as the library `cl-sii` reads them."""

from pathlib import Path

import pytest
from cl_sii.dte import parse
from cl_sii.libs import xml_utils
from documents import document, line
from lxml import etree
from reader import read
from tools.dte.document import (
    EXEMPT,
    KNOWN_TYPES,
    NOT_INVOICED,
    SURCHARGE,
    DscRcgGlobal,
)
from tools.dte.payload import as_dte_data
from tools.dte.xml import NAMESPACE, as_xml

FILES = sorted(
    Path(__file__).parents[1].glob("l10n_cl_dte_ai/tests/fixtures/DTE_*.xml")
)
# The parser reads signed files only; what is in the signature does not matter to it.
SIGNATURE = (
    b"<TmstFirma>2026-03-02T12:00:00</TmstFirma></Documento>"
    b'<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo/>'
    b"<SignatureValue>c2ln</SignatureValue><KeyInfo><X509Data><X509Certificate>Y2Vy"
    b"</X509Certificate></X509Data></KeyInfo></Signature>"
)


def test_there_is_one_of_each_type():
    codes = [path.stem.split("_")[1] for path in FILES]
    assert codes == ["33", "34", "46", "56", "61"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_is_valid(path, schema):
    content = path.read_bytes()
    assert schema.errors(content) == []
    for lacks in (b"TED", b"TmstFirma", b"Signature"):
        assert lacks not in content


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_another_parser_reads_the_same(path):
    content = path.read_bytes()
    signed = content.replace(b"</Documento>", SIGNATURE)
    data = parse.parse_dte_xml(xml_utils.parse_untrusted_xml(signed))
    _dte, code, folio = path.stem.split("_")
    assert (data.tipo_dte.value, data.folio) == (int(code), int(folio))
    assert str(data.emisor_rut) == "76101010-7"
    assert str(data.receptor_rut) == "76202020-3"
    assert data.receptor_razon_social == "Comercial Los Boldos SpA"
    total = etree.fromstring(content).findtext(
        ".//s:MntTotal", namespaces={"s": NAMESPACE}
    )
    assert data.monto_total == int(total)
    assert len(data.referencias or ()) == (1 if code in ("56", "61") else 0)


@pytest.mark.parametrize("code", KNOWN_TYPES)
def test_each_type_that_the_tools_know(code, schema):
    """Also a dispatch guide (52), which Odoo Community has no data for."""
    given = document(code)
    content = as_xml(given)
    assert schema.errors(content) == []
    signed = content.replace(b"</Documento>", SIGNATURE)
    data = parse.parse_dte_xml(xml_utils.parse_untrusted_xml(signed))
    assert (str(data.tipo_dte.value), data.folio) == (code, given.Folio)
    assert data.monto_total == given.MntTotal
    assert read(content) == given


def test_a_purchase_invoice_pays_no_iva():
    given = document("46")
    assert (given.MntNeto, given.IVA, given.MntTotal) == (100_000, 19_000, 100_000)


def test_the_schema_is_a_judge(schema):
    """It would say so if the order of elements were wrong."""
    content = FILES[0].read_bytes()
    for wrong in (
        content.replace(b"<FmaPago>2</FmaPago>\n", b"", 1).replace(
            b"<TipoDTE>", b"<FmaPago>2</FmaPago><TipoDTE>"
        ),
        content.replace(b"<Acteco>711002</Acteco>", b""),
        content.replace(b"<Folio>41<", b"<Folio>0<"),
    ):
        assert wrong != content
        assert schema.errors(wrong)


def test_what_the_service_is_told_adds_up():
    """Discounts in per cent, surcharges, and lines that this document does not
    invoice.
    """
    lines = [
        line(1, 100_000),
        line(2, 50_000, IndExe=EXEMPT),
        line(3, 7_000, IndExe=NOT_INVOICED),
    ]
    changes = (
        DscRcgGlobal(1, "Descuento", 23.0, TpoValor="%"),
        DscRcgGlobal(2, "Flete", 1_000.0, EXEMPT, SURCHARGE),
    )
    told = as_dte_data(document(lines=lines, DscRcgGlobal=changes))
    assert told["monto_descuento_global"] == 23_000 - 1_000
    assert [each.get("monto") for each in told["items"]] == [100_000, 50_000, None]
