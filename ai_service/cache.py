# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Answers that were already given: the same question is not judged twice."""

import hashlib
import json
from datetime import date
from decimal import Context, Decimal
from typing import Any

from cachetools import TTLCache

from .engines.base import Opinion
from .schemas import ValidationRequest

LIFETIME = 15 * 60.0
MAX_ANSWERS = 2_000

# Normalising must not round.
_EXACT = Context(prec=400)


class AnswerCache:
    """Opinions by digest, in memory: at most `size`, each for `lifetime` seconds.

    The methods are coroutines so that a shared store can take this one's place.
    """

    def __init__(self, size: int = MAX_ANSWERS, lifetime: float = LIFETIME) -> None:
        self._answers: TTLCache[str, Opinion] = TTLCache(size, lifetime)

    async def get(self, digest: str) -> Opinion | None:
        """The opinion stored under `digest`, if there is one and it is fresh."""
        return self._answers.get(digest)

    async def put(self, digest: str, opinion: Opinion) -> None:
        """Keep an opinion. An answer without opinion is not kept: it would turn a
        moment's failure into a quarter of an hour of it."""
        if opinion.opinion:
            self._answers[digest] = opinion


def digest(request: ValidationRequest, engine: str) -> str:
    """SHA-256 of the canonical request and of the engine that answers it.

    Two requests that say the same have one digest: the order of keys, ``119000`` or
    ``119000.0``, ``"33"`` or ``33``, an absent key or a null do not matter.
    """
    text = json.dumps([engine, _canonical(request.model_dump())], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _canonical(item) for key, item in value.items() if item is not None
        }
    if isinstance(value, list):
        return [_canonical(item) for item in value]
    if isinstance(value, (Decimal, float)):
        return f"{Decimal(str(value)).normalize(_EXACT):f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return value.isoformat() if isinstance(value, date) else value
