# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The addons come and go: quietly, and without a trace."""

import json

import pytest

from dev.odoo import our_addons, problems

# What of ours is in the database, besides the (then uninstalled) modules themselves.
TRACES = """
import json
found = {
    "tables": "SELECT relname FROM pg_class WHERE relname ~ 'l10n_cl_dte'",
    "columns": (
        "SELECT table_name || '.' || column_name FROM information_schema.columns"
        " WHERE column_name ~ 'l10n_cl_dte' AND table_schema = 'public'"
    ),
    "models": "SELECT model FROM ir_model WHERE model ~ '^l10n_cl_dte'",
    "fields": (
        "SELECT model || '.' || name FROM ir_model_fields WHERE name ~ 'l10n_cl_dte'"
    ),
    "records": (
        "SELECT model || ' ' || name FROM ir_model_data"
        " WHERE module ~ '^l10n_cl_dte'"
    ),
    "parameters": "SELECT key FROM ir_config_parameter WHERE key ~ 'l10n_cl_dte'",
    "crons": "SELECT cron_name FROM ir_cron WHERE cron_name ~* 'DTE'",
    "attachments": "SELECT name FROM ir_attachment WHERE res_model ~ '^l10n_cl_dte'",
    "mails": "SELECT subject FROM mail_message WHERE model ~ '^l10n_cl_dte'",
}
for name, query in found.items():
    env.cr.execute(query)
    found[name] = sorted(row[0] or "" for row in env.cr.fetchall())
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def odoo(workspace):
    return workspace.create("lifecycle")


def test_install_logs_no_warning(odoo):
    assert problems(odoo.install(*our_addons())) == []


def test_upgrade_logs_no_warning(odoo):
    assert problems(odoo.upgrade(*our_addons())) == []


def test_uninstall_leaves_nothing(odoo):
    assert problems(odoo.uninstall(*our_addons())) == []
    traces = json.loads(odoo.shell(TRACES, log="traces").strip().splitlines()[-1])
    assert {name: found for name, found in traces.items() if found} == {}


def test_demo_data_logs_no_warning(workspace):
    odoo = workspace.create("with_demo")
    assert problems(odoo.install_with_demo_data(*our_addons())) == []
