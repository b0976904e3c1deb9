# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The stack stands: Odoo lets a user in, in the browser and over RPC."""

from dev.odoo import ADDON


def test_log_in_by_the_browser(login, page, screenshot):
    login("admin", "admin")
    page.wait_for_selector(".o_main_navbar .o_menu_systray")
    screenshot("home")


def test_the_addon_is_installed(stack):
    found = stack.rpc().search_read(
        "ir.module.module", [("name", "=", ADDON)], ["state"]
    )
    assert [module["state"] for module in found] == ["installed"]
