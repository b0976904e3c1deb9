# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The figures of many trials, and how they are shown."""

import statistics
from collections.abc import Iterator
from typing import Any

from .measure import ROUTINE, Share, Trial
from .mistakes import KINDS, Mistake

#: What of a group's mistakes is to be caught, where it can be seen.
TARGETS = {
    "quantity": 0.90,
    "known price": 0.90,
    "another's order": 0.90,
    "duplicates": 0.85,
    "one known price": 0.80,
    "like names": 0.80,
    "quantity ÷": 0.80,
    "late duplicates": 0.80,
    "another invoice": 0.80,
    "others": 0.80,
}
HUNDREDFOLD = 0.98
ERROR = 0.05
MILLISECONDS = 5.0
BINS = 10


def clean_shares(trials: list[Trial]) -> list[Share]:
    """How many right documents somebody was asked to look at."""
    clean = [each for each in trials if each.mistake is None]
    routine = [each for each in clean if each.document.receiver.rhythm in ROUTINE]
    notes = [each for each in clean if each.document.corrects]
    return [
        _share("right documents", clean, 0.02, at_most=True),
        _share("of them weekly and monthly habits", routine, 0.01, at_most=True),
        _share("of them credit notes", notes),
        *(
            _share(
                f"of them {name}", [t for t in clean if t.company.trade.name == name]
            )
            for name in dict.fromkeys(each.company.trade.name for each in clean)
        ),
    ]


def _share(
    name: str, trials: list[Trial], target: float | None = None, at_most: bool = False
) -> Share:
    flagged = sum(each.flagged for each in trials)
    return Share(name, flagged, len(trials), target, at_most)


def mistake_rows(trials: list[Trial]) -> Iterator[tuple[Mistake, Share, Share, Share]]:
    """Of each kind: caught and rightly told where it shows, and caught where not."""
    for kind in KINDS:
        made = [each for each in trials if each.mistake is kind]
        seen = [each for each in made if each.visible]
        hidden = [each for each in made if not each.visible]
        target = TARGETS.get(kind.group)
        if kind.name == "quantity × 100":
            target = HUNDREDFOLD
        yield (
            kind,
            _share(kind.name, seen, target),
            Share(kind.name, sum(each.told for each in seen), len(seen)),
            _share(kind.name, hidden),
        )


def curve(trials: list[Trial]) -> list[tuple[float, float, float]]:
    """Points of the calibration curve: told, right, and the share of documents.

    Right and wrong documents weigh the same in sum: half of what is asked is wrong.
    """
    clean = sum(each.mistake is None for each in trials)
    weights = {True: 0.5 / max(clean, 1), False: 0.5 / max(len(trials) - clean, 1)}
    bins: dict[int, list[tuple[float, float, float]]] = {}
    for each in trials:
        told = each.opinion.confidence / 100
        weight = weights[each.mistake is None]
        # Narrow where most are: nobody is told much below a half.
        number = min(int(told * 2 * BINS), 2 * BINS - 1)
        bins.setdefault(number, []).append((told, float(each.right), weight))
    points = []
    for _, group in sorted(bins.items()):
        weight = sum(each[2] for each in group)
        points.append(
            (
                sum(told * part for told, _, part in group) / weight,
                sum(right * part for _, right, part in group) / weight,
                weight,
            )
        )
    return points


def calibration_error(trials: list[Trial]) -> float:
    """The expected difference between what is told and what is right."""
    return sum(abs(told - right) * share for told, right, share in curve(trials))


def milliseconds(trials: list[Trial]) -> float:
    """What the median document takes."""
    return 1000 * statistics.median(each.seconds for each in trials)


def as_json(trials: list[Trial]) -> dict[str, Any]:
    """All of it, for programs."""

    def row(share: Share) -> dict[str, Any]:
        low, high = share.interval
        return {
            "hits": share.hits,
            "count": share.count,
            "share": share.value,
            "interval": [low, high],
            "target": share.target,
            "ok": share.ok,
        }

    return {
        "documents": len(trials),
        "clean": {share.name: row(share) for share in clean_shares(trials)},
        "mistakes": {
            kind.name: {
                "group": kind.group,
                "says": kind.says,
                "caught": row(caught),
                "rightly_told": row(told),
                "caught_where_it_does_not_show": row(hidden),
            }
            for kind, caught, told, hidden in mistake_rows(trials)
        },
        "calibration_error": calibration_error(trials),
        "calibration_target": ERROR,
        "calibration_curve": curve(trials),
        "milliseconds": milliseconds(trials),
    }


def as_table(trials: list[Trial]) -> Iterator[str]:
    """The same, as the README has it."""
    yield "| right documents | asked to look at | 95 % | target |"
    yield "|---|---|---|---|"
    for share in clean_shares(trials):
        cells = (share.name, _shown(share), _between(share), _target(share))
        yield f"| {' | '.join(cells)} |"
    yield ""
    yield "| mistake | caught | 95 % | target | rightly told | where it does not show |"
    yield "|---|---|---|---|---|---|"
    for kind, caught, told, hidden in mistake_rows(trials):
        yield (
            f"| {kind.name} | {_shown(caught)} | {_between(caught)} |"
            f" {_target(caught)} | {_shown(told)} | {_shown(hidden)} |"
        )
    yield ""
    error = calibration_error(trials)
    took = f"{milliseconds(trials):.1f} ms"
    yield f"Calibration error {error:.3f} (target ≤ {ERROR}); {took}"


def _shown(share: Share) -> str:
    return f"{share.hits} of {share.count}" if share.count else "–"


def _between(share: Share) -> str:
    if not share.count:
        return "–"
    low, high = share.interval
    return f"{100 * low:.1f}–{100 * high:.1f} %"


def _target(share: Share) -> str:
    if share.target is None:
        return ""
    sign = "≤" if share.at_most else "≥"
    return f"{sign} {100 * share.target:.0f} %" + ("" if share.ok else " **missed**")
