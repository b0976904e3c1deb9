# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a rule is: a pure function from a case to findings, and when to ask it.

Sources, as the rules' docstrings name them: X is the SII's XML schema, F its "Formato
Documentos Tributarios Electrónicos", C its certification practice, P our own policy.
"""

import enum
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property

from ..schemas import Context, DteData, Reference, ValidationRequest
from .past import Line, PreviousDocument
from .usual import span

INVOICE, EXEMPT_INVOICE, RECEIPT, EXEMPT_RECEIPT = 33, 34, 39, 41
PURCHASE_INVOICE, DISPATCH_GUIDE, DEBIT_NOTE, CREDIT_NOTE = 46, 52, 56, 61
RECEIPTS = frozenset({RECEIPT, EXEMPT_RECEIPT})
EXPORTS = frozenset({110, 111, 112})
NOTES = frozenset({DEBIT_NOTE, CREDIT_NOTE, 111, 112})
EXEMPT = frozenset({EXEMPT_INVOICE, EXEMPT_RECEIPT}) | EXPORTS


class Severity(enum.Enum):
    """What a finding does to the recommendation."""

    ERROR = "reject"
    REVIEW = "review"
    NOTICE = "nothing"


@dataclass(frozen=True)
class Finding:
    """One defect: where, what is wrong and what to do, in Spanish.

    :param certainty: 0 to 1, how surely it is a defect
    :param about: what of the document it is about, the same each time
    :param value: of that, what is unusual: as long as it stays, it is the same finding
    """

    severity: Severity
    message: str
    certainty: float
    about: str = ""
    value: float | None = None


def error(message: str, certainty: float = 0.97) -> Finding:
    """The SII would refuse the document, or it would be wrong in the books."""
    return Finding(Severity.ERROR, message, certainty)


def review(
    message: str, certainty: float = 0.75, about: str = "", value: float | None = None
) -> Finding:
    """A person should look before the document is sent."""
    return Finding(Severity.REVIEW, message, certainty, about, value)


def notice(message: str, certainty: float = 0.05) -> Finding:
    """Worth saying, no reason to wait."""
    return Finding(Severity.NOTICE, message, certainty)


_NOTHING_MORE = Context()


@dataclass(frozen=True)
class Case:
    """Everything that a rule may look at."""

    dte: DteData
    history: tuple[PreviousDocument, ...]
    today: date
    context: Context = _NOTHING_MORE

    @classmethod
    def of(cls, request: ValidationRequest, today: date) -> "Case":
        """The case that a request makes on a given day."""
        previous = map(PreviousDocument.read, request.history)
        context = request.contexto or _NOTHING_MORE
        return cls(request.dte_data, tuple(filter(None, previous)), today, context)

    @cached_property
    def lines(self) -> tuple[Line, ...]:
        """The lines with a name, for comparison with earlier ones."""
        return tuple(filter(None, map(Line.of, self.dte.items)))

    @cached_property
    def peers(self) -> tuple[PreviousDocument, ...]:
        """Earlier documents that this one can be compared with, the newest first.

        Notes are compared with notes, and exports (not in pesos) with exports.
        """
        kind = _kind(self.dte.tipo_dte)
        alike = [each for each in self.history if _kind(each.type) == kind]
        dated = [each for each in alike if each.date]
        dated.sort(key=lambda each: each.date, reverse=True)
        return (*dated, *(each for each in alike if not each.date))

    @cached_property
    def past_lines(self) -> dict[str, list[tuple[PreviousDocument, Line]]]:
        """Earlier lines of each item, the newest first, with their documents."""
        found: dict[str, list[tuple[PreviousDocument, Line]]] = {}
        for document in self.peers:
            for line in document.lines:
                found.setdefault(line.key, []).append((document, line))
        return found

    def seen(self, documents: Iterable[PreviousDocument]) -> str:
        """In how many months they lie, in words."""
        return span([each.date for each in documents], self.issued)

    @property
    def corrects_text(self) -> bool:
        """A note that corrects a text and so has no amounts (CodRef 2)."""
        return self.corrected is not None and self.corrected.codigo == "2"

    @property
    def cancels_a_note(self) -> bool:
        """A note that cancels another one, which may be of no amounts itself."""
        return (
            self.dte.tipo_dte in NOTES
            and self.corrected is not None
            and self.corrected.codigo == "1"
            and self.corrected.tipo_doc in map(str, NOTES)
        )

    @property
    def corrected(self) -> Reference | None:
        """The reference to what a note corrects."""
        return self.dte.corrected

    @property
    def is_of_a_purchase(self) -> bool:
        """A purchase invoice, or a note on one: its IVA may be withheld, and its
        receiver a foreigner."""
        purchase = str(PURCHASE_INVOICE)
        return self.dte.tipo_dte == PURCHASE_INVOICE or (
            self.dte.tipo_dte in NOTES
            and self.corrected is not None
            and self.corrected.tipo_doc in (purchase, "45")
        )

    @property
    def issued(self) -> date:
        """The date of the document: today for a draft that has none."""
        return self.dte.fecha_emision or self.today


_OF_THE_CASE = frozenset({"history", "peers", "lines", "corrected"})


def _kind(code: int | None) -> tuple[bool, bool]:
    return code in NOTES, code in EXPORTS


@dataclass(frozen=True)
class Rule:
    """A function with the conditions under which it means something."""

    check: Callable[[Case], Iterator[Finding]]
    needs: tuple[str, ...]
    types: Collection[int] | None
    not_types: Collection[int]

    @property
    def name(self) -> str:
        """Its identifier, in logs and tests."""
        return self.check.__name__

    def concerns(self, case: Case) -> bool:
        """Whether the rule applies to this type of document."""
        code = case.dte.tipo_dte
        return (self.types is None or code in self.types) and code not in self.not_types

    def has_its_data(self, case: Case) -> bool:
        """Whether the case has what the rule compares."""
        return all(
            getattr(case, name) if name in _OF_THE_CASE else getattr(case.dte, name)
            for name in self.needs
        )

    def __call__(self, case: Case) -> Iterator[Finding]:
        return self.check(case)


def rule(
    *needs: str,
    types: Collection[int] | None = None,
    not_types: Collection[int] = (),
) -> Callable[[Callable[[Case], Iterator[Finding]]], Rule]:
    """Make a function a rule.

    :param needs: fields of the document, or ``history``, ``peers``, ``lines`` or
        ``corrected`` of the case, without which it is not asked
    :param types: the only document types that it concerns
    :param not_types: document types that it does not concern
    """
    return lambda check: Rule(check, needs, types, not_types)


def half_up(value: Decimal) -> Decimal:
    """Round to whole pesos, halves up, as the SII does."""
    return value.quantize(Decimal(1), ROUND_HALF_UP)


def total(values: Iterable[Decimal | None]) -> Decimal:
    """Sum of amounts, where an omitted one is zero."""
    return sum((value for value in values if value is not None), Decimal(0))


def money(value: Decimal) -> str:
    """An amount as a Chilean reads it: ``$ 4.500.000``, ``$ 1.234,5``."""
    text = f"{value.normalize():,f}"
    return "$ " + text.translate(str.maketrans(",.", ".,"))


def quoted(text: str, length: int = 40) -> str:
    """Text of the document for a message, shortened."""
    short = text if len(text) <= length else text[: length - 1] + "…"
    return f"«{' '.join(short.split())}»"


def day(value: date) -> str:
    """A date as a Chilean writes it."""
    return f"{value:%d-%m-%Y}"
