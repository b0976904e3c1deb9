# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Real processes with connections of their own, as Odoo's workers are: by fork."""

import json
import logging
import os
import signal
import traceback

from odoo import SUPERUSER_ID, api, sql_db
from odoo.modules.registry import Registry

_logger = logging.getLogger(__name__)


class Child:
    """A process that calls `function(env, **arguments)`.

    `result()` waits for what the function returned; `kill()` is a kill -9.
    """

    def __init__(self, env, function, arguments):
        reading, writing = os.pipe()
        self.pid = os.fork()
        if self.pid:
            os.close(writing)
            self._reading = reading
            return
        os.close(reading)
        code = 1
        try:
            result = _with_own_connections(env.cr.dbname, function, arguments)
            with os.fdopen(writing, "w") as pipe:
                json.dump(result, pipe)
            code = 0
        except BaseException:  # noqa: BLE001  nothing may go up into the parent's code
            traceback.print_exc()
        finally:
            # Nothing of the parent's is to be closed here, its connections least.
            os._exit(code)

    def result(self):
        with os.fdopen(self._reading) as pipe:
            text = pipe.read()
        _pid, status = os.waitpid(self.pid, 0)
        if status:
            raise RuntimeError("a process of the bench has failed, see its log")
        return json.loads(text)

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._reading)


def _with_own_connections(database, function, arguments):
    sql_db._Pool = sql_db._Pool_readonly = None
    registry = Registry(database)
    registry._db = sql_db.db_connect(database)
    registry._db_readonly = None
    with registry.cursor() as cr:
        return function(api.Environment(cr, SUPERUSER_ID, {}), **arguments)


def in_children(env, function, arguments):
    """Call the function in one process for each item of `arguments`, all at once."""
    children = [Child(env, function, each) for each in arguments]
    return [child.result() for child in children]
