# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""`make lint`: style, and Odoo's conventions. All checks run even if one fails."""

import hashlib
import os
import shutil

from . import cache, venv
from .console import say, step
from .odoo import our_addons
from .process import ROOT, call, run

NODE = venv.REQUIREMENTS / "node" / "package.json"
XML_FOLDERS = ("data", "demo", "security", "static", "views", "wizards")


def main(arguments):
    checks = [*_python_checks(arguments.fix), *_web_checks(arguments.fix)]
    failed = [name for name, command in checks if not _passes(name, command)]
    if not shutil.which("npm"):
        say("Skipped: prettier and eslint need npm: apt-get install npm")
        if os.environ.get("CI"):
            failed.append("npm")
    if failed:
        say(f"To mend: {', '.join(failed)} (`make format` mends what it can)")
        return 1
    return 0


def _python_checks(fix):
    addons = our_addons()
    python = venv.ensure("lint")
    programs = python.parent
    yield "ruff", [programs / "ruff", "check", "-q", *(["--fix"] if fix else []), "."]
    check = [] if fix else ["--check"]
    yield "ruff format", [programs / "ruff", "format", "-q", *check, "."]
    if not fix:
        yield "hadolint", [programs / "hadolint", *_files("*/Dockerfile")]
        yield "pylint-odoo", [python, "-m", "pylint", *addons]
        yield "oca-checks-odoo-module", [programs / "oca-checks-odoo-module", *addons]
        files = _files(*(f"{addon}/i18n/*.po*" for addon in addons))
        if files:
            yield "oca-checks-po", [programs / "oca-checks-po", *files]


def _web_checks(fix):
    if not shutil.which("npm"):
        return
    addons = our_addons()
    scripts = _files(*(f"{addon}/static/src/**/*.js" for addon in addons))
    scripts += _files(*(f"{addon}/static/tests/**/*.js" for addon in addons))
    styled = _files(
        *(f"{addon}/{folder}/**/*.xml" for addon in addons for folder in XML_FOLDERS)
    )
    programs = _node_programs() / ".bin"
    if scripts or styled:
        verb = "--write" if fix else "--check"
        yield (
            "prettier",
            [programs / "prettier", "--log-level=warn", verb, *scripts, *styled],
        )
    if scripts:
        yield "eslint", [programs / "eslint", *(["--fix"] if fix else []), *scripts]


def _files(*patterns):
    return sorted(
        str(path.relative_to(ROOT))
        for pattern in patterns
        for path in ROOT.glob(pattern)
    )


def _node_programs():
    def build(target):
        shutil.copy(NODE, target)
        with step("npm packages: lint"):
            run(
                ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"],
                "npm packages could not be installed (is a package index reachable?)",
                log="npm",
                cwd=target,
            )

    key = hashlib.sha256(NODE.read_bytes()).hexdigest()[:12]
    return cache.once(f"node-{key}", build, needed=2**28) / "node_modules"


def _passes(name, command):
    environment = dict(os.environ)
    if "node_modules" in str(command[0]):  # their settings are in our root
        environment["NODE_PATH"] = str(command[0].parent.parent)
    code = call(command, cwd=ROOT, env=environment)
    say(f"{'FAILED' if code else 'ok':<8}{name}")
    return not code
