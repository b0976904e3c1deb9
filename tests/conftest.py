# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Fixtures of the tests that use a real Odoo, a real service and a real browser.

`python3 -m dev test system` and `browser` run them. Each test's `page` is a context of
its own.
"""

import os
import re

import pytest
from playwright.sync_api import expect, sync_playwright

from dev import browser as chromium
from dev.process import BUILD, LOGS, keep_logs_in
from dev.stack import RATE_LIMIT, running_stack
from dev.workspace import workspace as new_workspace

SCREENSHOTS = BUILD / "screenshots"
# Milliseconds, of what is waited for: a busy machine takes its time.
PATIENCE = 20_000
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="session")
def workspace():
    """A database server; `workspace.create(name)` gives an Odoo without our addon."""
    keep_logs_in(os.environ.get(LOGS, "tests"))
    with new_workspace() as space:
        yield space


@pytest.fixture(scope="session")
def stack(workspace):
    """An Odoo with the demo company and the AI service, for all tests of the run."""
    with running_stack(workspace, demo=True) as running:
        yield running


@pytest.fixture
def service(stack):
    """The AI service, running and configured; a test may stop it."""
    # Over RPC: an Odoo of its own for each script would take seconds.
    admin = stack.rpc()
    (company,) = admin.search_read(
        "ir.model.data",
        [("module", "=", "l10n_cl_dte_ai"), ("name", "=", "demo_company")],
        ["res_id"],
    )
    company_id = company["res_id"]
    admin.context["allowed_company_ids"] = [company_id]
    values = {
        "url": stack.service_url,
        "new_key": stack.service_key,
        "rate_per_minute": RATE_LIMIT,
    }
    (company,) = admin.call(
        "res.company", "read", [company_id], ["l10n_cl_dte_ai_service_id"]
    )
    if company["l10n_cl_dte_ai_service_id"]:
        service_id = company["l10n_cl_dte_ai_service_id"][0]
        admin.call("l10n_cl_dte_ai.service", "write", [service_id], values)
    else:
        service_id = admin.call("l10n_cl_dte_ai.service", "create", values)
        admin.call(
            "res.company",
            "write",
            [company_id],
            {"l10n_cl_dte_ai_service_id": service_id},
        )
    stack.ensure_service()
    # What it understands is known from then on.
    admin.call("l10n_cl_dte_ai.service", "action_test_connection", [service_id])
    yield stack
    stack.ensure_service()


@pytest.fixture(scope="session")
def browser():
    program = chromium.program()
    if not program:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(chromium.MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=chromium.flags()
        )
        yield browser
        browser.close()


@pytest.fixture
def page(browser, stack, request):
    """A page in Spanish on Odoo's address. A script error in it fails the test."""
    context = browser.new_context(
        base_url=stack.odoo_url,
        locale="es-CL",
        timezone_id="America/Santiago",
        viewport={"width": 1440, "height": 900},
    )
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    errors, messages = [], []
    page.on("pageerror", lambda error: errors.append(f"{error}\n{error.stack}"))
    page.on("console", lambda message: messages.append(_shown(message)))
    page.console_messages_seen = messages
    yield page
    if request.node.stash.get(FAILED, False):
        name = re.sub(r"\W+", "_", request.node.name)
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=SCREENSHOTS / f"FAILED_{name}.png")
        (SCREENSHOTS / f"FAILED_{name}.txt").write_text(
            "\n".join([page.url, *errors, *messages, page.content()])
        )
    context.close()
    serious = [message for message in messages if message.startswith("error: ")]
    allowed = request.node.get_closest_marker("console_errors")
    serious = [m for m in serious if not (allowed and re.search(allowed.args[0], m))]
    if (errors or serious) and not request.node.stash.get(FAILED, False):
        pytest.fail("errors in the browser's console:\n" + "\n".join(errors + serious))


@pytest.fixture
def screenshot(page):
    """`screenshot("name")` writes `build/screenshots/name.png`."""

    def take(name, **options):
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        page.screenshot(path=path, **options)
        return path

    return take


@pytest.fixture
def login(page):
    """`login("accountant", "password")` opens Odoo's web client as that user."""

    def enter(user, password, path="/odoo"):
        page.goto(f"/web/login?redirect={path}")
        page.locator("input[name=login]").fill(user)
        page.locator("input[name=password]").fill(password)
        page.locator("button[type=submit]").first.click()
        page.wait_for_selector(".o_main_navbar")

    return enter


FAILED = pytest.StashKey()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.failed and call.when in ("setup", "call"):
        item.stash[FAILED] = True
    return report


def _shown(message):
    place = message.location or {}
    return f"{message.type}: {message.text} ({place.get('url', '')})"
