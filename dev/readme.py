# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""`python3 -m dev readme`: an addon's README.rst and page, from `readme/*.md`.

OCA's generator is in no package index, so this writes what it writes: the fragments in
its order under its headings, and the same as a page for Odoo's list of apps. No badge
or image comes from outside, for the page is shown inside of Odoo.

It runs where pandoc and docutils are: `ENVIRONMENT -m dev.readme [--check] ADDON...`
"""

import argparse
import ast
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Fragments and their headings, in OCA's order.
SECTIONS = {
    "DESCRIPTION": None,
    "CONTEXT": "Use Cases / Context",
    "INSTALL": "Installation",
    "CONFIGURE": "Configuration",
    "USAGE": "Usage",
    "ROADMAP": "Known issues / Roadmap",
    "HISTORY": "Changelog",
}
NOTICE = """\
..
   !!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!
   !! This file is written by `python3 -m dev readme` !!
   !! from the fragments in readme/: change those.    !!
   !!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!
"""
README = "README.rst"
PAGE = "static/description/index.html"


def main(arguments=None):
    """Write, or with `--check` compare; 1 if a file is not that of its fragments."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--check", action="store_true")
    parser.add_argument("addons", nargs="+")
    given = parser.parse_args(arguments)
    stale = []
    for addon in given.addons:
        text = readme(ROOT / addon)
        for name, content in ((README, text), (PAGE, page(text))):
            path = ROOT / addon / name
            if path.exists() and path.read_text() == content:
                continue
            stale.append(f"{addon}/{name}")
            if not given.check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
    if given.check and stale:
        print(f"Not fresh: {', '.join(stale)}: python3 -m dev readme")
        return 1
    return 0


def readme(folder):
    """The text of README.rst of the addon in `folder`."""
    manifest = ast.literal_eval((folder / "__manifest__.py").read_text())
    parts = [heading(manifest["name"], "=", over=True), NOTICE, facts(manifest)]
    for fragment, title in SECTIONS.items():
        path = folder / "readme" / f"{fragment}.md"
        if not path.exists():
            continue
        if title:
            parts.append(heading(title, "="))
        parts.append(as_rst(path.read_text()))
        if not title:
            parts += ["**Table of contents**\n", ".. contents::\n   :local:\n"]
    parts += [heading("Credits", "="), heading("Authors", "-")]
    parts.append("".join(f"* {name}\n" for name in manifest["author"].split(", ")))
    contributors = folder / "readme" / "CONTRIBUTORS.md"
    if contributors.exists():
        parts += [heading("Contributors", "-"), as_rst(contributors.read_text())]
    maintainers = ", ".join(manifest.get("maintainers", ()))
    parts += [
        heading("Maintainers", "-"),
        f"This module is maintained by {maintainers}.\n",
    ]
    return "\n".join(parts)


def heading(text, sign, over=False):
    line = sign * len(text)
    return f"{line}\n{text}\n{line}\n" if over else f"{text}\n{line}\n"


def facts(manifest):
    """What OCA's badges say, as text."""
    status = manifest.get("development_status", "Beta")
    return f"*Maturity: {status}. Licence: {manifest['license']}.*\n"


def as_rst(markdown):
    import pypandoc

    return pypandoc.convert_text(
        markdown, "rst", "markdown-smart", extra_args=["--shift-heading-level-by=1"]
    ).replace("\r\n", "\n")


def page(text):
    """README.rst as the page that Odoo shows of an addon."""
    from docutils.core import publish_parts

    parts = publish_parts(
        # The page lies beside its pictures.
        text.replace("static/description/", ""),
        writer="html5",
        settings_overrides={"report_level": 2, "halt_level": 2},
    )
    return f"<!-- Written by `python3 -m dev readme`. -->\n{parts['html_body']}"


if __name__ == "__main__":
    sys.exit(main())
