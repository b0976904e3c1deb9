# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Virtual environments, one per requirements file, kept until its pins change."""

import functools
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from . import cache
from .console import Stop, step
from .process import run

REQUIREMENTS = Path(__file__).parent / "requirements"
OLDEST, NEWEST = (3, 10), (3, 13)  # what Odoo 19 runs on


def ensure(name):
    """The Python of the environment `name`, made if it isn't there."""
    python, version = base_python()
    text = (REQUIREMENTS / f"{name}.txt").read_bytes()
    key = hashlib.sha256(text + version.encode() + python.encode()).hexdigest()[:12]

    def build(target):
        with step(f"Python packages: {name}"):
            _make(python, target)
            _install(target, "-r", REQUIREMENTS / f"{name}.txt")

    return cache.once(f"{name}-py{version}-{key}", build) / "bin" / "python"


def sii_schemas():
    """The folder of the SII's official schemas, which the package `cl-sii` carries."""
    environment = ensure("oracle").parents[1]
    (folder,) = environment.glob(
        "lib/python*/site-packages/cl_sii/data/ref/*/schemas-xml"
    )
    return folder


@functools.cache
def base_python():
    """The interpreter to use and its version: this one, or another on PATH."""
    if OLDEST <= sys.version_info[:2] <= NEWEST:
        # Not that of an environment that we may run in: it would make another one.
        python = getattr(sys, "_base_executable", None) or sys.executable
        return os.path.realpath(python), "{}.{}".format(*sys.version_info)
    for minor in range(NEWEST[1], OLDEST[1] - 1, -1):
        python = shutil.which(f"python3.{minor}")
        if python:
            return python, f"3.{minor}"
    raise Stop(
        "Odoo 19 needs Python 3.10 to 3.13 and none is on PATH: "
        "install one, e.g. apt-get install python3.13 python3.13-venv"
    )


def with_wheels(target, wheels, *folders):
    """A new environment with these wheels, which also sees these folders; its Python.

    Nothing else is installed: what the wheels need is in the folders.
    """
    python, _version = base_python()
    _make(python, target)
    _install(target, "--no-deps", *wheels)
    (packages,) = Path(target).glob("lib/python3*/site-packages")
    (packages / "elsewhere.pth").write_text("".join(f"{each}\n" for each in folders))
    return Path(target) / "bin" / "python"


def _make(python, target):
    program = shutil.which("uv")
    if program:
        run(
            [program, "venv", "--allow-existing", "--python", python, target],
            "no virtual environment could be made",
            log="venv",
        )
        return
    try:
        run(
            [python, "-m", "venv", target],
            "no virtual environment could be made",
            log="venv",
        )
    except Stop as stop:
        if Path(target, "bin", "python").exists():  # made, but pip is missing
            version = "{}.{}".format(*sys.version_info)
            raise Stop(
                "Python's venv module is not complete: "
                f"apt-get install python3-venv (or python{version}-venv)"
            ) from None
        raise stop


def _install(target, *arguments):
    """Install with uv, which takes seconds, or with pip where uv is not to be had."""
    python = Path(target, "bin", "python")
    program = uv()
    if program:
        try:
            run(
                [program, "pip", "install", "--python", python, *arguments],
                "uv failed",
                log="uv",
                env=_uv_environment(python),
            )
            return
        except Stop:
            if not Path(target, "bin", "pip").exists():
                raise
    run(
        [python, "-m", "pip", "install", "--disable-pip-version-check", *arguments],
        "Python packages could not be installed (is a package index reachable?)",
        log="pip",
    )


@functools.cache
def uv():
    """uv: the user's, or our own by pip; None where it can't be installed."""
    if shutil.which("uv"):
        return shutil.which("uv")

    def build(target):
        python, _version = base_python()
        _make(python, target)
        run(
            [target / "bin" / "python", "-m", "pip", "install", "-q", "uv"],
            "uv could not be installed",
            log="pip",
        )

    try:
        return cache.once("uv-tool", build) / "bin" / "uv"
    except Stop as stop:
        if "venv" in str(stop) or "room" in str(stop):
            raise
        return None


def _uv_environment(python):
    """uv doesn't read pip's settings: tell it the user's index and certificates."""
    environment = dict(os.environ, UV_CACHE_DIR=str(cache.folder() / "uv-cache"))
    environment.pop("VIRTUAL_ENV", None)
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    found = dict(re.findall(r"^[^.]*\.([\w-]+)='(.*)'$", listed, re.MULTILINE))
    for ours, theirs in (("UV_DEFAULT_INDEX", "index-url"), ("SSL_CERT_FILE", "cert")):
        if theirs in found:
            environment.setdefault(ours, found[theirs])
    return environment
