# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Kinds of defects, and whether the rules find each wherever it can be."""

from typing import NamedTuple

import defects_of_lines
import defects_of_notes
import defects_of_totals
from clean import CLEAN
from defects import KINDS
from documents import TODAY
from tools.dte import rules

# Each module adds its kinds.
MODULES = (defects_of_lines, defects_of_totals, defects_of_notes)


class Result(NamedTuple):
    """How often a kind was seeded, how often it was found, and where it was not."""

    name: str
    seeded: int
    caught: int
    missed: list


def run():
    """Seed every kind in every clean document.

    :rtype: list[Result]
    """
    results = []
    for name, kind in KINDS.items():
        seeded, missed = 0, []
        for title, document in CLEAN.items():
            for mutant in kind(document):
                seeded += 1
                if not rules.check(mutant, TODAY, translate):
                    missed.append(title)
        results.append(Result(name, seeded, seeded - len(missed), missed))
    return results


def translate(text, /, **values):
    return text % values if values else text


def table(results):
    """Return the results as Markdown."""
    rows = [
        f"| {each.name} | {each.seeded} | {each.caught} | {', '.join(each.missed)} |"
        for each in results
    ]
    caught = sum(not each.missed for each in results)
    head = ["| kind | seeded | caught | missed in |", "| --- | ---: | ---: | --- |"]
    seeded, found = (sum(each[n] for each in results) for n in (1, 2))
    return "\n".join(
        [*head, *rows, "", f"{caught} of {len(results)} kinds, {found} of {seeded}."]
    )
