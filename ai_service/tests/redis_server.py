# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A real Redis, in a process of its own on a free port, that keeps nothing on disk."""

import os
import shutil
import signal
import socket
import subprocess
import time

PROGRAM = shutil.which("redis-server")
MISSING = "redis-server is not installed: apt-get install redis-server"


class RedisServer:
    """Start, freeze, thaw, stop; `url` stays the same."""

    def __init__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self.process = None
        self.start()

    def start(self):
        options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        self.process = subprocess.Popen(
            [PROGRAM, "--port", str(self.port), *options],
            stdout=subprocess.DEVNULL,
            cwd="/",
        )
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise RuntimeError("redis-server did not start")

    def freeze(self):
        """It accepts connections and answers nothing."""
        self.process.send_signal(signal.SIGSTOP)

    def thaw(self):
        self.process.send_signal(signal.SIGCONT)

    def stop(self):
        if self.process:
            self.process.kill()  # Also where it is frozen.
            self.process.wait(10)
            self.process = None


def required():
    """Whether a missing Redis is a failure rather than a reason to skip."""
    return bool(os.environ.get("CI"))
