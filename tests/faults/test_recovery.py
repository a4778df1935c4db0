"""Real processes with a small workflow, killed with kill -9: what they were doing is done by somebody, and once."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sqlite3
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from myna.db.session import Database
from myna.jobs.schemas import Job, NewJob
from myna.kit import ids
from myna.settings import Settings
from myna.worker.durable import find_stuck
from tests.faults.node import RETRY_SECONDS
from tests.faults.node import run as run_node
from tests.fixtures.forks import Fork
from tests.fixtures.receivers import answer, receiving
from tests.fixtures.webhooks import House

pytestmark = [pytest.mark.fault, pytest.mark.timeout(600)]

PRICE = 1_000
PATIENCE = 60.0
"""Seconds that a busy machine is given to start or stop a node, or to do a job."""


class NodeProcess(Fork):
    """`tests/faults/node.py` in a process of its own."""

    def __init__(self, settings: Settings, **environment: str) -> None:
        ours = {
            "MYNA_DATA_DIR": str(settings.data_dir),
            "MYNA_DATABASE_URL": settings.database_url,
            "MYNA_FETCH_ALLOW": "127.0.0.0/8",
            "MYNA_HEARTBEAT_SECONDS": "0.2",
            "MYNA_DEAD_AFTER_SECONDS": "1.5",
            "MYNA_STOP_SECONDS": "20",
            "MYNA_LOG_LEVEL": "error",
        }
        super().__init__(run_node, log=settings.data_dir / f"said-{ids.new_uuid()}", **{**ours, **environment})

    async def ready(self) -> NodeProcess:
        async with asyncio.timeout(PATIENCE):
            while "ready" not in self.said:
                assert self.alive, f"the node did not start:\n{self.said}"
                await asyncio.sleep(0.02)
        return self

    async def freeze(self, files: list[Path]) -> None:
        """SIGSTOP, but not in a write to one of these SQLite files: it would stay locked for everybody."""
        while True:
            self.send(signal.SIGSTOP)
            if all(_free(path) for path in files):
                return
            self.send(signal.SIGCONT)
            await asyncio.sleep(0.01)

    async def ended(self) -> int:
        return await asyncio.to_thread(self.wait, PATIENCE)

    async def kill(self) -> None:
        self.send(signal.SIGKILL)
        await self.ended()

    async def stop(self) -> int:
        self.send(signal.SIGTERM)
        return await self.ended()


def _free(path: Path) -> bool:
    """Whether nobody is writing to this SQLite file."""
    with contextlib.closing(sqlite3.connect(path, timeout=0.1, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
    return True


class Scene(House):
    """An account with credits, its jobs, and the nodes that work on them."""

    account_id: str

    def __init__(self, database: Database, settings: Settings) -> None:
        super().__init__(database, settings)
        self.nodes: list[NodeProcess] = []

    async def begin(self, jobs: int) -> None:
        self.account_id = await self.account()
        await self.credits.grant(self.account_id, PRICE * jobs)

    async def node(self, **environment: str) -> NodeProcess:
        node = NodeProcess(self.settings, **environment)
        self.nodes.append(node)
        return await node.ready()

    async def submit(self, behaviour: str) -> Job:
        new = NewJob(
            id=ids.new_uuid(),
            account_id=self.account_id,
            key_id=None,
            kind="speech",
            api="native",
            request={"behaviour": behaviour},
            price=PRICE,
        )
        return await self.jobs.accept(new)

    def open_gate(self, job: Job) -> None:
        (self.settings.data_dir / f"gate-{job.id}").touch()

    def runs(self) -> Counter[str]:
        """How often each step of each job ran."""
        path = self.settings.data_dir / "steps"
        return Counter(path.read_text().splitlines()) if path.exists() else Counter()

    async def until_run(self, step: str, job: Job, count: int = 1) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.runs()[f"{step} {job.id}"] < count:
                await asyncio.sleep(0.02)

    async def finished(self, job: Job) -> Job:
        async with asyncio.timeout(PATIENCE):
            while True:
                found = await self.jobs.find(job.id)
                assert found is not None
                if found.finished:
                    return found
                await asyncio.sleep(0.05)

    async def assert_charged(self, amount: int, granted: int) -> None:
        assert await self.credits.check() == []
        assert await self.credits.balance(self.account_id) == granted - amount


@pytest.fixture
async def scene(database: Database, tmp_path: Path) -> AsyncIterator[Scene]:
    async with opened(database, tmp_path) as scene:
        yield scene


@pytest.fixture
async def sqlite_scene(sqlite_database: Database, tmp_path: Path) -> AsyncIterator[Scene]:
    """What is the same on both databases is tried on one, since each start of a process takes its time."""
    async with opened(sqlite_database, tmp_path) as scene:
        yield scene


@asynccontextmanager
async def opened(database: Database, folder: Path) -> AsyncIterator[Scene]:
    scene = Scene(database, Settings(data_dir=folder, database_url=database.url, fetch_allow="127.0.0.0/8"))
    try:
        yield scene
    finally:
        for node in scene.nodes:
            if node.alive:
                await node.kill()


async def test_another_node_goes_on_with_what_a_killed_one_was_doing(scene: Scene) -> None:
    await scene.begin(jobs=2)
    first = await scene.node()
    job = await scene.submit("wait")
    await scene.until_run("render", job)
    second = await scene.node()
    await first.kill()
    scene.open_gate(job)
    assert (await scene.finished(job)).status == "succeeded"
    assert scene.runs() == {f"render {job.id}": 2, f"settle {job.id}": 1}
    assert (await scene.finished(await scene.submit("plain"))).status == "succeeded", "the queue keeps flowing"
    await scene.assert_charged(2 * PRICE, 2 * PRICE)
    assert await second.stop() == 0


async def test_a_single_node_goes_on_when_it_is_back(scene: Scene) -> None:
    """At once: the time after which a silent node counts as dead does not matter."""
    await scene.begin(jobs=1)
    patient = {"MYNA_DEAD_AFTER_SECONDS": "600"}
    first = await scene.node(**patient)
    job = await scene.submit("wait")
    await scene.until_run("render", job)
    await first.kill()
    scene.open_gate(job)
    again = await scene.node(**patient)
    assert (await scene.finished(job)).status == "succeeded"
    await scene.assert_charged(PRICE, PRICE)
    assert await again.stop() == 0


async def test_a_node_that_sleeps_and_wakes_up_does_no_harm(scene: Scene) -> None:
    """It is taken for dead, another one does its work, and then it is back and finds that it has lost it."""
    await scene.begin(jobs=2)
    sleeper = await scene.node()
    job = await scene.submit("wait")
    await scene.until_run("render", job)
    other = await scene.node()
    await sleeper.freeze([*scene.settings.data_dir.glob("*.sqlite")])
    await scene.until_run("render", job, count=2)
    scene.open_gate(job)
    assert (await scene.finished(job)).status == "succeeded"
    sleeper.send(signal.SIGCONT)
    await other.stop()
    later = await scene.submit("plain")
    assert (await scene.finished(later)).status == "succeeded", "the one that was back works again"
    assert sleeper.alive
    await scene.assert_charged(2 * PRICE, 2 * PRICE)
    assert scene.runs()[f"settle {job.id}"] <= 2


async def test_a_crash_between_the_charge_and_its_record_charges_once(scene: Scene) -> None:
    await scene.begin(jobs=2)
    first = await scene.node()
    job = await scene.submit("die after settle")
    assert await first.ended() == -signal.SIGKILL
    again = await scene.node()
    await scene.until_run("settle", job, count=2)
    assert (await scene.finished(job)).charged == PRICE
    await scene.assert_charged(PRICE, 2 * PRICE)
    assert await again.stop() == 0


async def test_a_job_that_always_kills_its_node_is_parked_and_costs_nothing(sqlite_scene: Scene) -> None:
    scene = sqlite_scene
    await scene.begin(jobs=2)
    node = await scene.node()
    poison = await scene.submit("poison")
    deaths = 0
    async with asyncio.timeout(5 * PATIENCE):
        while not (job := await scene.jobs.get(scene.account_id, poison.id)).finished:
            if not node.alive:
                deaths += await node.ended() == -signal.SIGKILL
                node = await scene.node()
            await asyncio.sleep(0.02)
    assert (job.status, job.error_code, job.charged) == ("failed", "engine_crashed", 0)
    assert deaths == scene.runs()[f"render {poison.id}"] == 4
    assert (await scene.finished(await scene.submit("plain"))).status == "succeeded", "the queue keeps flowing"
    await scene.assert_charged(PRICE, 2 * PRICE)
    assert await node.stop() == 0


async def test_a_stop_lets_what_runs_end(sqlite_scene: Scene) -> None:
    scene = sqlite_scene
    await scene.begin(jobs=1)
    node = await scene.node()
    job = await scene.submit("wait")
    await scene.until_run("render", job)
    node.send(signal.SIGTERM)
    await asyncio.sleep(0.5)
    assert node.alive
    scene.open_gate(job)
    assert await node.ended() == 0
    assert (await scene.finished(job)).status == "succeeded"
    assert scene.runs() == {f"render {job.id}": 1, f"settle {job.id}": 1}


async def test_a_stop_leaves_what_takes_too_long_to_others(sqlite_scene: Scene) -> None:
    scene = sqlite_scene
    await scene.begin(jobs=1)
    first = await scene.node(MYNA_STOP_SECONDS="0.2", MYNA_DEAD_AFTER_SECONDS="600")
    job = await scene.submit("wait")
    await scene.until_run("render", job)
    assert await first.stop() == 0
    scene.open_gate(job)
    second = await scene.node(MYNA_DEAD_AFTER_SECONDS="600")
    assert (await scene.finished(job)).status == "succeeded"
    assert await second.stop() == 0


async def test_the_wait_for_the_next_webhook_attempt_outlives_the_process(sqlite_scene: Scene) -> None:
    scene = sqlite_scene
    await scene.begin(jobs=1)
    async with receiving(answer(500, 200)) as receiver:
        endpoint = await scene.webhooks.add_endpoint(scene.account_id, receiver.url, events=["job.succeeded"])
        first = await scene.node()
        await scene.submit("plain")
        await receiver.wait_for(1)
        async with asyncio.timeout(PATIENCE):
            while (await deliveries(scene, endpoint.id))[0].attempts == 0:
                await asyncio.sleep(0.01)
        await first.kill()
        assert len(receiver.requests) == 1
        await scene.node()
        first_try, second_try = await receiver.wait_for(2)
        assert second_try.headers["webhook-id"] == first_try.headers["webhook-id"]
        assert second_try.at - first_try.at >= RETRY_SECONDS
        async with asyncio.timeout(PATIENCE):
            while (await deliveries(scene, endpoint.id))[0].status != "delivered":
                await asyncio.sleep(0.02)


async def deliveries(scene: Scene, endpoint_id: str) -> list:
    return (await scene.webhooks.deliveries(scene.account_id, endpoint_id)).items


@pytest.mark.timeout(600)
@pytest.mark.parametrize(("jobs", "kills"), [(40, 4), pytest.param(400, 20, marks=pytest.mark.full)])
async def test_rolling_kills_with_two_nodes_leave_nothing_stuck(scene: Scene, jobs: int, kills: int) -> None:
    """A new node starts, jobs come in, and the old node is killed in the middle of them; again and again."""
    await scene.begin(jobs=jobs)
    old = await scene.node()
    submitted: list[Job] = []
    began = time.monotonic()
    for _ in range(kills):
        new = await scene.node()
        submitted += [await scene.submit("slow") for _ in range(jobs // kills)]
        await scene.until_run("render", submitted[1 - jobs // kills])
        await old.kill()
        old = new
    finished = [await scene.finished(job) for job in submitted]
    assert {job.status for job in finished} == {"succeeded"}
    assert len(finished) == jobs
    await scene.assert_charged(jobs * PRICE, jobs * PRICE)
    assert await find_stuck(scene.settings, []) == []
    runs = scene.runs()
    repeated = sum(count - 1 for count in runs.values())
    print(f"{jobs} jobs, {kills} kills, {repeated} of {len(runs)} steps repeated, {time.monotonic() - began:.1f} s")
    assert max(runs.values()) <= kills
    assert await old.stop() == 0
