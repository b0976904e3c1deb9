# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The queue, emptied as the scheduler does: by `_cron_ask`, again and again."""

import contextlib
import os
import time

import psycopg2

from odoo import SUPERUSER_ID, api, sql_db
from odoo.modules.registry import Registry

from .processes import Child, in_children

LEFT = "SELECT count(*) FROM l10n_cl_dte_ai_validation WHERE state IN %s"


def drain(env, seconds=600, states=("pending", "sending")):
    """Run the cron until nothing waits, or for so many seconds.

    :return: seconds, SQL statements and documents answered, all of this process
    """
    env.cr.commit()
    _cycle(env.registry)  # what is loaded once, as by any worker's first job
    before, start = sql_db.sql_counter, time.monotonic()
    while time.monotonic() - start < seconds and _left(env, states):
        _cycle(env.registry)
    return {
        "seconds": time.monotonic() - start,
        "statements": sql_db.sql_counter - before,
    }


def _cycle(registry):
    with registry.cursor() as cr:
        env = api.Environment(cr, SUPERUSER_ID, {})
        env["l10n_cl_dte_ai.validation"]._cron_ask()


def _left(env, states):
    env.cr.execute(LEFT, (tuple(states),))
    (number,) = env.cr.fetchone()
    env.cr.commit()
    return number
