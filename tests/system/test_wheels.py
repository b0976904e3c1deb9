# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Each addon is a wheel, and an Odoo in a virtual environment finds it."""

import json
import subprocess
import zipfile

import pytest

from dev import venv
from dev.odoo import our_addons
from dev.process import ROOT
from dev.wheels import build

SCRIPT = """
import json, sys
from odoo.modules.module import Manifest, get_module_path
from odoo.tools import config
config.parse_config(["--addons-path="])
print(json.dumps({
    name: [get_module_path(name), Manifest.for_addon(name)["version"]]
    for name in sys.argv[1:]
}))
"""


@pytest.fixture(scope="module")
def wheels(tmp_path_factory):
    return build(tmp_path_factory.mktemp("wheels"))


def test_a_wheel_holds_the_whole_addon(wheels):
    assert len(wheels) == len(our_addons())
    for addon in our_addons():
        (wheel,) = [each for each in wheels if f"{addon}-" in each.name]
        names = set(zipfile.ZipFile(wheel).namelist())
        left_out = {
            path
            for path in in_git(addon)
            if f"odoo/addons/{path}" not in names
            and not path.endswith("pyproject.toml")
        }
        assert left_out == set()


def in_git(addon):
    listed = ["git", "ls-files", "--cached", addon]
    return subprocess.check_output(listed, cwd=ROOT, text=True).split()


def test_an_odoo_finds_the_installed_wheels(wheels, workspace, tmp_path):
    runtime = workspace.runtime
    packages = next(runtime.python.parents[1].glob("lib/python3*/site-packages"))
    python = venv.with_wheels(tmp_path / "venv", wheels, packages, runtime.home)
    found = subprocess.run(
        [python, "-c", SCRIPT, *our_addons()],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    places = json.loads(found.stdout)
    for addon in our_addons():
        path, version = places[addon]
        assert path.startswith(str(tmp_path))
        assert version.startswith("19.0.")
