# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Any invoice breaks a rule, or gives a file that others read as the same document."""

import os

from documents import TODAY, documents
from hypothesis import HealthCheck, event, given, settings
from lxml import etree
from reader import read
from tools.dte import rules
from tools.dte.texts import fit
from tools.dte.xml import as_xml

# `HYPOTHESIS_EXAMPLES=5000 python3 -m dev test oracle` looks longer.
EXAMPLES = int(os.environ.get("HYPOTHESIS_EXAMPLES", "300"))
ANY = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck)
)


def translate(text, /, **values):
    return text % values if values else text


@ANY
@given(document=documents())
def test_a_document_breaks_a_rule_or_is_a_valid_file(schema, document):
    findings = rules.check(document, TODAY, translate)
    for finding in findings:
        assert finding.message.strip()
        assert finding.message.endswith(".")
    if any(finding.severity == rules.ERROR for finding in findings):
        event("breaks a rule")
        return
    event("is a file")
    content = as_xml(document)
    assert content == as_xml(document)
    fitted, cuts = fit(document)
    assert read(content) == fitted
    # What was cut is said; once, where it is the same on many lines.
    said = sum(finding.code == "length" for finding in findings)
    assert bool(said) == bool(cuts)
    assert said <= len(cuts)
    # A second judge, with its own schema.
    assert schema.errors(content) == []
    assert fitted.MntTotal == document.MntTotal


@ANY
@given(document=documents())
def test_even_a_document_that_breaks_rules_is_a_readable_file(document):
    """It may be generated anyway, with a reason."""
    content = as_xml(document)
    etree.fromstring(content)
    assert read(content).MntTotal == document.MntTotal


@ANY
@given(document=documents())
def test_what_fits_fits(document):
    fitted, _cuts = fit(document)
    assert fit(fitted) == (fitted, [])
