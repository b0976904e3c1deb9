# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The printed document as it is seen: its barcode is read from the page's picture."""

import base64
import re

import pytest
import zxingcpp
from PIL import Image

from dev import sii
from dev.process import BUILD
from dev.stack import running_stack

SCREENSHOTS = BUILD / "screenshots"


@pytest.fixture(scope="module")
def issuer(workspace):
    """An Odoo whose demo company signs: apart, for it changes every document."""
    with running_stack(workspace, demo=True, name="issuer") as stack:
        admin = stack.rpc()
        (company,) = admin.search_read(
            "res.company", [("vat", "=", "76101010-7")], ["id"]
        )
        sii.set_up(stack, admin, company["id"], "contadora")
        yield stack


@pytest.fixture
def signed(issuer):
    """A signed invoice of the demo, and the bytes of its stamp."""
    client = issuer.rpc("contadora", "contadora")
    [move] = client.search_read(
        "account.move",
        [
            *(("state", "=", "posted"), ("l10n_cl_dte_state", "=", "ready")),
            ("l10n_latam_document_type_id.code", "=", "33"),
        ],
        ["id"],
        limit=1,
    )
    wizard = client.call("l10n_cl_dte_ai.generate", "create", {"move_id": move["id"]})
    client.call("l10n_cl_dte_ai.generate", "action_generate", [wizard])
    [version] = client.search_read(
        "l10n_cl_dte.document",
        [("move_id", "=", move["id"]), ("is_current", "=", True)],
        ["state", "file"],
    )
    assert version["state"] == "signed"
    content = base64.b64decode(version["file"])
    return move["id"], re.search(rb"<TED\b.*</TED>", content, re.DOTALL)[0]


@pytest.mark.parametrize(
    "report",
    [
        "account.report_invoice_with_payments",
        "l10n_cl_dte_sii.report_cedible",
        "l10n_cl_dte_sii.report_roll",
    ],
)
def test_the_barcode_on_the_page_is_the_stamp(browser, issuer, signed, report):
    move, ted = signed
    context = browser.new_context(
        base_url=issuer.odoo_url,
        locale="es-CL",
        viewport={"width": 1000, "height": 1400},
        device_scale_factor=2,
    )
    page = context.new_page()
    page.goto("/web/login")
    page.locator("input[name=login]").fill("contadora")
    page.locator("input[name=password]").fill("contadora")
    page.locator("button[type=submit]").first.click()
    page.wait_for_url("**/odoo**")
    page.goto(f"/report/html/{report}/{move}")
    page.wait_for_selector("img.o_l10n_cl_dte_sii_stamp")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    path = SCREENSHOTS / f"print-{report.rpartition('.')[2]}.png"
    page.screenshot(path=path, full_page=True)
    context.close()
    found = zxingcpp.read_barcodes(Image.open(path), zxingcpp.BarcodeFormat.PDF417)
    assert [each.bytes for each in found] == [ted]
