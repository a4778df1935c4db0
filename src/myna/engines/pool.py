"""The processes of one engine, and the requests that wait for them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from myna.engines.process import EngineProcess
from myna.engines.residency import Residency
from myna.engines.waiting import Claim, WaitingRequests
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
    growth_bytes: int
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
    """Processes that were ended, by reason: crash, silence, cancel, bad_audio, memory, protocol, start, idle,
    room."""


class EnginePool:
    """Lends out processes, to each account in its turn; started when needed, replaced when bad, let go when idle."""

    def __init__(self, engine: str, limits: PoolLimits, start: Start, residency: Residency) -> None:
        self.counters = EngineCounters()
        self._engine = engine
        self._limits = limits
        self._start_process = start
        self._residency = residency
        self._idle: list[EngineProcess] = []
        self._all: set[EngineProcess] = set()
        self._waiting = WaitingRequests(limits.queue)
        self._idle_timers: dict[EngineProcess, asyncio.TimerHandle] = {}
        self._background: set[asyncio.Task[Any]] = set()
        self._returning: set[asyncio.Task[None]] = set()
        """For processes whose request was canceled: they will be idle in a moment."""
        self._taken = 0
        self._closed = False
        self._usual_seconds = 1.0

    @contextlib.asynccontextmanager
    async def lend(self) -> AsyncIterator[EngineProcess]:
        """A process for one request. Raises `Unavailable` when the queue is full, and why a process cannot start."""
        await self._take_place()
        try:
            await self._residency.admit(self)
        except BaseException:
            self._free_place()
            raise
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
        while turn := self._waiting.next():
            if not turn.done():
                turn.set_exception(Unavailable("This node is stopping."))
        for process in list(self._all):
            self._end(process, "")
        while self._background:
            await asyncio.wait(self._background)

    async def let_all_go(self) -> None:
        """End the processes at rest, to make room for other engines."""
        ending = [self._end(process, "room") for process in self._idle]
        self._idle.clear()
        await asyncio.gather(*(task for task in ending if task))

    def memory_bytes(self) -> int:
        """Resident memory of all its processes."""
        return sum(process.memory_bytes() for process in self._all)

    async def _take_place(self) -> None:
        """Wait for one of the places; there are as many as processes are allowed."""
        if self._closed:
            raise Unavailable("This node is stopping.")
        if self._taken < self._limits.processes:
            self._set_taken(self._taken + 1)
            return
        claim = Claim.of_this_task()
        if not self._waiting.has_room(claim):
            message = f"The engine `{self._engine}` has {self.counters.waiting} requests waiting. Try again later."
            raise Unavailable(message, retry_after=self._estimated_wait())
        turn = self._waiting.add(claim)
        self.counters.waiting += 1
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self._free_place()
            else:
                self._waiting.remove(claim, turn)
            raise
        finally:
            self.counters.waiting -= 1

    def _leave_place(self) -> None:
        self._residency.left(self)
        self._free_place()

    def _free_place(self) -> None:
        """Hand the place to whose turn it is."""
        while turn := self._waiting.next():
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
        try:
            while not (process := self._take_idle()) and self._returning:
                await asyncio.wait(self._returning, return_when=asyncio.FIRST_COMPLETED)  # sooner than a start
        except BaseException:
            self._leave_place()
            raise
        return process or await self._started_process()

    def _take_idle(self) -> EngineProcess | None:
        while self._idle:
            process = self._idle.pop()
            self._idle_timers.pop(process).cancel()
            if process.alive:
                return process
            self._end(process, "crash")
        return None

    async def _started_process(self) -> EngineProcess:
        starting = asyncio.create_task(self._start())
        self._background.add(starting)
        starting.add_done_callback(self._background.discard)
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            starting.add_done_callback(self._keep_started)
            raise
        except BaseException:
            self._leave_place()
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
            self._leave_place()
        else:
            self._give_back(starting.result())

    def _give_back(self, process: EngineProcess) -> None:
        """Take a process back without waiting; its place is free once it has stopped working."""
        if process.in_flight and not process.broken:
            returning = self._run_behind(self._cancel_and_give_back(process))
            self._returning.add(returning)
            returning.add_done_callback(self._returning.discard)
        else:
            self._put_away(process)

    async def _cancel_and_give_back(self, process: EngineProcess) -> None:
        try:
            await process.cancel()
        finally:
            self._put_away(process)

    def _put_away(self, process: EngineProcess) -> None:
        if not process.broken and process.grown_bytes() > self._limits.growth_bytes:
            self._end(process, "memory")
        elif process.broken or self._closed:
            self._end(process, process.broken)
        else:
            loop = asyncio.get_running_loop()
            self._idle_timers[process] = loop.call_later(self._limits.idle, self._let_go, process)
            self._idle.append(process)
        self._leave_place()

    def _let_go(self, process: EngineProcess) -> None:
        self._idle.remove(process)
        self._end(process, "idle")

    def _end(self, process: EngineProcess, reason: str) -> asyncio.Task[None] | None:
        """The task that ends it; None when it has ended already."""
        if process not in self._all:
            return None
        self._all.discard(process)
        self.counters.processes = len(self._all)
        if timer := self._idle_timers.pop(process, None):
            timer.cancel()
        if reason:
            self.counters.restarts[reason] += 1
        if reason not in ("", "idle", "memory", "room"):
            _log.warning("A process of the engine %s was ended (%s): %s", self._engine, reason, process.last_words())
        return self._run_behind(process.stop())

    def _run_behind(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task
