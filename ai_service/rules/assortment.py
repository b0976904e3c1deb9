# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Which items, and with which taxes, this receiver is billed."""

import math
from collections.abc import Iterator

from .base import (
    EXEMPT_INVOICE,
    INVOICE,
    NOTES,
    Case,
    Finding,
    quoted,
    review,
    rule,
)
from .past import PreviousDocument, positive

# So improbable has it to be that a receiver buys only what he never bought.
RARE = 0.05
# The first documents of a receiver are new to him in all.
FIRST = 2
ENOUGH = 6


@rule("peers", "lines", not_types=NOTES)
def items_are_the_receivers(case: Case) -> Iterator[Finding]:
    """Most items were never sold to a receiver who seldom takes a new one (P)."""
    items = {line.key: line.name for line in case.lines}
    new = [name for key, name in items.items() if key not in case.past_lines]
    with_lines = [each for each in case.peers if each.lines]
    if 2 * len(new) < len(items) or not new or len(with_lines) < FIRST + 2:
        return
    by_item, by_document = _novelty(with_lines)
    chance = _at_least(len(new), len(items), by_item)
    alone = len(new) == 1
    if chance > RARE or (by_document > 2 * RARE and (alone or chance > RARE / 50)):
        return
    known = len(case.past_lines)
    some = f"{quoted(new[0])} nunca se le ha vendido"
    if not alone:
        some = f"{len(new)} de {len(items)} nunca se le han vendido ({quoted(new[0])}…)"
    repeated = "repite 1 ítem" if known == 1 else f"repite {known} ítems"
    yield review(
        f"Ítems: {some} a este receptor, que {repeated} en {len(with_lines)} documentos"
        f" {case.seen(with_lines)}. Confirme que el documento es de este cliente.",
        certainty=0.95 if chance < RARE / 50 else 0.85,
        about="+".join(sorted(set(items) - set(case.past_lines))),
    )


def _novelty(documents: list[PreviousDocument]) -> tuple[float, float]:
    """How often an item, and a whole document, was new to the receiver."""
    seen: set[str] = set()
    items = new_items = new_documents = 0
    for number, document in enumerate(reversed(documents)):
        new = document.items - seen
        if number >= FIRST:
            items += len(document.items)
            new_items += len(new)
            new_documents += 2 * len(new) > len(document.items)
        seen |= document.items
    count = len(documents) - FIRST
    return (new_items + 0.5) / (items + 1), (new_documents + 0.5) / (count + 1)


def _at_least(successes: int, trials: int, probability: float) -> float:
    """The binomial distribution's tail."""
    return sum(
        math.comb(trials, count)
        * probability**count
        * (1 - probability) ** (trials - count)
        for count in range(successes, trials + 1)
    )


@rule("peers", "lines", types={INVOICE, EXEMPT_INVOICE})
def taxes_are_usual(case: Case) -> Iterator[Finding]:
    """A receiver who is always billed with IVA, billed without; or the reverse (P)."""
    known = [line for line in case.lines if line.key in case.past_lines]
    shares = [
        share
        for each in case.peers
        if (share := _taxed(each.type, each.net, float(each.total))) is not None
    ]
    amounts = case.dte.monto_neto, case.dte.monto_total
    here = _taxed(case.dte.tipo_dte, *map(positive, amounts))
    if here is None or len(shares) < 4 or 2 * len(known) < len(case.lines):
        return
    always, never = min(shares) > 0.98, max(shares) < 0.02
    if (always and here < 0.9) or (never and here > 0.1):
        usual, now = ("con IVA", "exento") if always else ("exento", "con IVA")
        part = "" if here in (0.0, 1.0) else " en parte"
        yield review(
            f"Impuestos: a este receptor siempre se le factura {usual}"
            f" ({len(shares)} documentos {case.seen(case.peers)}) y aquí{part} {now}."
            " Confirme los impuestos de las líneas y el tipo de documento.",
            certainty=0.95,
            about=now,
        )


def _taxed(code: int | None, net: float | None, total: float | None) -> float | None:
    """The part of a total that net and IVA make up; None where that is not known."""
    if code == EXEMPT_INVOICE:
        return 0.0
    if code != INVOICE or net is None or not total:
        return None
    return min(net * 1.19 / total, 1.0)
