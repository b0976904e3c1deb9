# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""Identical requests at the same time are one piece of work."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

Result = TypeVar("Result")


class Collapse(Generic[Result]):
    """Lets whoever asks the same while the answer is being made wait for that one."""

    def __init__(self) -> None:
        self._running: dict[str, asyncio.Task[Result]] = {}

    async def once(
        self, key: str, make: Callable[[], Coroutine[Any, Any, Result]]
    ) -> Result:
        """The result of `make`, shared by all who ask for `key` until it is there.

        The work goes on when the one who began it goes away: others may wait for it,
        and its answer is cached.
        """
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = asyncio.create_task(make())
            task.add_done_callback(lambda _: self._running.pop(key, None))
        return await asyncio.shield(task)
