# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Commands that end, servers that stay: each is ended by its own pid and group."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from .console import Stop

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
LOGS = "DTE_AI_LOGS"  # the folder of a process that another command starts
_logs = BUILD / "logs"


def keep_logs_in(name):
    """From now on logs are written to `build/logs/name/`, which is emptied."""
    global _logs  # noqa: PLW0603 - one command, one folder
    _logs = BUILD / "logs" / name
    shutil.rmtree(_logs, ignore_errors=True)


def log_file(name):
    _logs.mkdir(parents=True, exist_ok=True)
    return _logs / f"{name}.log"


def run(command, failure, *, log=None, expected=(0,), **options):
    """Run `command` with its output in a log; `failure` leads the one line.

    Returns the output. An exit code that isn't `expected` raises Stop. An interrupted
    command is asked to end before it is killed.
    """
    path = log_file(log or Path(command[0]).name)
    command = [str(part) for part in command]
    text = options.pop("input", None)
    with path.open("w+") as output:
        output.write(f"$ {' '.join(command)}\n")
        output.flush()
        code = call(
            command,
            text=text,
            stdout=output,
            stderr=subprocess.STDOUT,
            **options,
        )
        output.seek(0)
        printed = output.read().partition("\n")[2]
    if code not in expected:
        if "No space left on device" in printed:
            raise Stop(f"{failure}: the disk is full. {NO_SPACE}")
        lines = [line.strip() for line in printed.splitlines() if line.strip()]
        # Of a traceback its exception, which may be followed by a log line.
        told = [line for line in lines if ERROR_LINE.match(line)] or lines
        reason = told[-1][:200] if told else f"exit code {code}"
        raise Stop(f"{failure}: {reason} (see {shown(path)})")
    return printed


ERROR_LINE = re.compile(r"(E: |error: |fatal: |ERROR: |[\w.]+(Error|Exception): )")
NO_SPACE = "Free about 3 GB, or set DTE_AI_CACHE to a folder on a larger disk."


_running = set()  # what `call` waits for, in whatever thread


def end_running():
    """Ask every command that still runs to end."""
    for process in [*_running]:
        process.terminate()


def call(command, *, text=None, **options):
    """Run `command` to its end and return its exit code; never leave it behind."""
    options.setdefault(
        "stdin", subprocess.PIPE if text is not None else subprocess.DEVNULL
    )
    try:
        process = subprocess.Popen(command, **options)
    except FileNotFoundError as error:
        raise Stop(f"{error.filename} is not installed") from None
    _running.add(process)
    try:
        process.communicate(text.encode() if text is not None else None)
    except BaseException:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        raise
    finally:
        _running.discard(process)
    return process.returncode


class Server:
    """A process that stays until `stop()`, in a group of its own.

    Where `setpriv` is at hand the kernel ends it too if we are killed outright.
    Start it from the main thread: the kernel looks at the thread that started it.
    """

    def __init__(self, command, log, *, stop_signal=signal.SIGTERM, **options):
        self.log = log_file(log)
        self.stop_signal = stop_signal
        guard = shutil.which("setpriv")
        self.options = options
        self.command = [str(part) for part in command]
        if guard:
            name = signal.Signals(stop_signal).name.removeprefix("SIG")
            self.command = [guard, f"--pdeathsig={name}", *self.command]
        self.process = None

    def start(self):
        with self.log.open("a") as output:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **self.options,
            )

    def running(self):
        return self.process is not None and self.process.poll() is None

    def stop(self, patience=15):
        if self.process is None:
            return
        if self.running():
            self.process.send_signal(self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(patience)
        # What is left of its group: a worker, or itself if it hangs.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None

    def last_line(self):
        lines = self.log.read_text(errors="replace").splitlines()
        return next((line.strip() for line in reversed(lines) if line.strip()), "")

    def wait_for(self, ready, what, patience=90):
        """Wait until `ready()`, or stop with a line that says why it is not."""
        deadline = time.monotonic() + patience
        while not ready():
            if not self.running():
                raise Stop(
                    f"{what} did not start: {self.last_line()[:200]} "
                    f"(see {shown(self.log)})"
                )
            if time.monotonic() > deadline:
                raise Stop(
                    f"{what} did not answer in {patience} s (see {shown(self.log)})"
                )
            time.sleep(0.1)

    def wait_for_http(self, url, what, patience=90):
        self.wait_for(lambda: answers(url), what, patience)


def answers(url):
    """Whether an HTTP server answers there, whatever it says."""
    try:
        urllib.request.urlopen(url, timeout=30).close()
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True


_reserved = []  # sockets that hold a port's number until this process ends


def free_port(preferred=0, span=50):
    """`preferred` if nobody has it, or the next free one; any free one for 0.

    It is ours from now on: whatever is to listen there may take its time.
    """
    for port in range(preferred, preferred + (span if preferred else 20)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port if preferred else 0))
                number = probe.getsockname()[1]
                _reserve(number)
            except OSError:
                continue
            return number
    raise Stop(
        f"ports {preferred} to {preferred + span - 1} are all taken: free one of them"
    )


def _reserve(number):
    """Keep others of our commands off that port, by the UDP port of the same number.

    Nothing of ours uses it, two processes cannot both have it, and the kernel gives it
    back when we end, however we end.
    """
    holder = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        holder.bind(("127.0.0.1", number))
    except OSError:
        holder.close()
        raise
    _reserved.append(holder)


def shown(path):
    """`path` as a person would type it from the checkout."""
    path = Path(path)
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
