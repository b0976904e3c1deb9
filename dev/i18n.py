# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""`make i18n`: export the addons' texts, and give the translations the new ones."""

import re

from .console import say, step
from .odoo import our_addons
from .process import ROOT, run
from .workspace import workspace

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
    with workspace(in_memory=True, kept=("addon", "tests")) as space:
        odoo = space.with_addon("i18n")
        for addon in our_addons():
            _update(odoo, addon)
    return 0


def _update(odoo, addon):
    folder = ROOT / addon / "i18n"
    folder.mkdir(exist_ok=True)
    template = folder / f"{addon}.pot"
    with step(f"Export the texts of {addon}"):
        odoo.run(
            *("-l", "pot", "-o", template, addon),
            command=("i18n", "export"),
            failure="the texts could not be exported",
            log="i18n",
        )
    template.write_text(DATES.sub("", template.read_text()))
    say(
        run(
            [odoo.runtime.python, "-", template, *sorted(folder.glob("*.po"))],
            "the translations could not be merged",
            input=MERGE,
        )
    )
