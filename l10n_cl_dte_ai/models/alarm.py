# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Waking the scheduler at a given second.

A trigger of Odoo's for a time to come is noticed at the next poll of the cron workers,
up to a minute late.  So one thread of each process sleeps until then and wakes them;
where its process has ended meanwhile, the poll is still there.
"""

import contextlib
import heapq
import os
import threading
import time

from odoo import SUPERUSER_ID, api
from odoo.modules.registry import Registry

from .database import NO_CURSOR, can_commit, database_now

# A later one is somebody else's to wake for: nobody waits so long for one process.
FURTHEST = 900  # seconds


class Alarm:
    """The times at which to wake the scheduler of some databases."""

    def __init__(self):
        self._times = []
        self._changed = threading.Condition()
        self._process = None

    def at(self, dbname, when):
        """Wake the scheduler of a database at a monotonic time, in seconds."""
        with self._changed:
            if self._process != os.getpid():  # a fork has no thread of its parent's
                self._times, self._process = [], os.getpid()
                threading.Thread(
                    target=self._run, name="dte-alarm", daemon=True
                ).start()
            # Some at once are one: it looks for all that is due.
            if not any(db == dbname and 0 <= when - t < 1 for t, db in self._times):
                heapq.heappush(self._times, (when, dbname))
                self._changed.notify()

    def _run(self):
        while True:
            with self._changed:
                while not self._times or self._times[0][0] > time.monotonic():
                    left = self._times and self._times[0][0] - time.monotonic()
                    self._changed.wait(left or None)
                _when, dbname = heapq.heappop(self._times)
            with contextlib.suppress(*NO_CURSOR):
                wake(dbname)


ALARM = Alarm()


def wake(dbname):
    """Let the cron workers look for what is due in a database, now."""
    with Registry(dbname).cursor() as cr:
        api.Environment(cr, SUPERUSER_ID, {})["ir.cron"]._notifydb()


def is_off(env, cron):
    """Tell whether a scheduled action is switched off, so that nothing is done by it.

    Odoo switches off one that fails for a week; and so may an administrator.

    :param str cron: its XML ID
    """
    job = env.ref(cron, raise_if_not_found=False)
    return not (job and job.sudo().active)


def trigger(env, cron, at=None):
    """Run a scheduled action at a time, to the second.

    :param str cron: its XML ID; nothing happens where it was deleted
    :param datetime at: in UTC; now where there is none
    """
    job = env.ref(cron, raise_if_not_found=False)
    if not job:
        return
    job.sudo()._trigger(at)
    if not at or not can_commit():
        return
    seconds = (at - database_now(env)).total_seconds()
    if 0 < seconds <= FURTHEST:
        # A moment later: triggers have whole seconds.
        when = time.monotonic() + seconds + 0.1
        env.cr.postcommit.add(lambda: ALARM.at(env.cr.dbname, when))
