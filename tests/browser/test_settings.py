# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The administrator connects the service; the key goes in and never comes out."""

import pytest
from playwright.sync_api import expect


@pytest.fixture
def settings(page, login, stack):
    """The Settings page of Invoicing, in the demo company."""
    company = stack.odoo_shell(
        "company = env.ref('l10n_cl_dte_ai.demo_company')\n"
        "company.l10n_cl_dte_ai_service_id = False\n"
        "print(company.id)"
    ).split()[-1]
    login("admin", "admin")
    page.context.add_cookies(
        [{"name": "cids", "value": company, "url": stack.odoo_url}]
    )
    page.goto("/odoo/settings")
    page.locator(".settings_tab [data-key=account]").click()
    section = page.locator("#l10n_cl_dte_ai_service")
    section.scroll_into_view_if_needed()
    return section


def test_connect_and_test(settings, page, stack, screenshot):
    answers = []

    def keep_and_pass_on(route):
        response = route.fetch()
        answers.append(response.text())
        route.fulfill(response=response)

    page.route("**/web/dataset/**", keep_and_pass_on)
    expect(settings).to_be_visible()
    screenshot("settings-empty")
    for words in ("factura electrónica", "DTE", "SII"):
        page.locator(".o_searchview_input").fill(words)
        expect(settings).to_be_visible()
    page.locator(".o_searchview_input").fill("")
    settings.scroll_into_view_if_needed()

    def enter(url, key):
        settings.locator("[name=l10n_cl_dte_ai_url] input").fill(url)
        settings.locator("[name=l10n_cl_dte_ai_new_key] input").fill(key)
        page.locator(".o_form_button_save").click()
        page.wait_for_load_state("load")
        page.wait_for_selector("#l10n_cl_dte_ai_service")
        settings.scroll_into_view_if_needed()

    def test_connection(kind):
        settings.locator("button[name=action_l10n_cl_dte_ai_test_connection]").click()
        bar = page.locator(f".o_notification:has(.o_notification_bar.bg-{kind})")
        expect(bar).to_be_visible()

    enter(stack.service_url, "a-key-that-is-not-the-one")
    test_connection("danger")
    screenshot("settings-key-refused")

    # What stands on the page is saved and tested with the one click.
    settings.locator("[name=l10n_cl_dte_ai_new_key] input").fill(stack.service_key)
    test_connection("success")
    expect(page.locator(".modal")).to_have_count(0)
    screenshot("settings-healthy")

    # Nothing that the browser was sent, and nothing that it shows, holds the key.
    assert len(answers) > 5
    assert not [answer for answer in answers if stack.service_key in answer]
    assert stack.service_key not in page.content()
    shown = page.eval_on_selector_all("input", "inputs => inputs.map(i => i.value)")
    assert stack.service_key not in shown
