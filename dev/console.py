# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a person reads: one line per step, one line per failure."""

import sys
import threading
import time
from contextlib import contextmanager


class Stop(Exception):
    """A failure with one line that says what to do. Never shown as a traceback."""


def say(text=""):
    print(text, flush=True)


def warn(text):
    print(f"WARNING: {text}", file=sys.stderr, flush=True)


@contextmanager
def step(title, progress=None):
    """Print `title`, and the seconds that the block took once it is over.

    On a terminal the line counts in place, with what `progress()` says (a text).
    """
    start = time.monotonic()
    ended = threading.Event()

    def line(end=""):
        text = progress() if progress and not end else ""
        seconds = f"{time.monotonic() - start:6.1f} s"
        print(f"\r\x1b[K  {title:<52}{seconds}  {text}{end}", end="", flush=True)

    def tick():
        while not ended.wait(0.5):
            line()

    live = sys.stdout.isatty()
    if live:
        line()
        ticker = threading.Thread(target=tick, daemon=True)
        ticker.start()
    else:
        print(f"  {title:<52}", end="", flush=True)
    result = "\n"
    try:
        yield
    except BaseException:
        result = "  failed\n"
        raise
    finally:
        ended.set()
        if live:
            ticker.join()
            line(result)
        else:
            print(f"{time.monotonic() - start:6.1f} s{result}", end="", flush=True)


def table(header, rows):
    """Lines of a plain table; numbers are aligned to the right."""
    cells = [[str(cell) for cell in row] for row in [header, *rows]]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numeric = [
        all(isinstance(row[i], int | float) for row in rows) for i in range(len(header))
    ]
    for index, row in enumerate(cells):
        if index == 1:
            yield "  ".join("─" * width for width in widths)
        yield "  ".join(
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(row, widths, numeric, strict=True)
        ).rstrip()
