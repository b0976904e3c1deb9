# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Folios and a certificate of a stand-in for the SII, for the demo.

They are made anew each time, in Odoo's environment, for that has the cryptography; what
they sign is good in the simulator's environment of this one database.
"""

import base64
import json
import urllib.request

from .process import ROOT, run

# Types, and the first folio: as the demo's documents were numbered.
RANGES = {"33": 4187, "34": 312, "46": 1, "56": 26, "61": 158}
PASSWORD = "clave-de-prueba"
MAKE = """
import base64, json, sys
sys.path.insert(0, sys.argv[1])
import authority
rut, ranges, password, keys = json.loads(sys.argv[2])
sii, key = authority.TestAuthority(), authority.small_key()
if keys:  # the simulator takes no folios but those that it has signed
    sii = authority.TestAuthority(999)
    with open(f"{keys}/sii.pem", "rb") as file:
        sii.key = authority.serialization.load_pem_private_key(file.read(), None)
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


def set_up(stack, admin, company, user, simulator=None):
    """Do what an administrator does before the first document is signed.

    :param admin: a `Client` of the administrator
    :param int company: its id
    :param str user: the login of who is to sign
    :param simulator: a `SiiSimulator` to send to
    """
    (record,) = admin.call("res.company", "read", [company], ["vat"])
    printed = run(
        [
            *(stack.odoo.runtime.python, "-W", "ignore", "-c", MAKE),
            str(ROOT / "l10n_cl_dte_sii" / "demo"),
            json.dumps([record["vat"], RANGES, PASSWORD, simulator and simulator.keys]),
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
    if simulator:
        admin.call(
            "ir.config_parameter",
            "set_param",
            "l10n_cl_dte_sii.simulator_url",
            simulator.url,
        )
    values = {
        "l10n_cl_dte_sii_environment": "simulator",
        "l10n_cl_dte_resolution_date": "2014-08-22",
    }
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


def send(client, simulator, documents):
    """Send signed documents, and ask what became of them; rows of a table.

    The simulator rejects one, and accepts another with objections.

    :param client: a `Client` of who signs
    """
    signed = client.search_read(
        "account.move",
        [("id", "in", documents), ("l10n_cl_dte_state", "=", "signed")],
        ["id"],
        order="id",
    )
    if len(signed) < 3:
        return []
    decisions = [
        {"state": "rejected", "codes": ["HED-3-861"]},
        {"state": "objected", "codes": ["DET-2-200"]},
    ]
    simulator.admin("POST", "decisions", next=decisions)
    ids = [each["id"] for each in signed]
    for document in ids:
        client.call("account.move", "action_l10n_cl_dte_sii_send", [document])
    fields = ["name", "l10n_cl_dte_state", "l10n_cl_dte_sii_sending_id"]
    for each in client.call("account.move", "read", ids, fields):
        if each["l10n_cl_dte_state"] == "received":
            sending = each["l10n_cl_dte_sii_sending_id"][0]
            client.call("l10n_cl_dte_sii.sending", "action_ask", [sending])
    _load_first_mail(client, simulator)
    fields = ["name", "l10n_cl_dte_state", "l10n_cl_dte_why"]
    return [
        (each["name"], each["l10n_cl_dte_state"], each["l10n_cl_dte_why"] or "")
        for each in client.call("account.move", "read", ids, fields)
    ]


def _load_first_mail(client, simulator):
    """Load the mail in which the simulator says why it rejected the first document."""
    mail = simulator.admin("GET", "mails")[0]
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(f"{simulator.url}/admin/mails/{mail['id']}") as response:
        content = base64.b64encode(response.read()).decode()
    wizard = "l10n_cl_dte_sii.load.result"
    identifier = client.call(wizard, "create", {"file": content})
    client.call(wizard, "action_confirm", [identifier])
