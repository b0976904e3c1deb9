# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""PostgreSQL beside the ORM: its clock, a short transaction of its own, the commit."""

import contextlib
from datetime import timedelta

import psycopg2
import psycopg2.pool

from odoo.modules import module
from odoo.tools import config

# What a cursor of its own may cost: the database is away, or all is in use.
NO_CURSOR = (psycopg2.OperationalError, psycopg2.pool.PoolError)
# What a cursor gives whose server has gone. A conflict is an `OperationalError`, too;
# those that `retrying` gives up on are none of its conflicts.
DATABASE_GONE = (psycopg2.OperationalError, psycopg2.InterfaceError)


def database_soon(env):
    """Return the end of the present second, for what is looked for before it is
    claimed.

    The time in whole seconds lies in the past: what became due meanwhile would wait for
    the cron's next poll, a minute away. The claim and the gate go by the exact time.
    """
    return database_now(env) + timedelta(seconds=1)


def database_now(env):
    """Return the time by the database's clock: the only one that all hosts share."""
    env.cr.execute("SELECT date_trunc('second', clock_timestamp() AT TIME ZONE 'UTC')")
    return env.cr.fetchone()[0]


@contextlib.contextmanager
def own_cursor(env):
    """Give a cursor whose transaction ends with the block, whatever becomes of ours.

    A test's data is seen by its own transaction only: there it is the cursor of `env`.

    :raise psycopg2.OperationalError, psycopg2.pool.PoolError: where there is none to
        have (`NO_CURSOR`)
    """
    if not can_commit():
        yield env.cr
        return
    with env.registry.cursor() as cr:
        # In Odoo's own isolation two workers would fail on each other's writes
        # instead of waiting the millisecond.
        cr.execute(
            "SET TRANSACTION ISOLATION LEVEL READ COMMITTED;"
            "SET LOCAL lock_timeout = '2s'"
        )
        yield cr


def commit(env):
    """Commit, outside of tests: the one place of this addon that does.

    A call can take seconds.  With a transaction open, locks would be held as long,
    and a retry after a serialization failure would ask the service again.
    """
    if can_commit():
        env.cr.commit()  # pylint: disable=invalid-commit
    else:
        env.flush_all()


def can_commit():
    # As `account.move.send` does.
    return not (config["test_enable"] or module.current_test)
