"""The processes of one engine, and the requests that wait for them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from myna.engines.process import EngineProcess
from myna.errors import Unavailable

Start = Callable[[], Awaitable[EngineProcess]]
"""Starts a process; it need not be ready yet."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """The settings that a pool keeps to. Times in seconds."""

    processes: int
    queue: int
    start: float
    memory_bytes: int
    idle: float


@dataclass(slots=True)
class EngineCounters:
    """What an engine does, for metrics."""

    processes: int = 0
    running: int = 0
    """Requests that have a process."""
    waiting: int = 0
    """Requests in the queue."""
    requests: int = 0
    """Requests that got a process, ever."""
    restarts: Counter[str] = field(default_factory=Counter)
    """Processes that were ended, by reason: crash, silence, cancel, bad_audio, memory, protocol, start, idle."""


class EnginePool:
    """Lends out processes: first come, first served; started when needed, replaced when bad, let go when idle."""

    def __init__(self, engine: str, limits: PoolLimits, start: Start) -> None:
        self.counters = EngineCounters()
        self._engine = engine
        self._limits = limits
        self._start_process = start
        self._idle: list[EngineProcess] = []
        self._all: set[EngineProcess] = set()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._idle_timers: dict[EngineProcess, asyncio.TimerHandle] = {}
        self._background: set[asyncio.Task[Any]] = set()
        self._taken = 0
        self._closed = False
        self._usual_seconds = 1.0

    @contextlib.asynccontextmanager
    async def lend(self) -> AsyncIterator[EngineProcess]:
        """A process for one request. Raises `Unavailable` when the queue is full, and why a process cannot start."""
        await self._take_place()
        process = await self._process_for_place()
        loop = asyncio.get_running_loop()
        began = loop.time()
        self.counters.requests += 1
        try:
            yield process
        finally:
            self._usual_seconds += 0.1 * (loop.time() - began - self._usual_seconds)
            self._give_back(process)

    async def close(self) -> None:
        """End all processes; whoever waits gets `Unavailable`."""
        self._closed = True
        for turn in self._waiting:
            if not turn.done():
                turn.set_exception(Unavailable("This node is stopping."))
        self._waiting.clear()
        for process in list(self._all):
            self._end(process, "")
        while self._background:
            await asyncio.wait(self._background)

    async def _take_place(self) -> None:
        """Wait for one of the places; there are as many as processes are allowed."""
        if self._closed:
            raise Unavailable("This node is stopping.")
        if self._taken < self._limits.processes:
            self._set_taken(self._taken + 1)
            return
        if self.counters.waiting >= self._limits.queue:
            message = f"The engine `{self._engine}` has {self.counters.waiting} requests waiting. Try again later."
            raise Unavailable(message, retry_after=self._estimated_wait())
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        self.counters.waiting += 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._free_place()
            raise
        finally:
            self.counters.waiting -= 1

    def _free_place(self) -> None:
        """Hand the place to whoever has waited longest."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._set_taken(self._taken - 1)

    def _set_taken(self, count: int) -> None:
        self._taken = self.counters.running = count

    def _estimated_wait(self) -> float:
        """Seconds until the queue has moved on, from how long requests usually take."""
        return min(60.0, max(1.0, self.counters.waiting * self._usual_seconds / self._limits.processes))

    async def _process_for_place(self) -> EngineProcess:
        while self._idle:
            process = self._idle.pop()
            self._idle_timers.pop(process).cancel()
            if process.alive:
                return process
            self._end(process, "crash")
        starting = asyncio.create_task(self._start())
        self._background.add(starting)
        starting.add_done_callback(self._background.discard)
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            starting.add_done_callback(self._keep_started)
            raise
        except BaseException:
            self._free_place()
            raise

    async def _start(self) -> EngineProcess:
        process = await self._start_process()
        self._all.add(process)
        self.counters.processes = len(self._all)
        try:
            await process.wait_ready(self._limits.start)
        except BaseException:
            _log.warning("The engine %s did not start: %s", self._engine, process.last_words())
            self._end(process, process.broken or "start")
            raise
        if self._closed:
            self._end(process, "")
            raise Unavailable("This node is stopping.")
        return process

    def _keep_started(self, starting: asyncio.Task[EngineProcess]) -> None:
        """Nobody waits for this process any more, but the next request will be glad of it."""
        if starting.cancelled() or starting.exception():
            self._free_place()
        else:
            self._give_back(starting.result())

    def _give_back(self, process: EngineProcess) -> None:
        """Take a process back without waiting; its place is free once it has stopped working."""
        if process.in_flight and not process.broken:
            self._run_behind(self._cancel_and_give_back(process))
        else:
            self._put_away(process)

    async def _cancel_and_give_back(self, process: EngineProcess) -> None:
        try:
            await process.cancel()
        finally:
            self._put_away(process)

    def _put_away(self, process: EngineProcess) -> None:
        if not process.broken and process.memory_bytes() > self._limits.memory_bytes:
            self._end(process, "memory")
        elif process.broken or self._closed:
            self._end(process, process.broken)
        else:
            loop = asyncio.get_running_loop()
            self._idle_timers[process] = loop.call_later(self._limits.idle, self._let_go, process)
            self._idle.append(process)
        self._free_place()

    def _let_go(self, process: EngineProcess) -> None:
        self._idle.remove(process)
        self._end(process, "idle")

    def _end(self, process: EngineProcess, reason: str) -> None:
        if process not in self._all:
            return
        self._all.discard(process)
        self.counters.processes = len(self._all)
        if timer := self._idle_timers.pop(process, None):
            timer.cancel()
        if reason:
            self.counters.restarts[reason] += 1
        if reason not in ("", "idle", "memory"):
            _log.warning("A process of the engine %s was ended (%s): %s", self._engine, reason, process.last_words())
        self._run_behind(process.stop())

    def _run_behind(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
