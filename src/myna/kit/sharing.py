"""Work that several wait for and that is done once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Result = TypeVar("Result")


class SharedWork(Generic[Key, Result]):
    """Who asks for what is being worked on waits for that. Work for which nobody waits any more is canceled."""

    def __init__(self) -> None:
        self._running: dict[Key, asyncio.Task[Result]] = {}
        self._waiting: dict[asyncio.Task[Any], int] = {}

    async def result(self, key: Key, start: Callable[[], asyncio.Task[Result]]) -> Result:
        """The result of the work of this key. `start` begins it when nobody has."""
        task = self._running.get(key)
        if task is None:
            task = self._running[key] = start()
            self._waiting[task] = 0
            task.add_done_callback(lambda done: self._end(key, done))
        self._waiting[task] += 1
        try:
            return await asyncio.shield(task)
        finally:
            if task in self._waiting:
                self._waiting[task] -= 1
                if not self._waiting[task] and not task.done():
                    self._end(key, task)
                    task.cancel()

    def _end(self, key: Key, task: asyncio.Task[Result]) -> None:
        """Nobody can join any more."""
        if self._running.get(key) is task:
            del self._running[key]
        self._waiting.pop(task, None)
        if task.done() and not task.cancelled():
            task.exception()  # seen, also when nobody waited to the end
