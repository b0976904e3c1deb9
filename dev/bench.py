# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""`make bench`: the figures that we claim, with what they have to be beside them."""

import importlib
import json
import pkgutil
import time

from .console import Stop, say, table
from .process import BUILD, shown

HEADER = ("Figure", "Target", "Measured", "")
MARKS = {True: "met", False: "missed", None: ""}


def main(arguments):
    from bench import figures
    from bench.context import Bench

    found = sorted(
        (module.name for module in pkgutil.iter_modules(figures.__path__)),
        # What needs no database comes before there is one, which keeps itself busy.
        key=lambda name: (name != "service", name),
    )
    chosen = arguments.figures or found
    unknown = sorted(set(chosen).difference(found))
    if unknown:
        raise Stop(f"no such figures: {', '.join(unknown)} (there are: {found})")
    start = time.monotonic()
    results = {}
    with Bench() as bench:
        for name in chosen:
            module = importlib.import_module(f"bench.figures.{name}")
            say(f"{name}: {module.TITLE}")
            results[name] = []
            for row in module.measure(bench):
                results[name].append(row)
                say(f"    {row.figure}: {row.value}")
    rows = [row for group in results.values() for row in group]
    say()
    say("\n".join(table(HEADER, [_cells(row) for row in rows])))
    _write(results)
    missed = [row.figure for row in rows if row.ok is False]
    say(
        f"\n{len(rows)} figures in {time.monotonic() - start:.0f} s, "
        f"{len(missed) or 'none'} missed; also in {shown(BUILD / 'bench.json')} and, "
        f"as a table for a page, in {shown(BUILD / 'bench.md')}"
    )
    return 1 if missed else 0


def _cells(row):
    return row.figure, row.target, row.value, MARKS[row.ok]


def _write(results):
    BUILD.mkdir(exist_ok=True)
    groups = {name: [row._asdict() for row in rows] for name, rows in results.items()}
    text = json.dumps(groups, ensure_ascii=False, indent=2)
    (BUILD / "bench.json").write_text(f"{text}\n")
    (BUILD / "bench.md").write_text("\n".join(as_markdown(results)) + "\n")


def as_markdown(results):
    """Lines of one table for each group of figures."""
    for name, rows in results.items():
        title = importlib.import_module(f"bench.figures.{name}").TITLE
        yield from (f"**{name}**: {title}", "")
        for cells in (HEADER, ("---",) * len(HEADER), *map(_cells, rows)):
            yield f"| {' | '.join(cells)} |"
        yield ""
