# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Idempotency-Key: a request that is repeated has one answer."""

import hashlib
import json
from typing import NamedTuple

from pydantic import TypeAdapter

from .cache import digest, read, readable, written
from .engines.base import Opinion
from .schemas import ValidationRequest
from .store import Store

LIFETIME = 24 * 3600.0


class _Record(NamedTuple):
    """What a key is tied to, and the answer once there is one."""

    document: str
    answer: str | None


_RECORD = TypeAdapter(_Record)


def _written(record: _Record) -> str:
    return json.dumps(record)


class KeyReused(Exception):
    """The key was given for another document."""


class Idempotency:
    """Answers by the key that a client gave them, for a day.

    The key stands for the document and its company. The history may differ: between
    two attempts on one document the client may well have issued another one.
    """

    def __init__(self, store: Store, lifetime: float = LIFETIME) -> None:
        self._store = store
        self._lifetime = lifetime

    async def begin(
        self, client: str, key: str, request: ValidationRequest
    ) -> Opinion | None:
        """Tie the key to the request; the answer that was given to it, if one was.

        :param client: identifier of the API key: clients do not see each other's
        :raises KeyReused: when it is tied to another document
        """
        name, document = _name(client, key), _document(request)
        mine = _written(_Record(document, None))
        found = readable(_RECORD, await self._store.claim(name, mine, self._lifetime))
        if found is None:
            await self._store.put(name, mine, self._lifetime)
            return None
        if found.document != document:
            raise KeyReused
        return read(found.answer) if found.answer else None

    async def finish(
        self, client: str, key: str, request: ValidationRequest, opinion: Opinion
    ) -> None:
        """Keep the answer. Without an opinion the next attempt asks anew."""
        if opinion.opinion:
            record = _Record(_document(request), written(opinion))
            await self._store.put(_name(client, key), _written(record), self._lifetime)


def _document(request: ValidationRequest) -> str:
    return digest(request.model_copy(update={"history": []}), "any engine")


def _name(client: str, key: str) -> str:
    hashed = hashlib.sha256(key.encode()).hexdigest()[:32]
    return f"llm_idempotency:{client}:{hashed}"
