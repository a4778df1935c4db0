"""Jobs: accepted, worked on, finished. Money and events change in the same transaction as the status."""

from __future__ import annotations

import asyncio
import builtins
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import structlog

from myna.accounts.service import AccountService
from myna.credits.service import CreditService
from myna.db.session import Database
from myna.errors import Canceled, Conflict, InsufficientCredits, NotFound, QueueFull
from myna.jobs.repository import UNFINISHED, JobRepository
from myna.jobs.schemas import DayOfUse, Job, NewJob
from myna.kit import clock
from myna.kit.pagination import Cursor, Page
from myna.settings import Settings

log = structlog.get_logger()

_MICROSECOND = timedelta(microseconds=1)
_UNSTARTED_AT_ONCE = 500
_CODE_LENGTH = 64
_BETWEEN_LOOKS = 0.25
"""Seconds between two looks at a job that is waited for."""


class JobEvents(Protocol):
    """Who wants to know what happens to jobs."""

    async def record(self, job: Job, type: str) -> object:
        """Take note of an event, in the transaction in which it happens."""
        ...


class JobService:
    """All jobs. Every change is safe to repeat, because a step of durable work may run twice."""

    def __init__(
        self,
        database: Database,
        credits: CreditService,
        webhooks: JobEvents,
        accounts: AccountService,
        settings: Settings,
    ) -> None:
        self._database = database
        self._credits = credits
        self._events = webhooks
        self._accounts = accounts
        self._settings = settings

    async def accept(self, new: NewJob) -> Job:
        """Hold the price and record the job, both or neither. The same id again returns the job that is there.

        Raises `InsufficientCredits`, `QueueFull`, and `Conflict` for an id that another account uses.
        """
        async with self._database.transaction() as connection:
            jobs = JobRepository(connection)
            if earlier := await jobs.find(new.id):
                return _own(earlier, new)
            now = clock.now()
            expiry = now + clock.seconds(self._settings.hold_seconds)
            hold = await self._credits.hold(new.account_id, new.price, key=new.id, expires_at=expiry)
            waiting = await jobs.count_unfinished(new.account_id, None)
            if waiting >= self._settings.max_queued_jobs:
                message = f"This account has {waiting} jobs waiting or running. Wait until some are done."
                raise QueueFull(message, limit=self._settings.max_queued_jobs)
            return await self._insert(jobs, _accepted(new, hold.id, now))

    async def get(self, account_id: str, job_id: str) -> Job:
        """Also a deleted one, see its `deleted_at`. Raises `NotFound`, also for the job of another account."""
        job = await self.find(job_id)
        if job is None or job.account_id != account_id:
            raise NotFound
        return job

    async def finished(self, job_id: str) -> Job:
        """The job once it has finished, wherever it runs. Raises `NotFound`."""
        while True:
            job = await self.find(job_id)
            if job is None:
                raise NotFound
            if job.finished:
                return job
            await asyncio.sleep(_BETWEEN_LOOKS)

    async def find(self, job_id: str) -> Job | None:
        """The job of any account, also a deleted one."""
        async with self._database.reading() as connection:
            return await JobRepository(connection).find(job_id)

    async def list(
        self,
        account_id: str,
        *,
        before: Cursor | None = None,
        limit: int = 50,
        status: str | None = None,
        kind: str | None = None,
        api: str | None = None,
    ) -> Page[Job]:
        """The newest first, without deleted ones."""
        position = before.created_at if before else None
        async with self._database.reading() as connection:
            found = await JobRepository(connection).page(
                account_id, position, limit + 1, status=status, kind=kind, api=api
            )
        return Page(found[:limit], has_more=len(found) > limit)

    async def start(self, job_id: str, node_id: str) -> Job:
        """The job begins, or goes on, on this node. Raises `Canceled` when it was canceled or has failed."""
        async with self._database.transaction() as connection:
            jobs, now = JobRepository(connection), clock.now()
            started = await jobs.change(
                job_id, among=("queued",), at=now, status="running", node_id=node_id, started_at=now
            )
            if started is not None:
                await self._events.record(started, "job.started")
                return started
            job = await jobs.change(job_id, among=("running",), at=now, node_id=node_id)
            job = job or await _existing(jobs, job_id)
            if job.status in ("canceled", "failed"):
                raise Canceled
            return job

    async def report(self, job_id: str, stage: str, progress: float) -> None:
        """How far it is, 0 to 1. Without effect unless the job runs."""
        progress = min(1.0, max(0.0, progress)) if math.isfinite(progress) else 0.0
        async with self._database.transaction() as connection:
            await JobRepository(connection).change(
                job_id, among=("running",), at=clock.now(), stage=stage, progress=progress
            )

    async def reprice(self, job_id: str, price: int) -> Job:
        """The price is known better than when the job was accepted: hold `price` milli-credits instead.

        The same price again changes nothing. Raises `Canceled` when the job has ended, and `InsufficientCredits`; then
        what was held stays held.
        """
        async with self._database.transaction() as connection:
            jobs = JobRepository(connection)
            job = await _locked(jobs, job_id)
            if job.finished:
                raise Canceled
            if job.price == price:
                return job
            await self._credits.void(job.hold_id)
            expiry = clock.now() + clock.seconds(self._settings.hold_seconds)
            hold = await self._credits.hold(job.account_id, price, key=f"{job.id}:{price}", expires_at=expiry)
            changes = {"price": price, "charged": price, "hold_id": hold.id}
            changed = await jobs.change(job.id, among=UNFINISHED, at=clock.now(), **changes)
            assert changed is not None, "the job is locked, so nobody else has ended it"
            return changed

    async def succeed(self, job_id: str, *, charge: int | None = None) -> Job:
        """The work is done: charge for it (`charge` milli-credits, the price when None) and tell.

        Raises `Canceled` when the job was canceled or has failed; then nothing is charged.
        """
        async with self._database.transaction() as connection:
            jobs = JobRepository(connection)
            job = await _locked(jobs, job_id)
            if job.status == "succeeded":
                return job
            if job.status not in UNFINISHED:
                raise Canceled
            charged = await self._charge(job, charge)
            job = await _finish(jobs, job, status="succeeded", charged=charged, stage="", progress=1.0)
            await self._events.record(job, "job.succeeded")
            if job.key_id is not None:
                await self._accounts.record_success(job.key_id, charged)
            return job

    async def fail(self, job_id: str, code: str, message: str) -> Job:
        """The work cannot be done: give the price back and tell. A job that has ended stays as it is."""
        async with self._database.transaction() as connection:
            jobs = JobRepository(connection)
            job = await _locked(jobs, job_id)
            if job.finished:
                return job
            await self._credits.void(job.hold_id)
            job = await _finish(
                jobs, job, status="failed", charged=0, error_code=code[:_CODE_LENGTH], error_message=message
            )
            await self._events.record(job, "job.failed")
            return job

    async def cancel(self, account_id: str, job_id: str) -> Job:
        """Nobody wants it any more: give the price back and tell. Raises `Conflict` when it has ended otherwise."""
        async with self._database.transaction() as connection:
            jobs = JobRepository(connection)
            job = await _locked(jobs, job_id, account_id)
            if job.status == "canceled":
                return job
            if job.finished:
                raise Conflict(f"The job has {job.status} already.")
            await self._credits.void(job.hold_id)
            job = await _finish(jobs, job, status="canceled", charged=0)
            await self._events.record(job, "job.canceled")
            return job

    async def delete(self, account_id: str, job_id: str) -> Job:
        """Take it off the list. Its work, if it still runs, goes on; what that makes is thrown away."""
        async with self._database.transaction() as connection:
            jobs = JobRepository(connection)
            await jobs.mark_deleted(account_id, job_id, clock.now())
            return await self.get(account_id, job_id)

    async def active(self, account_id: str, api: str | None = None) -> int:
        """How many are queued or running."""
        async with self._database.reading() as connection:
            return await JobRepository(connection).count_unfinished(account_id, api)

    async def count_by_status(self) -> dict[str, int]:
        """Jobs of all accounts: how many are queued and running now, and how many ended in the last hour, and how."""
        async with self._database.reading() as connection:
            return await JobRepository(connection).count_by_status(clock.now() - timedelta(hours=1))

    async def usage(self, account_id: str, since: datetime, until: datetime) -> builtins.list[DayOfUse]:
        """What was charged, or is held, for the jobs accepted from `since` up to, not including, `until`."""
        async with self._database.reading() as connection:
            return await JobRepository(connection).usage(account_id, since, until)

    async def stranded(self, node_ids: Sequence[str]) -> builtins.list[Job]:
        """Streams that ran on these nodes. They have no durable work that another node could go on with."""
        async with self._database.reading() as connection:
            running = await JobRepository(connection).running_on(node_ids)
        return [job for job in running if job.details.get("stream")]

    async def unstarted(self, kind: str, older_than: float) -> builtins.list[Job]:
        """Jobs that have been queued for more than `older_than` seconds, the oldest 500."""
        since = clock.now() - clock.seconds(older_than)
        async with self._database.reading() as connection:
            return await JobRepository(connection).queued(kind, since, _UNSTARTED_AT_ONCE)

    async def _insert(self, jobs: JobRepository, job: Job) -> Job:
        """Two jobs of an account never have the same moment, so that it can serve as a cursor."""
        while not await jobs.insert(job):
            if earlier := await jobs.find(job.id):
                return earlier
            job = replace(job, created_at=job.created_at + _MICROSECOND)
        return job

    async def _charge(self, job: Job, charge: int | None) -> int:
        try:
            return (await self._credits.settle(job.hold_id, charge)).settled
        except Conflict:
            return await self._charge_again(job, charge)

    async def _charge_again(self, job: Job, charge: int | None) -> int:
        """The hold expired while the job waited for longer than a hold lasts. The work is given away rather than
        lost when the account has spent its credits since."""
        price = job.price if charge is None else min(charge, job.price)
        expiry = clock.now() + clock.seconds(self._settings.hold_seconds)
        try:
            hold = await self._credits.hold(job.account_id, price, key=f"{job.id}:late", expires_at=expiry)
        except InsufficientCredits:
            log.warning("job.not_charged", job=job.id, price=price, reason="its hold expired before it was done")
            return 0
        return (await self._credits.settle(hold.id)).settled


def _accepted(new: NewJob, hold_id: str, now: datetime) -> Job:
    return Job(
        id=new.id,
        account_id=new.account_id,
        key_id=new.key_id,
        kind=new.kind,
        api=new.api,
        status="queued",
        stage="",
        progress=0.0,
        request=new.request,
        details=new.details,
        price=new.price,
        charged=new.price,
        hold_id=hold_id,
        name=new.name,
        base_url=new.base_url,
        error_code=None,
        error_message=None,
        created_at=now,
        updated_at=now,
        started_at=None,
        finished_at=None,
        deleted_at=None,
    )


def _own(job: Job, new: NewJob) -> Job:
    if job.account_id != new.account_id:
        raise Conflict("There is a job with this id already.")
    return job


async def _existing(jobs: JobRepository, job_id: str) -> Job:
    job = await jobs.find(job_id)
    if job is None:
        raise NotFound
    return job


async def _locked(jobs: JobRepository, job_id: str, account_id: str | None = None) -> Job:
    job = await jobs.locked(job_id)
    if job is None or account_id not in (None, job.account_id):
        raise NotFound
    return job


async def _finish(jobs: JobRepository, job: Job, **values: Any) -> Job:
    now = clock.now()
    finished = await jobs.change(job.id, among=UNFINISHED, at=now, finished_at=now, **values)
    assert finished is not None, "the job is locked, so nobody else has ended it"
    return finished
