# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a rule is: a pure function from a case to findings, and when to ask it.

Sources, as the rules' docstrings name them: X is the SII's XML schema, F its "Formato
Documentos Tributarios Electrónicos", C its certification practice, P our own policy.
"""

import enum
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from ..schemas import MAX_NUMBER, DteData, ValidationRequest

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
    """

    severity: Severity
    message: str
    certainty: float


def error(message: str, certainty: float = 0.97) -> Finding:
    """The SII would refuse the document, or it would be wrong in the books."""
    return Finding(Severity.ERROR, message, certainty)


def review(message: str, certainty: float = 0.75) -> Finding:
    """A person should look before the document is sent."""
    return Finding(Severity.REVIEW, message, certainty)


def notice(message: str, certainty: float = 0.05) -> Finding:
    """Worth saying, no reason to wait."""
    return Finding(Severity.NOTICE, message, certainty)


@dataclass(frozen=True)
class PreviousDocument:
    """An earlier document of the same receiver."""

    total: Decimal
    type: int | None
    date: date | None
    folio: int | None = None
    #: Unit prices by the item's name in small letters.
    prices: dict[str, Decimal] = field(default_factory=dict)

    @classmethod
    def read(cls, entry: Any) -> "PreviousDocument | None":
        """Read one history entry; None for one that is not about a document."""
        if not isinstance(entry, dict):
            return None
        total = entry.get("monto_total")
        if isinstance(total, bool) or not isinstance(total, (int, float)):
            return None
        if not 0 < total <= MAX_NUMBER:
            return None
        try:
            issued = date.fromisoformat(str(entry.get("fecha_emision")))
        except ValueError:
            issued = None
        code = str(entry.get("tipo_dte"))
        known = code.isascii() and code.isdigit() and len(code) <= 3
        return cls(
            Decimal(str(total)),
            int(code) if known else None,
            issued,
            _folio(entry.get("folio")),
            dict(_prices(entry.get("items"))),
        )


def _folio(value: Any) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 10 else None


def _prices(items: Any) -> Iterator[tuple[str, Decimal]]:
    for item in items if isinstance(items, list) else ():
        if not isinstance(item, dict):
            continue
        name, price = item.get("nombre"), item.get("precio_unitario")
        is_number = isinstance(price, (int, float)) and not isinstance(price, bool)
        if isinstance(name, str) and is_number and 0 < price <= MAX_NUMBER:
            yield name.strip().casefold(), Decimal(str(price))


@dataclass(frozen=True)
class Case:
    """Everything that a rule may look at."""

    dte: DteData
    history: tuple[PreviousDocument, ...]
    today: date

    @classmethod
    def of(cls, request: ValidationRequest, today: date) -> "Case":
        """The case that a request makes on a given day."""
        previous = map(PreviousDocument.read, request.history)
        return cls(request.dte_data, tuple(filter(None, previous)), today)

    @property
    def corrects_text(self) -> bool:
        """A note that corrects a text and so has no amounts (CodRef 2)."""
        reference = self.dte.documento_referencia
        return reference is not None and reference.codigo == "2"

    @property
    def issued(self) -> date:
        """The date of the document: today for a draft that has none."""
        return self.dte.fecha_emision or self.today


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
            case.history if name == "history" else getattr(case.dte, name)
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

    :param needs: fields of the document (or ``history``) without which it is not asked
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
