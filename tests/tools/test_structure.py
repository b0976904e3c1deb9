# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What makes the addons be installed again before a test, and what does not."""

import pytest

from dev import structure

MODEL = '''\
"""Invoices."""
LIMIT = 3

class Move(models.Model):
    """An invoice."""
    _inherit = "account.move"
    state = fields.Char(index=True)

    @api.depends("state")
    def _compute_state(self):
        return 1

    def init(self):
        create_index()
'''


@pytest.fixture
def digest(tmp_path, monkeypatch):
    """`digest(**files)` writes the files of an addon and takes its digest."""
    monkeypatch.setattr(structure, "ROOT", tmp_path)
    (tmp_path / "addon" / "tests").mkdir(parents=True)

    def take(path="model.py", content=MODEL):
        (tmp_path / "addon" / path).write_text(content)
        return structure.of("addon")

    take()
    return take


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("return 1", "return 2"),
        ('"""An invoice."""', '"""A bill."""'),
        ("_compute_state(self)", "_compute_state(self, more=None)"),
        ("LIMIT = 3", "LIMIT = 3  # a comment"),
    ],
)
def test_behaviour_needs_no_installation(digest, old, new):
    assert digest() == digest(content=MODEL.replace(old, new))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("index=True", "index=False"),
        ("fields.Char", "fields.Text"),
        ("def _compute_state", "def _compute_other"),
        ("LIMIT = 3", "LIMIT = 4"),
        ("create_index()", "drop_index()"),
        ("account.move", "account.move.line"),
    ],
)
def test_what_makes_the_database_does(digest, old, new):
    assert digest() != digest(content=MODEL.replace(old, new))


def test_other_files(digest):
    before = digest()
    assert digest("view.xml", "<odoo/>") != before
    before = digest("view.xml", "<odoo/>")
    assert digest("hooks.py", "def hook(): 1") != before
    before = digest("hooks.py", "def hook(): 1")
    assert digest("hooks.py", "def hook(): 2") != before
    before = digest()
    assert digest("tests/test_x.py", "import this") == before
    assert digest("page.md", "# Title") == before


def test_a_file_that_is_no_python(digest):
    assert digest(content="def (") != digest(content="def )")
