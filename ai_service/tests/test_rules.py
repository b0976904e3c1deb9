# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Each rule has a document that breaks it and nothing else."""

import asyncio
import importlib
import pkgutil
import re

import pytest

from ai_service import clock, rules
from ai_service.engines.base import Opinion
from ai_service.engines.embedded import RuleEngine
from ai_service.rules.base import Rule
from ai_service.rules.parties import check_digit
from ai_service.schemas import ValidationRequest

from . import documents as docs
from .conftest import ROOT
from .habits import UNUSUAL


@pytest.fixture(autouse=True)
def _today(monkeypatch):
    monkeypatch.setattr(clock, "today", lambda: docs.TODAY)


def judge(document, history=()) -> Opinion:
    request = ValidationRequest.model_validate(
        {"dte_data": document, "company_id": 1, "history": list(history)}
    )
    return asyncio.run(RuleEngine(clock.today).validate(request))


# (rule, recommendation, words of the message, document, history)
BROKEN = [
    (
        "not_in_the_future",
        "review",
        "posterior a hoy",
        docs.invoice(fecha_emision=docs.days_ago(-1)),
        (),
    ),
    ("folio_is_a_folio", "reject", "Folio", docs.invoice(folio="A-12"), ()),
    ("folio_is_a_folio", "reject", "10 dígitos", docs.invoice(folio=10**10), ()),
    (
        "not_before_electronic_invoicing",
        "reject",
        "01-04-2003",
        docs.invoice(fecha_emision="2003-03-31"),
        (),
    ),
    (
        "not_stale",
        "review",
        "62 días",
        docs.invoice(fecha_emision=docs.days_ago(62)),
        (),
    ),
    (
        "issuer_rut",
        "reject",
        "RUT del emisor: 76418953-4",
        docs.invoice(rut_emisor="76418953-4"),
        (),
    ),
    (
        "issuer_rut",
        "reject",
        "RUT del emisor: falta",
        docs.invoice(rut_emisor=""),
        (),
    ),
    (
        "receiver_rut",
        "reject",
        "dígito verificador",
        docs.invoice(rut_receptor="77801246-K"),
        (),
    ),
    (
        "receiver_rut",
        "reject",
        "formato 12345678-5",
        docs.invoice(rut_receptor="CL77.801.246-4"),
        (),
    ),
    (
        "generic_receiver_fits_the_type",
        "reject",
        "boletas",
        docs.invoice(rut_receptor="66666666-6"),
        (),
    ),
    (
        "generic_receiver_fits_the_type",
        "reject",
        "exportación",
        docs.invoice(rut_receptor="55555555-5"),
        (),
    ),
    (
        "receiver_is_another",
        "review",
        "mismo del emisor",
        docs.invoice(rut_receptor="76418953-1"),
        (),
    ),
    (
        "names_are_given",
        "reject",
        "Razón social del receptor",
        docs.invoice(razon_social_receptor=None),
        (),
    ),
    (
        "names_are_given",
        "reject",
        "Razón social del emisor",
        docs.invoice(razon_social_emisor="  "),
        (),
    ),
    (
        "issuer_activity_is_given",
        "reject",
        "Giro del emisor",
        docs.invoice(giro_emisor=None),
        (),
    ),
    (
        "receiver_details_are_given",
        "reject",
        "Giro del receptor",
        docs.invoice(giro_receptor=None),
        (),
    ),
    (
        "receiver_details_are_given",
        "reject",
        "Comuna del receptor",
        docs.exempt_invoice(comuna_receptor=None),
        (),
    ),
    (
        "receiver_details_are_given",
        "review",
        "Giro, dirección y comuna",
        docs.invoice(giro_receptor=None, direccion_receptor=None, comuna_receptor=None),
        (),
    ),
    (
        "invoice_has_affected_amounts",
        "reject",
        "factura exenta (34)",
        docs.exempt_invoice(tipo_dte="33"),
        (),
    ),
    (
        "exempt_document_has_no_tax",
        "reject",
        "lleva IVA por $ 40.860",
        docs.invoice(tipo_dte="34"),
        (),
    ),
    (
        "note_refers_to_a_document",
        "reject",
        "qué documento corrige",
        docs.credit_note(documento_referencia=None),
        (),
    ),
    (
        "note_refers_to_a_document",
        "reject",
        "qué documento corrige",
        docs.credit_note(tipo_dte="56", documento_referencia=None),
        (),
    ),
    ("note_says_why", "reject", "falta", docs.with_reference(codigo=None), ()),
    ("note_says_why", "reject", "«7» no es válido", docs.with_reference(codigo=7), ()),
    (
        "reference_is_complete",
        "reject",
        "falta el folio",
        docs.with_reference(folio=None),
        (),
    ),
    (
        "reference_is_not_later",
        "reject",
        "posterior",
        docs.with_reference(fecha=docs.days_ago(-1)),
        (),
    ),
    (
        "reference_is_not_later",
        "reject",
        "01-08-2002",
        docs.with_reference(fecha="2002-07-31"),
        (),
    ),
    (
        "text_correction_has_no_amounts",
        "reject",
        "montos en cero",
        docs.with_reference(codigo=2),
        (),
    ),
    (
        "total_is_given",
        "reject",
        "Monto total: falta",
        docs.invoice(monto_total=None),
        (),
    ),
    (
        "pesos_are_whole",
        "reject",
        "$ 1.250,5",
        docs.exempt_invoice(
            monto_exento=1250.5,
            monto_total=1250.5,
            items=[{"nombre": "Curso", "monto": 1250.5}],
        ),
        (),
    ),
    (
        "vat_is_nineteen_percent",
        "send",
        "redondeo",
        docs.invoice(monto_iva=40861, monto_total=285916),
        (),
    ),
    (
        "vat_is_nineteen_percent",
        "reject",
        "IVA: es $ 40.862 y el 19 % del neto $ 215.055 es $ 40.860",
        docs.invoice(monto_iva=40862, monto_total=285917),
        (),
    ),
    (
        "vat_is_nineteen_percent",
        "reject",
        "IVA: falta",
        docs.invoice(monto_iva=None, monto_total=245055),
        (),
    ),
    (
        "vat_is_nineteen_percent",
        "reject",
        "no tiene monto neto",
        docs.credit_note(
            monto_neto=None, monto_exento=245055, monto_iva=1000, monto_total=246055
        ),
        (),
    ),
    (
        "total_adds_up",
        "send",
        "redondeo",
        docs.invoice(monto_total=285914),
        (),
    ),
    (
        "total_adds_up",
        "reject",
        "Monto total: es $ 285.913",
        docs.invoice(monto_total=285913),
        (),
    ),
    (
        "total_adds_up",
        "reject",
        "Monto total",
        docs.purchase_invoice(monto_total=245000),
        (),
    ),
    (
        "lines_add_up",
        "reject",
        "Líneas: suman $ 245.055",
        docs.invoice(monto_exento=35000, monto_total=290915),
        (),
    ),
    (
        "lines_add_up",
        "send",
        "redondeo",
        docs.invoice(monto_exento=30001, monto_total=285916),
        (),
    ),
    ("has_lines", "reject", "Agregue los ítems", docs.invoice(items=None), ()),
    (
        "not_too_many",
        "reject",
        "son 61",
        docs.exempt_invoice(
            items=[{"nombre": f"Clase {n}", "monto": 1000} for n in range(61)],
            monto_exento=61000,
            monto_total=61000,
        ),
        (),
    ),
    ("each_has_a_name", "reject", "Línea 3", docs.with_line(2, nombre=None), ()),
    (
        "quantities_are_positive",
        "reject",
        "Línea 3 «Curso de prevención»: la cantidad es 0",
        docs.with_line(2, cantidad=0),
        (),
    ),
    (
        "quantities_are_positive",
        "reject",
        "la cantidad es -1",
        docs.with_line(2, cantidad=-1),
        (),
    ),
    (
        "prices_are_positive",
        "reject",
        "$ -5.000",
        docs.invoice(
            items=[
                *docs.invoice()["items"],
                {"nombre": "Anticipo", "monto": -5000},
                {"nombre": "Flete", "monto": 5000},
            ]
        ),
        (),
    ),
    (
        "prices_are_positive",
        "review",
        "precio es cero",
        docs.invoice(
            items=[
                *docs.invoice()["items"],
                {"nombre": "Muestra", "precio_unitario": 0, "monto": 0},
            ]
        ),
        (),
    ),
    (
        "discounts_are_percentages",
        "reject",
        "recargo es 110 %",
        docs.with_line(2, descuento_pct=-110),
        (),
    ),
    (
        "each_amount_is_right",
        "reject",
        "es $ 161.982",
        docs.invoice(
            items=[
                docs.invoice()["items"][0] | {"monto": 162000},
                docs.invoice()["items"][1],
                {"nombre": "Curso de prevención", "monto": 29982},
            ]
        ),
        (),
    ),
    (
        "each_amount_is_right",
        "send",
        "redondeo",
        docs.invoice(
            items=[
                docs.invoice()["items"][0] | {"monto": 161983},
                docs.invoice()["items"][1],
                {"nombre": "Curso de prevención", "monto": 29999},
            ]
        ),
        (),
    ),
    (
        "none_is_repeated",
        "review",
        "Línea 2",
        docs.exempt_invoice(
            items=[{"nombre": "Curso", "monto": 15000}] * 2,
        ),
        (),
    ),
    (
        "only_latin_1",
        "reject",
        "Línea 1 «Taladro 🎉», nombre: tiene caracteres que el SII no admite («🎉»)",
        docs.with_line(nombre="Taladro 🎉"),
        (),
    ),
    (
        "only_latin_1",
        "reject",
        "(«–», «€»)",
        docs.invoice(giro_emisor="Ferretería – importación en €"),
        (),
    ),
    (
        "only_latin_1",
        "reject",
        "U+0007",
        docs.invoice(razon_social_receptor="Constructora\x07 Sur"),
        (),
    ),
    (
        "not_too_long",
        "review",
        "Giro del receptor: tiene 41 caracteres y el SII admite 40",
        docs.invoice(giro_receptor="x" * 41),
        (),
    ),
    (
        "not_too_long",
        "send",
        "unidad: tiene 8",
        docs.with_line(unidad="Unidades"),
        (),
    ),
    (
        "is_not_a_duplicate",
        "review",
        "Posible duplicado: el 16-11-2026",
        docs.invoice(),
        [docs.previous(285915, 4)],
    ),
    (
        "is_not_a_duplicate",
        "review",
        "otro documento 33 con folio 1021 por $ 285.915",
        docs.invoice(),
        [docs.previous(285915, 4, folio=1021)],
    ),
    (
        "dates_follow_folios",
        "review",
        "el folio anterior 1042 tiene fecha 21-11-2026 y este, 20-11-2026",
        docs.invoice(),
        [docs.previous(300000, -1, folio=1042)],
    ),
    (
        "dates_follow_folios",
        "review",
        "el folio posterior 1044 tiene fecha 10-11-2026",
        docs.invoice(),
        [docs.previous(300000, 10, folio="1044")],
    ),
]


@pytest.mark.parametrize(
    ("name", "recommendation", "words", "document", "history"),
    BROKEN,
    ids=[f"{case[0]}-{index}" for index, case in enumerate(BROKEN)],
)
def test_a_defect_is_found_and_nothing_else(
    name, recommendation, words, document, history
):
    opinion = judge(document, history)
    assert opinion.rules == (name,)
    assert opinion.recommendation == recommendation
    messages = opinion.errors or opinion.warnings
    assert any(words in message for message in messages), messages


@pytest.mark.parametrize(
    "build",
    [
        docs.invoice,
        docs.exempt_invoice,
        docs.credit_note,
        docs.text_correction,
        docs.purchase_invoice,
        docs.receipt,
        docs.export_invoice,
    ],
)
def test_a_clean_document_breaks_no_rule(build):
    history = [docs.previous(285915 + n, 30 * n) for n in range(1, 6)]
    opinion = judge(build(), history)
    assert opinion.rules == ()
    assert (opinion.recommendation, opinion.errors, opinion.warnings) == (
        "send",
        (),
        (),
    )


def test_names_that_the_client_keeps_to_itself_are_no_defect():
    left_out = dict.fromkeys(
        (
            "razon_social_emisor",
            "razon_social_receptor",
            "direccion_receptor",
            "comuna_receptor",
        ),
        "(omitido)",
    )
    document = docs.invoice(**left_out)
    assert set(left_out) < set(document)
    assert judge(document) == judge(docs.invoice())


def test_an_undated_draft_is_clean():
    opinion = judge(docs.invoice(fecha_emision=None, folio=None))
    assert opinion.recommendation == "send"


def test_taxes_and_global_discounts_that_the_client_names_are_counted():
    document = docs.invoice(
        monto_otros_impuestos=5000,
        monto_total=290915,
        monto_descuento_global=10000,
        items=[*docs.invoice()["items"], {"nombre": "Flete", "monto": 10000}],
    )
    assert judge(document).rules == ()


@pytest.mark.parametrize(
    "history",
    [
        [docs.previous(450000)] * 2,
        [docs.previous(450000, code="61")] * 3,
        [{"message": "x", "error_code": "OTHER"}] * 3,
        ["text", 7, None, [], {"monto_total": "1"}, {"monto_total": True}],
        [{"monto_total": -5}, {"monto_total": 10**30, "tipo_dte": {"a": 1}}],
        [{"monto_total": 450000, "tipo_dte": "²", "fecha_emision": "ayer"}] * 2,
    ],
)
def test_history_that_proves_nothing_is_accepted(history):
    document = docs.exempt_invoice(
        monto_exento=4500000,
        monto_total=4500000,
        items=[{"nombre": "Asesoría", "monto": 4500000}],
    )
    assert judge(document, history).rules == ()


@pytest.mark.parametrize(
    "items",
    [
        [{"nombre": "Taladro percutor 13 mm", "precio_unitario": 84990}],
        [{"nombre": "Taladro", "precio_unitario": 1}],
        [{"nombre": "Taladro percutor 13 mm", "precio_unitario": "1"}],
        [{"nombre": "Taladro percutor 13 mm", "precio_unitario": True}],
        ["Taladro percutor 13 mm"],
        {"nombre": "x"},
        None,
    ],
)
def test_prices_that_prove_nothing_are_accepted(items):
    history = [docs.previous(300000, days, items=items) for days in (30, 60)]
    assert judge(docs.invoice(), history).rules == ()


@pytest.mark.parametrize(
    ("days", "more"),
    [
        (10, {"folio": 1042}),
        (0, {"folio": 1042}),
        (0, {"folio": 1044}),
        (-1, {"folio": 1044}),
        (10, {"folio": 1043}),
        (-1, {"folio": "x"}),
        (-1, {"folio": 1042, "code": "34"}),
    ],
)
def test_dates_in_order_are_accepted(days, more):
    history = [docs.previous(300000, days, **more)]
    assert judge(docs.invoice(), history).rules == ()


def test_a_duplicate_needs_type_total_and_a_few_days():
    for other in (
        docs.previous(285915, 6),
        docs.previous(285914, 1),
        docs.previous(285915, 1, code="34"),
    ):
        assert judge(docs.invoice(), [other]).rules == ()


@pytest.mark.parametrize(
    ("number", "digit"),
    [(12345678, "5"), (76192083, "9"), (66666666, "6"), (6, "K"), (1009, "K")],
)
def test_check_digit(number, digit):
    assert check_digit(number) == digit


def test_every_rule_is_registered_and_has_a_document_that_breaks_it():
    defined = set()
    for module in pkgutil.iter_modules(rules.__path__):
        loaded = importlib.import_module(f"{rules.__name__}.{module.name}")
        found = (value for value in vars(loaded).values() if isinstance(value, Rule))
        defined |= {rule.name for rule in found}
    assert {rule.name for rule in rules.RULES} == defined
    assert len(rules.RULES) == len(defined)
    assert defined == {case[0] for case in BROKEN} | {case[0] for case in UNUSUAL}


def test_every_rule_names_its_source():
    for rule in rules.RULES:
        assert any(f"({source}" in rule.check.__doc__ for source in "XFCP"), rule.name


def test_the_readme_lists_the_rules_in_their_order():
    readme = (ROOT / "ai_service" / "README.md").read_text("utf-8")
    listed = re.findall(r"^\| `(\w+)` +\| ([XFCP, ]+?) +\|", readme, re.MULTILINE)
    assert [name for name, _ in listed] == [rule.name for rule in rules.RULES]
    for rule, (_, sources) in zip(rules.RULES, listed, strict=True):
        for source in sources.split(", "):
            assert re.search(rf"[(] ?{source}\b|; {source}\b", rule.check.__doc__)
