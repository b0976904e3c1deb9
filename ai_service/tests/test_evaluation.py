# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The measure itself, and a small one as a guard; `make bench` runs the whole."""

import asyncio
import json
import subprocess
import sys

import pytest

from ai_service.engines.base import Opinion
from ai_service.engines.embedded import RuleEngine
from ai_service.evaluation import report
from ai_service.evaluation.asking import request
from ai_service.evaluation.company import Company
from ai_service.evaluation.measure import DEVELOPMENT, FIGURES, Share, judge, trials
from ai_service.evaluation.mistakes import KINDS
from ai_service.evaluation.picture import calibration_picture
from ai_service.evaluation.trades import TRADES
from ai_service.schemas import ValidationRequest

from .conftest import ROOT, environment
from .fake_vendor import FakeVendor


@pytest.fixture(scope="module")
def judged():
    """What the embedded engine says of one seed's companies."""
    asked = [*trials(DEVELOPMENT[:1], clean=24, wrong=2)]
    for trial in asked:
        asyncio.run(judge(trial, lambda day: RuleEngine(lambda: day)))
    return asked


def test_the_seeds_of_the_figures_are_not_those_of_development():
    assert not set(DEVELOPMENT) & set(FIGURES)


def test_there_are_trades_and_kinds_of_mistakes_enough():
    assert len(TRADES) >= 6
    assert len({kind.name for kind in KINDS}) == len(KINDS) >= 20
    assert all(kind.says.endswith(".") and kind.rules for kind in KINDS)


def test_right_documents_are_left_alone(judged):
    share = report.clean_shares(judged)[0]
    assert share.count > 150
    # 2 % is the target, of many; so few may have one or two more.
    assert share.value <= 0.03


def test_mistakes_that_show_are_caught_and_rightly_told(judged):
    made = [each for each in judged if each.mistake and each.visible]
    assert len(made) > 200
    assert sum(each.flagged for each in made) / len(made) > 0.9
    assert sum(each.told for each in made) / len(made) > 0.88


def test_each_kind_of_mistake_is_made_and_caught(judged):
    for kind in KINDS:
        made = [each for each in judged if each.mistake is kind]
        assert made, kind.name
        assert any(each.told for each in made), kind.name


def test_the_confidence_is_what_it_says(judged):
    assert report.calibration_error(judged) <= 0.08


def test_a_silent_engine_gets_bad_figures():
    """Without rules the measure must say so."""

    class Silent:
        identity = "silent"

        async def validate(self, _request):
            return Opinion("send", 95.0)

    asked = [*trials(DEVELOPMENT[:1], clean=3, wrong=1)]
    for trial in asked:
        asyncio.run(judge(trial, lambda _day: Silent()))
    assert report.clean_shares(asked)[0].hits == 0
    assert all(row[1].hits == 0 for row in report.mistake_rows(asked))
    assert report.calibration_error(asked) > 0.3


def test_the_same_seed_is_the_same_company():
    one, two = (Company(TRADES[0], 7) for _ in range(2))
    assert [each.data for each in one.documents] == [
        each.data for each in two.documents
    ]
    other = Company(TRADES[0], 8)
    assert other.documents[5].data != one.documents[5].data


def test_right_documents_break_none_of_the_sii_rules():
    """The generator's sums, RUTs and references are right: no alarm comes from it."""
    for trade in TRADES:
        company = Company(trade, 3)
        for document in company.documents[-15:]:
            body = request(company, document, document.day, context=False)
            asked = ValidationRequest.model_validate({**body, "history": []})
            day = document.day
            opinion = asyncio.run(RuleEngine(lambda day=day: day).validate(asked))
            assert opinion.errors == ()


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"), [(0, 100, 0, 0.037), (9, 10, 0.596, 0.982)]
)
def test_the_interval_is_wilsons(hits, count, low, high):
    found = Share("x", hits, count).interval
    assert found == (pytest.approx(low, abs=0.001), pytest.approx(high, abs=0.001))


def test_the_picture_is_an_svg_with_the_error(judged):
    picture = calibration_picture(judged)
    assert picture.startswith("<svg ")
    assert f"{report.calibration_error(judged):.3f}" in picture


def evaluation(*arguments, **settings):
    return subprocess.run(
        [sys.executable, "-m", "ai_service.evaluation", *arguments],
        cwd=ROOT,
        env=environment(**settings),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_model_is_measured_by_the_same_command():
    vendor = FakeVendor()
    try:
        done = evaluation(
            *("--engine", "anthropic", "--json", "--development", "--seeds", "1"),
            *("--clean", "1", "--wrong", "0"),
            **vendor.environment("anthropic"),
        )
    finally:
        vendor.stop()
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["documents"] == len(vendor.calls) > 0
    assert figures["model"]["calls"] == len(vendor.calls)
    # It is asked with what the rules know: the habits, the context, their findings.
    assert "anteriores" in json.dumps(vendor.calls[0])
    assert "contexto" in json.dumps(vendor.calls[0])


def test_without_a_key_a_model_is_not_measured():
    done = evaluation("--engine", "anthropic")
    assert done.returncode == 2
    assert "ANTHROPIC_API_KEY" in done.stderr
