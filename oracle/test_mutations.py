# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Nothing is found in a clean document, and something in every defect."""

import pytest
from clean import CLEAN
from defects import KINDS
from documents import TODAY
from mutations import run, translate
from tools.dte import rules
from tools.dte.reader import read
from tools.dte.xml import as_xml


@pytest.mark.parametrize("title", CLEAN)
def test_a_clean_document_is_clean(title, schema):
    document = CLEAN[title]
    assert rules.check(document, TODAY, translate) == []
    if document.Folio:
        content = as_xml(document)
        assert schema.errors(content) == []
        assert read(content)[0].document == document


def test_every_kind_of_defect_is_found_wherever_it_can_be():
    results = run()
    assert len(results) >= 60
    missed = {each.name: each.missed for each in results if each.missed}
    assert not missed
    # A kind that is seeded nowhere says nothing.
    assert not [each.name for each in results if not each.seeded]
    assert len(results) == len(KINDS)
