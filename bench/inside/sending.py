# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A batch on its way to the simulator of the SII; time passes when nothing is due."""

import sys
import time
from datetime import timedelta

import requests
import tenacity

from odoo import SUPERUSER_ID, api, sql_db

from dev import sii_company

from .processes import Child

OPEN = ("ready", "sending", "unknown", "received")
MODEL = "l10n_cl_dte_sii.sending"


class Clock:
    """Shifts the time that our models have from the database."""

    def __init__(self):
        self.passed = timedelta()
        for name, module in list(sys.modules.items()):
            if name.startswith("odoo.addons.l10n_cl_dte") and hasattr(
                module, "database_now"
            ):
                real = module.database_now
                module.database_now = lambda env, real=real: real(env) + self.passed


def prepare(env, url, keys, number):
    """Confirm so many documents of a company that sends to the simulator.

    :return: seconds a document
    """
    sii_company.set_up(env, url, keys, folios=number + 200)
    env.cr.commit()
    start = time.monotonic()
    sii_company.post(env, number)
    env.cr.commit()
    return (time.monotonic() - start) / number


def sign(env, count=100):
    """Generate and sign all of them; the seconds that it takes."""
    start = time.monotonic()
    moves = _moves(env)
    for begin in range(0, len(moves), count):
        sii_company.sign(moves[begin : begin + count])
        env.cr.commit()
        env.invalidate_all()
    return time.monotonic() - start


def _moves(env):
    """What `prepare` has made, as the accountant sees it."""
    mine = env(
        user=env.ref(sii_company.ACCOUNTANT),
        context={"allowed_company_ids": env.ref(sii_company.COMPANY).ids},
    )
    return mine["account.move"].search([("ref", "=", sii_company.MARK)], order="id")


def in_envelopes(env):
    """Sign all, and send them in envelopes of a hundred until all is known."""
    env.ref(sii_company.COMPANY).l10n_cl_dte_sii_send = "schedule"
    env.cr.commit()
    before, start = sql_db.sql_counter, time.monotonic()
    signed = sign(env)
    between = sql_db.sql_counter
    env["account.move"]._l10n_cl_dte_sii_collect()
    env.cr.commit()
    drain(env)
    return {
        "sign": signed,
        "seconds": time.monotonic() - start,
        "statements_sign": between - before,
        "statements_send": sql_db.sql_counter - between,
        "states": _states(env),
    }


def drain(env, enough=None):
    """Run the cron until nothing is under way."""
    clock = Clock()
    while True:
        with env.registry.cursor() as cr:
            mine = api.Environment(cr, SUPERUSER_ID, {})
            mine[MODEL]._cron_exchange()
            cr.commit()
            rows = mine[MODEL].search([("state", "in", OPEN)])
            if not rows:
                return
            times = [
                row.lease_until if row.state == "sending" else row.next_at
                for row in rows
            ]
            wait = min(filter(None, times)) - mine[MODEL]._now()
            clock.passed += max(wait, timedelta()) + timedelta(seconds=1)


def _states(env):
    env.cr.execute(
        "SELECT state, count(*) FROM l10n_cl_dte_document"
        " WHERE is_current GROUP BY state"
    )
    states = dict(env.cr.fetchall())
    env.cr.commit()
    return states


def one_by_one(env, url, kills):
    """Send each in an envelope of its own; kill the sender after so many uploads.

    :param kills: numbers of uploads
    """
    versions = env["l10n_cl_dte.document"].search([("state", "=", "signed")])
    versions.move_id._l10n_cl_dte_sii_queue()
    env.cr.commit()
    start = time.monotonic()
    for number in kills:
        child = Child(env, drain, {})
        while _uploads(url) < number:
            time.sleep(0.01)
        child.kill()
    Child(env, drain, {}).result()
    return {"seconds": time.monotonic() - start, "states": _states(env)}


def _uploads(url):
    counters = requests.get(f"{url}/admin/state", timeout=10).json()["counters"]
    return counters.get("requests upload", 0)


def naive(env, url):
    """Send each as the other programs do: no answer, so once more, up to ten times."""
    sending = env[MODEL]
    company = env.ref(sii_company.COMPANY)
    versions = env["l10n_cl_dte.document"].search([("state", "=", "signed")])
    given_up = 0
    queued = sending._queue(versions[:1])
    with queued._client() as client:
        token = client.token()
    for version in versions:
        queued.attachment_id.unlink()
        version.sending_id = queued
        (versions - version).sending_id = False
        queued.invalidate_recordset(["document_ids"])
        queued._build()
        try:
            _post(url, token, queued.holder_rut, company.vat, queued._content())
        except tenacity.RetryError:
            given_up += 1
    env.cr.rollback()
    return {"given_up": given_up}


@tenacity.retry(stop=tenacity.stop_after_attempt(10), wait=tenacity.wait_none())
def _post(url, token, sender, company, content):
    fields = zip(
        ("rutSender", "dvSender", "rutCompany", "dvCompany"),
        (*sender.split("-"), *company.split("-")),
        strict=True,
    )
    response = requests.post(
        f"{url}/cgi_dte/UPL/DTEUpload",
        data=dict(fields),
        files={"archivo": ("envio.xml", content, "text/xml")},
        headers={"User-Agent": "Mozilla/4.0 (compatible; PROG 1.0)"},
        cookies={"TOKEN": token},
        timeout=30,
    )
    if "<STATUS>0</STATUS>" not in response.text:
        raise RuntimeError(response.text)
