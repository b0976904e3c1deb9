# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Answers that were already given: the same question is not judged twice."""

import hashlib
import json
from dataclasses import asdict
from datetime import date
from decimal import Context, Decimal
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from .engines.base import Opinion
from .logs import get_logger
from .schemas import ValidationRequest
from .store import Store

LIFETIME = 15 * 60.0
PREFIX = "llm_cache:"

Record = TypeVar("Record")
_OPINION = TypeAdapter(Opinion)

# Normalising must not round.
_EXACT = Context(prec=400)


class AnswerCache:
    """Opinions by digest, each for `lifetime` seconds."""

    def __init__(self, store: Store, lifetime: float = LIFETIME) -> None:
        self._store = store
        self._lifetime = lifetime

    async def get(self, digest: str) -> Opinion | None:
        """The opinion stored under `digest`, if there is one and it is fresh."""
        text = await self._store.get(PREFIX + digest)
        return read(text) if text else None

    async def put(self, digest: str, opinion: Opinion) -> None:
        """Keep an opinion. An answer without opinion is not kept: it would turn a
        moment's failure into a quarter of an hour of it."""
        if opinion.opinion:
            await self._store.put(PREFIX + digest, written(opinion), self._lifetime)


def written(opinion: Opinion) -> str:
    """An opinion as text, for a store."""
    return json.dumps(asdict(opinion), ensure_ascii=False)


def read(text: object) -> Opinion | None:
    """The opinion in a text; None where it is not one: others can write to a Redis."""
    opinion = readable(_OPINION, text)
    return opinion if opinion and opinion.opinion else None


def readable(adapter: TypeAdapter[Record], text: object) -> Record | None:
    """What a store kept, if it has the shape that we gave it. If not, it is missing."""
    try:
        return adapter.validate_json(text, strict=True)
    except ValidationError:
        get_logger().warning("stored_record_unreadable")
        return None


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
