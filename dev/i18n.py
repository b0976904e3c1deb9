# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""`make i18n`: export the addon's texts, and give the translations the new ones."""

import re

from .console import say, step
from .odoo import ADDON
from .process import ROOT, run
from .workspace import workspace

FOLDER = ROOT / ADDON / "i18n"
DATES = re.compile(r'^"(POT-Creation|PO-Revision)-Date:.*\n', re.MULTILINE)
# Runs where polib is: in Odoo's environment.
MERGE = """
import sys, polib
template = polib.pofile(sys.argv[1])
for name in sys.argv[2:]:
    catalogue = polib.pofile(name)
    catalogue.merge(template)
    for entry in catalogue.obsolete_entries():
        catalogue.remove(entry)
    # As oca-checks-po wants it.
    catalogue.sort(key=lambda entry: entry.msgid)
    open(name, "w").write(str(catalogue))
    missing = len([e for e in catalogue if not e.msgstr or e.fuzzy])
    print(f"{name}: {missing} without a translation, or to be looked at")
"""


def main(_arguments):
    template = FOLDER / f"{ADDON}.pot"
    with workspace(in_memory=True, installed=True) as space:
        odoo = space.with_addon("i18n")
        with step("Export its texts"):
            odoo.run(
                *("-l", "pot", "-o", template, ADDON),
                command=("i18n", "export"),
                failure="the texts could not be exported",
                log="i18n",
            )
    template.write_text(DATES.sub("", template.read_text()))
    catalogues = sorted(FOLDER.glob("*.po"))
    say(
        run(
            [odoo.runtime.python, "-", template, *catalogues],
            "the translations could not be merged",
            input=MERGE,
        )
    )
    return 0
