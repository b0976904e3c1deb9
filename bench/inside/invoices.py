# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Ten thousand posted invoices and their rows in the queue."""

import time
from datetime import timedelta

from odoo import Command, fields

DEMO = "l10n_cl_dte_ai.demo_company"
ACCOUNTANT = "l10n_cl_dte_ai.demo_user_accountant"
POSTED, COPIES = 20, 500
REQUESTED = 1000  # by the addon itself; the other rows are made in SQL


def make(env, url, key):
    """Make them: twenty are posted by Odoo, the others are copies of these in SQL.

    The copies are whole: entry, lines and taxes; each has a text of its own in its
    lines and so a digest of its own. The first thousand are put in the queue as by the
    wizard of the list of invoices (`_start`); the rows of the others are copies of
    those in SQL, each with its own invoice and an invented digest. The dispatcher does
    the same work on both kinds, and all of them belong to one batch.

    :return: the milliseconds that it took to put one in the queue
    """
    company = env.ref(DEMO)
    company.l10n_cl_dte_ai_service_id = env["l10n_cl_dte_ai.service"].create(
        {"url": url, "new_key": key, "rate_per_minute": 0}
    )
    originals = _post(env(context={"allowed_company_ids": company.ids}), company)
    moves = _copy(env, originals)
    env["l10n_cl_dte_ai.validation"].search([]).unlink()
    # In their columns still stands what the originals say, and what was asked about a
    # document that says something else counts as outdated.
    env["account.move"].browse(moves[:REQUESTED])._l10n_cl_dte_refresh()
    env.cr.commit()
    start = time.monotonic()
    mine = env(user=env.ref(ACCOUNTANT), context={"allowed_company_ids": company.ids})
    batch = mine["l10n_cl_dte_ai.batch"]._start(
        mine["account.move"].browse(moves[:REQUESTED]), REQUESTED
    )
    batch.sudo()._queue_all()  # as its cron does
    env.cr.commit()
    seconds = time.monotonic() - start
    names, values = _columns(
        env,
        "l10n_cl_dte_ai_validation",
        move_id="copy.move_id",
        digest="md5(copy.move_id::text) || md5('bench' || copy.move_id)",
    )
    env.cr.execute(
        f"INSERT INTO l10n_cl_dte_ai_validation ({names}) SELECT {values}"
        " FROM unnest(%s) WITH ORDINALITY copy(move_id, number)"
        " JOIN (SELECT *, row_number() OVER (ORDER BY id) AS number"
        " FROM l10n_cl_dte_ai_validation) original"
        " ON original.number = 1 + copy.number %% %s"
        " ORDER BY copy.number",
        (moves[REQUESTED:], REQUESTED),
    )
    env.cr.execute(
        "INSERT INTO l10n_cl_dte_ai_batch_validation_rel (batch_id, validation_id)"
        " SELECT %s, id FROM l10n_cl_dte_ai_validation ON CONFLICT DO NOTHING",
        (batch.id,),
    )
    # As they are some time after a person has chosen them.
    env.cr.execute(
        "UPDATE l10n_cl_dte_ai_validation SET next_attempt_at = create_date;"
        "DELETE FROM ir_cron_trigger"
    )
    return 1000 * seconds / REQUESTED


def _post(env, company):
    partners = env["res.partner"].search(
        [("company_id", "=", company.id), ("l10n_cl_activity_description", "!=", False)]
    )
    products = env["product.product"].search([("company_id", "=", company.id)], limit=3)
    moves = env["account.move"].create(
        [
            {
                "move_type": "out_invoice",
                "partner_id": partners[number % len(partners)].id,
                "invoice_date": fields.Date.today() - timedelta(days=9),
                "l10n_latam_document_type_id": env.ref("l10n_cl.dc_a_f_dte").id,
                "invoice_line_ids": [
                    Command.create({"product_id": product.id, "quantity": number + 1})
                    for product in products
                ],
            }
            for number in range(2 * POSTED)
        ]
    )
    # Some of the demo company's customers are there to be found fault with.
    moves = moves.filtered(lambda move: not move._l10n_cl_dte_findings())[:POSTED]
    moves._post(soft=False)
    env.flush_all()
    return moves


def _columns(env, table, **others):
    """The columns to copy from `original`, and what is put in them."""
    env.cr.execute(
        "SELECT column_name FROM information_schema.columns"
        " WHERE table_name = %s AND is_generated = 'NEVER'",
        (table,),
    )
    names = [name for (name,) in env.cr.fetchall() if name != "id"]
    values = [others.get(name, f'original."{name}"') for name in names]
    return ", ".join(f'"{name}"' for name in names), ", ".join(values)


def copy_more(env, number):
    """Make at least so many more, as `make` does, that nobody has asked about."""
    originals = env["account.move"].search(
        [
            ("company_id", "=", env.ref(DEMO).id),
            ("l10n_cl_dte_state", "=", "ready"),
            ("state", "=", "posted"),
            ("ref", "!=", "bench"),
        ],
        limit=POSTED,
    )
    return _copy(env, originals, -(-number // len(originals)))


def _copy(env, originals, copies=COPIES):
    env.cr.execute(
        """
        CREATE TEMP TABLE copy AS
        SELECT move.id AS original_id, copy, nextval('account_move_id_seq') AS id
          FROM account_move move, generate_series(1, %s) copy
         WHERE move.id = ANY(%s);
        """,
        (copies, originals.ids),
    )
    names, values = _columns(
        env,
        "account_move",
        name="'FAC ' || lpad(copy.id::text, 8, '0')",
        sequence_number="copy.id",
        payment_reference="NULL",
        access_token="NULL",
        ref="'bench'",
    )
    env.cr.execute(
        f"INSERT INTO account_move (id, {names}) SELECT copy.id, {values}"
        " FROM copy JOIN account_move original ON original.id = copy.original_id"
    )
    env.cr.execute(
        """
        CREATE TEMP TABLE copied_line AS
        SELECT line.id AS original_id, copy.id AS move_id, copy.copy,
               nextval('account_move_line_id_seq') AS id
          FROM copy JOIN account_move_line line ON line.move_id = copy.original_id
        """
    )
    names, values = _columns(
        env,
        "account_move_line",
        move_id="copy.move_id",
        move_name="'FAC ' || lpad(copy.move_id::text, 8, '0')",
        name="CASE WHEN original.display_type = 'product'"
        " THEN original.name || ' ' || copy.copy ELSE original.name END",
    )
    env.cr.execute(
        f"INSERT INTO account_move_line (id, {names}) SELECT copy.id, {values}"
        " FROM copied_line copy"
        " JOIN account_move_line original ON original.id = copy.original_id"
    )
    env.cr.execute(
        """
        INSERT INTO account_move_line_account_tax_rel
        SELECT copy.id, tax.account_tax_id
          FROM copied_line copy
          JOIN account_move_line_account_tax_rel tax
            ON tax.account_move_line_id = copy.original_id
        """
    )
    env.invalidate_all()
    env.cr.execute("SELECT id FROM copy ORDER BY id")
    return [move_id for (move_id,) in env.cr.fetchall()]
