# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Every private name of Odoo or of a library that our addons use is in the list."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIST = ROOT / "docs" / "architecture.md"
# Of a namedtuple, whose documentation has it; and how texts are translated.
PUBLIC = {"_asdict", "_"}


def test_private_names_are_listed():
    trees = {path: ast.parse(path.read_text()) for path in _sources()}
    ours = set().union(*map(_defined, trees.values()))
    listed = LIST.read_text()
    missing = sorted(
        f"{name} ({path.relative_to(ROOT)})"
        for path, tree in trees.items()
        for name in _used(tree)
        if name not in ours | PUBLIC
        and f"`{name}`" not in listed
        and f".{name}`" not in listed
    )
    assert not missing, f"to be listed in {LIST.name}: {missing}"


def _sources():
    for addon in ROOT.glob("l10n_cl_dte_*"):
        for path in addon.rglob("*.py"):
            if not {"tests", "migrations"}.intersection(path.parts):
                yield path


def _is_private(name):
    return name.startswith("_") and not name.startswith("__")


def _used(tree):
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and _is_private(node.attr)
    }


def _defined(tree):
    """The names that begin here: a method that only extends another's does not."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            if node.name not in _extended(node):
                names.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if isinstance(node.value, ast.Name) and node.value.id == "self":
                names.add(node.attr)
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names.add(node.target.id)
    return names


def _extended(tree):
    """The methods that are called as what ours stand before."""
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name)
        and node.value.func.id == "super"
    }
