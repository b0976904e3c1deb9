# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A pytest plugin that runs the addons' tests of plain Python without Odoo.

`l10n_cl_dte_ai.tools` and `.tests` can be imported although the addon itself can't,
and `odoo.tests` is the little that such a test takes from it. A tool that imports
`odoo` fails here.
"""

import ast
import re
import sys
import unittest
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[1]
# What a test takes from `odoo.tests` without needing an Odoo.
STAND_INS = {"BaseCase", "tagged"}
TOOLS = re.compile(r"odoo\.addons\.l10n_cl_dte_\w+\.tools\b")


class BaseCase(unittest.TestCase):
    def startPatcher(self, patcher):
        mock = patcher.start()
        self.addCleanup(patcher.stop)
        return mock


def tagged(*_tags):
    return lambda test_class: test_class


def pytest_configure():
    for manifest in ROOT.glob("*/__manifest__.py"):
        addon = manifest.parent
        _package(addon.name, addon)
        _package(f"{addon.name}.tests", addon / "tests")
        # By this name one addon's tools are imported by another's.
        _package(f"odoo.addons.{addon.name}", addon)
    sys.modules["odoo"] = ModuleType("odoo")
    sys.modules["odoo.addons"] = ModuleType("odoo.addons")
    sys.modules["odoo.tests"] = ModuleType("odoo.tests")
    vars(sys.modules["odoo.tests"]).update(BaseCase=BaseCase, tagged=tagged)


def _package(name, folder):
    """A package whose own `__init__`, which wants Odoo, isn't run."""
    package = ModuleType(name)
    package.__path__ = [str(folder)]
    package.__file__ = str(folder / "__init__.py")
    sys.modules[name] = package


def files():
    """The addons' test files that need no Odoo."""
    found = ROOT.glob("*/tests/test_*.py")
    return sorted(
        path
        for path in found
        if (path.parents[1] / "__manifest__.py").exists() and not needs_odoo(path)
    )


def needs_odoo(path):
    """Whether a test file, or a file beside it that it imports, imports Odoo's."""
    return any(
        _is_odoos(node, path)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, (ast.Import, ast.ImportFrom))
    )


def _is_odoos(node, path):
    """Whether an import in a test file is of Odoo, or of what imports Odoo."""
    names = {name.name for name in node.names}
    if isinstance(node, ast.Import):
        return any(name.partition(".")[0] == "odoo" for name in names)
    module = node.module or ""
    first = {module.partition(".")[0]} if module else names
    match node.level:
        case 0:
            return first == {"odoo"} and not (
                TOOLS.match(module)  # of our own, which know no Odoo
                or (module == "odoo.tests" and names <= STAND_INS)
            )
        case 1:
            return any(_file_needs_odoo(path.with_name(f"{name}.py")) for name in first)
        case 2:
            return not first <= {"tools", "demo"}
    return False


def _file_needs_odoo(path):
    return path.exists() and needs_odoo(path)
