# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The main job, as the accountant does it in her browser."""

import re
import time

import pytest
from playwright.sync_api import expect

GENERATE = "button[name=action_l10n_cl_dte_generate]:visible"
DIALOG = ".modal:has(.o_form_view)"
INVOICES = "/odoo/action-account.action_move_out_invoice_type"


def in_dialog(page, name):
    return page.locator(f"{DIALOG} [name={name}]")


@pytest.fixture
def open_invoice(page, login, stack):
    """`open_invoice("no_giro")` opens the demo's document of that name."""
    client = stack.rpc()

    def open_form(key):
        (found,) = client.search_read(
            "ir.model.data",
            [("module", "=", "l10n_cl_dte_ai"), ("name", "=", f"demo_document_{key}")],
            ["res_id"],
        )
        page.goto(f"{INVOICES}/{found['res_id']}")
        page.wait_for_selector(".o_form_view .o_field_widget[name=partner_id]")

    login("contadora", "contadora")
    return open_form


def test_mend_the_customer_check_again_and_generate(
    service, page, open_invoice, screenshot
):
    open_invoice("no_giro")
    expect(page.locator("[name=alerts] .alert")).to_contain_text("giro")
    screenshot("invoice-to-mend")

    page.locator(GENERATE).click()
    error = in_dialog(page, "odoo_findings").locator("[data-severity=error]")
    expect(error).to_contain_text("giro")
    expect(in_dialog(page, "action_generate")).to_be_hidden()
    screenshot("findings")

    error.get_by_role("link").click()
    giro = page.locator(
        ".o_form_view:not(.modal *) [name=l10n_cl_activity_description] input"
    )
    giro.fill("Venta de artículos para el hogar")
    screenshot("customer-to-mend")
    page.locator(".o_form_button_save").click()
    page.locator(".breadcrumb-item a").last.click()
    page.wait_for_selector(".o_field_widget[name=invoice_date]")
    expect(page.locator("[name=alerts] .alert")).to_have_count(0)

    page.locator(GENERATE).click()
    expect(in_dialog(page, "outcome").locator(".text-bg-success")).to_be_visible()
    expect(in_dialog(page, "confidence")).to_have_text(re.compile(r"\d"))
    screenshot("approved")

    in_dialog(page, "action_confirm_and_generate").click()
    attachment = page.locator(".o-mail-AttachmentContainer")
    expect(attachment).to_contain_text(re.compile(r"DTE_33_\d+\."))
    badge = page.locator(".o_field_widget[name=l10n_cl_dte_ai_state]")
    expect(badge.locator(".text-bg-success")).to_be_visible()
    screenshot("generated")


def test_what_the_service_objects_to_is_shown(service, page, open_invoice, screenshot):
    open_invoice("ten_times")
    page.locator(GENERATE).click()
    findings = in_dialog(page, "ai_findings").locator("[data-severity=warning]")
    expect(findings).to_have_count(2)  # a zero too many on each line
    expect(findings.first).to_contain_text("BOD-01")
    screenshot("to-review")
    page.get_by_role("tab", name="Qué se envía").click()
    sent = page.locator(f"{DIALOG} .o_field_widget[name=sent]")
    # Each key on a line of its own, as a person reads it.
    text = sent.inner_text()
    assert re.search(r'\n    "rut_receptor": "\d+-[\dK]",\n', text), text
    expect(page.locator(f"{DIALOG} .tab-pane.active")).to_have_css("opacity", "1")
    screenshot("what-is-sent")


def test_a_service_that_is_down_blocks_nobody(service, page, open_invoice, screenshot):
    """The click ends, the document waits, and she is told when the answer is in."""
    open_invoice("draft")
    service.stop_service()

    start = time.monotonic()
    page.locator(GENERATE).click()
    expect(in_dialog(page, "outcome").locator(".text-bg-info")).to_be_visible()
    assert time.monotonic() - start < 12
    expect(in_dialog(page, "message")).to_have_text(
        re.compile(r"hacia las \d\d:\d\d\.")
    )
    screenshot("service-down")

    in_dialog(page, "action_queue_and_close").click()
    indicator = page.locator(".o_l10n_cl_dte_ai_health")
    expect(indicator).to_have_attribute("data-state", "down")
    indicator.click()
    expect(page.locator(".o-dropdown--menu")).to_contain_text("1")
    screenshot("service-down-indicator")
    page.keyboard.press("Escape")

    service.start_service()
    # Nobody does anything: the backoff (up to 23 s), then the next poll of the crons.
    notification = page.locator(".o_notification")
    expect(notification).to_be_visible(timeout=120_000)
    # The form that is open shows the answer by itself.
    badge = page.locator(".o_field_widget[name=l10n_cl_dte_ai_state]")
    expect(badge.locator(".text-bg-success")).to_be_visible()
    screenshot("answer-notification")
    expect(indicator).to_have_attribute("data-state", "healthy", timeout=90_000)
    notification.locator(".o_notification_buttons button").click()
    expect(badge.locator(".text-bg-success")).to_be_visible()


def test_the_list_of_what_is_to_do_says_why(service, page, open_invoice, screenshot):
    open_invoice("credit_note_backdated")
    page.locator(GENERATE).click()
    error = in_dialog(page, "odoo_findings").locator("[data-severity=error]")
    expect(error).to_be_visible()
    screenshot("rejected")
    page.goto("/odoo/action-l10n_cl_dte_ai.action_to_review")
    states = page.locator(".o_data_row [name=l10n_cl_dte_state]")
    expect(states.locator(".text-bg-danger").first).to_be_visible()
    expect(states.locator(".text-bg-warning").first).to_be_visible()
    screenshot("to-review-list")
    page.goto("/odoo/dte-ai-validations")
    page.wait_for_selector(".o_data_row")
    screenshot("validations")
