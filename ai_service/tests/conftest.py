# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A real server in a process of its own, on a port that the system chooses."""

import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path

import httpx
import pytest

from . import redis_server
from .fake_vendor import FakeVendor

ROOT = Path(__file__).resolve().parents[2]
KEY = "c17ffb6d90bf803c5243b6c19c20e993"
OTHER_KEY = "58cefb0df5bac89f3809ef041fe307a2"


# What could make a test ask a real model, or change a real Redis.
FOREIGN = ("AI_SERVICE_", "ANTHROPIC_", "OPENAI_", "REDIS_")


def environment(**settings):
    """The environment of a service. Names in capitals are taken as they are."""
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(FOREIGN)
    }
    given = {
        name if name.isupper() else f"AI_SERVICE_{name.upper()}": str(value)
        for name, value in settings.items()
    }
    return clean | given


@pytest.fixture(autouse=True)
def _nothing_foreign(monkeypatch):
    for name in os.environ:
        if name.startswith(FOREIGN):
            monkeypatch.delenv(name)


class Server:
    """One run of ``python -m ai_service``."""

    def __init__(self, **settings):
        settings = {"api_key": f"{KEY},{OTHER_KEY}", "port": 0, **settings}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "ai_service"],
            cwd=ROOT,
            env=environment(**settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines = []
        self._fresh = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.port = self.wait_for("ai_service_starting")["port"]
        transport = httpx.HTTPTransport(retries=8)  # It listens a moment later.
        self.client = httpx.Client(
            base_url=f"http://127.0.0.1:{self.port}",
            headers={"Authorization": f"Bearer {KEY}"},
            transport=transport,
            timeout=10,
        )
        self.client.get("/live")

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line)
            self._fresh.put(line)

    def wait_for(self, event, **fields):
        """The next log line of an event with the given fields."""
        wanted = {"event": event, **fields}
        while True:
            line = json.loads(self._fresh.get(timeout=30))
            if wanted.items() <= line.items():
                return line

    def validate(self, body, **arguments):
        return self.client.post("/api/ai/validate", json=body, **arguments)

    def stop(self):
        """SIGTERM, and the exit code."""
        self.client.close()
        self.process.terminate()
        try:
            return self.process.wait(10)
        finally:
            self.process.kill()
            self._reader.join(5)
            self.process.stdout.close()


@pytest.fixture
def start_server():
    servers = []

    def start(**settings):
        servers.append(Server(**settings))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="module")
def server():
    """Shared by tests that do not count requests."""
    shared = Server(rate_limit=100_000)
    yield shared
    shared.stop()


@pytest.fixture
def vendor():
    fake = FakeVendor()
    yield fake
    fake.stop()


@pytest.fixture
def redis():
    if not redis_server.PROGRAM:
        if redis_server.required():
            pytest.fail(redis_server.MISSING)
        pytest.skip(redis_server.MISSING)
    running = redis_server.RedisServer()
    yield running
    running.stop()
