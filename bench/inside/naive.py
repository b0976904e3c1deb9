# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The client that most addons have, for comparison."""

import time

import requests
import tenacity

from odoo import sql_db

from .processes import in_children


class Limited(Exception):
    pass


def bulk(env, url, number):
    """Ask about so many invoices, one after the other; seconds and statements."""
    moves = env["l10n_cl_dte_ai.validation"].search([], limit=number).move_id
    env.cr.commit()
    before, start = sql_db.sql_counter, time.monotonic()
    for move in moves:
        _validate(env, move, url)
    return {
        "seconds": time.monotonic() - start,
        "statements": sql_db.sql_counter - before,
    }


def bulk_together(env, processes, seconds, url):
    """The same by some processes at once, each with invoices of its own."""
    ids = env["l10n_cl_dte_ai.validation"].search([]).move_id.ids
    env.cr.commit()
    in_children(
        env,
        _some,
        [
            {"ids": ids[number::processes], "seconds": seconds, "url": url}
            for number in range(processes)
        ],
    )


def _some(env, ids, seconds, url):
    end = time.monotonic() + seconds
    for move in env["account.move"].browse(ids):
        if time.monotonic() >= end:
            break
        try:
            _validate(env, move, url, max_seconds=end - time.monotonic())
        except Limited:
            env.cr.rollback()


def _validate(env, move, url, max_seconds=60):
    @tenacity.retry(
        wait=tenacity.wait_random_exponential(max=60),
        stop=tenacity.stop_after_delay(max_seconds),
        reraise=True,
    )
    def ask():
        response = requests.post(
            f"{url}/api/ai/validate",
            json={
                "dte_data": move._l10n_cl_dte_ai_questions()[move].dte_data,
                "company_id": move.company_id.id,
                "history": [],
            },
            timeout=20,
        )
        if response.status_code == 429:
            raise Limited
        return response.json()

    opinion = ask()
    move.message_post(body=f"{opinion['recommendation']}: {opinion['confidence']}")
    env.cr.commit()
