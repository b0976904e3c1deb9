# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What is usual for a receiver, what is not, and what somebody has looked at."""

import asyncio
import copy
import json
import time

import pytest

from ai_service.engines.embedded import RuleEngine
from ai_service.rules.past import key_of
from ai_service.schemas import ValidationRequest

from . import documents as docs
from .habits import COFFEE, OIL, RICE, SUGAR, UNUSUAL, USUAL, line, order, rows, weekly


def judge(document, before, context=None, decisions=()):
    body = {"dte_data": document, "company_id": 1, "history": rows(before)}
    if context or decisions:
        body["contexto"] = {**(context or {}), "decisiones": [*decisions]}
    # By way of JSON, as it comes over the wire.
    request = ValidationRequest.model_validate_json(json.dumps(body))
    return asyncio.run(RuleEngine(lambda: docs.TODAY).validate(request))


@pytest.mark.parametrize(
    ("rule", "words", "document", "before", "context"),
    UNUSUAL,
    ids=[f"{case[0]}-{index}" for index, case in enumerate(UNUSUAL)],
)
def test_what_is_unusual_is_told_with_its_numbers(
    rule, words, document, before, context
):
    opinion = judge(document, before, context)
    assert opinion.rules == (rule,)
    assert opinion.recommendation == "review"
    assert any(words in text for text in opinion.warnings), opinion.warnings
    assert [told.message for told in opinion.findings] == [*opinion.warnings]


@pytest.mark.parametrize("name", USUAL)
def test_what_is_as_always_is_not_told(name):
    opinion = judge(*USUAL[name])
    assert (opinion.rules, opinion.recommendation) == ((), "send")


@pytest.mark.parametrize(
    ("rule", "words", "document", "before", "context"),
    UNUSUAL,
    ids=[f"{case[0]}-{index}" for index, case in enumerate(UNUSUAL)],
)
def test_what_somebody_has_looked_at_is_not_brought_up_again(
    rule, words, document, before, context
):
    (told,) = judge(document, before, context).findings
    again = judge(document, before, context, [{"key": told.key, "value": told.value}])
    assert (again.rules, again.recommendation) == ((), "send")
    other = judge(document, before, context, [{"key": told.key + "0"}])
    assert other.rules == (rule,)


def dear(price):
    return order(line(OIL, 12, precio_unitario=price), line(RICE, 24), line(SUGAR, 16))


def test_a_decision_holds_as_long_as_the_value_stays():
    (told,) = judge(dear(40000), weekly()).findings
    decisions = [{"key": told.key, "value": told.value}]
    assert judge(dear(41000), weekly(), None, decisions).recommendation == "send"
    assert judge(dear(80000), weekly(), None, decisions).recommendation == "review"


def test_a_decision_takes_no_error_away():
    broken = dear(40000) | {"monto_iva": 1}
    opinion = judge(broken, weekly())
    assert {told.rule for told in opinion.findings} == {"price_is_usual"}
    decisions = [
        {"key": f"vat_is_nineteen_percent:{'0' * 16}"},
        *({"key": told.key, "value": told.value} for told in opinion.findings),
    ]
    assert judge(broken, weekly(), None, decisions).recommendation == "reject"


def test_keys_tell_no_names():
    """They are kept where names may be left out."""
    (told,) = judge(dear(40000), weekly()).findings
    assert "aceite" not in told.key.casefold()
    assert len(told.key) <= 64


def test_a_price_that_others_pay_now_is_none_to_speak_of():
    others = {
        "nombre": "ACEITE MARAVILLA, 900 ml",
        "unidad": "CJ",
        "precio_mediano": 31000,
        "precio_minimo": 30500,
        "precio_maximo": 32000,
    }
    context = {"precios": [others]}
    assert judge(dear(31500), weekly()).rules == ("price_is_usual",)
    assert judge(dear(31500), weekly(), context).rules == ()


def test_a_duplicate_is_found_where_lines_are_told_without_quantities():
    document = right_again()
    before = copy.deepcopy(document) | {"folio": 8001}
    before["fecha_emision"] = docs.days_ago(1)
    before["items"] = [
        {"nombre": OIL[0], "precio_unitario": OIL[2]}  # As older addons send it.
    ]
    assert "is_not_a_duplicate" in judge(document, [before]).rules


def test_an_earlier_mistake_does_not_become_usual():
    before = weekly()
    before[3] = order(
        line(OIL, 120), line(RICE, 20), line(SUGAR, 15), days=28, folio=7997
    )
    wrong = order(line(OIL, 130), line(RICE, 24), line(SUGAR, 16))
    assert judge(wrong, weekly()).rules == ("quantity_is_usual",)
    assert judge(right_again(), before).rules == ()


def right_again():
    return order(line(OIL, 11), line(RICE, 24), line(SUGAR, 16))


@pytest.mark.parametrize(
    ("name", "key", "period"),
    [
        ("Arriendo bodega, marzo 2026", "arriendo bodega", "marzo 2026"),
        ("ARRIENDO BODEGA MES DE MARZO", "arriendo bodega", "mes de marzo"),
        (
            "Estado de pago N° 3, obra Los Álamos",
            "obra los alamos",
            "estado de pago n 3",
        ),
        ("Estado de pago terminaciones N° 3", "estado de pago terminaciones", "n 3"),
        ("Lija N° 120", "lija n 120", ""),
        ("Cable 2,5 mm", "cable 2,5 mm", ""),
        ("Cable 4 mm", "cable 4 mm", ""),
        ("Tubo PVC 110 mm x 6 m", "tubo pvc 110 mm x 6 m", ""),
        ("Mayonesa 744 g", "mayonesa 744 g", ""),
        ("enero", "enero", "enero"),
    ],
)
def test_an_item_is_the_same_in_another_month_and_another_size_is_not(
    name, key, period
):
    assert key_of(name) == (key, period)


def test_the_order_of_lines_and_of_history_does_not_matter():
    document, before = dear(40000), weekly()
    other = copy.deepcopy(document)
    other["items"] = other["items"][::-1]
    assert judge(document, before).rules == judge(other, before[::-1]).rules


def test_a_large_document_takes_a_few_milliseconds():
    """20 lines, and all of the 100 kB of history that the contract lets in."""
    items = [(f"Ítem de catálogo T{n}", "UN", 1000 + 10 * n) for n in range(60)]
    document = order(*(line(item, 3) for item in items[::3]))
    before = [
        order(*(line(item, 2 + n % 3) for item in items[n % 30 :: 5]), days=n, folio=n)
        for n in range(1, 90)
    ]
    body = {"dte_data": document, "company_id": 1, "history": rows(before)}
    while len(json.dumps(body["history"], ensure_ascii=False)) > 100_000:
        body["history"].pop()
    request = ValidationRequest.model_validate(body)
    engine = RuleEngine(lambda: docs.TODAY)
    times = []
    for _ in range(20):
        started = time.process_time()
        asyncio.run(engine.validate(request))
        times.append(time.process_time() - started)
    # The bench has the figure; here it must only not grow with the square.
    assert min(times) < 0.03, times


def test_nothing_in_a_history_breaks_a_rule():
    strange = [
        {"monto_total": 1000, "items": [{"nombre": "x"}, {"nombre": ""}, 7, None]},
        {"monto_total": 1e15, "items": [{"nombre": "x" * 5000, "cantidad": "3"}]},
        {
            "monto_total": 5,
            "fecha_emision": "2026-02-30",
            "tipo_dte": None,
            "folio": "1e9",
            "documento_referencia": [1],
            "items": [
                {
                    "nombre": OIL[0],
                    "cantidad": 1e-9,
                    "precio_unitario": 1e15,
                    "descuento_pct": 250,
                }
            ]
            * 40,
        },
        *([{"monto_total": 3, "items": "many"}] * 20),
    ]
    body = {
        "dte_data": order(line(OIL, 1e-6), line(COFFEE, 10**9)),
        "company_id": 1,
        "history": strange,
        "contexto": {"precios": [{"nombre": "?", "precio_mediano": 1}]},
    }
    request = ValidationRequest.model_validate(body)
    opinion = asyncio.run(RuleEngine(lambda: docs.TODAY).validate(request))
    assert opinion.opinion
