# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Right documents with several references, as those of the SII's certification."""

import pytest

from . import documents as docs
from .test_rules import _today, judge  # noqa: F401 (the fixture pins the date)

TEST_SET = {
    "tipo_doc": "SET",
    "folio": "414175-5",
    "fecha": docs.days_ago(0),
    "razon": "CASO 414175-5",
}
ORDER = {"tipo_doc": "801", "folio": "OC-77/A", "fecha": docs.days_ago(30)}
INVOICE = {
    "tipo_doc": "33",
    "folio": 1021,
    "fecha": docs.days_ago(20),
    "codigo": 1,
    "razon": "Anula factura",
}


def all_of(document, *references):
    """A note that tells all its references, and as the one corrected the first."""
    return document | {
        "documento_referencia": references[0],
        "referencias": [*references],
    }


@pytest.mark.parametrize("before", [TEST_SET, ORDER])
@pytest.mark.parametrize("build", [docs.credit_note, docs.text_correction])
def test_an_order_or_a_test_set_may_stand_before_what_a_note_corrects(build, before):
    code = build()["documento_referencia"]["codigo"]
    note = all_of(build(), before, INVOICE | {"codigo": code})
    opinion = judge(note)
    assert (opinion.recommendation, opinion.rules) == ("send", ())


def test_the_zeros_of_a_correction_of_text_are_none():
    """They are written in the file, and what is zero is omitted in the contract."""
    zeros = {"monto_neto": 0, "monto_iva": 0, "monto_exento": 0, "monto_total": 0}
    opinion = judge(docs.text_correction() | zeros)
    assert (opinion.recommendation, opinion.rules) == ("send", ())
    by_list = docs.text_correction(documento_referencia=None) | zeros
    by_list["referencias"] = [TEST_SET, INVOICE | {"codigo": "2"}]
    assert judge(by_list).recommendation == "send"


def test_of_one_reference_that_is_an_order_somebody_should_look():
    """Clients of version 1.2.0 tell one only: it is no proof that there is no other."""
    opinion = judge(docs.credit_note(documento_referencia=ORDER))
    assert (opinion.recommendation, opinion.rules) == ("review", ("note_says_why",))


def test_a_note_that_refers_to_an_order_alone_is_rejected():
    opinion = judge(all_of(docs.credit_note(), ORDER))
    assert (opinion.recommendation, opinion.rules) == ("reject", ("note_says_why",))


def test_each_reference_is_looked_at():
    late = INVOICE | {"folio": 1022, "fecha": docs.days_ago(-1)}
    opinion = judge(all_of(docs.credit_note(), INVOICE, late))
    assert opinion.rules == ("reference_is_not_later",)
    nameless = {"tipo_doc": "801", "fecha": docs.days_ago(3)}
    opinion = judge(all_of(docs.invoice(), ORDER, nameless))
    assert opinion.rules == ("reference_is_complete",)
    assert "el folio" in opinion.errors[0]


def test_an_invoice_may_refer_to_what_it_likes():
    opinion = judge(all_of(docs.invoice(), TEST_SET, ORDER))
    assert (opinion.recommendation, opinion.rules) == ("send", ())


@pytest.mark.parametrize("withheld", [0, 40860, -40860])
def test_a_foreigner_may_be_billed_for_a_purchase_and_its_notes(withheld):
    """Services of foreigners are declared by a 46 with 55555555-5."""
    amounts = {"monto_otros_impuestos": withheld or None, "monto_total": 245055}
    purchase = docs.purchase_invoice(rut_receptor="55555555-5", **amounts)
    note = docs.credit_note(
        rut_receptor="55555555-5",
        documento_referencia=INVOICE | {"tipo_doc": "46"},
        **amounts,
    )
    for document in (purchase, note):
        document = {k: v for k, v in document.items() if v is not None}
        assert judge(document).rules == ()
    assert judge(docs.invoice(rut_receptor="55555555-5")).recommendation == "reject"
    other = docs.credit_note(rut_receptor="55555555-5")
    assert judge(other).recommendation == "reject"


def test_what_cancels_a_correction_of_text_is_of_zero_as_well():
    """The debit note of the SII's basic set: it cancels a credit note without
    amounts.
    """
    zeros = {"monto_neto": 0, "monto_iva": 0, "monto_exento": 0, "monto_total": 0}
    note = docs.text_correction(tipo_dte="56") | zeros
    cancelled = INVOICE | {"tipo_doc": "61"}
    opinion = judge(all_of(note, TEST_SET, cancelled))
    assert (opinion.recommendation, opinion.rules) == ("send", ())
    # An invoice is of something, and so is what cancels it.
    opinion = judge(all_of(docs.text_correction(), INVOICE))
    assert opinion.rules == ("total_is_given",)


def test_a_guide_that_sells_nothing_is_of_zero():
    guide = docs.invoice(
        tipo_dte="52",
        monto_neto=None,
        monto_iva=None,
        monto_exento=None,
        items=[{"nombre": "Traslado interno", "cantidad": 3}],
    )
    assert judge(guide | {"monto_total": 0}).recommendation == "send"


@pytest.mark.parametrize(("percent", "rules"), [(10, ()), (100, ()), (101, None)])
def test_a_line_may_have_a_surcharge(percent, rules):
    amount = 100_000 + 1000 * percent
    line = {"precio_unitario": 100_000, "cantidad": 1, "monto": amount}
    line |= {"nombre": "Flete", "descuento_pct": -percent}
    iva = round(amount * 0.19)
    amounts = {"monto_neto": amount, "monto_exento": None, "monto_iva": iva}
    invoice = docs.invoice(items=[line], monto_total=amount + iva, **amounts)
    found = judge(invoice).rules
    assert found == (("discounts_are_percentages",) if rules is None else rules)
