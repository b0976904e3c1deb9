# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A real Odoo with the addon and a real AI service, for the demo and the tests."""

import os
import secrets
from contextlib import contextmanager

from . import venv
from .console import Stop, step
from .process import ROOT, Server, free_port, shown
from .rpc import Client

# Requests a minute, for the service and for the addon that keeps to it.
RATE_LIMIT = 600
# What would change the service, or have it ask a real model.
FOREIGN = ("AI_SERVICE_", "ANTHROPIC_", "OPENAI_", "REDIS_", "PYTHON")


class Stack:
    """An `Odoo` database that is served, and the service beside it.

    `odoo_url`, `service_url` and `service_key` tell how to reach them.
    """

    def __init__(self, odoo, odoo_port=0, service_port=0, workers=0):
        self.odoo = odoo
        self.database = odoo.name
        self.workers = workers
        self.odoo_port = free_port(odoo_port)
        self.service_port = free_port(service_port)
        self.service_key = secrets.token_urlsafe(24)
        self.service_environment = {}  # more of it, for a test that needs it
        self._odoo = None
        self._service = None

    @property
    def odoo_url(self):
        return f"http://127.0.0.1:{self.odoo_port}"

    @property
    def service_url(self):
        return f"http://127.0.0.1:{self.service_port}"

    def start_odoo(self):
        self._odoo = self.odoo.serve(self.odoo_port, self.workers)
        self._odoo.start()
        self._odoo.wait_for_http(f"{self.odoo_url}/web/health", "Odoo")

    def stop_odoo(self):
        if self._odoo:
            self._odoo.stop()

    def start_service(self):
        """Start the service, on the same port and with the same key as before."""
        self.launch_service()
        self._service.wait_for_http(f"{self.service_url}/live", "the AI service", 30)

    def launch_service(self):
        """The same, without waiting until it answers."""
        python = venv.ensure("service")
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(FOREIGN)
        }
        # Many documents a minute are asked about here; `service_environment` may say
        # AI_SERVICE_RATE_LIMIT="20" for what the limit itself does.
        environment.update(
            AI_SERVICE_RATE_LIMIT=str(RATE_LIMIT),
            AI_SERVICE_HOST="127.0.0.1",
            AI_SERVICE_PORT=str(self.service_port),
            AI_SERVICE_API_KEY=self.service_key,
        )
        environment.update(self.service_environment)
        self._service = Server(
            [python, "-m", "ai_service"], "service", env=environment, cwd=ROOT
        )
        self._service.start()

    def ensure_service(self):
        """Start the service unless it runs."""
        if not (self._service and self._service.running()):
            self.launch_service()
        self._service.wait_for_http(f"{self.service_url}/live", "the AI service", 30)

    def stop_service(self):
        if self._service:
            self._service.stop()

    def kill_service(self):
        """End it as the kernel does where memory runs out: nothing is finished."""
        self._service.process.kill()
        self._service.process.wait()

    def stop(self):
        self.stop_odoo()
        self.stop_service()

    def check(self):
        """Stop with a line if one of the two has ended by itself."""
        for what, server in (("Odoo", self._odoo), ("the AI service", self._service)):
            if server and not server.running():
                raise Stop(f"{what} ended by itself (see {shown(server.log)})")

    def odoo_shell(self, script):
        """Run a script with `env` in it, commit, and return what it printed."""
        return self.odoo.shell(script)

    def rpc(self, login="admin", password="admin"):
        """A `Client` logged in as that user."""
        return Client(self.odoo_url, self.database, login, password)


@contextmanager
def running_stack(
    space, odoo_port=0, service_port=0, workers=0, demo=False, name="demo"
):
    """A `Stack` that runs, with the demo company if `demo`, in a database so named."""
    venv.ensure("service")
    odoo = space.with_demo(name) if demo else space.with_addon("stack")
    result = Stack(odoo, odoo_port, service_port, workers)
    try:
        result.launch_service()  # it comes up while Odoo does
        with step("Start Odoo"):
            result.start_odoo()
        with step("Start the AI service"):
            result.ensure_service()
        yield result
    finally:
        result.stop()
