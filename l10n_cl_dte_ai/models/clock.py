# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
def database_now(env):
    """Return the time by the database's clock: the only one that all hosts share."""
    env.cr.execute("SELECT date_trunc('second', clock_timestamp() AT TIME ZONE 'UTC')")
    return env.cr.fetchone()[0]
