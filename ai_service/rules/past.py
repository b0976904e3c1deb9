# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""The documents that came before, as the rules about habits read them.

Whatever a client sends is taken: what has no shape that means something is left out.
Numbers are floats here, for statistics; what the SII checks is exact, elsewhere.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any

from ..schemas import MAX_NUMBER, Item

MAX_LINES = 100

_MONTHS = (
    "enero|febrero|marzo|abril|mayo|junio|julio|agosto|septiembre|setiembre|octubre"
    "|noviembre|diciembre"
)
# What makes the name of a line another one each time that the same is billed.
_PERIOD = re.compile(
    rf"\b(?:(?:mes|periodo|ano) (?:de )?)?(?:{_MONTHS})(?: (?:de |del )?(?:20)?\d\d)?\b"
    r"|\b(?:cuota|estado de pago|avance|hito|semana|ep|edp)"
    r" (?:n |no |nro |numero )?\d{1,3}(?: ?(?:de|/) ?\d{1,3})?\b"
    r"|\b\d{1,2}[-/ ](?:\d{1,2}[-/ ])?20\d\d\b|\b20\d\d\b"
    r"|\b(?:guia|oc|orden|orden de (?:compra|trabajo)|ot|pedido|viaje|ticket)"
    r" (?:n |no |nro |numero )?\d+\b"
)
# A number that tells stages apart; of a drill or a sandpaper it is another size.
_NUMBER = re.compile(r"\b(?:n|no|nro|numero) ?\d{1,3}\b")

_STAGE = re.compile(r"\b(?:cuota|estado de pago|avance|hito|ep|edp|anticipo)\b")


@lru_cache(8192)
def key_of(name: str) -> tuple[str, str]:
    """What tells an item from others, and the period or number that its name bears.

    Case, accents, spaces and punctuation do not matter: ``Arriendo bodega, marzo 2026``
    is ``("arriendo bodega", "marzo 2026")``.
    """
    plain = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(char for char in plain if not unicodedata.combining(char))
    plain = " ".join(re.sub(r"[^\w.,/%+-]|_", " ", plain).split())
    parts, rest = _taken(_PERIOD, plain)
    if _STAGE.search(plain):
        numbers, rest = _taken(_NUMBER, rest)
        parts += numbers
    key = " ".join(re.sub(r"[.,;-]+(?= |$)", " ", rest).split())
    return key or plain, " ".join(parts)


def _taken(pattern: re.Pattern[str], text: str) -> tuple[list[str], str]:
    """What a pattern finds, and the text without it."""
    return [match[0] for match in pattern.finditer(text)], pattern.sub(" ", text)


@dataclass(frozen=True)
class Line:
    """One line of a document. What is not known is None."""

    name: str
    key: str
    #: What of the name changes from one time to the next: "marzo 2026", "n 3".
    period: str
    unit: str
    quantity: float | None
    price: float | None
    #: Per cent.
    discount: float

    @classmethod
    def of(cls, item: Item) -> "Line | None":
        """The line that a document has; None without a name."""
        return cls._make(
            item.nombre,
            item.unidad,
            item.cantidad,
            item.precio_unitario,
            item.descuento_pct,
        )

    @classmethod
    def read(cls, entry: Any) -> "Line | None":
        """The line that a history entry has; None for what is no line."""
        if not isinstance(entry, dict):
            return None
        names = (
            *("nombre", "unidad", "cantidad"),
            *("precio_unitario", "descuento_pct"),
        )
        return cls._make(*map(entry.get, names))

    @classmethod
    def _make(
        cls, name: Any, unit: Any, quantity: Any, price: Any, discount: Any
    ) -> "Line | None":
        if not isinstance(name, str) or not name.strip():
            return None
        key, period = key_of(name)
        return cls(
            name.strip(),
            key,
            period,
            unit.strip().casefold() if isinstance(unit, str) else "",
            positive(quantity),
            positive(price),
            positive(discount) or 0.0,
        )

    @property
    def same(self) -> tuple[object, ...]:
        """What two lines have alike that bill the same thing."""
        return self.key, self.period, self.quantity, self.price, self.discount

    def fits(self, other: "Line") -> bool:
        """Whether both count in the same unit, as far as they say."""
        return not self.unit or not other.unit or self.unit == other.unit

    @property
    def is_lump(self) -> bool:
        """Whether it is a whole of its own rather than so many of something."""
        numbered = bool(
            self.period and _STAGE.search(key_of(self.name)[0] + self.period)
        )
        return self.unit in ("gl", "glb", "global") or numbered

    @property
    def paid(self) -> float | None:
        """The unit price less the discount."""
        if self.price is None or self.discount >= 100:
            return None
        return self.price * (1 - self.discount / 100)


@dataclass(frozen=True)
class PreviousDocument:
    """An earlier document of the same receiver."""

    total: Decimal
    type: int | None
    date: date | None
    folio: int | None = None
    net: float | None = None
    lines: tuple[Line, ...] = ()
    #: Type and folio of what a note corrected.
    corrects: tuple[int | None, int | None] = (None, None)

    @classmethod
    def read(cls, entry: Any) -> "PreviousDocument | None":
        """Read one history entry; None for one that is not about a document."""
        if not isinstance(entry, dict):
            return None
        total = positive(entry.get("monto_total"))
        if total is None:
            return None
        return cls(
            Decimal(str(entry["monto_total"])),
            whole(entry.get("tipo_dte"), 3),
            _day(entry.get("fecha_emision")),
            whole(entry.get("folio"), 10),
            positive(entry.get("monto_neto")),
            tuple(_lines(entry.get("items"))),
            reference(entry.get("documento_referencia")),
        )

    @cached_property
    def items(self) -> frozenset[str]:
        """The keys of its lines."""
        return frozenset(line.key for line in self.lines)


def positive(value: Any) -> float | None:
    """A number above zero that a document could have; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return None
    return float(value) if 0 < value <= MAX_NUMBER else None


def reference(value: Any) -> tuple[int | None, int | None]:
    """Type and folio in a reference, as numbers."""
    if not isinstance(value, dict):
        return None, None
    return whole(value.get("tipo_doc"), 3), whole(value.get("folio"), 10)


def whole(value: Any, digits: int) -> int | None:
    """A number of so many digits; None for anything else."""
    text = str(value)
    known = text.isascii() and text.isdigit() and len(text) <= digits
    return int(text) if known else None


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None


def _lines(items: Any) -> Iterator[Line]:
    for entry in items[:MAX_LINES] if isinstance(items, list) else ():
        if line := Line.read(entry):
            yield line
