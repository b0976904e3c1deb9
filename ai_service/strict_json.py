# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Reading JSON from strangers: what we accept, we can also write."""

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

# A document has five levels; more than this only serves to exhaust a parser.
MAX_DEPTH = 40


class StrictRequest(Request):
    """A request whose ``json()`` refuses what Python's parser lets through."""

    async def json(self) -> Any:
        """Parse the body.

        :raises json.JSONDecodeError: on malformed JSON and also on NaN, infinities,
            numbers of thousands of digits, lone surrogates, text that is not UTF-8 and
            absurd nesting. FastAPI answers all of them with 422, before it
            authenticates (contract, "Authentication").
        """
        body = await self.body()
        try:
            value = json.loads(body)
            if _deeper_than(MAX_DEPTH, value):
                raise ValueError("nested too deeply")
            # NaN, 1e400 and lone surrogates can be read but not written.
            json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
        except json.JSONDecodeError:
            raise
        except (ValueError, RecursionError) as error:
            reason = str(error).split(":")[0] or "nested too deeply"
            raise json.JSONDecodeError(reason, "", 0) from None
        return value


class StrictRoute(APIRoute):
    """A route that reads its body through :class:`StrictRequest`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            strictly = StrictRequest(request.scope, request.receive)
            return await self.recall(strictly) or await handler(strictly)

        return strict

    async def recall(self, request: StrictRequest) -> Response | None:
        """An answer that needs no reading of the request; here there is none."""


def _deeper_than(limit: int, value: Any) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            child
            for parent in level
            if isinstance(parent, (dict, list))
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return False
    return True
