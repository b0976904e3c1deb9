# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The embedded engine: deterministic rules, no model, no network."""

import hashlib
import math
from collections.abc import Callable, Iterable
from datetime import date
from decimal import Context, localcontext

from .. import clock
from ..rules import RULES
from ..rules.base import Case, Finding, Severity
from ..schemas import ValidationRequest
from .base import Opinion, Told

# Rules do not see everything that the SII checks (CAF, certificate, authorisations).
CEILING = 95.0
# So much may a value move and still be the one that somebody has looked at.
SAME = 0.05
# Exact for the largest product that the schema lets in.
_EXACT = Context(prec=100)


class RuleEngine:
    """Runs every rule that has what it needs, and weighs what they found.

    An error rejects, a warning that a person should look at asks for a review, and
    the rest is sent. The confidence is how sure that recommendation is:

    * reject and review: each finding says how certainly it is a defect (a failed
      check digit is, an unusual amount may be); the confidence is the probability that
      at least one of those that decided is right, ``1 - Π(1 - certainty)``.
    * send: ``CEILING``, lowered by the share of rules that could not run for want of
      data (by half if none could) and by each remark that did not decide.
    """

    identity = "rules/5"

    def __init__(self, today: Callable[[], date] = clock.today) -> None:
        self._today = today

    async def validate(self, request: ValidationRequest) -> Opinion:
        """Judge one document. Never raises on what a document contains."""
        with localcontext(_EXACT):
            return self._judge(Case.of(request, self._today()))

    def _judge(self, case: Case) -> Opinion:
        asked = [rule for rule in RULES if rule.concerns(case)]
        runnable = [rule for rule in asked if rule.has_its_data(case)]
        found = [(rule.name, finding) for rule in runnable for finding in rule(case)]
        found = [each for each in found if not _was_decided(case, *each)]
        findings = [finding for _, finding in found]
        errors = _of(Severity.ERROR, findings)
        reviews = _of(Severity.REVIEW, findings)
        notices = _of(Severity.NOTICE, findings)

        if errors:
            recommendation, share = "reject", _any_is_right(errors)
        elif reviews:
            recommendation, share = "review", _any_is_right(reviews)
        else:
            coverage = len(runnable) / len(asked)
            doubt = _any_is_right(notices)
            recommendation = "send"
            share = CEILING / 100 * (0.5 + coverage / 2) * (1 - doubt)
        return Opinion(
            recommendation=recommendation,
            confidence=min(round(100 * share, 1), 99.0),
            errors=tuple(finding.message for finding in errors),
            warnings=tuple(finding.message for finding in reviews + notices),
            rules=tuple(dict.fromkeys(name for name, _ in found)),
            findings=tuple(
                Told(_key(name, finding), name, finding.message, finding.value)
                for name, finding in found
                if finding.severity is Severity.REVIEW
            ),
        )


def _key(rule: str, finding: Finding) -> str:
    """The same for the same thing, and short: names of items may be long, and
    secret.
    """
    about = finding.about or finding.message
    return f"{rule}:{hashlib.sha256(about.encode()).hexdigest()[:16]}"


def _was_decided(case: Case, rule: str, finding: Finding) -> bool:
    """Whether somebody has looked at the finding before, and it is still the same.

    What the SII would refuse is no matter of opinion, and is said each time.
    """
    if finding.severity is not Severity.REVIEW:
        return False
    for decision in case.context.decisiones:
        if decision.key == _key(rule, finding):
            if finding.value is None or decision.value is None:
                return True
            if abs(float(decision.value) - finding.value) <= SAME * abs(finding.value):
                return True
    return False


def _of(severity: Severity, findings: Iterable[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.severity is severity]


def _any_is_right(findings: Iterable[Finding]) -> float:
    return 1 - math.prod(1 - finding.certainty for finding in findings)
