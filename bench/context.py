# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What figures are measured with: a stub service, and databases full of invoices."""

import copy
import functools
import json
import sys
import urllib.request
from contextlib import ExitStack, contextmanager
from typing import NamedTuple

from dev.console import step
from dev.odoo import ADDON
from dev.process import ROOT, Server, free_port
from dev.workspace import Source, workspace

KEY = "bench-key-of-no-service"
MARK = "-- result --"


class Bench:
    """`with Bench() as bench: ...`; all that it made is gone at the end."""

    def __init__(self):
        self._stack = ExitStack()
        self._copies = 0

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self._stack.close()

    @functools.cached_property
    def stub(self):
        """The stub service, see `Stub`."""
        stub = Stub()
        self._stack.callback(stub.stop)
        return stub

    @functools.cached_property
    def workspace(self):
        """A database server and an Odoo 19, see `dev.workspace`."""
        return self._stack.enter_context(workspace())

    @functools.cached_property
    def _invoices(self):
        """Make a database with 10,000 invoices that wait, and return what it is called.

        :return: what `Workspace._copy` knows it by
        """
        with step("bench: the demo company"):
            odoo = self.workspace.create("bench")
            odoo.install_with_demo_data(ADDON)
        with step("bench: 10,000 invoices"):
            self.request_ms = run_inside(
                odoo, "invoices", "make", url=self.stub.url, key=KEY
            )
        self.workspace.sources["invoices"] = Source(odoo.name, odoo.filestore)
        return "invoices"

    def database(self, waiting, rate=0):
        """A copy of that database, as an `Odoo`, in which `waiting` invoices wait.

        :param rate: requests a minute that its service allows, 0 for no limit
        """
        source = self._invoices
        self._copies += 1
        odoo = self.workspace._copy(source, f"bench{self._copies}")
        # In one statement: nothing is kept of the others, as if they had never been.
        self.workspace.server.query(
            f"""
            WITH gone AS (
                DELETE FROM l10n_cl_dte_ai_validation WHERE id NOT IN (
                    SELECT id FROM l10n_cl_dte_ai_validation
                     ORDER BY id LIMIT {waiting:d})),
            batch AS (
                UPDATE l10n_cl_dte_ai_batch SET total = {waiting:d},
                       state = CASE WHEN {waiting:d} > 0 THEN state ELSE 'done' END)
            UPDATE l10n_cl_dte_ai_service SET rate_per_minute = {rate:d}
            """,
            odoo.name,
        )
        self.workspace.server.query("VACUUM ANALYZE", odoo.name)
        return odoo

    def sending_database(self, sii, number):
        """Make a database with so many confirmed documents of a company that sends to
        a simulator of the SII.

        :param SiiSimulator sii:
        :return: what :meth:`copy_of` knows it by
        """
        with step(f"bench: {number} confirmed documents"):
            odoo = self.workspace.with_demo("bench_sending")
            values = {"url": sii.url, "keys": sii.keys, "number": number}
            run_inside(odoo, "sending", "prepare", **values)
        return self.keep(odoo)

    def keep(self, odoo):
        """Let a database be copied; return what :meth:`copy_of` knows it by."""
        self.workspace.sources[odoo.name] = Source(odoo.name, odoo.filestore)
        return odoo.name

    def copy_of(self, kept):
        self._copies += 1
        return self.workspace._copy(kept, f"bench{self._copies}")

    def drop(self, odoo):
        self.workspace.server.drop(odoo.name)

    @contextmanager
    def far_database(self, odoo, seconds):
        """The same `Odoo`, whose database is a round trip of `seconds` further away."""
        near = self.workspace.server.environment
        port = free_port()
        command = [sys.executable, "-m", "bench.delay", port, near["PGPORT"], seconds]
        proxy = Server(command, "bench-delay", cwd=ROOT)
        proxy.start()
        try:
            far = copy.copy(odoo)
            far.server = FarServer({**near, "PGPORT": str(port)})
            yield far
        finally:
            proxy.stop()


class FarServer(NamedTuple):
    """A server of PostgreSQL as far as an `Odoo` that runs knows it."""

    environment: dict


def run_inside(odoo, module, function, **arguments):
    """Call `bench.inside.<module>.<function>(env, **arguments)` in an Odoo process."""
    script = (
        f"import json, sys; sys.path.insert(0, {str(ROOT)!r})\n"
        f"from bench.inside import {module}\n"
        f"result = {module}.{function}(env, **{arguments!r})\n"
        f"print({MARK!r}); print(json.dumps(result))\n"
    )
    printed = odoo.shell(script, log=f"bench-{module}-{function}-{odoo.name}")
    return json.loads(printed.split(f"{MARK}\n")[1].splitlines()[0])


class Stub:
    """The process of `bench.stub`."""

    def __init__(self):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._server = Server(
            [sys.executable, "-m", "bench.stub", self.port], "bench-stub", cwd=ROOT
        )
        self._server.start()
        self._server.wait_for_http(f"{self.url}/health", "the stub service")

    def stop(self):
        self._server.stop()

    def reset(self, **settings):
        """Begin to count anew; for the settings see `bench.stub.Counts`."""
        data = json.dumps(settings).encode()
        self._open(urllib.request.Request(f"{self.url}/control", data, method="POST"))

    def counts(self):
        return self._open(f"{self.url}/counts")

    def _open(self, request):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as response:
            return json.load(response)
