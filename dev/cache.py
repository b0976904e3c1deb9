# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The folder of what is got once and used many times.

Everything in it is built under a lock and counts only once its marker is written:
an interrupted download or a second run at the same time cannot spoil it.
"""

import fcntl
import os
import shutil
import time
from contextlib import contextmanager
from pathlib import Path

from .console import Stop, say
from .process import NO_SPACE

MARKER = ".complete"
KEEP_UNUSED_DAYS = 14
IN_USE_SECONDS = 300  # another run may be copying it
NEEDED_BYTES = 3 * 2**30


def folder():
    """Where the cache is. As root: where the user that PostgreSQL runs as may read."""
    if os.environ.get("DTE_AI_CACHE"):
        path = Path(os.environ["DTE_AI_CACHE"]).expanduser().resolve()
    elif os.geteuid() == 0:
        path = Path("/var/cache/l10n_cl_dte_ai")
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        path = Path(base) / "l10n_cl_dte_ai"
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Stop(
            f"no folder can be made at {path} ({error.strerror}): "
            "set DTE_AI_CACHE to one that you may write"
        ) from None
    if not os.access(path, os.W_OK):
        raise Stop(f"{path} is not writable: set DTE_AI_CACHE to a folder that is")
    return path


@contextmanager
def lock(path):
    """Hold `path` (a file) for this process; others wait, and say so."""
    with open(path, "w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"  (waiting for another run that is making {path.stem})")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def once(name, build, needed=NEEDED_BYTES):
    """The folder `name` of the cache, made by `build(folder)` unless it is there."""
    target = folder() / name
    marker = target / MARKER
    if marker.exists():
        os.utime(marker)
        return target
    with lock(target.with_name(f"{name}.lock")):
        if marker.exists():
            return target
        shutil.rmtree(target, ignore_errors=True)  # what an interrupted run left
        _forget_unused(name.partition("-")[0])
        if shutil.disk_usage(target.parent).free < needed:
            raise Stop(f"too little room in {target.parent}. {NO_SPACE}")
        target.mkdir()
        try:
            build(target)
        except BaseException:
            shutil.rmtree(target, ignore_errors=True)
            raise
        marker.touch()
    return target


def _forget_unused(kind):
    """Remove what was made by older pins of the same `kind` and not used since."""
    oldest = time.time() - KEEP_UNUSED_DAYS * 86400
    for marker in folder().glob(f"{kind}-*/{MARKER}"):
        if marker.stat().st_mtime < oldest:
            shutil.rmtree(marker.parent, ignore_errors=True)


def keep_newest(kind, number):
    """Remove all but the `number` of that kind that were used last."""

    def used(marker):
        try:
            return marker.stat().st_mtime
        except OSError:  # another run removes it
            return 0

    markers = sorted(folder().glob(f"{kind}-*/{MARKER}"), key=used, reverse=True)
    for marker in markers[number:]:
        if time.time() - used(marker) > IN_USE_SECONDS:
            shutil.rmtree(marker.parent, ignore_errors=True)
