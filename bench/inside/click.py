# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The button, as Odoo's controller calls it: in a transaction of its own."""

import json
import logging
import time

import requests

from odoo import sql_db
from odoo.service.model import retrying

from .invoices import ACCOUNTANT

CLICKS, WARM_UP = 25, 5


def clicks(env, url, key):
    """Press the button on invoices nobody has asked about, each beside a bare request.

    :return: seconds of the clicks, of the bare requests, and statements of the clicks;
        and seconds of one statement
    """
    accountant = env.ref(ACCOUNTANT)
    found = {"clicks": [], "bare": [], "statements": []}
    for move_id in _unasked(env, CLICKS + WARM_UP):
        body = _click(env, accountant, move_id, found)
        start = time.monotonic()
        requests.post(
            f"{url}/api/ai/validate",
            json=json.loads(body),
            headers={"Authorization": f"Bearer {key}"},
            timeout=20,
        ).raise_for_status()
        found["bare"].append(time.monotonic() - start)
    measured = {name: values[WARM_UP:] for name, values in found.items()}
    return {**measured, "statement": _seconds_of_a_statement(env)}


def _seconds_of_a_statement(env):
    start = time.monotonic()
    for _each in range(200):
        env.cr.execute("SELECT 1")
    return (time.monotonic() - start) / 200


def press(env, number):
    """Press the button on so many invoices that nobody has asked about."""
    accountant = env.ref(ACCOUNTANT)
    found = {"clicks": [], "bare": [], "statements": []}
    for move_id in _unasked(env, number):
        _click(env, accountant, move_id, found)


def _unasked(env, number):
    moves = env["account.move"].search(
        [("ref", "=", "bench"), ("l10n_cl_dte_ai_validation_ids", "=", False)],
        order="id",  # of the first it is known what they say, see `invoices.make`
        limit=number,
    )
    env.cr.commit()
    return moves.ids


def _click(env, accountant, move_id, found):
    with env.registry.cursor() as cr:
        mine = env(cr=cr, user=accountant, context=accountant.context_get())
        # The controller has read these before it comes to the button.
        mine.user.has_group("base.group_user")
        mine.company.id  # noqa: B018
        before, start = sql_db.sql_counter, time.monotonic()
        retrying(mine["account.move"].browse(move_id).action_l10n_cl_dte_generate, mine)
        found["clicks"].append(time.monotonic() - start)
        found["statements"].append(sql_db.sql_counter - before)
        row = mine["account.move"].browse(move_id).sudo().l10n_cl_dte_ai_validation_ids
        if row.state != "done" or not row.is_current:
            logging.getLogger(__name__).error(
                "Not answered, or outdated: %s", row.reason
            )
            raise RuntimeError(f"Not answered, or outdated: {row.reason}")
        return row.request_body
