"""The life of jobs, with their money and their events."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from myna.accounts.service import AccountService
from myna.credits.service import CreditService
from myna.db.session import Database
from myna.db.tables import holds, webhook_events
from myna.db.tables import jobs as job_rows
from myna.errors import Canceled, Conflict, InsufficientCredits, NotFound, QueueFull
from myna.jobs.schemas import Job, NewJob
from myna.jobs.service import JobService
from myna.kit import clock, ids
from myna.kit.pagination import Cursor
from myna.settings import Settings
from myna.webhooks.service import WebhookService


class Scene:
    """An account with 10 credits, a key, and the services around its jobs."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self.settings = settings
        self.accounts = AccountService(database, b"secret")
        self.credits = CreditService(database)
        self.webhooks = WebhookService(database, settings)
        self.jobs = JobService(database, self.credits, self.webhooks, self.accounts, settings)

    async def open(self) -> Scene:
        self.account = (await self.accounts.create_account("Ada")).id
        self.stranger = (await self.accounts.create_account("Grace")).id
        self.key = (await self.accounts.create_key(self.account, "laptop"))[0].id
        await self.credits.grant(self.account, 10_000)
        return self

    def new(self, **values: Any) -> NewJob:
        given = {
            "id": ids.new_uuid(),
            "account_id": self.account,
            "key_id": self.key,
            "kind": "speech",
            "api": "native",
            "request": {"text": "Grüße an 你好", "speed": 1.25},
            "price": 1_000,
        }
        return NewJob(**{**given, **values})

    async def accept(self, **values: Any) -> Job:
        return await self.jobs.accept(self.new(**values))

    async def running(self, **values: Any) -> Job:
        return await self.jobs.start((await self.accept(**values)).id, "node 1")

    async def balance(self) -> int:
        assert await self.credits.check() == []
        return await self.credits.balance(self.account)

    async def events(self, job: Job) -> list[str]:
        async with self.database.reading() as connection:
            statement = select(webhook_events.c.type).where(webhook_events.c.job_id == job.id)
            return sorted((await connection.execute(statement)).scalars())


@pytest.fixture
async def scene(database: Database, tmp_path: Path) -> Scene:
    return await Scene(database, Settings(data_dir=tmp_path, max_queued_jobs=20)).open()


async def test_an_accepted_job_holds_its_price(scene: Scene) -> None:
    new = scene.new(name="greeting", base_url="https://voice.example.org", details={"output": {"id": "1"}})

    job = await scene.jobs.accept(new)

    assert (job.status, job.price, job.charged, job.progress, job.finished) == ("queued", 1_000, 1_000, 0.0, False)
    assert (job.request, job.details) == ({"text": "Grüße an 你好", "speed": 1.25}, {"output": {"id": "1"}})
    assert (job.name, job.base_url, job.key_id) == ("greeting", "https://voice.example.org", scene.key)
    assert await scene.jobs.get(scene.account, job.id) == job
    assert await scene.jobs.find(job.id) == job
    assert await scene.balance() == 9_000
    assert await scene.events(job) == []


async def test_accepting_again_returns_the_job_that_is_there(scene: Scene) -> None:
    new = scene.new()
    first = await scene.jobs.accept(new)
    running = await scene.jobs.start(first.id, "node 1")

    assert await scene.jobs.accept(new) == running
    assert await scene.jobs.accept(replace(new, price=2_000)) == running
    assert await scene.balance() == 9_000

    again = await asyncio.gather(*(scene.jobs.accept(scene.new(id="same")) for _ in range(8)))
    assert {job.created_at for job in again} == {again[0].created_at}
    assert await scene.balance() == 8_000


async def test_the_id_of_another_account_is_refused(scene: Scene) -> None:
    job = await scene.accept(price=0)
    with pytest.raises(Conflict):
        await scene.jobs.accept(scene.new(id=job.id, account_id=scene.stranger, key_id=None, price=0))


async def test_without_credits_nothing_is_recorded(scene: Scene) -> None:
    new = scene.new(price=10_001)
    with pytest.raises(InsufficientCredits):
        await scene.jobs.accept(new)
    assert await scene.jobs.find(new.id) is None
    assert await scene.balance() == 10_000


async def test_a_full_queue_refuses_and_charges_nothing(scene: Scene) -> None:
    accepted = [await scene.accept(price=10) for _ in range(20)]
    new = scene.new(price=10)
    with pytest.raises(QueueFull):
        await scene.jobs.accept(new)
    assert await scene.balance() == 10_000 - 200
    assert await scene.jobs.active(scene.account) == 20
    await scene.jobs.accept(replace(new, id="other", account_id=scene.stranger, key_id=None, price=0))

    await scene.jobs.cancel(scene.account, accepted[0].id)
    assert (await scene.jobs.accept(new)).status == "queued"


async def test_jobs_of_one_moment_get_moments_of_their_own(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = clock.now()
    monkeypatch.setattr(clock, "now", lambda: moment)
    accepted = [await scene.accept(price=0) for _ in range(5)]
    assert [job.created_at - moment for job in accepted] == [timedelta(microseconds=number) for number in range(5)]


async def test_many_jobs_at_once_have_moments_of_their_own(scene: Scene) -> None:
    accepted = await asyncio.gather(*(scene.accept(price=10) for _ in range(20)))
    assert len({job.created_at for job in accepted}) == 20
    assert await scene.balance() == 10_000 - 200


async def test_a_job_starts_once(scene: Scene) -> None:
    job = await scene.accept()
    started = await scene.jobs.start(job.id, "node 1")
    assert started.status == "running"
    assert started.started_at is not None

    again = await scene.jobs.start(job.id, "node 2")

    assert (again.status, again.started_at) == ("running", started.started_at)
    assert await scene.events(job) == ["job.started"]


async def test_progress_is_kept_while_it_runs(scene: Scene) -> None:
    job = await scene.accept()
    await scene.jobs.report(job.id, "speaking", 0.5)
    assert (await scene.jobs.get(scene.account, job.id)).progress == 0.0

    await scene.jobs.start(job.id, "node 1")
    for given, kept in ((0.25, 0.25), (7.0, 1.0), (-1.0, 0.0), (float("nan"), 0.0)):
        await scene.jobs.report(job.id, "speaking", given)
        found = await scene.jobs.get(scene.account, job.id)
        assert (found.stage, found.progress) == ("speaking", kept)

    await scene.jobs.fail(job.id, "engine_failed", "It did not work.")
    await scene.jobs.report(job.id, "late", 0.9)
    assert (await scene.jobs.get(scene.account, job.id)).stage == "speaking"


async def test_a_job_that_succeeds_is_charged_once(scene: Scene) -> None:
    job = await scene.running()

    done = await scene.jobs.succeed(job.id)

    assert (done.status, done.charged, done.progress, done.finished) == ("succeeded", 1_000, 1.0, True)
    assert done.finished_at is not None
    assert await scene.jobs.succeed(job.id) == done
    assert await scene.jobs.start(job.id, "node 2") == done
    assert await scene.balance() == 9_000
    assert await scene.events(job) == ["job.started", "job.succeeded"]
    key = (await scene.accounts.list_keys(scene.account))[0]
    assert (key.uses, key.spent) == (1, 1_000)


@pytest.mark.parametrize(("charge", "charged"), [(0, 0), (400, 400), (1_000, 1_000), (5_000, 1_000)])
async def test_a_part_may_be_charged(scene: Scene, charge: int, charged: int) -> None:
    job = await scene.running(key_id=None)
    assert (await scene.jobs.succeed(job.id, charge=charge)).charged == charged
    assert await scene.balance() == 10_000 - charged


async def test_a_job_that_fails_costs_nothing(scene: Scene) -> None:
    job = await scene.running()

    failed = await scene.jobs.fail(job.id, "engine_crashed", "The engine's process ended.")

    assert (failed.status, failed.charged) == ("failed", 0)
    assert (failed.error_code, failed.error_message) == ("engine_crashed", "The engine's process ended.")
    assert await scene.jobs.fail(job.id, "other", "again") == failed
    assert await scene.balance() == 10_000
    assert await scene.events(job) == ["job.failed", "job.started"]
    for attempt in (scene.jobs.succeed(job.id), scene.jobs.start(job.id, "node 1")):
        with pytest.raises(Canceled):
            await attempt
    with pytest.raises(Conflict, match="failed already"):
        await scene.jobs.cancel(scene.account, job.id)
    assert await scene.balance() == 10_000


@pytest.mark.parametrize("started", [False, True])
async def test_a_canceled_job_costs_nothing(scene: Scene, started: bool) -> None:
    job = await (scene.running() if started else scene.accept())

    canceled = await scene.jobs.cancel(scene.account, job.id)

    assert (canceled.status, canceled.charged) == ("canceled", 0)
    assert await scene.jobs.cancel(scene.account, job.id) == canceled
    assert await scene.balance() == 10_000
    assert "job.canceled" in await scene.events(job)
    for attempt in (scene.jobs.succeed(job.id), scene.jobs.start(job.id, "node 1")):
        with pytest.raises(Canceled):
            await attempt
    assert await scene.jobs.fail(job.id, "late", "late") == canceled


async def test_a_job_that_succeeded_stays_so(scene: Scene) -> None:
    job = await scene.jobs.succeed((await scene.running()).id)
    assert await scene.jobs.fail(job.id, "late", "late") == job
    with pytest.raises(Conflict, match="succeeded already"):
        await scene.jobs.cancel(scene.account, job.id)
    assert await scene.balance() == 9_000


async def test_a_job_ends_one_way_however_many_try(scene: Scene) -> None:
    for _ in range(10):
        job = await scene.running()
        await asyncio.gather(
            scene.jobs.succeed(job.id),
            scene.jobs.cancel(scene.account, job.id),
            scene.jobs.fail(job.id, "engine_failed", ""),
            scene.jobs.succeed(job.id),
            return_exceptions=True,
        )
        ended = await scene.jobs.get(scene.account, job.id)
        assert len(await scene.events(job)) == 2
        assert await scene.events(job) == sorted(["job.started", f"job.{ended.status}"])
        assert await scene.balance() == (9_000 if ended.status == "succeeded" else 10_000)
        if ended.status == "succeeded":
            await scene.credits.grant(scene.account, 1_000)


async def test_strangers_see_nothing(scene: Scene) -> None:
    job = await scene.accept()
    attempts: list[Callable[[str, str], Awaitable[object]]] = [scene.jobs.get, scene.jobs.cancel, scene.jobs.delete]
    for attempt in attempts:
        for account_id, job_id in ((scene.stranger, job.id), (scene.account, "unknown")):
            with pytest.raises(NotFound):
                await attempt(account_id, job_id)
    assert (await scene.jobs.list(scene.stranger)).items == []
    assert await scene.jobs.get(scene.account, job.id) == job
    for unknown in (scene.jobs.start("unknown", "node"), scene.jobs.succeed("unknown"), scene.jobs.fail("x", "", "")):
        with pytest.raises(NotFound):
            await unknown
    assert await scene.jobs.find("unknown") is None


async def test_a_deleted_job_is_off_the_list(scene: Scene) -> None:
    job = await scene.running()

    deleted = await scene.jobs.delete(scene.account, job.id)

    assert deleted.deleted_at is not None
    assert (await scene.jobs.delete(scene.account, job.id)).deleted_at == deleted.deleted_at
    assert (await scene.jobs.get(scene.account, job.id)).deleted_at == deleted.deleted_at
    assert (await scene.jobs.list(scene.account)).items == []
    assert (await scene.jobs.succeed(job.id)).status == "succeeded"


async def test_the_list_goes_page_by_page_from_the_newest(scene: Scene) -> None:
    accepted = [await scene.accept(price=0) for _ in range(7)]

    first = await scene.jobs.list(scene.account, limit=3)
    await scene.accept(price=0)
    last = first.items[-1]
    second = await scene.jobs.list(scene.account, before=Cursor(last.created_at, last.id), limit=3)
    last = second.items[-1]
    third = await scene.jobs.list(scene.account, before=Cursor(last.created_at, last.id), limit=3)

    assert [job.id for job in first.items + second.items + third.items] == [job.id for job in reversed(accepted)]
    assert [first.has_more, second.has_more, third.has_more] == [True, True, False]


async def test_the_list_can_be_narrowed(scene: Scene) -> None:
    speech = await scene.accept(price=0)
    dub = await scene.accept(price=0, kind="dub", api="magichour")
    await scene.jobs.start(dub.id, "node 1")

    async def listed(**where: str) -> list[str]:
        return [job.id for job in (await scene.jobs.list(scene.account, **where)).items]

    assert await listed() == [dub.id, speech.id]
    assert await listed(status="running") == await listed(kind="dub") == await listed(api="magichour") == [dub.id]
    assert await listed(status="queued", kind="speech", api="native") == [speech.id]
    assert await listed(status="failed") == []
    assert await scene.jobs.active(scene.account, "magichour") == 1


async def test_streams_of_dead_nodes_are_found(scene: Scene) -> None:
    stream = await scene.accept(details={"stream": True})
    finished = await scene.accept(details={"stream": True})
    for job in (stream, finished, await scene.accept()):
        await scene.jobs.start(job.id, "node 1")
    await scene.jobs.succeed(finished.id)
    await scene.jobs.start((await scene.accept(details={"stream": True})).id, "node 2")

    assert [job.id for job in await scene.jobs.stranded(["node 1", "node 3"])] == [stream.id]
    await scene.jobs.start(stream.id, "node 4")
    assert await scene.jobs.stranded(["node 1"]) == []


async def test_jobs_that_nobody_started_are_found(scene: Scene) -> None:
    waiting = await scene.accept()
    await scene.running()
    await scene.accept(kind="dub")
    async with scene.database.transaction() as connection:
        await connection.execute(update(job_rows).values(updated_at=clock.now() - timedelta(seconds=60)))
    await scene.accept()

    assert [job.id for job in await scene.jobs.unstarted("speech", 30)] == [waiting.id]
    assert await scene.jobs.unstarted("speech", 90) == []


async def let_holds_expire(scene: Scene) -> None:
    async with scene.database.transaction() as connection:
        await connection.execute(update(holds).values(expires_at=clock.now()))
    await scene.credits.expire_holds()


async def test_work_that_outlives_its_hold_is_charged_all_the_same(scene: Scene) -> None:
    job = await scene.running()
    await let_holds_expire(scene)
    assert await scene.balance() == 10_000

    assert (await scene.jobs.succeed(job.id, charge=600)).charged == 600
    assert (await scene.jobs.succeed(job.id)).charged == 600
    assert await scene.balance() == 9_400


async def test_work_that_outlives_its_hold_is_given_away_rather_than_lost(scene: Scene) -> None:
    job = await scene.running(price=8_000)
    await let_holds_expire(scene)
    await scene.accept(price=9_000)

    done = await scene.jobs.succeed(job.id)

    assert (done.status, done.charged) == ("succeeded", 0)
    assert await scene.balance() == 1_000


async def test_work_that_outlives_its_hold_can_still_fail(scene: Scene) -> None:
    job = await scene.running()
    await let_holds_expire(scene)
    assert (await scene.jobs.fail(job.id, "engine_failed", "")).status == "failed"
    assert await scene.balance() == 10_000


async def test_everything_is_undone_together(scene: Scene) -> None:
    job = await scene.running()
    with pytest.raises(ValueError, match="the output cannot be recorded"):
        async with scene.database.transaction():
            await scene.jobs.succeed(job.id)
            raise ValueError("the output cannot be recorded")
    assert (await scene.jobs.get(scene.account, job.id)).status == "running"
    assert await scene.events(job) == ["job.started"]
    assert await scene.balance() == 9_000
