# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Many documents at once, and a service that is frozen, in a browser.

After the tests of single documents, of which it leaves none that nobody has asked
about.
"""

import io
import re
import socket
import time
import zipfile

import pytest
from playwright.sync_api import expect

INVOICES = "/odoo/action-account.action_move_out_invoice_type"
GENERATE = "button[name=action_l10n_cl_dte_generate]:visible"
INDICATOR = ".o_l10n_cl_dte_ai_health"


@pytest.fixture
def frozen_address():
    """The address of a service that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def test_validate_many_documents(service, page, login, screenshot):
    """The bar moves by itself, and one message comes at the end."""
    service.odoo_shell(
        "company = env.ref('l10n_cl_dte_ai.demo_company')\n"
        "company.l10n_cl_dte_ai_service_id.rate_per_minute = 240"
    )
    login("contadora", "contadora")
    page.goto(INVOICES)
    page.locator("thead .o_list_record_selector input").click()
    page.locator(".o_cp_action_menus button:has(.fa-cog)").click()
    menu = page.locator(".o-dropdown--menu .o_menu_item")
    menu.filter(has_text=re.compile("Validate with AI|Validar con IA")).click()
    page.wait_for_selector(".modal button[name=action_start]")
    expect(page.locator(".modal")).to_have_css("opacity", "1")
    # A browser that is new is told what the tests before this one were.
    for button in page.locator(".o_notification_close").all():
        button.click()
    expect(page.locator(".modal [name=left_out] li")).not_to_have_count(0)
    screenshot("bulk-wizard")

    page.locator(".modal button[name=action_start]").click()
    progress = page.locator(".o_l10n_cl_dte_ai_batch_progress")
    expect(progress).to_have_attribute(
        "data-answered", re.compile(r"^([5-9]|[1-4]\d)$"), timeout=90_000
    )
    screenshot("bulk-running")
    # The bus may tell a new page once more what it told a minute ago.
    done = page.locator(".o_notification").filter(
        has_text=re.compile("Validation finished|Validación terminada")
    )
    expect(done).to_be_visible(timeout=120_000)
    screenshot("bulk-done")
    done.locator(".o_notification_buttons button").click()
    # The documents, by where they stand, each with what was found.
    page.locator(".o_group_header").filter(has_text="Por revisar").click()
    found = page.locator(".o_data_row [name=l10n_cl_dte_why]").first
    expect(found).to_have_text(re.compile(r"\w+"))
    screenshot("bulk-results")


def test_generate_many_and_download_them(service, page, login, screenshot):
    """What she selects in the list comes as one zip, and what did not, she is told."""
    login("contadora", "contadora")
    page.goto(INVOICES)
    page.locator("thead .o_list_record_selector input").click()
    page.locator(".o_cp_action_menus button:has(.fa-cog)").click()
    menu = page.locator(".o-dropdown--menu .o_menu_item")
    menu.filter(has_text=re.compile("Generate DTE|Generar DTE")).click()
    page.locator(".modal button[name=action_start]").click()
    page.wait_for_selector(".o_l10n_cl_dte_ai_batch_progress")
    done = page.locator(".o_notification").filter(
        has_text=re.compile("DTE generados|DTE generated")
    )
    expect(done.first).to_be_visible(timeout=180_000)
    expect(done.first).to_have_css("opacity", "1")
    screenshot("zip-notification")
    done.first.locator(".o_notification_close").click()

    button = page.locator("button[name=action_download_zip]")
    expect(button).to_be_visible()
    left_out = page.locator("[name=left_out] li")
    expect(left_out).not_to_have_count(0)
    screenshot("zip")
    page.locator("button[name=action_open_left_out]").click()
    expect(page.locator(".o_data_row")).not_to_have_count(0)
    screenshot("zip-left-out")
    page.locator(".breadcrumb-item a").last.click()
    expect(button).to_be_visible()
    with page.expect_download() as downloading:
        button.click()
    with open(downloading.value.path(), "rb") as file:
        content = io.BytesIO(file.read())
    with zipfile.ZipFile(content) as archive:
        names = archive.namelist()
        assert len(names) > 5
        for name in names:
            assert re.fullmatch(r"DTE_\d+_\d+\.xml", name)
            assert archive.read(name).startswith(b"<?xml")
    files = page.locator(".o_field_widget[name=file_count]")
    expect(files).to_have_text(str(len(names)))


def test_a_frozen_service(service, page, login, screenshot, frozen_address):
    """A click ends; the breaker opens, and the next click ends at once."""
    service.odoo_shell(
        "company = env.ref('l10n_cl_dte_ai.demo_company')\n"
        f"values = {{'url': {frozen_address!r}, 'interactive_seconds': 8}}\n"
        "company.l10n_cl_dte_ai_service_id.write(values)\n"
        "company.l10n_cl_dte_ai_service_id.breaker_failures = 4"
    )
    login("contadora", "contadora")
    (document,) = service.rpc().search_read(
        "ir.model.data",
        [("name", "=", "demo_document_freight"), ("module", "=", "l10n_cl_dte_ai")],
        ["res_id"],
    )
    accountant = service.rpc("contadora", "contadora")
    for number in range(2):
        # A document that nobody has asked about.
        (copy,) = accountant.call("account.move", "copy", [document["res_id"]])
        page.goto(f"{INVOICES}/{copy}")
        page.wait_for_selector(".o_field_widget[name=partner_id]")
        start = time.monotonic()
        page.locator(GENERATE).click()
        page.wait_for_selector(".modal [name=outcome] .text-bg-info")
        seconds = time.monotonic() - start
        # The first waits for the whole of the time; a busy machine takes some more.
        assert seconds < (16 if number == 0 else 8), seconds
    expect(page.locator(INDICATOR)).to_have_attribute("data-state", "down")
    page.locator(".modal button[name=action_queue_and_close]").click()
    page.locator(INDICATOR).click()
    page.wait_for_selector(".o-dropdown--menu .dropdown-divider")
    screenshot("frozen-indicator")
