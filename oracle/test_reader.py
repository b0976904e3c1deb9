# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Files of anyone's: read as the same document, or refused with a clear word."""

import json
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from documents import TODAY, document, documents, full_document, line
from hypothesis import given
from lxml import etree
from places import ROOT, SCHEMAS
from reader import read as read_independently
from test_properties import ANY, translate
from tools.dte import rules, xml
from tools.dte.order import ORDER
from tools.dte.reader import ReadError, read
from tools.dte.texts import fit
from tools.dte.xml import as_xml

SIGNATURE = (
    b'<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo/></Signature>'
)


def envelope(*contents):
    inner = b"".join(content.partition(b"?>\n")[2] for content in contents)
    return (
        b'<?xml version="1.0" encoding="ISO-8859-1"?>\n'
        b'<EnvioDTE xmlns="http://www.sii.cl/SiiDte" version="1.0"><SetDTE ID="SetDoc">'
        b"<Caratula/>%b</SetDTE>%b</EnvioDTE>" % (inner, SIGNATURE)
    )


def changed(old, new, content=None):
    content = content or as_xml(document())
    assert old in content
    return content.replace(old, new)


@ANY
@given(given_document=documents())
def test_what_was_written_is_read_again(given_document):
    fitted, _cuts = fit(given_document)
    content = as_xml(given_document)
    findings = rules.check(given_document, TODAY, translate)
    if any(finding.severity == rules.ERROR for finding in findings):
        return  # a file with five activity codes holds four of them
    [reading] = read(content)
    assert reading.document == fitted == read_independently(content)
    assert as_xml(reading.document) == content
    assert reading.left_out == []


def test_every_element_that_a_document_knows_is_read_again(schema):
    given_document = full_document()
    content = as_xml(given_document)
    assert schema.errors(content) == []
    [reading] = read(content)
    assert reading.document == given_document
    assert as_xml(reading.document) == content
    assert reading.left_out == []


def test_an_envelope_has_many_documents():
    contents = [as_xml(document(Folio=number)) for number in (1, 2)]
    folios = [reading.document.Folio for reading in read(envelope(*contents))]
    assert folios == [1, 2]


def test_what_is_left_out_is_named():
    content = changed(
        b"</CmnaRecep>", b"</CmnaRecep>\n<DirPostal>Casilla 1</DirPostal>"
    )
    content = changed(b"</DTE>", SIGNATURE + b"</DTE>", content)
    content = changed(b"</Documento>", b"<TED/><TmstFirma/></Documento>", content)
    [reading] = read(content)
    paths = [each.path for each in reading.left_out]
    assert sorted(paths) == [
        "DTE/Documento/Encabezado/Receptor/DirPostal",
        "DTE/Documento/TED",
        "DTE/Documento/TmstFirma",
        "DTE/Signature",
    ]
    at = content.splitlines().index(b"<DirPostal>Casilla 1</DirPostal>") + 1
    assert reading.left_out[0].line == at


def test_digits_that_a_float_does_not_hold_are_named():
    content = changed(b"<QtyItem>1</QtyItem>", b"<QtyItem>99999999999.123456</QtyItem>")
    [[path, _line]] = read(content)[0].left_out
    assert path.endswith("Detalle/QtyItem: digits of 99999999999.123456")


def test_a_finding_is_shown_at_its_line():
    content = as_xml(
        document(
            lines=[line(), line(2, PrcItem=1.0)],
            Receptor=replace(document().Receptor, GiroRecep="", RUTRecep="1-2"),
        )
    )
    [reading] = read(content)
    rows = content.splitlines()
    found = {
        finding.field: rows[reading.line_of(finding) - 1]
        for finding in rules.check(reading.document, TODAY, translate)
    }
    assert found["RUTRecep"] == b"<RUTRecep>1-2</RUTRecep>"
    assert found["GiroRecep"] == b"<Receptor>"  # it is not there
    second = rows.index(b"<NroLinDet>2</NroLinDet>")
    assert rows.index(found["MontoItem"], second) == second + 4


LATIN = as_xml(document())  # with ñ
UTF_8 = LATIN.decode("latin-1").replace("ISO-8859-1", "UTF-8").encode()


@pytest.mark.parametrize(
    "content", [LATIN, UTF_8, b"\xef\xbb\xbf" + UTF_8, LATIN.replace(b"\n", b"\r\n")]
)
def test_the_same_in_another_encoding(content):
    assert read(content)[0].document == document()


BOMB = b"""<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">
<!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><DTE>&b;</DTE>"""


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "empty"),
        (b"  \n", "empty"),
        (b"no xml", "no XML"),
        (LATIN[:-20], "no XML"),
        (b"\n" + LATIN, "begins with white space"),
        (b"<a>" * 100_000, "no XML"),
        (b" " * (32 * 2**20 + 1), "32 MB"),
        (LATIN.decode("latin-1").encode(), "its bytes are UTF-8"),
        (b"\xef\xbb\xbf" + LATIN, "begins as UTF-8"),
        (LATIN.replace(b"ISO-8859-1", b"UTF-8"), "its bytes are not"),
        (LATIN.partition(b"\n")[2], "no encoding"),
        (LATIN.replace(b"ISO-8859-1", b"EBCDIC-CP-US"), "EBCDIC"),
        (LATIN.decode("latin-1").encode("utf-16"), "UTF-16"),
        (BOMB, "DOCTYPE"),
        (
            b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>',
            "DOCTYPE",
        ),
        (b"<x/>", "its root is x"),
        (LATIN.replace(b' xmlns="http://www.sii.cl/SiiDte"', b""), "namespace"),
        (LATIN.replace(b"SiiDte", b"Other"), "namespace"),
        (b'<EnvioBOLETA xmlns="http://www.sii.cl/SiiDte"/>', "another kind"),
        (envelope(), "no document"),
        (b'<DTE xmlns="http://www.sii.cl/SiiDte"/>', "Documento stands there 0 times"),
        (
            b'<DTE xmlns="http://www.sii.cl/SiiDte"><Exportaciones/></DTE>',
            "another form",
        ),
        (changed(b"<TipoDTE>33", b"<TipoDTE>39"), "type 39"),
        (changed(b"<TipoDTE>33</TipoDTE>", b""), "TipoDTE is missing"),
        (changed(b"<MntTotal>119000</MntTotal>", b""), "MntTotal is missing"),
        (changed(b"<Folio>4187", b"<Folio>4,187"), "no whole number"),
        (changed(b"<Folio>4187", b"<Folio>" + b"9" * 19), "no whole number"),
        (changed(b"<MntTotal>119000", b"<MntTotal>1e5"), "no whole number"),
        (changed(b"<PrcItem>100000", b"<PrcItem>NaN"), "no number"),
        (changed(b"<FchEmis>2026-03-02", b"<FchEmis>02-03-2026"), "no date"),
        (changed(b"<FchEmis>2026-03-02", b"<FchEmis>2026-02-30"), "no date"),
        (changed(b"<Folio>4187", b"<Folio>1</Folio><Folio>4187"), "more than once"),
        (changed(b"<RznSoc>", b"<RznSoc><b/>"), "elements in its text"),
    ],
)
def test_what_is_no_dte_is_refused_with_a_clear_word(content, says):
    with pytest.raises(ReadError, match=re.escape(says)):
        read(content)


def test_a_fault_says_its_line():
    content = changed(b"<MntTotal>119000", b"<MntTotal>x")
    with pytest.raises(ReadError) as caught:
        read(content)
    rows = content.splitlines()
    assert rows[caught.value.line - 1] == b"<MntTotal>x</MntTotal>"


# === The tree that others add to ===


def test_the_order_of_elements_is_the_schemas():
    root = etree.parse(SCHEMAS / "DTE_v10.xsd").getroot()
    xs = "{http://www.w3.org/2001/XMLSchema}"
    body = root.find(f".//{xs}element[@name='Documento']")

    def children(element):
        for child in element:
            if child.tag == f"{xs}element":
                yield child
            elif child.tag in (
                f"{xs}{n}" for n in ("complexType", "sequence", "choice")
            ):
                yield from children(child)

    seen, waiting = set(), [body]
    while waiting:
        element = waiting.pop()
        name, inner = element.get("name"), list(children(element))
        names = tuple(each.get("name") for each in inner)
        if not inner or name == "TED":
            continue
        if name == "Comisiones":  # there are two; ours is the longer one
            assert set(names) < set(ORDER[name]) or names == ORDER[name]
        else:
            assert ORDER[name] == names
        seen.add(name)
        waiting += inner
    assert seen == set(ORDER)


def test_another_addon_adds_an_element_in_place(schema):
    tree = xml.as_tree(document(Receptor=replace(document().Receptor, CiudadRecep="")))
    receiver = xml.part(tree, "Documento/Encabezado/Receptor")
    xml.add(receiver, "CorreoRecep", "dte@example.com & Cía")
    xml.add(receiver, "CiudadPostal", "Talca")
    transport = xml.add(xml.part(tree, "Documento/Encabezado"), "Transporte")
    xml.add(transport, "Patente", "ABCD12")
    content = xml.as_bytes(tree)
    assert schema.errors(content) == []
    assert b"\n<CorreoRecep>dte@example.com &amp; C\xeda</CorreoRecep>\n" in content
    assert content.count(b"\n") == len(content.splitlines())
    with pytest.raises(ValueError, match="no element Color"):
        xml.add(receiver, "Color", "x")


# === python3 -m dev check ===


def check(*arguments):
    result = subprocess.run(
        [sys.executable, "-m", "dev", "check", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return result.returncode, result.stdout


def test_a_file_is_checked_without_odoo(tmp_path):
    good, bad = tmp_path / "good.xml", tmp_path / "bad.xml"
    good.write_bytes(as_xml(document()))
    assert check(good) == (0, f"{good} (type 33, folio 4187): 0 findings\n")
    bad.write_bytes(changed(b"76202020-3", b"76202020-4"))
    code, printed = check(good, bad, tmp_path / "none.xml", "--json")
    assert code == 1
    clean, wrong, missing = json.loads(printed)
    assert clean["findings"] == []
    [finding] = wrong["findings"]
    assert (finding["rule"], finding["element"]) == (1, "RUTRecep")
    rows = bad.read_bytes().splitlines()
    assert rows[finding["line"] - 1] == b"<RUTRecep>76202020-4</RUTRecep>"
    assert missing["findings"][0]["code"] == "unreadable"
