# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A hundred thousand invoices whose DTE are generated, each with a validation."""

import resource
import time

from .invoices import ACCOUNTANT, DEMO, _columns

RUNS = 7
LIST = [("move_type", "in", ["out_invoice", "out_refund"])]
# What the filters of the list of invoices ask, and one of Odoo's own.
FILTERS = {
    "to do": [("l10n_cl_dte_state", "in", ["errors", "review", "outdated"])],
    "generated": [("l10n_cl_dte_state", "=", "generated")],
    "approved": [("l10n_cl_dte_ai_state", "=", "approved")],
    "posted": [("state", "=", "posted")],
}


def multiply(env, times):
    """Make so many of each invoice and of its row, in SQL, all of them generated.

    They have no lines of their own: nothing that is measured here reads these.
    """
    env.cr.execute(
        """
        CREATE TEMP TABLE copy AS
        SELECT move.id AS original_id, nextval('account_move_id_seq') AS id
          FROM account_move move, generate_series(2, %s) WHERE move.ref = 'bench'
        """,
        [times],
    )
    for table, key, others in (
        (
            "account_move",
            "id",
            {
                "id": "copy.id",
                "name": "'FAC ' || lpad(copy.id::text, 8, '0')",
                "sequence_number": "copy.id",
                "access_token": "NULL",
            },
        ),
        ("l10n_cl_dte_ai_validation", "move_id", {"move_id": "copy.id"}),
    ):
        names, values = _columns(env, table, **others)
        if key == "id":
            names, values = f"id, {names}", f"copy.id, {values}"
        env.cr.execute(
            f"INSERT INTO {table} ({names}) SELECT {values}"
            f" FROM copy JOIN {table} original ON original.{key} = copy.original_id"
        )
    env.cr.execute(
        """
        UPDATE l10n_cl_dte_ai_validation
           SET state = 'done', verdict = 'approved', outcome = 'approved';
        UPDATE account_move
           SET l10n_cl_dte_state = 'generated', l10n_cl_dte_ai_state = 'approved'
         WHERE ref = 'bench';
        INSERT INTO l10n_cl_dte_document (move_id, company_id, state, is_current)
        SELECT id, company_id, 'generated', true FROM account_move WHERE ref = 'bench';
        -- Some of them a person has to look at.
        UPDATE account_move SET l10n_cl_dte_state = 'review'
         WHERE ref = 'bench' AND id % 100 = 0
        """
    )
    env.cr.commit()
    env.cr.execute(
        "SELECT count(*), (SELECT count(*) FROM l10n_cl_dte_ai_validation)"
        " FROM account_move WHERE ref = 'bench'"
    )
    return env.cr.fetchone()


def address(env):
    """Save the company's street.

    :return: the seconds of each time, and the peak of memory that it added, in kB
    """
    company = env.ref(DEMO, raise_if_not_found=False) or env.company
    seconds, before = [], _peak_kb()
    for number in range(RUNS):
        env.invalidate_all()
        start = time.monotonic()
        company.street = f"Av. Los Aromos {4210 + number}"
        env.flush_all()
        env.cr.commit()
        seconds.append(time.monotonic() - start)
    return {"seconds": seconds, "extra_kb": _peak_kb() - before}


def _peak_kb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def lists(env):
    """Group and filter the list of invoices as the accountant does.

    :return: the seconds of each time, by what was done
    """
    mine = env(user=env.ref(ACCOUNTANT), context={"lang": "es_419"})
    moves = mine["account.move"].with_context(
        allowed_company_ids=env.ref(DEMO).ids, bin_size=True
    )
    found = {}
    for _run in range(RUNS):
        for name in ("state", "l10n_cl_dte_state", "l10n_cl_dte_ai_state"):
            found.setdefault(f"group by {name}", []).append(
                _seconds(lambda n=name: moves.web_read_group(LIST, [n]))
            )
        for name, domain in FILTERS.items():
            found.setdefault(f"count of {name}", []).append(
                _seconds(lambda d=domain: moves.search_count([*LIST, *d]))
            )
            # Odoo sorts what it found, by date and name, to show the first of them.
            found.setdefault(f"page of {name}", []).append(
                _seconds(
                    lambda d=domain: moves.web_search_read(
                        [*LIST, *d], {"name": {}}, limit=80, count_limit=10_001
                    )
                )
            )
    return found


def _seconds(function):
    start = time.monotonic()
    function()
    return time.monotonic() - start
