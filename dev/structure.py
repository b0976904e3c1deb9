# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What of an addon an installation reads: a digest that tells when to install again.

All of its files but tests, pages and the web client's sources; of its Python, what
makes the database: fields, constraints, constants, names of methods. Their bodies are
not in it, so that a change of behaviour needs no new installation.
"""

import ast
import hashlib

from .process import ROOT

# What an installed database does not depend on.
LEFT_OUT = ("tests", "static", "readme", "migrations")
PAGES = (".md", ".rst", ".pot", ".pyc")
# Run as a whole by an installation.
HOOKS = ("hooks.py", "__manifest__.py")
RUN_AT_INSTALLATION = ("init", "_auto_init", "_table_query")


def of(addon):
    """The digest, a text, of the addon in the folder `addon` of the checkout."""
    digest = hashlib.sha256()
    root = ROOT / addon
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        if name.parts[0] in LEFT_OUT or path.suffix in PAGES or not path.is_file():
            continue
        digest.update(f"{name}\0".encode())
        content = path.read_bytes()
        if path.suffix == ".py" and name.name not in HOOKS:
            content = _outline(content)
        digest.update(content + b"\0")
    return digest.hexdigest()


def _outline(source):
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return source
    return ast.dump(_Outline().visit(tree)).encode()


class _Outline(ast.NodeTransformer):
    """Takes the bodies of functions and the docstrings away."""

    def visit_FunctionDef(self, node):
        if node.name in RUN_AT_INSTALLATION:
            return node
        return ast.Name(node.name)

    def visit_Expr(self, node):
        return None if isinstance(node.value, ast.Constant) else node
