# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Folios and a certificate of a stand-in for the SII, for the demo.

They are made anew each time, in Odoo's environment, for that has the cryptography; what
they sign is good in the simulator's environment of this one database.
"""

import json

from .process import ROOT, run

# Types, and the first folio: as the demo's documents were numbered.
RANGES = {"33": 4187, "34": 312, "46": 1, "56": 26, "61": 158}
PASSWORD = "clave-de-prueba"
MAKE = """
import base64, json, sys
sys.path.insert(0, sys.argv[1])
import authority
rut, ranges, password = json.loads(sys.argv[2])
sii, key = authority.TestAuthority(), authority.small_key()
def text(content):
    return base64.b64encode(content).decode()
print(json.dumps({
    "authority": f"{sii.key_id}:{sii.public_key}",
    "certificate": text(authority.pfx(*authority.certificate(), password)),
    "cafs": {
        code: text(sii.caf(rut, code, first, first + 499, key=key))
        for code, first in ranges.items()
    },
}))
"""


def set_up(stack, admin, company, user):
    """Do what an administrator does before the first document is signed.

    :param admin: a `Client` of the administrator
    :param int company: its id
    :param str user: the login of who is to sign
    """
    (record,) = admin.call("res.company", "read", [company], ["vat"])
    printed = run(
        [
            *(stack.odoo.runtime.python, "-W", "ignore", "-c", MAKE),
            str(ROOT / "l10n_cl_dte_sii" / "demo"),
            json.dumps([record["vat"], RANGES, PASSWORD]),
        ],
        "folios and certificate of the demo could not be made "
        "(is openssl there? apt-get install openssl)",
        log="demo-sii",
    )
    made = json.loads(printed.splitlines()[-1])
    admin.call(
        "ir.config_parameter",
        "set_param",
        "l10n_cl_dte_sii.simulator_authority",
        made["authority"],
    )
    values = {"l10n_cl_dte_sii_environment": "simulator"}
    admin.call("res.company", "write", [company], values)
    admin.call(
        "l10n_cl_dte_sii.load.certificate",
        "create",
        {
            "company_id": company,
            "file": made["certificate"],
            "password": PASSWORD,
        },
    )
    for code, first in RANGES.items():
        values = {"company_id": company, "file": made["cafs"][code], "start": first}
        admin.call("l10n_cl_dte_sii.load.caf", "create", values)
    (group,) = admin.search_read(
        "ir.model.data",
        [("module", "=", "l10n_cl_dte_sii"), ("name", "=", "group_sign")],
        ["res_id"],
    )
    (person,) = admin.search_read("res.users", [("login", "=", user)], ["id"])
    values = {"group_ids": [(4, group["res_id"])]}
    admin.call("res.users", "write", [person["id"]], values)
