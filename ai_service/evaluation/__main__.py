# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""``python3 -m dev eval``: how good the opinion is, in figures."""

import argparse
import asyncio
import json
import secrets
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

from ..accounting import Accounting, Price
from ..engines.base import Engine
from ..engines.caller import ModelCaller
from ..engines.choose import price_of, vendor_of
from ..engines.embedded import RuleEngine
from ..engines.model import ModelEngine
from ..logs import configure_logging
from ..metrics import Metrics
from ..schemas import ValidationRequest
from ..settings import ConfigurationError, Settings
from ..store import MemoryStore
from . import apart
from .measure import (
    CLEAN_EACH,
    DEVELOPMENT,
    FIGURES,
    WRONG_EACH,
    Share,
    Trial,
    judge,
    trials,
)
from .picture import calibration_picture
from .report import as_json, as_table

# Nobody waits here for a model's answer.
MODEL_SECONDS = 60.0


def main() -> int:
    """Print the figures.

    :return: 2 where the engine is not configured
    """
    parser = argparse.ArgumentParser(prog="python3 -m dev eval", description=__doc__)
    parser.add_argument(
        "--engine", choices=["rules", "anthropic", "openai"], default="rules"
    )
    parser.add_argument("--json", action="store_true", help="for programs")
    parser.add_argument(
        "--development",
        action="store_true",
        help="the seeds that thresholds may be chosen by, and not those of the figures",
    )
    parser.add_argument("--seeds", type=int, help="only so many of them")
    parser.add_argument("--wrong", type=int, default=WRONG_EACH, help="of each kind")
    parser.add_argument("--clean", type=int, default=CLEAN_EACH, help="a company")
    parser.add_argument(
        "--history-only", action="store_true", help="without the key contexto"
    )
    parser.add_argument("--explain", metavar="KIND", help="what was missed, or clean")
    parser.add_argument(
        "--apart",
        type=int,
        metavar="SEEDS",
        help="the second generator instead, so many receivers of each habit",
    )
    parser.add_argument("--picture", type=Path, help="the calibration curve, as SVG")
    options = parser.parse_args()
    configure_logging("ERROR")  # Standard output is for the figures.
    accounts = MemoryStore()
    try:
        engine_on = _engine(options.engine, accounts)
    except ConfigurationError as error:
        sys.stderr.write(f"eval: {error}\n")
        return 2
    if options.apart:
        print(*asyncio.run(_apart(engine_on, options.apart)), sep="\n")
        return 0
    seeds = (DEVELOPMENT if options.development else FIGURES)[: options.seeds]
    asked = [*trials(seeds, options.clean, options.wrong)]
    spent = asyncio.run(_judge(asked, engine_on, not options.history_only, accounts))
    if options.picture:
        options.picture.write_text(calibration_picture(asked))
    if options.explain:
        _explain(asked, options.explain)
    elif options.json:
        figures = as_json(asked) | {"model": spent}
        print(json.dumps(figures, indent=2, ensure_ascii=False))
    else:
        print(*as_table(asked), sep="\n")
        if spent["calls"]:
            print("{calls} calls, {tokens} tokens, US$ {cost_usd:.2f}".format(**spent))
    return 0


async def _apart(engine_on: Callable[[date], Engine], seeds: int) -> list[str]:
    """What of the second generator's documents somebody is asked to look at."""
    engine, counts = engine_on(apart.TODAY), {}
    for each in apart.asked(seeds):
        opinion = await engine.validate(ValidationRequest.model_validate(each.body))
        share = counts.setdefault(each.wrong, Share(each.wrong or "right", 0, 0))
        share.count += 1
        share.hits += opinion.recommendation != "send"
    return [
        f"{share.name}: {share.hits} of {share.count}"
        f" ({100 * share.interval[0]:.1f}–{100 * share.interval[1]:.1f} %)"
        for share in counts.values()
    ]


async def _judge(
    asked: list[Trial],
    engine_on: Callable[[date], Engine],
    context: bool,
    accounts: MemoryStore,
) -> dict[str, float]:
    """Judge them all; what a model took for it."""
    for trial in asked:
        await judge(trial, engine_on, context)
    report = await Accounting(accounts, Price(0, 0)).report("all_time")
    return {
        name.removeprefix("total_"): amount
        for name, amount in report["summary"].items()
    }


def _engine(name: str, accounts: MemoryStore) -> Callable[[date], Engine]:
    """The engine that judges as if it were a given day."""
    if name == "rules":
        return lambda day: RuleEngine(lambda: day)
    settings = Settings(
        api_key=secrets.token_hex(32), engine=name, model_deadline=MODEL_SECONDS
    )
    vendor = vendor_of(settings)
    accounting = Accounting(accounts, price_of(settings, vendor))
    caller = ModelCaller(
        vendor,
        accounting,
        Metrics(),
        settings.model_deadline,
        settings.model_attempts,
    )
    return lambda day: ModelEngine(RuleEngine(lambda: day), caller)


def _explain(asked: list[Trial], kind: str) -> None:
    """Each document of a kind that was not judged as it should be, and why."""
    for trial in asked:
        name = trial.mistake.name if trial.mistake else "clean"
        if name != kind or trial.right:
            continue
        receiver = trial.document.receiver
        print(
            f"--- {trial.company.trade.name}, {receiver.rhythm},"
            f" {len(receiver.documents)} documents, shows: {trial.visible}"
        )
        print(*trial.opinion.errors, *trial.opinion.warnings, sep="\n")
        if trial.mistake:
            print(json.dumps(trial.document.data["items"], ensure_ascii=False)[:600])


if __name__ == "__main__":
    sys.exit(main())
