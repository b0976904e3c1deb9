# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The engine on companies of another make than those it was measured with."""

import asyncio
from collections import Counter

import pytest

from ai_service.engines.embedded import RuleEngine
from ai_service.evaluation.apart import HABITS, TODAY, asked
from ai_service.schemas import ValidationRequest

SEEDS = 12


@pytest.fixture(scope="module")
def flagged():
    """How many documents of each habit and mistake somebody is asked to look at."""
    engine, found = RuleEngine(lambda: TODAY), Counter()
    for each in asked(SEEDS):
        request = ValidationRequest.model_validate(each.body)
        opinion = asyncio.run(engine.validate(request))
        found[each.habit, each.wrong] += opinion.recommendation != "send"
    return found


def test_right_documents_are_left_alone(flagged):
    """Also where little is known, prices are other each time, or a receiver grows."""
    wrong = {habit: n for (habit, mistake), n in flagged.items() if not mistake and n}
    assert sum(wrong.values()) <= 0.03 * SEEDS * len(HABITS), wrong


@pytest.mark.parametrize(
    ("mistake", "habits", "least"),
    [
        ("price × 10", "bakery consultant landlord transport orchard clinic", 0.9),
        ("price ÷ 10", "bakery consultant landlord transport orchard clinic", 0.9),
        ("price × 2", "bakery consultant telephony clinic", 0.9),
        ("quantity × 10", "bakery telephony orchard", 0.9),
        ("quantity × 100", "bakery telephony orchard builder landlord clinic", 0.95),
        ("last one again the next day", "bakery consultant landlord builder", 0.9),
    ],
)
def test_mistakes_that_show_are_caught(flagged, mistake, habits, least):
    names = habits.split()
    caught = {name: flagged[name, mistake] for name in names}
    assert sum(caught.values()) >= least * SEEDS * len(names), caught


@pytest.mark.parametrize(
    ("day", "folio", "asks"),
    [
        ("2026-08-20", None, True),
        ("2026-09-10", None, False),  # many bill last month's in the first days
        ("2026-08-20", 8, False),  # its folio was given before
    ],
)
def test_a_draft_dated_long_before_the_last_folio(day, folio, asks):
    body = next(asked(1)).body
    body["history"] = []
    body["contexto"] = {"folio_anterior": {"folio": 9, "fecha_emision": "2026-09-15"}}
    body["dte_data"] |= {"fecha_emision": day, "folio": folio}
    request = ValidationRequest.model_validate(body)
    opinion = asyncio.run(RuleEngine(lambda: TODAY).validate(request))
    assert ("date_follows_the_last" in opinion.rules) == asks
