# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What can be said of a DTE without asking anyone: one small function for each rule.

A rule takes the :class:`~..document.Documento`, the day of today and a function that
translates, and yields a :class:`Finding` for each thing that is wrong.  Its decorator
says its number in `docs/rules.md` and its source: *F* is the SII's "Formato Documentos
Tributarios Electrónicos", *X* its schema, *C* what certification demands, *P* our own
policy.

An **error** is what the SII refuses; a **warning** is what a person should look at.
"""

import datetime
from typing import NamedTuple

from ..document import FACTURA, Documento, Emisor, Receptor

ERROR, WARNING = "error", "warning"

# Where to mend it: the name of a record that the caller knows how to open.
DOCUMENT, LINE, REFERENCE = "document", "line", "reference"
COMPANY, EMISOR, RECEPTOR = "company", "emisor", "receptor"

LAST_DATE = datetime.date(2050, 12, 31)


class Finding(NamedTuple):
    """One thing to mend.

    :param code: a stable name of the rule
    :param target: the kind of record that holds it (:data:`RECEPTOR`, ...)
    :param field: the SII's element
    :param line: `NroLinDet` where the target is a line
    """

    code: str
    severity: str
    message: str
    target: str
    field: str
    line: int | None = None


class Rule(NamedTuple):
    """A rule as the table in the docs shows it."""

    number: int
    source: str
    severity: str
    apply: object

    @property
    def title(self):
        return " ".join(self.apply.__doc__.split())


RULES = []


def check(document, today, translate, rules=None):
    """Apply every rule.

    :param Documento document: the document
    :param datetime.date today: in the company's time zone
    :param translate: a function like gettext: `translate(text, **values)`
    :param list[Rule] rules: these instead of ours, as another addon wants them
    :rtype: list[Finding]
    """
    found = (
        finding
        for rule in (RULES if rules is None else rules)
        for finding in rule.apply(document, today, translate)
    )
    return list(dict.fromkeys(found))  # one text on three lines is one thing to mend


def check_emisor(emisor, translate, rules=None):
    """Return what a company lacks to issue any document."""
    document = _only(emisor, Receptor("", ""))
    return _about(document, (EMISOR, COMPANY), translate, rules)


def check_receptor(receptor, translate, rules=None):
    """Return what a customer lacks to be sent an invoice."""
    return _about(_only(Emisor("", ""), receptor), (RECEPTOR,), translate, rules)


def _only(emisor, receptor):
    return Documento(
        TipoDTE=FACTURA,
        Emisor=emisor,
        Receptor=receptor,
        Detalle=(),
        MntNeto=0,
        MntExe=0,
        IVA=0,
        MntTotal=0,
    )


def _about(document, targets, translate, rules):
    findings = check(document, datetime.date.today(), translate, rules)
    return [finding for finding in findings if finding.target in targets]


def rule(number, source, severity=ERROR):
    """Make a function one of our rules.

    For this addon only: what is imported stays while Odoo runs, whether its addon is
    installed or not. Another addon extends `account.move._l10n_cl_dte_rules`.
    """

    def register(function):
        RULES.append(Rule(number, source, severity, function))
        return function

    return register


def pesos(amount):
    """Return an amount as people write it: 119.000."""
    return f"{amount:,}".replace(",", ".")


def short(number):
    """Return a rate without the zeros at its end."""
    return f"{number:.2f}".rstrip("0").rstrip(".")
