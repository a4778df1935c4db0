"""Nodes: saying that one lives, noticing who no longer does, and taking over what the dead were doing.

Each node writes a sign of life every `heartbeat_seconds`. A node that takes work looks at the signs of the others, and
takes over a node

* that has stopped, and said so: at once;
* whose process on this very machine is gone: at once, so a single node that was killed goes on when it is back;
* whose sign of life has not changed for `dead_after_seconds`.

The last is measured with the observer's own clock, which counts and never jumps, not by comparing two machines' times
of day: a clock that is set, or wrong, kills nobody.

Exactly one node takes over a dead one, by a conditional UPDATE. Should it die before it is done, whoever takes over
*it* does it again, so nothing falls between two.

A node may be taken for dead while it lives: its machine slept, its database was away, its loop was held up. It notices
with its next sign of life, and simply says again that it lives, under the same id. In between, some of its work was
given to others and may run twice. That is safe: steps are idempotent by job and step, DBOS lets only the newer
execution of a workflow write its next step or result, and the older one stops there. Its streams of speech were
given up by the others, which costs the account nothing.

While the database is away a node says nothing and takes nothing; it tries again with every beat.
"""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import psutil
import structlog

from myna.db.session import Database
from myna.kit import clock
from myna.settings import Settings
from myna.worker.durable import WORKFLOW_VERSION
from myna.worker.repository import NodeRecord, WorkerRepository

log = structlog.get_logger()

OnNodeDead = Callable[[str], Awaitable[None]]

_CLOCK_TOLERANCE = 2.0
"""Seconds by which the start of one and the same process may seem to differ."""


class Recovery(Protocol):
    async def recover(self, node_ids: Sequence[str]) -> int: ...


class NodeKeeper:
    """Keeps the sign of life of this node, and watches the others."""

    def __init__(
        self,
        node_id: str,
        settings: Settings,
        database: Database,
        work: Recovery,
        on_node_dead: Sequence[OnNodeDead] = (),
    ) -> None:
        self._id = node_id
        self._settings = settings
        self._database = database
        self._work = work
        self._on_node_dead = on_node_dead
        self._watch = _Watch()
        self._unfinished: set[str] = set()
        self._task: asyncio.Task[None] | None = None

    async def register(self) -> None:
        """Say that this node is here: before it takes any work, so that others can see if it dies with it."""
        process, now = psutil.Process(), clock.now()
        node = NodeRecord(
            id=self._id,
            host=_host(),
            process=process.pid,
            process_started_at=process.create_time(),
            version=WORKFLOW_VERSION,
            seen_at=now,
            stopped_at=None,
            recovered_by=None,
            created_at=now,
        )
        async with self._database.transaction() as connection:
            await WorkerRepository(connection).register(node)

    async def start(self) -> None:
        """Take over who is known to be dead already, and go on watching."""
        await self.register()
        await self._beat_and_look()
        self._task = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Say that this node stops. What it has left undone is for the others, or for its next start."""
        if self._task is None:
            return
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        self._task = None
        try:
            async with self._database.transaction() as connection:
                await WorkerRepository(connection).mark_stopped(self._id, clock.now())
        except Exception:
            log.warning("node.could_not_say_goodbye", node=self._id, exc_info=True)

    async def beat(self) -> None:
        """Say that this node lives, also when others have thought that it does not."""
        async with self._database.transaction() as connection:
            if await WorkerRepository(connection).beat(self._id, clock.now()):
                return
        log.warning("node.was_thought_dead", node=self._id)
        await self.register()

    async def look(self) -> list[str]:
        """Take over the nodes that are dead. Returns their ids."""
        async with self._database.reading() as connection:
            others = await WorkerRepository(connection).unclaimed(without=self._id)
        self._watch.note(others)
        for node in others:
            if self._is_dead(node):
                async with self._database.transaction() as connection:
                    if await WorkerRepository(connection).claim(node, self._id):
                        self._unfinished.add(node.id)
        taken = sorted(self._unfinished)
        for node_id in taken:
            await self._take_over(node_id)
            self._unfinished.discard(node_id)
        return taken

    async def live(self) -> list[str]:
        """The ids of the nodes that live, this one among them."""
        return await live_nodes(self._settings, self._database)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._settings.heartbeat_seconds)
            await self._beat_and_look()

    async def _beat_and_look(self) -> None:
        try:
            await self.beat()
            if self._settings.work:
                await self.look()
        except Exception:
            log.warning("node.beat_failed", node=self._id, exc_info=True)

    async def _take_over(self, node_id: str) -> None:
        async with self._database.reading() as connection:
            dead = [node_id, *await WorkerRepository(connection).heirs_of(node_id)]
        count = await self._work.recover(dead)
        for dead_id in dead:
            for tell in self._on_node_dead:
                await tell(dead_id)
        say = log.warning if count else log.info
        say("node.taken_over", dead=node_id, by=self._id, workflows=count)

    def _is_dead(self, node: NodeRecord) -> bool:
        silent = self._watch.silent_seconds(node)
        return (
            node.stopped_at is not None
            or silent >= self._settings.dead_after_seconds
            or _process_is_gone(node, patient=silent < 2 * self._settings.heartbeat_seconds)
        )


async def live_nodes(settings: Settings, database: Database) -> list[str]:
    """The ids of the nodes that have lately given a sign of life."""
    async with database.reading() as connection:
        since = clock.now() - clock.seconds(settings.dead_after_seconds + settings.heartbeat_seconds)
        return await WorkerRepository(connection).seen_since(since)


async def has_run(database: Database) -> bool:
    """Whether a node has lately run on this database at all."""
    async with database.reading() as connection:
        return bool(await WorkerRepository(connection).seen_since(datetime.min.replace(tzinfo=UTC)))


@dataclass(slots=True)
class _Sight:
    node: NodeRecord
    since: float
    """On the monotonic clock: when this sign of life was first seen."""


class _Watch:
    """When the sign of life of each node was last seen to change."""

    def __init__(self) -> None:
        self._sights: dict[str, _Sight] = {}

    def note(self, nodes: Sequence[NodeRecord]) -> None:
        now, before = time.monotonic(), self._sights
        self._sights = {}
        for node in nodes:
            sight = before.get(node.id)
            same = sight is not None and sight.node.seen_at == node.seen_at
            self._sights[node.id] = sight if sight is not None and same else _Sight(node, now)

    def silent_seconds(self, node: NodeRecord) -> float:
        return time.monotonic() - self._sights[node.id].since


def _process_is_gone(node: NodeRecord, *, patient: bool) -> bool:
    """Whether a node of this machine has no process any more.

    Another process may have its number by now. The start of that one differs, but it also seems to differ when the
    machine's clock was set, so with patience only a number that nobody has counts.
    """
    if node.host != _host():
        return False
    try:
        process = psutil.Process(node.process)
        if process.status() == psutil.STATUS_ZOMBIE:
            return True
        return not patient and abs(process.create_time() - node.process_started_at) > _CLOCK_TOLERANCE
    except psutil.NoSuchProcess:
        return True
    except psutil.AccessDenied:
        return False


def _host() -> str:
    """Where process numbers mean the same. Containers may share a name, but each counts its processes by itself."""
    return "/".join([socket.gethostname()[:180], _read("/proc/sys/kernel/random/boot_id")[:8], _process_numbers()])


def _read(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _process_numbers() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""
