# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Odoo's own runner of tests, beside pytest: both must see the same tests.

Its loader drops, in silence, what a class inherits (unless the class says
`allow_inherited_tests_method`) and what `tests/__init__.py` does not import, and it
ends with 0 if nothing matched.
"""

import json
import re

from .console import Stop
from .odoo import our_addons
from .process import ROOT
from .process import run as run_command

COLLECT = """
import json
from odoo.tests.loader import get_test_modules, get_module_test_cases
ids = [
    [case.__class__.__module__, case.__class__.__name__, case._testMethodName]
    for addon in {addons!r}
    for module in get_test_modules(addon)
    for case in get_module_test_cases(module)
]
print(json.dumps(ids))
"""
NODE = re.compile(r"^(\S+\.py)::(\w+)::(\w+)$", re.MULTILINE)
STARTED = re.compile(r": Starting \w+\.test\w+ \.\.\.", re.MULTILINE)
FAILED = re.compile(r": ((?:FAIL|ERROR): .*)$", re.MULTILINE)
TOTAL = re.compile(r"(\d+) failed, (\d+) error\(s\) of \d+ tests")


def run(odoo, tags=(), install=False):
    """Run our tests, or those of these tags: how many ran, and a line per failure.

    With `install` by the command that Odoo's people type, on a database without us.
    """
    ours = our_addons()
    chosen = ",".join(tags or [f"/{addon}" for addon in ours])
    printed = odoo.run(
        *(["-i", ",".join(ours)] if install else []),
        *("--test-enable", "--test-tags", chosen, "--stop-after-init"),
        failure="Odoo's runner could not run",
        log="odoo-tests",
        expected=(0, 1),
    )
    ran = len(STARTED.findall(printed))
    failures = FAILED.findall(printed)
    total = TOTAL.search(printed)
    if not (total and ran):
        raise Stop(f"Odoo's runner ran no test of {chosen}")
    if not failures and (total[1], total[2]) != ("0", "0"):
        failures = [total[0]]
    return ran, failures


def collected_by_odoo(odoo):
    """The ids of the tests that Odoo's loader finds, as (module, class, method)."""
    printed = odoo.shell(COLLECT.format(addons=our_addons()), log="collect")
    return {tuple(each) for each in json.loads(printed.splitlines()[-1])}


def collected_by_pytest(odoo):
    """The same of pytest."""
    printed = run_command(
        [
            *(odoo.runtime.python, "-m", "pytest", "--collect-only", "-q"),
            *(f"--odoo-config={odoo.config}", f"--odoo-database={odoo.name}"),
            *our_addons(),
        ],
        "pytest could not collect the tests",
        log="collect-pytest",
        env=odoo.environment(),
        cwd=ROOT,
    )
    return {
        (f"odoo.addons.{path.removesuffix('.py').replace('/', '.')}", name, method)
        for path, name, method in NODE.findall(printed)
    }


def differences(by_pytest, by_odoo):
    """Lines that say which tests only one of the two sees, and what to do about it."""
    for what, ids, advice in (
        (
            "pytest",
            by_pytest - by_odoo,
            "import its file in tests/__init__.py; a class that inherits tests says "
            "allow_inherited_tests_method = True",
        ),
        ("Odoo's runner", by_odoo - by_pytest, "is its file named test_*.py?"),
    ):
        for module, name, method in sorted(ids):
            yield f"only {what} sees {module}.{name}.{method} ({advice})"
