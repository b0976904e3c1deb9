# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What was answered while the database went away, kept until it is back.

A request that was answered is paid for, and to ask again takes its time from others.
So the outcomes stay in the process for a while; what it cannot save is asked again
under the same key, once the lease is over.
"""

import logging
import threading
import time

import psycopg2

from odoo import SUPERUSER_ID, api

from .database import DATABASE_GONE, NO_CURSOR

_logger = logging.getLogger(__name__)

# Shorter than a lease: after that another worker asks.
KEPT_SECONDS = 60
PAUSE = 1.0  # seconds between two attempts


def keep(service, results):
    """Save the outcomes of some calls as soon as the database is back.

    :param service: the record, whose own cursor is lost
    :param results: what came of the calls
    """
    if results:
        arguments = (service.env.registry, service.id, results)
        threading.Thread(
            target=_save_when_back, args=arguments, name="dte-ai-keep", daemon=True
        ).start()


def _save_when_back(registry, service_id, results):
    end = time.monotonic() + KEPT_SECONDS
    while time.monotonic() < end:
        try:
            with registry.cursor() as cr:
                env = api.Environment(cr, SUPERUSER_ID, {})
                service = env["l10n_cl_dte_ai.service"].browse(service_id)
                rows = env["l10n_cl_dte_ai.validation"]
                # Whoever waited has seen an error: told like one who does not wait.
                rows._finish(service, results, in_background=True)
            _logger.info(
                "%s answers were saved after the database's return", len(results)
            )
            return
        except (*DATABASE_GONE, *NO_CURSOR):
            time.sleep(PAUSE)
        except psycopg2.Error as error:
            _logger.error("Answers could not be saved: %s", type(error).__name__)
            return
    _logger.warning("%s answers were lost: they are asked for again", len(results))
