# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The queue, emptied as the scheduler does: by `_cron_ask`, again and again."""

import time

import psycopg2

from odoo import SUPERUSER_ID, api, sql_db

from .click import press
from .processes import Child, in_children

WAITING = "SELECT count(*) FROM l10n_cl_dte_ai_validation WHERE state = ANY(%s)"


def drain(env, seconds=600, states=("pending", "sending")):
    """Run the cron until nothing waits, or for so many seconds; what it took."""
    registry = env.registry
    env.cr.commit()
    runs, before, start = 0, sql_db.sql_counter, time.monotonic()
    while time.monotonic() - start < seconds and _waiting(env, states):
        with registry.cursor() as cr:
            mine = api.Environment(cr, SUPERUSER_ID, {})
            mine["l10n_cl_dte_ai.validation"]._cron_ask()
        runs += 1
    return {
        "runs": runs,
        "seconds": time.monotonic() - start,
        "statements": sql_db.sql_counter - before,
    }


def _waiting(env, states):
    env.cr.execute(WAITING, (list(states),))
    (number,) = env.cr.fetchone()
    env.cr.commit()
    return number


def drain_together(env, processes, seconds):
    """The same by some processes at once."""
    env.cr.commit()
    arguments = [{"seconds": seconds}] * processes
    return in_children(env, drain, arguments)


def drain_and_weigh(env):
    """The same in one process; how many bytes more than before it had at its peak.

    Before is after its first cycle's worth of documents: what any worker has loaded.
    """
    env.cr.commit()
    return in_children(env, _drain_and_weigh, [{}])[0]


def _drain_and_weigh(env):
    drain(env, seconds=1)
    with open("/proc/self/clear_refs", "w") as control:
        control.write("5")  # the peak begins anew
    before = _memory("VmRSS")
    found = drain(env)
    return {**found, "extra_kb": _memory("VmHWM") - before}


def _memory(name):
    with open("/proc/self/status") as status:
        (line,) = (line for line in status if line.startswith(f"{name}:"))
    return int(line.split()[1])


def drain_and_watch(env, moves):
    """Empty the queue, then click; the longest transaction that was idle meanwhile.

    PostgreSQL itself tells since when a connection has been idle in a transaction.
    """
    watcher = Child(env, _watch, {"seconds": 300})
    env.cr.execute("SELECT pg_advisory_lock(1)")  # the watcher's sign to stop
    env.cr.commit()
    try:
        drain(env)
        press(env, moves)
    finally:
        env.cr.execute("SELECT pg_advisory_unlock(1)")
        env.cr.commit()
    return watcher.result()


def _watch(env, seconds):
    longest, samples = 0.0, 0
    end = time.monotonic() + seconds
    connection = psycopg2.connect(dbname=env.cr.dbname)  # libpq's variables say where
    connection.autocommit = True
    with connection.cursor() as cr:
        time.sleep(0.5)
        while time.monotonic() < end:
            cr.execute(
                """
                SELECT COALESCE(max(EXTRACT(EPOCH FROM
                           clock_timestamp() - state_change)), 0)
                  FROM pg_stat_activity
                 WHERE datname = current_database()
                   AND state LIKE 'idle in transaction%'
                """
            )
            longest, samples = max(longest, float(cr.fetchone()[0])), samples + 1
            cr.execute("SELECT pg_try_advisory_lock(1)")
            if cr.fetchone()[0]:
                break
            time.sleep(0.01)
    connection.close()
    return {"longest": longest, "samples": samples}


def drain_with_a_kill(env, after):
    """Two processes empty the queue, one is killed; then the lease is over.

    :param after: seconds until the kill -9
    :return: the keys of the documents that were under way when it came
    """
    env.cr.commit()
    victim = Child(env, drain, {})
    other = Child(env, drain, {"states": ["pending"]})
    time.sleep(after)
    victim.kill()
    other.result()
    # Nobody is at work any more: what is left is what the killed one had taken.
    env.cr.execute(
        "UPDATE l10n_cl_dte_ai_validation SET lease_until = now() AT TIME ZONE 'UTC'"
        " - INTERVAL '1 second' WHERE state = 'sending' RETURNING id"
    )
    rows = [row_id for (row_id,) in env.cr.fetchall()]
    env.cr.commit()
    drain(env)
    env.invalidate_all()
    rows = env["l10n_cl_dte_ai.validation"].browse(rows)
    everything = env["l10n_cl_dte_ai.validation"].search([])
    return {
        "under_way": [row._idempotency_key() for row in rows],
        "unanswered": len(everything.filtered(lambda row: row.state != "done")),
    }
