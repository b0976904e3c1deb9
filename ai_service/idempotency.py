# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Idempotency-Key: a request that is repeated has one answer."""

import hashlib
import json

from .cache import digest, read, written
from .engines.base import Opinion
from .schemas import ValidationRequest
from .store import Store

LIFETIME = 24 * 3600.0


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
        mine = json.dumps({"document": _document(request), "answer": None})
        found = json.loads(
            await self._store.claim(_name(client, key), mine, self._lifetime)
        )
        if found["document"] != _document(request):
            raise KeyReused
        return read(found["answer"]) if found["answer"] else None

    async def finish(
        self, client: str, key: str, request: ValidationRequest, opinion: Opinion
    ) -> None:
        """Keep the answer. Without an opinion the next attempt asks anew."""
        if opinion.opinion:
            kept = {"document": _document(request), "answer": written(opinion)}
            await self._store.put(_name(client, key), json.dumps(kept), self._lifetime)


def _document(request: ValidationRequest) -> str:
    return digest(request.model_copy(update={"history": []}), "any engine")


def _name(client: str, key: str) -> str:
    hashed = hashlib.sha256(key.encode()).hexdigest()[:32]
    return f"llm_idempotency:{client}:{hashed}"
