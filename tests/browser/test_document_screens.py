# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a document needs and what comes of it, on the screens that say so."""

import re

import pytest
from playwright.sync_api import expect

INVOICES = "/odoo/action-account.action_move_out_invoice_type"
GENERATE = "button[name=action_l10n_cl_dte_generate]:visible"
FINDINGS = ".o_l10n_cl_dte_ai_findings"


@pytest.fixture
def record(stack):
    """`record("demo_company")` is the id of the demo's record of that name."""

    def find(name):
        (found,) = stack.rpc().search_read(
            "ir.model.data",
            [("module", "=", "l10n_cl_dte_ai"), ("name", "=", name)],
            ["res_id"],
        )
        return found["res_id"]

    return find


def open_tab(page, text):
    """Open a tab, and wait until it is there in full: it fades in."""
    tab = page.locator(".o_notebook_headers .nav-link")
    tab.filter(has_text=re.compile(text)).click()
    pane = page.locator(".o_notebook_content .tab-pane.active")
    expect(pane).to_have_css("opacity", "1")


@pytest.fixture
def incomplete_company(service, record):
    """The demo company, before its administrator has entered everything."""
    fields = ["l10n_cl_dte_resolution_number", "l10n_cl_activity_description"]
    company, client = record("demo_company"), service.rpc()
    (entered,) = client.call("res.company", "read", [company], fields)
    client.call("res.company", "write", [company], dict.fromkeys(fields, False))
    yield company
    entered.pop("id")
    client.call("res.company", "write", [company], entered)


def test_readiness_says_what_is_missing(
    incomplete_company, page, login, screenshot, record
):
    login("admin", "admin")
    page.goto(f"/odoo/res.company/{incomplete_company}")
    open_tab(page, "Documentos electrónicos|Electronic Documents")
    expect(page.locator(f"{FINDINGS} [data-severity=error]")).to_contain_text("giro")
    screenshot("readiness-company")

    page.goto(f"/odoo/res.partner/{record('demo_partner_raulintal')}")
    open_tab(page, "DTE")
    expect(page.locator(f"{FINDINGS} [data-severity=error]")).to_contain_text("comuna")
    screenshot("readiness-customer")


def test_the_document_as_a_person_reads_it(service, page, login, screenshot, record):
    login("contadora", "contadora")
    page.goto(f"{INVOICES}/{record('demo_document_mixed')}")
    page.locator(GENERATE).click()
    expect(page.locator(".modal")).to_have_css("opacity", "1")
    open_tab(page.locator(".modal"), "Documento|Document")
    preview = page.locator(".modal .o_l10n_cl_dte_ai_preview")
    expect(preview).to_contain_text("R.U.T.")
    page.set_viewport_size({"width": 1440, "height": 1000})
    screenshot("preview")


def test_the_references_of_a_note(service, page, login, screenshot, record):
    login("contadora", "contadora")
    page.goto(f"{INVOICES}/{record('demo_document_credit_note_partial')}")
    open_tab(page, "Referencias del DTE|DTE References")
    row = page.locator("[name=l10n_cl_reference_ids] .o_data_row")
    expect(row.locator("[name=reference_doc_code]")).to_have_text(re.compile("^3"))
    screenshot("references")
