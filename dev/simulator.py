# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The simulator of the SII as a process, and an Odoo company that works with it."""

import json
import os
import tempfile
import urllib.request

from . import venv
from .process import ROOT, Server, free_port


class SiiSimulator:
    """`with SiiSimulator("--delay", "0") as sii: ...`, on a free port.

    :param options: of `python3 -m sii_simulator`
    """

    def __init__(self, *options):
        self._folder = tempfile.TemporaryDirectory()
        self.keys = self._folder.name
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        python = os.environ.get("SII_SIMULATOR_PYTHON") or venv.ensure("simulator")
        command = [python, "-m", "sii_simulator", "--port", self.port]
        command += ["--keys", self.keys, *options]
        self._server = Server(command, "sii-simulator", cwd=ROOT)

    def __enter__(self):
        self._server.start()
        self._server.wait_for_http(f"{self.url}/admin/state", "the SII simulator")
        return self

    def __exit__(self, *exc_info):
        self._server.stop()
        self._folder.cleanup()

    def admin(self, method, path, **given):
        """Call it as its README says, and return what it answers."""
        data = json.dumps(given).encode() if method == "POST" else None
        request = urllib.request.Request(
            f"{self.url}/admin/{path}", data, method=method
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as response:
            return json.loads(response.read())

    @property
    def documents(self):
        """What it has: {folio: how often it came}."""
        return {each["folio"]: each["times"] for each in self.admin("GET", "documents")}

    @property
    def uploads(self):
        """How many uploads there were, whatever became of them."""
        counters = self.admin("GET", "state")["counters"]
        return counters.get("requests upload", 0)
