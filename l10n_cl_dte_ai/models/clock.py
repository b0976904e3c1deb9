# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
from datetime import timedelta


def database_soon(env):
    """Return the end of the present second, for what is looked for before it is claimed.

    The time in whole seconds lies in the past: what became due meanwhile would wait for
    the cron's next poll, a minute away. The claim and the gate go by the exact time.
    """
    return database_now(env) + timedelta(seconds=1)


def database_now(env):
    """Return the time by the database's clock: the only one that all hosts share."""
    env.cr.execute("SELECT date_trunc('second', clock_timestamp() AT TIME ZONE 'UTC')")
    return env.cr.fetchone()[0]
