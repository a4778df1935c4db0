"""The gate before the queue: two creates of an account run, further ones are held open in the order they came."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from myna.errors import QueueFull

RUNNING = 2
HELD = 51
ENTRY_SECONDS = 180.0


class Abandoned(Exception):
    """The client went away while its request was held."""


@dataclass(eq=False, slots=True)
class _Line:
    running: dict[object, asyncio.TimerHandle] = field(default_factory=dict)
    """Each entry with the timer that ends its count."""
    held: deque[asyncio.Future[object]] = field(default_factory=deque)


class Gate:
    """Counts within this process. An entry that is not taken back within `entry_seconds` counts no more."""

    def __init__(self, running: int = RUNNING, held: int = HELD, entry_seconds: float = ENTRY_SECONDS) -> None:
        self._most_running = running
        self._most_held = held
        self._entry_seconds = entry_seconds
        self._lines: dict[str, _Line] = {}

    def running(self, account_id: str) -> int:
        return len(line.running) if (line := self._lines.get(account_id)) else 0

    def held(self, account_id: str) -> int:
        return len(line.held) if (line := self._lines.get(account_id)) else 0

    @asynccontextmanager
    async def entered(self, account_id: str, gone: Callable[[], Awaitable[None]]) -> AsyncIterator[None]:
        """Runs its body when it is this request's turn. Raises `QueueFull` when too many wait already.

        `gone` ends when the client goes away. It is asked only of a request that is held, which then leaves the
        line and raises `Abandoned`.
        """
        entry = await self._enter(account_id, gone)
        try:
            yield
        finally:
            self._leave(account_id, entry)

    async def _enter(self, account_id: str, gone: Callable[[], Awaitable[None]]) -> object:
        line = self._lines.setdefault(account_id, _Line())
        if len(line.running) < self._most_running and not line.held:
            return self._admit(account_id, line)
        if len(line.held) >= self._most_held:
            raise QueueFull
        turn: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        line.held.append(turn)
        departure = asyncio.ensure_future(gone())
        try:
            await asyncio.wait((turn, departure), return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            self._give_up(account_id, line, turn)
            raise
        finally:
            departure.cancel()
        if not turn.done():
            self._give_up(account_id, line, turn)
            raise Abandoned
        return turn.result()

    def _admit(self, account_id: str, line: _Line) -> object:
        entry = object()
        loop = asyncio.get_running_loop()
        line.running[entry] = loop.call_later(self._entry_seconds, self._leave, account_id, entry)
        return entry

    def _give_up(self, account_id: str, line: _Line, turn: asyncio.Future[object]) -> None:
        if turn.done():
            self._leave(account_id, turn.result())
        else:
            line.held.remove(turn)

    def _leave(self, account_id: str, entry: object) -> None:
        """Leaving twice, as an entry does that had expired before, changes nothing."""
        line = self._lines.get(account_id)
        if line is None or entry not in line.running:
            return
        line.running.pop(entry).cancel()
        while line.held and len(line.running) < self._most_running:
            line.held.popleft().set_result(self._admit(account_id, line))
        if not line.running:
            del self._lines[account_id]
