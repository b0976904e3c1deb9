# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Where a document stands, on every screen that says so: text, colour, next step."""

import re

import pytest
from playwright.sync_api import expect

from dev.stack import running_stack

INVOICES = "/odoo/action-account.action_move_out_invoice_type"
GENERATE = "button[name=action_l10n_cl_dte_generate]:visible"
DOWNLOAD = "button[name=action_l10n_cl_dte_download]:visible"
WORKLIST = "/odoo/action-l10n_cl_dte_ai.action_to_review"
PRIMARY = ".o_statusbar_buttons .btn-primary:visible"


@pytest.fixture(scope="module")
def stack(workspace):
    """One of its own: here a list of all that is to do is emptied."""
    with running_stack(workspace, demo=True, name="life") as running:
        yield running


@pytest.fixture
def document(stack):
    """`document("draft")` is the id of the demo's document of that name."""

    def find(key):
        (found,) = stack.rpc().search_read(
            "ir.model.data",
            [("module", "=", "l10n_cl_dte_ai"), ("name", "=", f"demo_document_{key}")],
            ["res_id"],
        )
        return found["res_id"]

    return find


@pytest.fixture
def show(page, login):
    """`show(id)` opens an invoice's form."""
    login("contadora", "contadora")

    def open_form(record):
        page.goto(f"{INVOICES}/{record}")
        page.wait_for_selector(".o_form_view .o_field_widget[name=partner_id]")

    return open_form


def ribbon(page):
    return page.locator(".o_field_l10n_cl_dte_ai_ribbon .ribbon span")


def test_the_state_of_a_document_and_its_one_next_step(
    service, page, show, screenshot, document
):
    accountant = service.rpc("contadora", "contadora")
    (copy,) = accountant.call("account.move", "copy", [document("draft")])
    accountant.call("account.move", "write", [copy], {"invoice_date": False})
    show(copy)
    expect(ribbon(page)).to_have_text("Listo")
    expect(page.locator(PRIMARY)).to_have_text(["Confirmar"])
    screenshot("life-ready-draft")

    page.locator("button[name=action_post]:visible").click()
    expect(page.locator(PRIMARY)).to_have_text(["Generar DTE"])
    screenshot("life-ready")
    page.locator(GENERATE).click()
    page.locator(".modal button[name=action_generate]:visible").click()
    expect(ribbon(page)).to_have_text("Generado")
    expect(page.locator(PRIMARY)).to_have_text(["Descargar DTE"])
    toast = page.locator(".o_notification")
    expect(toast).to_contain_text(re.compile(r"DTE_33_\d+\.xml"))
    screenshot("life-generated")
    with page.expect_download() as downloading:
        page.locator(DOWNLOAD).click()
    assert downloading.value.suggested_filename.startswith("DTE_33_")

    page.locator(GENERATE).click()
    done = page.locator(".modal .alert-success")
    expect(done).to_contain_text(re.compile(r"DTE_33_\d+"))
    expect(page.locator(".modal .modal-footer .btn-primary:visible")).to_have_text(
        ["Descargar DTE"]
    )
    expect(page.locator(".modal")).to_have_css("opacity", "1")
    screenshot("life-done-dialog")
    page.keyboard.press("Escape")
    expect(page.locator(".modal")).to_have_count(0)

    page.locator("button[name=button_draft]:visible").click()
    expect(page.locator(PRIMARY)).to_have_text(["Confirmar"])
    expect(ribbon(page)).to_have_text("Generado")  # nothing has changed yet
    line = page.locator("[name=invoice_line_ids] .o_data_row [name=price_unit]").first
    line.click()
    page.locator("[name=invoice_line_ids] [name=price_unit] input").fill("430000")
    page.locator("button[name=action_post]:visible").click()
    expect(ribbon(page)).to_have_text("Cambió desde entonces")
    expect(page.locator(PRIMARY)).to_have_text(["Generar DTE"])
    screenshot("life-outdated")
    page.locator(GENERATE).click()
    page.locator(".modal button[name=action_generate]:visible").click()
    expect(ribbon(page)).to_have_text("Generado")
    page.locator("button[name=action_l10n_cl_dte_open_versions]").click()
    expect(page.locator(".o_data_row")).to_have_count(2)
    screenshot("life-history")


def test_an_open_form_shows_the_answer_and_loses_nothing(
    service, page, show, screenshot, document
):
    draft = document("draft")
    show(draft)

    def answered():
        service.odoo_shell(
            "user = env['res.users'].search([('login', '=', 'contadora')])\n"
            f"user._bus_send('l10n_cl_dte_ai/answered', {{'move_ids': [{draft}]}})\n"
        )

    # What another has written shows by itself.
    service.rpc().call("account.move", "write", [draft], {"ref": "Pedido 77"})
    answered()
    expect(page.locator(".o_breadcrumb")).to_contain_text("Pedido 77")
    # What she writes stays, and she is told.
    page.locator(".o_notebook_headers .nav-link").filter(has_text="Otra info").click()
    page.locator(".o_field_widget[name=ref] input").fill("Pedido 78")
    answered()
    notice = page.locator(".o_notification").filter(has_text="Guarde o descarte")
    expect(notice.first).to_be_visible()
    expect(page.locator(".o_field_widget[name=ref] input")).to_have_value("Pedido 78")
    screenshot("life-answer-while-editing")
    page.locator(".o_form_button_cancel").click()


def test_the_list_of_what_is_to_do_is_emptied_by_doing_it(
    service, page, show, screenshot, document
):
    accountant = service.rpc("contadora", "contadora")
    for key in ("ten_times", "no_giro"):
        accountant.call("account.move", "action_l10n_cl_dte_generate", [document(key)])
    show(document("ten_times"))
    expect(ribbon(page)).to_have_text("Por revisar")
    screenshot("life-review")
    show(document("no_giro"))
    expect(ribbon(page)).to_have_text("Con errores")
    screenshot("life-errors")
    page.goto(WORKLIST)
    rows = page.locator(".o_data_row")
    expect(rows.first).to_be_visible()
    expect(rows.filter(has_text="BOD-01")).to_have_count(1)
    before = rows.count()
    screenshot("life-worklist-before")
    review = rows.filter(has_text="BOD-01")
    review.locator("button[name=action_l10n_cl_dte_reviewed]").click()
    expect(rows).to_have_count(before - 1)
    # The rest is mended or cancelled.
    service.odoo_shell(
        "moves = env['account.move'].search([('l10n_cl_dte_state', 'in',"
        " ('errors', 'review', 'outdated'))])\n"
        "moves.filtered(lambda m: m.state == 'draft').button_cancel()\n"
        "for move in moves.filtered(lambda m: m.state == 'posted'):\n"
        "    move.button_draft()\n"
        "    move.button_cancel()\n"
    )
    page.reload()
    expect(page.locator(".o_view_nocontent")).to_contain_text("Nada")
    screenshot("life-worklist-after")


def test_lists_boards_and_figures(service, page, show, screenshot, document):
    page.set_viewport_size({"width": 1600, "height": 900})
    accountant = service.rpc("contadora", "contadora")
    accountant.call(
        "account.move", "action_l10n_cl_dte_generate", [document("ten_times")]
    )
    show(document("draft"))
    page.goto("/odoo/accounting")
    link = page.locator(".o_kanban_record a").filter(has_text="DTE por generar")
    expect(link).to_be_visible()
    screenshot("life-dashboard")
    number = int(re.search(r"\d+", link.inner_text()).group())
    link.click()
    expect(page.locator(".o_data_row")).to_have_count(number)
    screenshot("life-list")
    for name, action in (
        ("findings-graph", "action_finding"),
        ("states-graph", "action_states"),
    ):
        page.goto(f"/odoo/action-l10n_cl_dte_ai.{action}")
        page.wait_for_selector(".o_graph_view canvas, .o_view_nocontent")
        page.wait_for_timeout(800)  # the chart draws itself
        screenshot(f"life-{name}")
    page.locator(".o_switch_view.o_pivot").click()
    page.wait_for_selector(".o_pivot table")
    screenshot("life-states-pivot")
    page.goto("/odoo/action-l10n_cl.sale_invoices_credit_notes")
    expect(page.locator("th[data-name=l10n_cl_dte_state]")).to_be_visible()
    screenshot("life-list-chile")
