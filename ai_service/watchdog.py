# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Ends a process whose event loop is stuck, so that its supervisor starts a new one.

Docker restarts a container that ends and not one that is unhealthy; a service that
accepts connections and answers nothing would stay so until someone notices.
"""

import asyncio
import faulthandler
import os
import sys
import threading
import time

#: Like EX_SOFTWARE: something inside went wrong.
EXIT_CODE = 70
BEAT = 1.0


class Watchdog:
    """A thread that watches the event loop's heartbeat.

    :param patience: seconds without a heartbeat after which the process ends
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._last = time.monotonic()
        self._beating: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; to be called in the loop that is watched."""
        self._beating = asyncio.create_task(self._beat())
        threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    def stop(self) -> None:
        """Stop watching."""
        if self._beating:
            self._beating.cancel()
        self._patience = float("inf")

    async def _beat(self) -> None:
        while True:
            self._last = time.monotonic()
            await asyncio.sleep(min(BEAT, self._patience / 4))

    def _watch(self) -> None:
        while True:
            before = time.monotonic()
            time.sleep(min(BEAT, self._patience / 4))
            if self._patience == float("inf"):
                return
            now = time.monotonic()
            # A machine that slept stops this thread too: that is not the loop's fault.
            if now - before > self._patience / 2:
                self._last = now
            if now - self._last > self._patience:
                sys.stdout.write(
                    '{"event": "event_loop_stuck", "level": "critical",'
                    f' "seconds": {now - self._last:.0f}}}\n'
                )
                sys.stdout.flush()
                faulthandler.dump_traceback(all_threads=True)
                os._exit(EXIT_CODE)
