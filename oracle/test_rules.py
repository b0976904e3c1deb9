# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Each rule has documents that break it and no other; a good document breaks none."""

import datetime
from dataclasses import replace

import pytest
from documents import (
    EMISOR,
    RECEPTOR,
    REFERENCE,
    TODAY,
    document,
    line,
    withheld,
)
from lxml import etree
from places import ROOT, SCHEMAS
from tools.dte import rules
from tools.dte.document import (
    KNOWN_TYPES,
    CdgItem,
    Circumstances,
    DscRcgGlobal,
    ImptoReten,
    Known,
    MntPagos,
    OtraMoneda,
    half_up,
)
from tools.dte.tax_codes import CODES, WITHHELD
from tools.dte.texts import fit

from dev.rules import TABLE, table

OTHER = replace(REFERENCE, TpoDocRef="801", FolioRef="OC-1", CodRef=None, RazonRef="")
DAY = datetime.timedelta(days=1)


def emisor(**values):
    return document(Emisor=replace(EMISOR, **values))


def receptor(code="33", **values):
    return document(code, Receptor=replace(RECEPTOR, **values))


def reference(code="61", **values):
    return document(code, Referencia=(replace(REFERENCE, **values),))


def tax(number, amount, **values):
    return ImptoReten(TipoImp=number, MontoImp=amount, **{"TasaImp": 0.0, **values})


def taxed(*taxes, code="33", **values):
    """A document with taxes on its one line of 100.000."""
    codes = tuple(each.TipoImp for each in taxes)
    lines = [line(CodImpAdic=codes)]
    return document(code, lines=lines, ImptoReten=taxes, **values)


KNOWN = Known(
    TipoDTE="33", Folio=41, FchEmis=TODAY, RUTRecep="76202020-3", MntTotal=119_000
)


def corrects(code="61", coded=1, **values):
    """A note on a document of ours, of which our books say this."""
    known = replace(KNOWN, **values)
    return document(code, Referencia=(replace(REFERENCE, CodRef=coded, known=known),))


def payment(amount, days=0):
    return MntPagos(FchPago=TODAY + days * DAY, MntPago=amount)


DOLLARS = OtraMoneda("DOLAR USA", 950.0, 105.26, 0.0, 20.0, 125.26)


rounded = Circumstances(rounds_taxes=True)
early = Circumstances(discounts_taxes=True)
BROKEN = {
    1: [
        emisor(RUTEmisor=""),
        emisor(RUTEmisor="76101010-8"),
        receptor(RUTRecep="76.202.020-3"),
        receptor(RUTRecep="76303030-k"),
        receptor("61", RUTRecep=""),
    ],
    2: [document("39"), document("110"), document("")],
    3: [document(Folio=0), document(Folio=10**10)],
    8: [
        document(FchEmis=datetime.date(2003, 3, 31)),
        document(FchEmis=datetime.date(2051, 1, 1)),
    ],
    10: [document(FchEmis=TODAY + DAY), document(FchEmis=TODAY - 61 * DAY)],
    11: [
        document(FmaPago=None),
        document("34", FmaPago=4),
        document("46", FmaPago=4),
    ],
    12: [
        document(FmaPago=2, FchVenc=TODAY - DAY),
        document(FmaPago=2, FchVenc=datetime.date(2051, 1, 1)),
    ],
    13: [emisor(RznSoc=""), emisor(GiroEmis="")],
    14: [
        emisor(Acteco=()),
        emisor(Acteco=("1", "2", "3", "4", "5")),
        emisor(Acteco=("1234567",)),
        emisor(Acteco=("12a",)),
    ],
    15: [
        emisor(DirOrigen=""),
        emisor(CmnaOrigen=""),
        receptor(DirRecep=""),
        receptor("34", CmnaRecep=""),
    ],
    16: [
        emisor(RznSoc="x" * 101),
        emisor(GiroEmis="x" * 81),
        emisor(DirOrigen="x" * 71),
        emisor(CmnaOrigen="x" * 21),
        emisor(CiudadOrigen="x" * 21),
        receptor(RznSocRecep="x" * 101),
        receptor(GiroRecep="x" * 41),
        receptor(DirRecep="x" * 71),
        receptor(CmnaRecep="x" * 21),
        document(lines=[line(DscItem="x" * 1_001)]),
        document(lines=[line(UnmdItem="Saco de 25 kg")]),
        document(
            lines=[line()],
            DscRcgGlobal=(DscRcgGlobal(NroLinDR=1, GlosaDR="x" * 46, ValorDR=1_000),),
        ),
        reference(RazonRef="x" * 91),
        document(Referencia=(replace(OTHER, FolioRef="1" * 19),)),
    ],
    17: [receptor(RznSocRecep=""), receptor(GiroRecep="")],
    18: [receptor(RUTRecep="66666666-6"), receptor("61", RUTRecep="55555555-5")],
    19: [document(lines=[]), document(lines=[line(n) for n in range(1, 62)])],
    20: [document(lines=[line(NmbItem="")])],
    21: [
        document(lines=[line(amount=10**6, QtyItem=1e12, PrcItem=0.000001)]),
        document(lines=[line(amount=10**6, QtyItem=0.000001, PrcItem=1e12)]),
        document(lines=[line(QtyItem=0.0, RecargoMonto=100_000)]),
    ],
    22: [
        document(lines=[line(PrcItem=99_999.0)]),
        document(lines=[line(DescuentoPct=10.0, DescuentoMonto=10_000)]),
    ],
    23: [
        document(lines=[line(amount=10, DescuentoPct=1.0)]),
        document(lines=[line(amount=10, RecargoPct=1.0)]),
    ],
    24: [
        document(lines=[line(), line(2, -500, PrcItem=500.0, DescuentoMonto=1_000)]),
        document(
            lines=[line()],
            DscRcgGlobal=tuple(
                DscRcgGlobal(NroLinDR=n, GlosaDR="Dcto", ValorDR=1)
                for n in range(1, 22)
            ),
        ),
    ],
    25: [
        document(MntNeto=100_001, MntTotal=119_001),
        document(MntExe=5, MntTotal=119_005),
    ],
    26: [
        document(IVA=19_001, MntTotal=119_001),
        document(IVA=0, MntTotal=100_000),
        document(TasaIVA=18.0),
    ],
    27: [document(MntTotal=119_001)],
    28: [
        document(
            "61",
            lines=[line(), line(2, 100, IndExe=True)],
            DscRcgGlobal=(
                DscRcgGlobal(NroLinDR=1, GlosaDR="x", ValorDR=200, IndExeDR=True),
            ),
        )
    ],
    29: [
        document(lines=[line(IndExe=True)]),
        document(
            lines=[line()],
            DscRcgGlobal=(DscRcgGlobal(NroLinDR=1, GlosaDR="x", ValorDR=100_000),),
        ),
    ],
    30: [document("34", lines=[line()])],
    31: [
        document(lines=[line(CodImpAdic=(99,))], ImptoReten=(tax(99, 5),)),
        document(lines=[line(CodImpAdic=(27,))], ImptoReten=(tax(27, -5),)),
        document(lines=[line(CodImpAdic=(27,))], ImptoReten=(tax(27, 0),)),
        document(lines=[line(CodImpAdic=(27,))]),
        document(
            lines=[line(CodImpAdic=(24, 25, 27))],
            ImptoReten=(tax(24, 1), tax(25, 1), tax(27, 1)),
        ),
        document(ImptoReten=tuple(tax(27, n) for n in range(1, 22))),
        document(ImptoReten=(tax(27, 10_000, TasaImp=10.0),)),
        taxed(tax(28, 103_500, TasaImp=103.5)),
    ],
    42: [
        taxed(tax(26, 18_000, TasaImp=18.0)),
        taxed(tax(34, -8_000, TasaImp=8.0), code="46"),
    ],
    43: [
        taxed(tax(15, -19_000, TasaImp=19.0)),
        taxed(tax(34, -4_000, TasaImp=4.0), code="61"),
        taxed(tax(15, -19_000), tax(27, 10_000, TasaImp=10.0), code="46", IVANoRet=0),
    ],
    44: [
        taxed(tax(34, -4_000, TasaImp=4.0), code="46", IVANoRet=0),
        document("46", IVANoRet=5),
        document(IVANoRet=19_000),
        document("61", Referencia=(replace(REFERENCE, TpoDocRef="46"),)),
        taxed(tax(15, -19_000), tax(34, -4_000), code="46"),
    ],
    45: [
        taxed(tax(27, 9_000, TasaImp=10.0)),
        taxed(
            tax(27, 9_000, TasaImp=10.0),
            DscRcgGlobal=(DscRcgGlobal(NroLinDR=1, GlosaDR="x", ValorDR=10_000),),
        ),
    ],
    46: [document(circumstances=Circumstances(rounding=-5))],
    47: [
        document(IVA=19_005, MntTotal=119_005, circumstances=rounded),
        document(IVA=18_905, MntTotal=118_905, circumstances=early),
    ],
    48: [
        receptor(country=""),
        receptor(country="AR"),
        receptor(taxpayer=""),
        receptor(taxpayer="4"),
        receptor(has_rut=False),
    ],
    49: [
        document("61", Referencia=(replace(OTHER, CodRef=3),)),
        reference(TpoDocRef="61", FolioRef="4187", CodRef=3),
        reference(TpoDocRef="61"),
        reference("56", CodRef=1),
    ],
    50: [
        reference(FolioRef="FAC 000041"),
        reference(FolioRef="cuarenta"),
        reference(FolioRef="0"),
        reference(FolioRef="1" * 11),
        reference(FolioRef="5", IndGlobal=True),
    ],
    51: [
        corrects(RUTRecep="76303030-K"),
        corrects(FchEmis=TODAY - DAY),
        corrects("56", coded=3, RUTRecep="76303030-K"),
        document("61", circumstances=Circumstances(origin=replace(KNOWN, Folio=42))),
        document(
            "61", circumstances=Circumstances(origin=replace(KNOWN, TipoDTE="34"))
        ),
    ],
    52: [
        corrects(cancelled_by="N/C 000007"),
        corrects(coded=3, MntTotal=118_999),
        corrects(coded=3, credited=1),
        corrects(credited=119_000),
    ],
    53: [
        document(FmaPago=2, MntPagos=(payment(100_000), payment(19_001, 30))),
        document(FmaPago=2, MntPagos=(payment(119_000, -1),)),
        document(FmaPago=2, MntPagos=(payment(119_001), payment(-1))),
        document(FmaPago=2, MntPagos=(payment(4_000),) * 31),
        document(FmaPago=2, MntPagos=(payment(119_000, 10_000),)),
    ],
    54: [
        document(OtraMoneda=replace(DOLLARS, TpoMoneda="USD")),
        document(OtraMoneda=replace(DOLLARS, TpoCambio=0.0)),
        document(OtraMoneda=replace(DOLLARS, TpoCambio=850.0)),
        document(OtraMoneda=replace(DOLLARS, IVAOtrMnda=25.0)),
    ],
    55: [
        document(lines=[line(CdgItem=(CdgItem("INT1", "x" * 36),))]),
        document(lines=[line(CdgItem=(CdgItem("INT1", "日"),))]),
    ],
    56: [
        document(lines=[line(), line()]),
        document(lines=[line(2)]),
        document(
            lines=[line()],
            DscRcgGlobal=(DscRcgGlobal(NroLinDR=2, GlosaDR="x", ValorDR=1_000),),
        ),
    ],
    41: [
        document("46", lines=[line()], ImptoReten=()),
        taxed(tax(15, -14_500), code="46"),
    ],
    32: [document("61", Referencia=()), document("56", Referencia=())],
    33: [reference(CodRef=None), reference("56", CodRef=None)],
    35: [
        corrects(MntTotal=119_001),
        document("61", Referencia=(REFERENCE, replace(OTHER, CodRef=3))),
    ],
    36: [
        reference(CodRef=2),
        document(
            "61",
            lines=[line(amount=0)],
            Referencia=(replace(REFERENCE, CodRef=2), replace(OTHER, CodRef=3)),
        ),
    ],
    37: [
        document(Referencia=(replace(OTHER, TpoDocRef=""),)),
        document(Referencia=(replace(OTHER, TpoDocRef="ABCD"),)),
        reference(FchRef=TODAY + DAY),
        reference(FolioRef=""),
        reference(FchRef=None),
        reference(FchRef=datetime.date(2002, 7, 31)),
        document(Referencia=(OTHER,) * 41),
    ],
    38: [
        document("52", IndTraslado=None),
        document("52", IndTraslado=10),
    ],
    40: [
        emisor(RznSoc="Peñalmira 📦"),
        receptor(GiroRecep="a\x07b"),
        receptor(DirRecep="Calle Łódź"),
        document(lines=[line(NmbItem="Caja 📦")]),
        document(lines=[line(DscItem="≥ 3")]),
        reference(RazonRef="日本"),
    ],
}
SEVERITIES = {rule.number: rule.severity for rule in rules.RULES}
# A rule that says which of its two cases is the worse one.
MIXED = {12, 18, 51, 53, 54}


def translate(text, /, **values):
    return text % values if values else text


def broken(given):
    """The numbers of the rules that a document breaks, and their findings."""
    return {
        rule.number: found
        for rule in rules.RULES
        if (found := list(rule.apply(given, TODAY, translate)))
    }


@pytest.mark.parametrize("code", KNOWN_TYPES)
def test_a_good_document_breaks_none(code):
    assert broken(document(code)) == {}
    assert broken(document(code, FchEmis=None, Folio=None)) == {}
    full = document(
        code,
        lines=[
            *(
                line(n, NmbItem="x" * 80, IndExe=code == "34", **withheld(code))
                for n in range(1, 60)
            ),
            line(60, 0, QtyItem=0.0, PrcItem=0.0, IndExe=True),
        ],
    )
    assert broken(full) == {}


def test_the_codes_of_taxes_are_those_of_the_schema():
    """And those that it calls withheld are subtracted."""
    xs = "{http://www.w3.org/2001/XMLSchema}"
    types = etree.parse(SCHEMAS / "SiiTypes_v10.xsd").getroot()
    codes = {
        int(each.get("value")): " ".join("".join(each.itertext()).split())
        for each in types.find(f"{xs}simpleType[@name='ImpAdicDTEType']").iter(
            f"{xs}enumeration"
        )
    }
    assert set(codes) == set(CODES)
    assert set(codes) > WITHHELD
    for code, name in codes.items():
        if name:
            assert (code in WITHHELD) == ("IVA Retenido" in name), name


def test_what_a_word_processor_makes_of_a_text_is_no_matter():
    given = emisor(RznSoc="“Peñalmira” – ‘Logística’… 100 €")
    assert broken(given) == {}
    fitted, cuts = fit(given)
    assert fitted.Emisor.RznSoc == "\"Peñalmira\" - 'Logística'... 100 EUR"
    assert not cuts


def test_a_long_name_goes_on_in_the_description():
    given = document(lines=[line(NmbItem="palabra " * 20, DscItem="y más")])
    assert broken(given) == {}
    [fitted] = fit(given)[0].Detalle
    assert len(fitted.NmbItem) <= 80
    assert f"{fitted.NmbItem} {fitted.DscItem}" == "palabra " * 20 + "y más"


def test_every_rule_has_its_documents():
    assert set(BROKEN) == {rule.number for rule in rules.RULES}


@pytest.mark.parametrize(
    ("number", "given"),
    [(number, each) for number, documents in BROKEN.items() for each in documents],
    ids=str,
)
def test_it_breaks_this_rule_only(number, given):
    found = broken(given)
    assert set(found) == {number}
    for finding in found[number]:
        assert number in MIXED or finding.severity == SEVERITIES[number]
        assert finding.message.endswith((".", "!")), finding.message
        assert finding.target in {
            *(rules.DOCUMENT, rules.LINE, rules.REFERENCE),
            *(rules.COMPANY, rules.EMISOR, rules.RECEPTOR),
        }


def test_readiness_speaks_of_one_party():
    assert rules.check_emisor(EMISOR, translate) == []
    assert rules.check_receptor(RECEPTOR, translate) == []
    lacking = replace(EMISOR, Acteco=(), CmnaOrigen="")
    assert {f.code for f in rules.check_emisor(lacking, translate)} == {
        "acteco",
        "address",
    }


def test_the_table_in_the_docs_is_up_to_date():
    """`python3 -m dev rules` writes it."""
    assert (ROOT / TABLE).read_text() == table(rules.RULES)


@pytest.mark.parametrize(
    ("quantity", "price", "pesos"),
    [
        (1, 0.5, 1),
        (1, 0.499999, 0),
        (3, 0.1, 0),
        (5, 0.1, 1),
        (12.25, 990.5, 12_134),
        (0.000001, 500_000, 1),
        (0.000001, 499_999, 0),
    ],
)
def test_half_a_peso_is_rounded_up(quantity, price, pesos):
    assert half_up(quantity, price) == pesos
    given = document(
        lines=[line(amount=pesos, QtyItem=quantity, PrcItem=price), line(2)]
    )
    assert broken(given) == {}


def test_half_a_peso_of_iva_is_rounded_up():
    assert document(lines=[line(amount=50)]).IVA == 10
    assert broken(document(lines=[line(amount=50)])) == {}


def test_a_text_is_not_cut_behind_a_space():
    fitted, [cut] = fit(receptor(GiroRecep="x" * 39 + " y"))
    assert fitted.Receptor.GiroRecep == cut.kept == "x" * 39
