# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The simulator's own time, which a test moves instead of waiting."""

import datetime
import threading

import pytz

CHILE = pytz.timezone("America/Santiago")
UTC = datetime.timezone.utc


class Clock:
    """Real time plus an offset, or standing still."""

    def __init__(self):
        self._lock = threading.Lock()
        self._offset = datetime.timedelta()
        self._frozen = None

    def now(self):
        """The simulator's time, aware, in UTC."""
        with self._lock:
            return self._now()

    def local(self):
        """The same in Chile, naive: what documents and answers are dated with."""
        return self.local_of(self.now())

    @staticmethod
    def local_of(moment):
        """An aware `moment` as Chile's local time, naive, to the second."""
        return moment.astimezone(CHILE).replace(tzinfo=None, microsecond=0)

    @staticmethod
    def aware(moment):
        """A naive `moment` in Chile, with its zone; an aware one as it is."""
        return moment if moment.tzinfo else CHILE.localize(moment)

    def advance(self, seconds):
        with self._lock:
            moved = datetime.timedelta(seconds=float(seconds))
            if self._frozen:
                self._frozen += moved
            self._offset += moved

    def move_to(self, moment):
        """Set the clock; a naive `moment` is Chile's local time."""
        moment = self.aware(moment)
        with self._lock:
            self._offset = moment - datetime.datetime.now(UTC)
            if self._frozen:
                self._frozen = moment.astimezone(UTC)

    def freeze(self, frozen=True):
        """Stand still (only `advance` and `move_to` move it), or go on from there."""
        with self._lock:
            if frozen and not self._frozen:
                self._frozen = self._now()
            elif not frozen and self._frozen:
                self._offset = self._frozen - datetime.datetime.now(UTC)
                self._frozen = None

    def reset(self):
        """Real time again."""
        with self._lock:
            self._offset, self._frozen = datetime.timedelta(), None

    def _now(self):
        return self._frozen or datetime.datetime.now(UTC) + self._offset
