"""The durable runtime, for real: DBOS on SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import timedelta
from pathlib import Path

import pytest
from dbos import DBOS

from myna.errors import StartupError, Unavailable
from myna.kit import clock
from myna.settings import Settings
from myna.worker import durable
from myna.worker.durable import DurableWork, find_stuck, system_database_url
from tests.fixtures.webhooks import House

ran: Counter[str] = Counter()
gates: dict[str, asyncio.Event] = {}


@pytest.fixture(autouse=True)
async def fresh() -> AsyncIterator[None]:
    ran.clear()
    gates.clear()
    yield
    if durable._Runtime.current is not None:
        await durable._Runtime.current.close()


@DBOS.step(name="test.note")
async def note(name: str) -> None:
    ran[name] += 1


@DBOS.step(name="test.wait")
async def wait_at_gate(name: str) -> None:
    if name in gates:
        await gates[name].wait()


@DBOS.workflow(name="test.two_steps", max_recovery_attempts=3)
async def two_steps(name: str) -> None:
    await note(f"{name}.first")
    await wait_at_gate(name)
    await note(f"{name}.second")


@DBOS.workflow(name="test.failing")
async def failing(name: str) -> None:
    await note(name)
    raise ValueError(name)


@DBOS.step(name="test.enqueue_another")
async def enqueue_another(name: str) -> None:
    await parents[name].enqueue("speech", two_steps, f"{name}.child")
    await (await parents[name].begin(two_steps, f"{name}.twin"))


@DBOS.workflow(name="test.parent")
async def parent(name: str) -> None:
    await enqueue_another(name)


parents: dict[str, DurableWork] = {}


async def until(name: str, count: int = 1) -> None:
    async with asyncio.timeout(60):
        while ran[name] < count:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(settings: Settings, node_id: str = "node") -> AsyncIterator[DurableWork]:
    work = DurableWork()
    await work.start(settings, node_id)
    try:
        yield work
    finally:
        for gate in gates.values():
            gate.set()
        await work.stop(5)


class TestRunning:
    async def test_work_begun_here_runs_here_and_once_for_each_id(self, house: House) -> None:
        async with running(house.settings) as work:
            first, again = await work.begin(two_steps, "job"), await work.begin(two_steps, "job")
            await asyncio.gather(first, again)
            await (await work.begin(two_steps, "job"))
            assert ran == {"job.first": 1, "job.second": 1}
            assert await work.states(["job", "unknown"]) == {"job": "ended"}

    async def test_queued_work_is_taken_and_once_for_each_id(self, house: House) -> None:
        async with running(house.settings) as work:
            await asyncio.gather(*(work.enqueue("speech", two_steps, "job") for _ in range(5)))
            await until("job.second")
            await work.enqueue("speech", two_steps, "job")
            await asyncio.sleep(0.2)
            assert ran == {"job.first": 1, "job.second": 1}

    async def test_a_workflow_that_fails_ends_its_waiter_and_is_listed(self, sqlite_house: House) -> None:
        async with running(sqlite_house.settings) as work:
            await (await work.begin(failing, "job"))
            [failed] = await work.failed("test.failing")
            assert (failed.workflow_id, failed.crashed) == ("job", False)
            assert await work.failed("test.two_steps") == []

    async def test_work_may_be_begun_in_the_middle_of_a_step(self, sqlite_house: House) -> None:
        async with running(sqlite_house.settings) as work:
            parents["job"] = work
            await (await work.begin(parent, "job"))
            await until("job.child.second")
            assert ran["job.twin.second"] == 1

    async def test_no_more_than_the_setting_runs_from_the_queue_at_once(self, sqlite_house: House) -> None:
        settings = sqlite_house.settings.model_copy(update={"worker_concurrency": 2})
        names = [f"job{number}" for number in range(5)]
        gates.update({name: asyncio.Event() for name in names})
        async with running(settings) as work:
            for name in names:
                await work.enqueue("speech", two_steps, name)
            await until("job1.first")
            await asyncio.sleep(0.3)
            assert sum(ran.values()) == 2
            assert await work.backlog() == {"speech": 5, "dubs": 0, "webhooks": 0}
            for gate in gates.values():
                gate.set()
            await until("job4.second")

    async def test_a_partition_does_not_wait_for_another(self, sqlite_house: House) -> None:
        async with running(sqlite_house.settings) as work:
            for number in range(12):
                gates[f"slow{number}"] = asyncio.Event()
                await work.enqueue("webhooks", two_steps, f"slow{number}", partition="slow")
            await until("slow0.first")
            await work.enqueue("webhooks", two_steps, "fast", partition="fast")
            await until("fast.second")
            assert sum(count for name, count in ran.items() if name.startswith("slow")) <= 8

    async def test_delayed_work_waits(self, sqlite_house: House) -> None:
        async with running(sqlite_house.settings) as work:
            loop = asyncio.get_running_loop()
            began = loop.time()
            await work.enqueue("speech", two_steps, "job", delay=1.0)
            assert await work.states(["job"]) == {"job": "active"}
            await until("job.second")
            assert loop.time() - began >= 1.0

    async def test_canceled_work_stops_before_its_next_step(self, sqlite_house: House) -> None:
        gates["job"] = asyncio.Event()
        async with running(sqlite_house.settings) as work:
            waiter = await work.begin(two_steps, "job")
            await until("job.first")
            await work.cancel("job")
            await work.cancel("unknown")
            gates["job"].set()
            async with asyncio.timeout(60):
                await waiter
            assert ran == {"job.first": 1}

    async def test_a_caller_that_goes_away_does_not_take_the_work_along(self, sqlite_house: House) -> None:
        async with running(sqlite_house.settings) as work:
            caller = asyncio.create_task(work.begin(two_steps, "job"))
            await asyncio.sleep(0)
            caller.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await caller
            await until("job.second")

    async def test_a_node_that_does_not_work_leaves_the_queue_alone(self, house: House) -> None:
        idle = house.settings.model_copy(update={"work": False})
        async with running(idle, "idle") as work:
            await work.enqueue("speech", two_steps, "job")
            await work.enqueue("webhooks", two_steps, "hook", partition="endpoint")
            await asyncio.sleep(0.5)
            assert ran == {}
            await (await work.begin(two_steps, "here"))
            assert ran["here.second"] == 1
        async with running(house.settings, "worker"):
            await until("job.second")
            await until("hook.second")


class TestStartingAndStopping:
    async def test_again_and_again_leaves_no_thread_and_no_task(self, sqlite_house: House) -> None:
        async with running(sqlite_house.settings, "warm"):
            pass
        threads, tasks = threading.active_count(), len(asyncio.all_tasks())
        for number in range(3):
            async with running(sqlite_house.settings, f"node{number}") as work:
                await (await work.begin(two_steps, f"job{number}"))
        async with asyncio.timeout(60):
            while threading.active_count() > threads:
                await asyncio.sleep(0.05)
        assert len(asyncio.all_tasks()) == tasks
        assert await asyncio.to_thread(lambda: "threads work") == "threads work"

    async def test_only_one_runs_in_a_process(self, sqlite_house: House) -> None:
        async with running(sqlite_house.settings) as work:
            for second in (work, DurableWork()):
                with pytest.raises(StartupError):
                    await second.start(sqlite_house.settings, "second")
            await (await work.begin(two_steps, "job"))
        assert ran["job.second"] == 1

    async def test_nothing_is_taken_before_the_start_and_after_the_stop(self, sqlite_house: House) -> None:
        work = DurableWork()
        assert not work.running
        with pytest.raises(Unavailable):
            await work.begin(two_steps, "job")
        await work.start(sqlite_house.settings, "node")
        assert work.running
        await work.stop(1)
        await work.stop(1)
        with pytest.raises(Unavailable):
            await work.enqueue("speech", two_steps, "job")

    async def test_a_graceful_stop_waits_for_what_runs(self, sqlite_house: House) -> None:
        gates["job"] = asyncio.Event()
        work = DurableWork()
        await work.start(sqlite_house.settings, "node")
        await work.begin(two_steps, "job")
        await until("job.first")
        stopping = asyncio.create_task(work.stop(20))
        await asyncio.sleep(0.1)
        assert not stopping.done()
        gates["job"].set()
        await stopping
        assert ran["job.second"] == 1

    async def test_a_graceful_stop_takes_no_more_work(self, sqlite_house: House) -> None:
        gates["job"] = asyncio.Event()
        work = DurableWork()
        await work.start(sqlite_house.settings, "node")
        await work.begin(two_steps, "job")
        stopping = asyncio.create_task(work.stop(20))
        await asyncio.sleep(0.3)
        await work.enqueue("speech", two_steps, "late")
        await asyncio.sleep(0.5)
        gates["job"].set()
        await stopping
        assert "late.first" not in ran
        async with running(sqlite_house.settings, "next"):
            await until("late.second")

    async def test_what_does_not_end_in_time_goes_on_at_the_next_start(self, house: House) -> None:
        gates["job"] = gates["queued"] = asyncio.Event()
        work = DurableWork()
        await work.start(house.settings, "first")
        waiter = await work.begin(two_steps, "job")
        await work.enqueue("speech", two_steps, "queued")
        await until("job.first")
        await until("queued.first")
        await work.stop(0.1)
        assert waiter.cancelled()  # type: ignore[attr-defined]
        gates.clear()
        async with running(house.settings, "second") as again:
            await asyncio.sleep(0.3)
            assert ran["job.second"] == 0, "another node's work is left alone until that node is known to be dead"
            assert await again.recover(["first"]) == 2
            assert await again.recover(["first"]) == 0
            await until("job.second")
            await until("queued.second")
        assert ran == {"job.first": 1, "job.second": 1, "queued.first": 1, "queued.second": 1}

    async def test_a_database_that_cannot_be_opened_is_a_startup_error(self, tmp_path: Path) -> None:
        (tmp_path / "dbos.sqlite").mkdir()
        work = DurableWork()
        with pytest.raises(StartupError):
            await work.start(Settings(data_dir=tmp_path), "node")
        assert not work.running
        (tmp_path / "dbos.sqlite").rmdir()
        await work.start(Settings(data_dir=tmp_path), "node")
        await work.stop(1)

    async def test_the_state_is_in_a_file_of_its_own_in_wal_mode(self, sqlite_house: House, tmp_path: Path) -> None:
        async with running(sqlite_house.settings):
            assert (tmp_path / "dbos.sqlite-wal").exists()


class TestLookingAfter:
    async def test_workflows_of_dead_nodes_are_stuck_until_they_are_recovered(
        self, house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(durable, "_STUCK_AFTER_SECONDS", -1.0)
        gates["job"] = asyncio.Event()
        work = DurableWork()
        await work.start(house.settings, "first")
        await work.begin(two_steps, "job")
        await until("job.first")
        assert await work.stuck(["first"]) == []
        await work.stop(0)
        assert await find_stuck(house.settings, ["second"]) == ["job"]
        assert await find_stuck(house.settings, ["first"]) == []
        gates.clear()
        async with running(house.settings, "second") as again:
            assert await again.stuck(["second"]) == ["job"]
            await again.recover(["first"])
            await until("job.second")
            assert await again.stuck(["second"]) == []

    async def test_freshly_silent_work_is_not_yet_stuck(self, sqlite_house: House) -> None:
        gates["job"] = asyncio.Event()
        async with running(sqlite_house.settings, "first") as work:
            await work.begin(two_steps, "job")
            await until("job.first")
            assert await work.stuck([]) == []

    async def test_what_only_seems_to_run_here_is_put_back(
        self, sqlite_house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The row says that this node runs it, but it does not: DBOS lost it between taking and running it."""
        monkeypatch.setattr(durable, "_STUCK_AFTER_SECONDS", -1.0)
        gates["lost"] = asyncio.Event()
        work = DurableWork()
        await work.start(sqlite_house.settings, "first")
        await work.begin(two_steps, "lost")
        await until("lost.first")
        await work.stop(0)
        gates["running"] = gates.pop("lost")
        async with running(sqlite_house.settings, "second") as again:
            await again.begin(two_steps, "running")
            await until("running.first")
            with closing(sqlite3.connect(tmp_path / "dbos.sqlite", isolation_level=None)) as connection:
                connection.execute("UPDATE workflow_status SET executor_id = 'second'")
            assert await again.recover_lost() == 1
            await until("lost.second")
        assert ran["running.first"] == 1

    async def test_what_ended_is_forgotten_in_time(self, sqlite_house: House) -> None:
        gates["active"] = asyncio.Event()
        async with running(sqlite_house.settings) as work:
            await (await work.begin(two_steps, "ended"))
            await (await work.begin(failing, "failed"))
            await work.begin(two_steps, "active")
            assert await work.forget(clock.now() - timedelta(hours=1)) == 0
            assert await work.forget(clock.now() + timedelta(seconds=1)) == 2
            assert await work.states(["ended", "failed", "active"]) == {"active": "active"}

    async def test_a_database_that_does_not_answer_is_reported(
        self, sqlite_house: House, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(durable, "_PATIENCE_SECONDS", 0.05)

        async def hang(**_: object) -> list[object]:
            await asyncio.sleep(0.3)
            return []

        async with running(sqlite_house.settings) as work:
            monkeypatch.setattr(durable, "_list", hang)
            with pytest.raises(Unavailable, match="does not answer"):
                await work.states(["job"])
            monkeypatch.undo()

    async def test_no_ids_need_no_question(self) -> None:
        assert await DurableWork().states([]) == {}


class TestLogs:
    async def test_the_words_of_dbos_come_in_our_form(
        self, sqlite_house: House, capsys: pytest.CaptureFixture[str]
    ) -> None:
        async with running(sqlite_house.settings):
            for number in range(7, 100):
                logging.getLogger("dbos").warning("something is odd: %s", number)
            logging.getLogger("dbos").info("nothing to see")
        said = capsys.readouterr()
        text = said.out + said.err
        assert "something is odd: 7" in text
        assert "something is odd: 8" not in text, "what is said from one place is said once in a while"
        assert "nothing to see" not in text
        assert "Conductor" not in text


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:////data/myna.sqlite", "sqlite:////data/dbos.sqlite"),
        ("sqlite:///relative/myna.sqlite", "sqlite:///relative/dbos.sqlite"),
        (
            "postgresql://user:pass@host/name?sslmode=require",
            "postgresql+psycopg://user:pass@host/name?sslmode=require",
        ),
        ("postgres://host/name", "postgresql+psycopg://host/name"),
    ],
)
def test_where_the_state_is(url: str, expected: str) -> None:
    assert system_database_url(Settings(database_url=url)) == expected
