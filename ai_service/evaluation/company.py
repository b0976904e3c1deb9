# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""A year of an invented company: its receivers, their habits, and its documents."""

import copy
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from ..rules.parties import check_digit
from .trades import Trade

LAST_DAY = date(2026, 11, 20)
DAYS = 420
VAT = 0.19
# Days without business: around the national holidays, Christmas and New Year.
HOLIDAYS = {(9, 18), (9, 19), (12, 25), (1, 1), (5, 1), (5, 21), (11, 1)}
MONTHS = (
    *("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto"),
    *("septiembre", "octubre", "noviembre", "diciembre"),
)
#: Days between two documents, their spread, and whether each order is the same.
RHYTHMS = {
    "twice a week": (3.5, 0.7, False),
    "weekly": (7, 0.8, False),
    "weekly fixed": (7, 0.5, True),
    "fortnightly": (14, 2.0, False),
    "monthly": (30.4, 2.5, False),
    "monthly fixed": (30.4, 1.0, True),
    "irregular": (19, 12.0, False),
}
_FIRST = "Comercial Servicios Constructora Transportes Inversiones Agrícola Clínica"
_SECOND = (
    "Maipo Andes Pacífico Boldo Quillay Copihue Alerce Laurel Lenga Arrayán Pehuén"
    " Canelo Mañío Ulmo Peumo Espino Tamarugo Colchagua Itata Biobío Loncomilla"
)
_FORMS = "Ltda. SpA S.A. EIRL"


@dataclass
class Article:
    """What a company sells, and its price over the year."""

    name: str
    unit: str
    price: float
    quantity: float
    #: (first day, factor) of each rise.
    rises: list[tuple[date, float]]

    def price_on(self, day: date) -> float:
        """The list price on a day."""
        price = self.price
        for first, factor in self.rises:
            price *= factor if day >= first else 1
        return price


@dataclass
class Receiver:
    """Who is billed, and what is usual for him."""

    rut: str
    name: str
    activity: str
    rhythm: str
    since: date
    #: How often he takes each article, and how much of it.
    habits: dict[int, tuple[float, float]]
    discount: float = 0.0
    factor: float = 1.0
    stage: int = 0
    documents: list["Document"] = field(default_factory=list)


@dataclass
class Document:
    """A document as it was issued, and what the service is told of it."""

    receiver: Receiver
    data: dict[str, Any]
    #: What the document was before a mistake was made; for notes, what they correct.
    corrects: "Document | None" = None

    @property
    def day(self) -> date:
        """When it was issued."""
        return date.fromisoformat(self.data["fecha_emision"])

    def copy(self) -> "Document":
        """One of its own to make a mistake in."""
        return Document(self.receiver, copy.deepcopy(self.data), self.corrects)


class Company:
    """One company and its year.

    :param seed: the same seed is the same company
    """

    def __init__(self, trade: Trade, seed: int) -> None:
        self.trade = trade
        self.random = random.Random(f"{trade.name}/{seed}")
        self.rut = self._rut(76)
        self.first = LAST_DAY - timedelta(DAYS)
        self.articles = [self._article(*row) for row in trade.catalogue]
        self.uf = self._uf()
        self.receivers = [self._receiver() for _ in range(trade.receivers)]
        self.documents: list[Document] = []
        self._live()

    # --- Who and what -----------------------------------------------------------

    def _rut(self, start: int) -> str:
        number = start * 1_000_000 + self.random.randrange(1_000_000)
        return f"{number}-{check_digit(number)}"

    def _article(self, name: str, unit: str, price: float, much: float) -> Article:
        chance = self.random
        rises = [
            (self.first + timedelta(chance.randrange(DAYS)), chance.uniform(1.02, 1.13))
            for _ in range(chance.choice((0, 1, 1, 2)))
        ]
        return Article(name, unit, price, much, [] if self.trade.in_uf else rises)

    def _uf(self) -> list[float]:
        value, values = 38500.0, []
        monthly = 0.003
        for day in range(DAYS + 1):
            if day % 30 == 0:
                monthly = max(self.random.gauss(0.0035, 0.002), -0.001)
            value *= 1 + monthly / 30
            values.append(value)
        return values

    def _receiver(self) -> Receiver:
        chance, trade = self.random, self.trade
        words = [chance.choice(each.split()) for each in (_FIRST, _SECOND, _FORMS)]
        names, shares = zip(*trade.rhythms, strict=True)
        basket = chance.sample(
            range(len(self.articles)),
            min(chance.randint(*trade.basket), len(self.articles)),
        )
        size = math.exp(chance.gauss(0, 0.5))
        habits = {
            index: (
                chance.choice((0.35, 0.6, 0.85, 0.95)),
                self.articles[index].quantity
                * (
                    size * math.exp(chance.gauss(0, trade.variety))
                    if trade.variety and self.articles[index].quantity > 1
                    else 1
                ),
            )
            for index in basket
        }
        return Receiver(
            rut=self._rut(chance.choice((76, 77, 78, 96))),
            name=" ".join(words),
            activity=f"Actividades de {words[0].lower()}",
            rhythm=chance.choices(names, shares)[0],
            # Some became customers during the year.
            since=self.first
            + timedelta(chance.choice((0, 0, 0, 0, 100, 200, 300, 330))),
            habits=habits,
            discount=chance.choice((0, 0, 0, 5, 8, 10, 15)),
            factor=chance.choice((1, 1, 1, 0.97, 0.95)),
        )

    # --- The year ---------------------------------------------------------------

    def _live(self) -> None:
        orders = sorted(
            (
                (day, number)
                for number, receiver in enumerate(self.receivers)
                for day in self._days(receiver)
            ),
        )
        for folio, (day, number) in enumerate(orders, 1001):
            receiver = self.receivers[number]
            document = self._issue(receiver, day, folio)
            receiver.documents.append(document)
            self.documents.append(document)
            if self.random.random() < 0.02:
                self._credit(document)

    def _days(self, receiver: Receiver) -> Iterator[date]:
        gap, spread, _ = RHYTHMS[receiver.rhythm]
        if "monthly" in receiver.rhythm:
            yield from self._months(receiver, spread)
            return
        chance = self.random
        day = receiver.since + timedelta(chance.uniform(0, gap))
        planned = day
        while True:
            planned += timedelta(gap)
            if receiver.rhythm == "irregular":
                planned = day + timedelta(max(chance.gammavariate(2, gap / 2), 1))
            day = max(
                planned + timedelta(round(chance.gauss(0, spread))),
                day + timedelta(1),
            )
            while day.weekday() > 4 or (day.month, day.day) in HOLIDAYS:
                day += timedelta(1)
            if day > LAST_DAY:
                return
            # Holidays, sickness, no need.
            if chance.random() > (0.05 if gap < 20 else 0.02):
                yield day

    def _months(self, receiver: Receiver, spread: float) -> Iterator[date]:
        """About the same day of each month."""
        usual = self.random.randint(4, 25)
        month = receiver.since.replace(day=1)
        while month <= LAST_DAY:
            turn = min(max(usual + round(self.random.gauss(0, spread)), 1), 28)
            day = month.replace(day=turn)
            step = timedelta(-1 if turn > 20 else 1)  # It stays in its month.
            while day.weekday() > 4 or (day.month, day.day) in HOLIDAYS:
                day += step
            if receiver.since <= day <= LAST_DAY and self.random.random() > 0.02:
                yield day
            month = (month + timedelta(32)).replace(day=1)

    def _issue(self, receiver: Receiver, day: date, folio: int) -> Document:
        chance, trade = self.random, self.trade
        fixed = RHYTHMS[receiver.rhythm][2]
        items = []
        receiver.stage += 1
        chosen = {
            index: much
            for index, (often, much) in receiver.habits.items()
            if fixed or chance.random() < often
        }
        if not chosen:
            chosen = dict([next((k, v[1]) for k, v in receiver.habits.items())])
        if chance.random() < trade.novelty:
            index = chance.randrange(len(self.articles))
            often, much = 0.2, self.articles[index].quantity
            receiver.habits.setdefault(index, (often, much))
            chosen.setdefault(index, much)
        if chance.random() < trade.one_offs:
            index = chance.randrange(len(self.articles))
            chosen = {index: self.articles[index].quantity}
        season = 1.0
        if trade.seasonal:
            season = math.exp(0.7 * math.cos(2 * math.pi * (day.month - 11) / 12))
        # Before the national holidays and Christmas people take more.
        if (day.month, day.day) in {(9, d) for d in range(8, 18)} | {
            (12, d) for d in range(12, 24)
        }:
            season *= 1.0 if fixed else 1.5
        for index, much in chosen.items():
            items.append(self._line(receiver, index, much * season, day, fixed))
        return Document(receiver, self.document(receiver, day, folio, items))

    def _line(
        self, receiver: Receiver, index: int, much: float, day: date, fixed: bool
    ) -> dict[str, Any]:
        article, trade = self.articles[index], self.trade
        quantity = much
        if not fixed and (article.unit, article.quantity) != ("GL", 1):
            quantity *= math.exp(self.random.gauss(0, trade.variety))
        weighed = article.unit == "KG"
        quantity = max(round(quantity, 1 if weighed else 0), 0.5 if weighed else 1)
        price = article.price_on(day) * receiver.factor
        if trade.in_uf:
            price *= self.uf[(day - self.first).days]
        if trade.volatility:
            price *= math.exp(self.random.gauss(0, trade.volatility))
        line = {
            "nombre": article.name + self._period(receiver, index, day),
            "cantidad": int(quantity) if quantity == int(quantity) else quantity,
            "unidad": article.unit,
            "precio_unitario": round(price) if price < 1000 else round(price, -1),
        }
        if receiver.discount and trade.code == 33:
            line["descuento_pct"] = receiver.discount
        return line

    def _period(self, receiver: Receiver, index: int, day: date) -> str:
        if self.trade.period == "month" and int(receiver.rut[3]) % 2:
            return f" {MONTHS[day.month - 1]} {day.year}"
        if self.trade.period == "stage" and "Estado" in self.articles[index].name:
            return f" N° {receiver.stage}"
        return ""

    def _credit(self, document: Document) -> None:
        """Now and then something is given back."""
        note = self.credit(document, min(document.day + timedelta(3), LAST_DAY))
        document.receiver.documents.append(note)
        self.documents.append(note)

    def credit(self, document: Document, day: date) -> Document:
        """A right credit note: all of the document, or one line of it."""
        lines = copy.deepcopy(document.data["items"])
        whole = len(lines) == 1 or self.random.random() < 0.5
        data = self.document(
            document.receiver,
            day,
            5000 + len(self.documents),
            lines if whole else lines[:1],
        )
        data["tipo_dte"] = "61"
        data["documento_referencia"] = {
            "tipo_doc": document.data["tipo_dte"],
            "folio": str(document.data["folio"]),
            "fecha": document.data["fecha_emision"],
            "codigo": "1" if whole else "3",
        }
        return Document(document.receiver, data, document)

    # --- The document -----------------------------------------------------------

    def document(
        self, receiver: Receiver, day: date, folio: int, items: list[dict[str, Any]]
    ) -> dict[str, Any]:
        """A document with right sums."""
        data = {
            "tipo_dte": str(self.trade.code),
            "folio": folio,
            "fecha_emision": day.isoformat(),
            "rut_emisor": self.rut,
            "rut_receptor": receiver.rut,
            "razon_social_emisor": "Empresa de Prueba SpA",
            "razon_social_receptor": receiver.name,
            "giro_emisor": self.trade.activity,
            "giro_receptor": receiver.activity[:40],
            "direccion_receptor": "Calle Uno 123",
            "comuna_receptor": "Talca",
            "items": items,
        }
        add_up(data)
        return data


def add_up(data: dict[str, Any]) -> None:
    """Set the amounts of a document from its lines."""
    total = 0
    for number, line in enumerate(data["items"], 1):
        line["numero"] = number
        gross = _half_up(line["cantidad"] * line["precio_unitario"])
        line["monto"] = gross - _half_up(gross * line.get("descuento_pct", 0) / 100)
        total += line["monto"]
    exempt = "monto_exento" in data or data["tipo_dte"] == "34"
    for name in ("monto_neto", "monto_iva", "monto_exento"):
        data.pop(name, None)
    if exempt:
        data["monto_exento"] = data["monto_total"] = total
    else:
        data["monto_neto"] = total
        data["monto_iva"] = _half_up(total * VAT)
        data["monto_total"] = total + data["monto_iva"]


def _half_up(value: float) -> int:
    return math.floor(round(value, 4) + 0.5)
