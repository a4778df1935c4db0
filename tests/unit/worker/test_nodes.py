from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta

import psutil
import pytest
from sqlalchemy import select, update

from myna.db.tables import nodes
from myna.errors import Unavailable
from myna.kit import clock
from myna.worker.nodes import NodeKeeper, live_nodes
from myna.worker.repository import NodeRecord, WorkerRepository
from tests.fixtures.webhooks import House

FAST = {"heartbeat_seconds": 0.1, "dead_after_seconds": 0.5}


@dataclass
class Recovered:
    """What was asked to be recovered."""

    asked: list[list[str]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    failures: int = 0

    async def recover(self, node_ids: Sequence[str]) -> int:
        if self.failures:
            self.failures -= 1
            raise Unavailable
        self.asked.append(list(node_ids))
        return len(node_ids)

    async def on_node_dead(self, node_id: str) -> None:
        self.told.append(node_id)


@dataclass
class Nodes:
    """Some nodes on one database."""

    house: House
    keepers: list[NodeKeeper] = field(default_factory=list)

    def keeper(self, node_id: str, recovered: Recovered | None = None, **settings: object) -> NodeKeeper:
        recovered = recovered or Recovered()
        chosen = self.house.settings.model_copy(update={**FAST, **settings})
        keeper = NodeKeeper(node_id, chosen, self.house.database, recovered, [recovered.on_node_dead])
        self.keepers.append(keeper)
        return keeper

    async def row(self, node_id: str) -> NodeRecord:
        async with self.house.database.reading() as connection:
            row = (await connection.execute(select(nodes).where(nodes.c.id == node_id))).mappings().one()
        return NodeRecord(**row)

    async def change(self, node_id: str, **values: object) -> None:
        async with self.house.database.transaction() as connection:
            await connection.execute(update(nodes).where(nodes.c.id == node_id).values(values))

    async def pretend_elsewhere(self, node_id: str) -> None:
        """Its process cannot be seen from here."""
        await self.change(node_id, host="another machine")


@pytest.fixture
async def some_nodes(house: House) -> AsyncIterator[Nodes]:
    made = Nodes(house)
    yield made
    for keeper in made.keepers:
        await keeper.stop()


async def eventually(keeper: NodeKeeper) -> list[str]:
    """Look until somebody was taken over."""
    async with asyncio.timeout(60):
        while not (taken := await keeper.look()):
            await asyncio.sleep(0.02)
    return taken


async def test_a_node_says_that_it_lives(some_nodes: Nodes) -> None:
    keeper = some_nodes.keeper("first")
    await keeper.start()
    first = await some_nodes.row("first")
    assert first.process == os.getpid()
    assert first.process_started_at == psutil.Process().create_time()
    async with asyncio.timeout(60):
        while (await some_nodes.row("first")).seen_at <= first.seen_at:
            await asyncio.sleep(0.02)
    assert await keeper.live() == ["first"]


async def test_a_node_that_stops_says_so_and_its_work_is_taken_over_at_once(some_nodes: Nodes) -> None:
    recovered = Recovered()
    first, second = some_nodes.keeper("first"), some_nodes.keeper("second", recovered, dead_after_seconds=600)
    await first.start()
    await first.stop()
    await first.stop()
    assert (await some_nodes.row("first")).stopped_at is not None
    await second.register()
    assert await second.look() == ["first"]
    assert recovered.asked == [["first"]]
    assert recovered.told == ["first"]
    assert await second.look() == []
    assert (await some_nodes.row("first")).recovered_by == "second"


@dataclass
class Watch:
    """A clock that goes on when it is told to, since a busy machine may need any time between two lines."""

    seconds: float = 0.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch) -> Watch:
    made = Watch()
    monkeypatch.setattr("myna.worker.nodes.time", made)
    return made


async def test_a_silent_node_is_taken_over_when_its_time_has_passed(some_nodes: Nodes, watch: Watch) -> None:
    recovered = Recovered()
    first, second = some_nodes.keeper("first"), some_nodes.keeper("second", recovered)
    await first.register()
    await some_nodes.pretend_elsewhere("first")
    await second.register()
    assert await second.look() == []
    watch.seconds += 0.3
    assert await second.look() == []
    await first.beat()
    watch.seconds += 0.3
    assert await second.look() == [], "it has spoken since"
    watch.seconds += 0.49
    assert await second.look() == []
    watch.seconds += 0.02
    assert await second.look() == ["first"]


async def test_a_wrong_clock_kills_nobody(some_nodes: Nodes, watch: Watch) -> None:
    """A sign of life that changes counts, whatever time of day the other machine thinks it is."""
    first, second = some_nodes.keeper("first"), some_nodes.keeper("second", dead_after_seconds=0.5)
    await first.register()
    await some_nodes.pretend_elsewhere("first")
    for minutes in range(8):
        await some_nodes.change("first", seen_at=clock.now() - timedelta(hours=1) + timedelta(minutes=minutes))
        assert await second.look() == []
        watch.seconds += 0.1


async def test_a_killed_process_of_this_machine_is_noticed_at_once(some_nodes: Nodes) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    started_at = psutil.Process(process.pid).create_time()
    first, second = some_nodes.keeper("first"), some_nodes.keeper("second", dead_after_seconds=600)
    await first.register()
    await some_nodes.change("first", process=process.pid, process_started_at=started_at)
    assert await second.look() == []
    process.kill()
    async with asyncio.timeout(60):
        while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
            await asyncio.sleep(0.01)
    assert await second.look() == ["first"], "a process that nobody has waited for is gone, too"
    assert process.stdin is not None
    process.stdin.close()
    process.wait()
    await first.register()
    await some_nodes.change("first", process=process.pid)
    assert await second.look() == ["first"]


async def test_another_process_with_the_number_of_a_dead_one_is_not_taken_for_it(some_nodes: Nodes) -> None:
    first, second = some_nodes.keeper("first"), some_nodes.keeper("second", dead_after_seconds=600)
    await first.register()
    await some_nodes.change("first", process_started_at=psutil.Process().create_time() - 100)
    assert await second.look() == [], "a clock that was set looks the same, so the sign of life decides"
    assert await eventually(second) == ["first"]


async def test_exactly_one_of_many_takes_over(some_nodes: Nodes) -> None:
    dead = some_nodes.keeper("dead")
    await dead.start()
    await dead.stop()
    recovered = [Recovered() for _ in range(8)]
    others = [some_nodes.keeper(f"node{number}", one) for number, one in enumerate(recovered)]
    for other in others:
        await other.register()
    await asyncio.gather(*(other.look() for other in others))
    assert sum(len(one.asked) for one in recovered) == 1
    assert sum(len(one.told) for one in recovered) == 1


async def test_a_takeover_that_fails_is_tried_again(some_nodes: Nodes) -> None:
    dead = some_nodes.keeper("dead")
    await dead.start()
    await dead.stop()
    recovered = Recovered(failures=2)
    heir = some_nodes.keeper("heir", recovered)
    for _ in range(2):
        with pytest.raises(Unavailable):
            await heir.look()
    assert await heir.look() == ["dead"]
    assert await heir.look() == []
    assert recovered.asked == [["dead"]]


async def test_who_takes_over_an_heir_takes_over_its_inheritance(some_nodes: Nodes) -> None:
    """The heir may have died between taking over and being done."""
    for node_id in ("first", "second", "third"):
        keeper = some_nodes.keeper(node_id)
        await keeper.start()
        await keeper.stop()
    await some_nodes.change("first", recovered_by="second")
    await some_nodes.change("second", recovered_by="third")
    recovered = Recovered()
    last = some_nodes.keeper("last", recovered)
    assert await last.look() == ["third"]
    assert recovered.asked == [["third", "second", "first"]]
    assert recovered.told == ["third", "second", "first"]


async def test_a_node_that_was_thought_dead_goes_on_under_its_name(some_nodes: Nodes) -> None:
    sleeper, other = some_nodes.keeper("sleeper"), some_nodes.keeper("other")
    await sleeper.register()
    await some_nodes.pretend_elsewhere("sleeper")
    assert await eventually(other) == ["sleeper"]
    assert (await some_nodes.row("sleeper")).recovered_by == "other"
    await sleeper.beat()
    assert (await some_nodes.row("sleeper")).recovered_by is None
    assert await other.look() == []
    assert await eventually(other) == ["sleeper"], "and it may die once more"


async def test_a_node_that_was_forgotten_is_there_again(some_nodes: Nodes) -> None:
    sleeper = some_nodes.keeper("sleeper")
    await sleeper.register()
    await some_nodes.change("sleeper", recovered_by="other", seen_at=clock.now() - timedelta(days=8))
    async with some_nodes.house.database.transaction() as connection:
        assert await WorkerRepository(connection).delete_nodes(clock.now() - timedelta(days=7)) == 1
    await sleeper.beat()
    assert await sleeper.live() == ["sleeper"]


async def test_a_node_that_spoke_in_the_meantime_is_not_claimed(some_nodes: Nodes) -> None:
    first = some_nodes.keeper("first")
    await first.register()
    seen = await some_nodes.row("first")
    await first.beat()
    async with some_nodes.house.database.transaction() as connection:
        repository = WorkerRepository(connection)
        assert not await repository.claim(seen, "second")
        assert await repository.claim(await some_nodes.row("first"), "second")
        assert not await repository.claim(await some_nodes.row("first"), "third")


async def test_a_node_that_does_not_work_takes_nothing_over(some_nodes: Nodes) -> None:
    dead = some_nodes.keeper("dead")
    await dead.start()
    await dead.stop()
    recovered = Recovered()
    await some_nodes.keeper("front", recovered, work=False).start()
    await asyncio.sleep(0.3)
    assert recovered.asked == []


async def test_a_database_that_is_away_does_not_end_the_watch(
    some_nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = some_nodes.keeper("first")
    await keeper.start()
    seen = await some_nodes.row("first")

    async def away(*_: object) -> bool:
        raise Unavailable

    monkeypatch.setattr(WorkerRepository, "beat", away)
    await asyncio.sleep(0.3)
    monkeypatch.undo()
    async with asyncio.timeout(60):
        while (await some_nodes.row("first")).seen_at <= seen.seen_at:
            await asyncio.sleep(0.02)


async def test_a_goodbye_that_cannot_be_said_does_not_stop_the_stop(
    some_nodes: Nodes, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = some_nodes.keeper("first")
    await keeper.start()

    async def away(*_: object) -> None:
        raise Unavailable

    monkeypatch.setattr(WorkerRepository, "mark_stopped", away)
    await keeper.stop()
    assert (await some_nodes.row("first")).stopped_at is None


async def test_only_nodes_that_spoke_lately_count_as_live(some_nodes: Nodes) -> None:
    for node_id in ("live", "silent", "stopped"):
        await some_nodes.keeper(node_id).register()
    await some_nodes.change("silent", seen_at=clock.now() - timedelta(minutes=5))
    await some_nodes.change("stopped", stopped_at=clock.now())
    settings = some_nodes.house.settings
    assert await live_nodes(settings, some_nodes.house.database) == ["live"]


async def test_the_record_of_a_node_is_what_it_said(some_nodes: Nodes) -> None:
    await some_nodes.keeper("first").register()
    row = await some_nodes.row("first")
    assert row == replace(row, id="first", stopped_at=None, recovered_by=None, version="1")
    with suppress(ProcessLookupError):
        assert psutil.pid_exists(row.process)
