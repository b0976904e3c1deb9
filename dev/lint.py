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
# What prettier looks at, and what it leaves alone as in OCA's template.
STYLED = ("css", "html", "js", "json", "md", "scss", "xml", "yaml", "yml")
LEFT_ALONE = (
    *("README.md", "*/static/description/index.html", "*/readme/*", "*.pot"),
    "*/tests/fixtures/*",
)


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


def write_readmes(_arguments):
    python = venv.ensure("lint")
    return call([python, "-m", "dev.readme", *our_addons()], cwd=ROOT)


def _python_checks(fix):
    addons = our_addons()
    python = venv.ensure("lint")
    programs = python.parent
    yield "ruff", [programs / "ruff", "check", "-q", *(["--fix"] if fix else []), "."]
    check = [] if fix else ["--check"]
    yield "ruff format", [programs / "ruff", "format", "-q", *check, "."]
    yield (
        "readme",
        [python, "-m", "dev.readme", *(["--check"] if not fix else []), *addons],
    )
    files = _files(*(f"{addon}/i18n/*.po*" for addon in addons))
    if files and not fix:
        # As in OCA's template: the format that it wants has no translation where that
        # reads like the source ("Folio").
        options = ["--disable=po-pretty-format"]
        yield "oca-checks-po", [programs / "oca-checks-po", *options, *files]
    if not fix:
        # No function of radon's grade D or worse.
        yield "xenon", [programs / "xenon", "--max-absolute=C", *_folders("*.py")]
        yield "hadolint", [programs / "hadolint", *_files("*/Dockerfile")]
        yield "pylint-odoo", [python, "-m", "pylint", *addons]
        yield "oca-checks-odoo-module", [programs / "oca-checks-odoo-module", *addons]


def _web_checks(fix):
    if not shutil.which("npm"):
        return
    programs = _node_programs() / ".bin"
    verb = "--write" if fix else "--check"
    styled = _in_git(*(f"*.{suffix}" for suffix in STYLED))
    yield "prettier", [programs / "prettier", "--log-level=warn", verb, *styled]
    scripts = [name for name in styled if name.endswith(".js")]
    options = ["--max-warnings=0", *(["--fix"] if fix else [])]
    yield "eslint", [programs / "eslint", *options, *scripts]


def _in_git(*patterns):
    """What is in git, or will be, of these patterns."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    left_out = [f":!{pattern}" for pattern in LEFT_ALONE]
    printed = run(
        [*command, *patterns, *left_out], "git does not list its files", cwd=ROOT
    )
    return [name for name in printed.splitlines() if (ROOT / name).exists()]


def _folders(pattern):
    """The folders of the repository that have such files in git, or will have."""
    return sorted({name.partition("/")[0] for name in _in_git(pattern) if "/" in name})


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
