# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The figures that we claim: `make bench`, or `python3 -m dev bench click bulk`.

Each module of `figures/` measures one group and is found by itself. It has a `TITLE`
and a function `measure(bench)` that yields `Row`s; `bench` is a `context.Bench`, which
makes a database or a stub service when it is first asked for one.

A figure is a ratio of two measurements of one run, or a count: seconds would tell more
of the machine than of the code.
"""

from typing import NamedTuple


class Row(NamedTuple):
    figure: str
    value: str
    target: str = ""
    ok: bool | None = None  # None: only shown, nothing is claimed


def at_most(figure, value, target, form="{:.2f}"):
    """A row for a figure that must not be larger than its target."""
    return Row(figure, form.format(value), f"≤ {target}", value <= target)


def at_least(figure, value, target, form="{:.2f}"):
    """A row for a figure that must not be smaller than its target."""
    return Row(figure, form.format(value), f"≥ {target}", value >= target)


def exactly(figure, value, target):
    return Row(figure, str(value), f"{target}", value == target)


def shown(figure, value):
    """A row that stands beside the others for comparison."""
    return Row(figure, str(value))
