# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What the machine does to us: a full disk, no memory; and one bad record of many."""

import errno
import logging
from contextlib import contextmanager

import psycopg2

from odoo.exceptions import UserError

from .database import DATABASE_GONE

_logger = logging.getLogger(__name__)

# Of the machine that Odoo or PostgreSQL runs on.
NO_ROOM = (psycopg2.errors.DiskFull, psycopg2.errors.OutOfMemory)
MACHINE_ERRORS = (OSError, MemoryError, *NO_ROOM)


class MachineError(UserError):
    """The machine failed in what a person wanted; it is undone, and told to her."""


@contextmanager
def telling_machine_errors(env):
    """Within it, an error of the machine becomes one that a person can read.

    :raise MachineError:
    """
    try:
        yield
    except MACHINE_ERRORS as error:
        _logger.error("%s: %s", type(error).__name__, error)
        raise MachineError(_explain(env, error)) from error


def _explain(env, error):
    number = getattr(error, "errno", None)
    if number in (errno.ENOSPC, errno.EDQUOT) or isinstance(error, NO_ROOM[0]):
        return env._(
            "The disk of the server is full, so nothing was done. Tell your "
            "administrator, and try again once there is room."
        )
    if number in (errno.EROFS, errno.EACCES, errno.EPERM):
        return env._(
            "Odoo may not write where the server keeps its files, so nothing was done. "
            "Tell your administrator: the folder of files (filestore) is read-only."
        )
    if isinstance(error, (MemoryError, NO_ROOM[1])):
        return env._(
            "The server has no memory left for this, so nothing was done. Try it with "
            "fewer documents at once, and tell your administrator if it lasts."
        )
    return env._(
        "The server could not read or write a file, so nothing was done. Tell your "
        "administrator: the server's log says which one, and why."
    )


def together_or_alone(records, work, on_failure):
    """Do some work with records together; with each alone where that fails.

    One bad record stops neither the others nor the queue behind it. Errors that are no
    record's own, of the machine or of the database, are raised.

    :param work: takes records, and returns what came of it
    :param on_failure: takes the one bad record and its exception
    :return: what came of each piece of work that went well
    :rtype: list
    """
    try:
        with records.env.cr.savepoint():
            return [work(records)]
    except (MachineError, *MACHINE_ERRORS, *DATABASE_GONE):
        raise
    except Exception as error:  # noqa: BLE001  whatever it is, the others go on
        if len(records) <= 1:
            on_failure(records, error)
            return []
    return [
        each
        for record in records
        for each in together_or_alone(record, work, on_failure)
    ]
