# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Run inside Odoo: the demo company, with folios of a simulator of the SII.

sys.path.insert(0, ROOT); from dev import sii_company
"""

import base64
import json
import urllib.request
from pathlib import Path

from cryptography.hazmat.primitives import serialization

KEY_ID, FIRST = 999, 4187
MARK = "for the SII"  # the reference of the documents that are made here
COMPANY = "l10n_cl_dte_ai.demo_company"
ACCOUNTANT = "l10n_cl_dte_ai.demo_user_accountant"


def set_up(env, url, keys, folios=2000):
    """Make the company one that signs and sends to the simulator.

    :param str url: of the simulator
    :param str keys: its folder with the key that signs CAFs
    """
    from odoo.addons.l10n_cl_dte_ai.demo import builder
    from odoo.addons.l10n_cl_dte_sii.demo import authority

    if not env.ref(COMPANY, raise_if_not_found=False):
        builder.load(env)
    company, accountant = env.ref(COMPANY), env.ref(ACCOUNTANT)
    sii = authority.TestAuthority(KEY_ID)
    sii.key = serialization.load_pem_private_key(
        Path(keys, "sii.pem").read_bytes(), None
    )
    parameters = env["ir.config_parameter"]
    parameters.set_param(
        "l10n_cl_dte_sii.simulator_authority", f"{KEY_ID}:{sii.public_key}"
    )
    parameters.set_param("l10n_cl_dte_sii.simulator_url", url)
    company.write(
        {
            "l10n_cl_dte_sii_environment": "simulator",
            "l10n_cl_dte_resolution_date": "2026-01-15",
        }
    )
    accountant.group_ids += env.ref("l10n_cl_dte_sii.group_sign")
    env["l10n_cl_dte_sii.load.certificate"].create(
        {
            "file": base64.b64encode(authority.pfx(*authority.certificate())),
            "password": "clave",
            "company_id": company.id,
        }
    )
    asked = {"rut": company.vat, "type": 33, "from": FIRST, "to": FIRST + folios - 1}
    request = urllib.request.Request(f"{url}/admin/caf", json.dumps(asked).encode())
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=30) as response:
        content = base64.b64encode(response.read())
    env["l10n_cl_dte_sii.load.caf"].create(
        {"file": content, "start": FIRST, "company_id": company.id}
    )
    return company


def draft(env, number):
    """Make so many drafts as the accountant; return them."""
    from odoo import fields

    mine = env(
        user=env.ref(ACCOUNTANT), context={"allowed_company_ids": env.ref(COMPANY).ids}
    )
    original = env.ref("l10n_cl_dte_ai.demo_document_draft").with_env(mine)
    values = {"invoice_date": fields.Date.today(), "ref": MARK}
    return original.browse().union(*(original.copy(values) for _each in range(number)))


def post(env, number):
    """Confirm so many copies of one draft; return them."""
    moves = draft(env, number)
    moves.action_post()
    return moves


def sign(moves):
    """Generate and sign them."""
    moves._l10n_cl_dte_generate_allowed()
    return moves
