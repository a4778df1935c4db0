from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest
from dbos import DBOS
from sqlalchemy import insert, select, update

from myna.credits.schemas import MILLI
from myna.db.tables import credits as credit_rows
from myna.db.tables import idempotency_keys, nodes
from myna.dubbing import workflow as dub_workflow
from myna.errors import NotFound, Unavailable
from myna.jobs.schemas import Job, NewJob
from myna.kit import clock, ids
from myna.speech import workflow as speech_workflow
from myna.storage.objects import open_storage
from myna.transcription import workflow as transcription_workflow
from myna.webhooks.delivery import WebhookDelivery
from myna.webhooks.standard import render_standard
from myna.worker import schedules
from myna.worker.durable import DurableWork, Workflow
from myna.worker.nodes import NodeKeeper
from myna.worker.schedules import Chore, Housekeeping
from tests.fixtures.receivers import answer, receiving
from tests.fixtures.webhooks import House


@DBOS.workflow(name="test.explode")
async def explode(job_id: str) -> None:
    raise ValueError(job_id)


class Household(House):
    """Housekeeping and all that it looks after."""

    def __init__(self, house: House, folder: Path) -> None:
        super().__init__(house.database, house.settings)
        self.storage = open_storage(f"file://{folder / 'files'}")
        self.work = DurableWork()
        self.delivery = WebhookDelivery(
            self.settings, self.webhooks, self.jobs, self.work, {"standard": render_standard}
        )
        self.resumed = 0
        self.housekeeping = Housekeeping(
            self.settings,
            self.database,
            self.storage,
            self.credits,
            self.jobs,
            self.delivery,
            self.work,
            [Chore(10, self.resume)],
        )

    async def resume(self) -> None:
        self.resumed += 1
        raise RuntimeError("one chore that fails does not end the others")

    async def paid_job(self, price: int = 1_000) -> Job:
        account_id = await self.account()
        await self.credits.grant(account_id, 10 * MILLI)
        new = NewJob(
            id=ids.new_uuid(), account_id=account_id, key_id=None, kind="speech", api="native", request={}, price=price
        )
        return await self.jobs.accept(new)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        await self.work.start(self.settings, "node")
        try:
            yield
        finally:
            await self.work.stop(5)


@pytest.fixture
def home(house: House, tmp_path: Path) -> Household:
    return Household(house, tmp_path)


@pytest.fixture
def sqlite_home(sqlite_house: House, tmp_path: Path) -> Household:
    return Household(sqlite_house, tmp_path)


async def test_a_job_whose_workflow_failed_is_given_up_and_its_credits_come_back(
    sqlite_home: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schedules, "WORKFLOWS", ("test.explode",))
    home = sqlite_home
    async with receiving(answer(200)) as receiver, home.open():
        job = await home.paid_job()
        await home.webhooks.add_endpoint(job.account_id, receiver.url)
        await (await home.work.begin(explode, job.id))
        await (await home.work.begin(explode, "of a job that is gone"))
        assert await home.credits.balance(job.account_id) == 9_000
        assert await home.housekeeping.fail_parked() == 1
        failed = await home.jobs.find(job.id)
        assert failed is not None
        assert (failed.status, failed.error_code, failed.charged) == ("failed", "internal_error", 0)
        assert await home.credits.balance(job.account_id) == 10_000
        assert await home.housekeeping.fail_parked() == 0
        [request] = await receiver.wait_for(1)
        assert b"job.failed" in request.body


@pytest.mark.parametrize(
    ("module", "workflow", "step"),
    [
        (speech_workflow, speech_workflow.speech, "render_or_say_why"),
        (dub_workflow, dub_workflow.dub, "stage"),
        (transcription_workflow, transcription_workflow.transcription, "hear_or_say_why"),
    ],
    ids=["speech", "dub", "transcription"],
)
async def test_work_of_every_kind_is_given_up_when_it_cannot_go_on(
    sqlite_home: Household, monkeypatch: pytest.MonkeyPatch, module: ModuleType, workflow: Workflow, step: str
) -> None:
    async def broken(*_: str) -> None:
        raise ValueError

    home = sqlite_home
    monkeypatch.setattr(module, step, broken)
    async with home.open():
        job = await home.paid_job()
        await (await home.work.begin(workflow, job.id))
        assert await home.housekeeping.fail_parked() == 1
        assert await home.credits.balance(job.account_id) == 10_000


async def test_a_job_that_ended_is_left_alone(sqlite_home: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedules, "WORKFLOWS", ("test.explode",))
    async with sqlite_home.open():
        job = await sqlite_home.paid_job()
        await sqlite_home.jobs.succeed(job.id)
        await (await sqlite_home.work.begin(explode, job.id))
        assert await sqlite_home.housekeeping.fail_parked() == 0
    found = await sqlite_home.jobs.find(job.id)
    assert found is not None
    assert found.status == "succeeded"


async def away(*_: object) -> None:
    raise Unavailable


async def test_expired_idempotency_keys_go_with_their_bodies(home: Household, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedules, "_AT_ONCE", 2)
    now = clock.now()
    for number in range(5):
        await home.storage.put(f"answers/{number}", b"{}")
        row = {
            "scope": f"scope{number}",
            "fingerprint": "",
            "job_id": "",
            "node_id": "",
            "object_key": f"answers/{number}" if number != 1 else None,
            "expires_at": now + timedelta(hours=1 if number == 4 else -1),
            "created_at": now,
        }
        async with home.database.transaction() as connection:
            await connection.execute(insert(idempotency_keys).values(row))
    with monkeypatch.context() as patch, pytest.raises(Unavailable):
        patch.setattr(type(home.storage), "delete", away)
        await home.housekeeping.delete_expired_keys()
    assert await home.housekeeping.delete_expired_keys() == 4
    assert await home.housekeeping.delete_expired_keys() == 0
    async with home.database.reading() as connection:
        left = (await connection.execute(select(idempotency_keys.c.scope))).scalars().all()
    assert left == ["scope4"]
    assert await home.storage.get("answers/4") == b"{}"
    assert await home.storage.get("answers/1") == b"{}", "not the body of a key"
    with pytest.raises(NotFound):
        await home.storage.get("answers/0")


async def test_old_uploads_go(sqlite_home: Household, tmp_path: Path) -> None:
    storage = sqlite_home.storage
    for key in ("uploads/account/old.mp3", "uploads/account/new.mp3", "outputs/old.mp3"):
        await storage.put(key, b"sound")
    long_ago = time.time() - 8 * 86_400
    for key in ("uploads/account/old.mp3", "outputs/old.mp3"):
        os.utime(tmp_path / "files" / key, (long_ago, long_ago))
    assert await sqlite_home.housekeeping.delete_old_uploads() == 1
    with pytest.raises(NotFound):
        await storage.get("uploads/account/old.mp3")
    assert await storage.get("uploads/account/new.mp3") == b"sound"
    assert await storage.get("outputs/old.mp3") == b"sound"


async def test_a_ledger_that_is_not_exact_is_reported(home: Household) -> None:
    await home.paid_job()
    assert await home.housekeeping.check_ledger() == []
    assert home.housekeeping.broken["ledger"] == []
    async with home.database.transaction() as connection:
        await connection.execute(update(credit_rows).values(remaining=credit_rows.c.remaining + 1))
    assert len(await home.housekeeping.check_ledger()) >= 1
    assert home.housekeeping.broken["ledger"]


async def test_work_of_live_nodes_is_not_stuck(sqlite_home: Household) -> None:
    async with sqlite_home.open():
        await NodeKeeper("node", sqlite_home.settings, sqlite_home.database, sqlite_home.work).register()
        assert await sqlite_home.housekeeping.check_stuck() == []
        assert sqlite_home.housekeeping.broken["stuck"] == []


async def test_what_ended_long_ago_is_forgotten(sqlite_home: Household) -> None:
    keeper = NodeKeeper("dead", sqlite_home.settings, sqlite_home.database, sqlite_home.work)
    await keeper.register()
    async with sqlite_home.database.transaction() as connection:
        await connection.execute(update(nodes).values(recovered_by="other", seen_at=clock.now() - timedelta(days=8)))
    async with sqlite_home.open():
        await (await sqlite_home.work.begin(explode, "job"))
        await sqlite_home.housekeeping.forget()
        assert await sqlite_home.work.states(["job"]) == {"job": "ended"}, "a day has not passed"
    async with sqlite_home.database.reading() as connection:
        assert (await connection.execute(select(nodes))).all() == []


async def test_each_chore_is_done_at_its_pace_and_failures_end_none(
    sqlite_home: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []

    async def other() -> None:
        done.append("other")

    housekeeping = sqlite_home.housekeeping
    names = [chore.name for chore in housekeeping.chores]
    assert len(set(names)) == len(names)
    housekeeping.chores = (schedules.Chore(0.01, sqlite_home.resume), schedules.Chore(0.01, other))
    await housekeeping.start()
    async with asyncio.timeout(60):
        while sqlite_home.resumed < 3 or len(done) < 3:
            await asyncio.sleep(0.01)
    await housekeeping.stop()
    await housekeeping.stop()
    count = len(done)
    await asyncio.sleep(0.05)
    assert len(done) == count
