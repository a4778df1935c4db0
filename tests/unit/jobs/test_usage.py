"""What accounts did, and what all nodes do: counted on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import update

from myna.accounts.service import AccountService
from myna.credits.service import CreditService
from myna.db.tables import jobs as jobs_table
from myna.jobs.schemas import DayOfUse, NewJob
from myna.jobs.service import JobService
from myna.kit import ids
from myna.settings import Settings


class NoEvents:
    async def record(self, job, type):
        return None


@pytest.fixture
def credits(database):
    return CreditService(database)


@pytest.fixture
def accounts(database):
    return AccountService(database, b"secret")


@pytest.fixture
def jobs(database, credits, accounts):
    return JobService(database, credits, NoEvents(), accounts, Settings())


@pytest.fixture
async def account_id(accounts, credits):
    account = await accounts.create_account("somebody")
    await credits.grant(account.id, 100_000)
    return account.id


async def accept(jobs, account_id, price, api="native"):
    new = NewJob(id=ids.new_uuid(), account_id=account_id, key_id=None, kind="speech", api=api, request={}, price=price)
    return (await jobs.accept(new)).id


async def move(database, job_id, **values):
    async with database.transaction() as connection:
        await connection.execute(update(jobs_table).where(jobs_table.c.id == job_id).values(**values))


async def test_usage_by_day_and_api(database, jobs, account_id):
    first = await accept(jobs, account_id, 1000)
    late = await accept(jobs, account_id, 500)
    other = await accept(jobs, account_id, 200, api="openai")
    failed = await accept(jobs, account_id, 4000)
    await jobs.fail(failed, "engine_failed", "no")
    midnight = datetime(2026, 3, 2, tzinfo=UTC)
    await move(database, first, created_at=midnight - timedelta(microseconds=1))
    await move(database, late, created_at=midnight)
    await move(database, other, created_at=midnight + timedelta(hours=1))
    await move(database, failed, created_at=midnight + timedelta(hours=2))
    assert await jobs.usage(account_id, midnight - timedelta(days=1), midnight + timedelta(days=1)) == [
        DayOfUse(date(2026, 3, 1), "native", 1, 1000),
        DayOfUse(date(2026, 3, 2), "native", 2, 500),
        DayOfUse(date(2026, 3, 2), "openai", 1, 200),
    ]
    assert await jobs.usage(account_id, midnight, midnight + timedelta(hours=1)) == [
        DayOfUse(date(2026, 3, 2), "native", 1, 500)
    ]
    assert await jobs.usage("nobody", midnight - timedelta(days=1), midnight + timedelta(days=1)) == []


async def test_jobs_by_status(database, jobs, account_id):
    assert await jobs.count_by_status() == {}
    await accept(jobs, account_id, 1)
    await accept(jobs, account_id, 1)
    running, done, long_ago = [await accept(jobs, account_id, 1) for _ in range(3)]
    await jobs.start(running, "node")
    for job_id in (done, long_ago):
        await jobs.succeed(job_id)
    await move(database, long_ago, updated_at=datetime.now(UTC) - timedelta(hours=2))
    assert await jobs.count_by_status() == {"queued": 2, "running": 1, "succeeded": 1}
