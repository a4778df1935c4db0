"""Housekeeping: what has to be done now and then. Every node does it all, since doing it twice changes nothing."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog

from myna.credits.service import CreditService
from myna.db.session import Database
from myna.errors import EngineCrashed, MynaError
from myna.jobs.service import JobService
from myna.kit import clock
from myna.settings import Settings
from myna.storage.base import ObjectStorage
from myna.webhooks.delivery import WebhookDelivery
from myna.worker.durable import DurableWork, FailedWork
from myna.worker.nodes import live_nodes
from myna.worker.repository import WorkerRepository

log = structlog.get_logger()

UPLOADS = "uploads/"
WORKFLOWS = ("speech", "dub", "transcription")
"""The workflows whose id is that of a job."""

_AT_ONCE = 500
_REMEMBER_WORKFLOWS = timedelta(days=1)
_REMEMBER_NODES = timedelta(days=7)
_HOUR = 3_600.0


@dataclass(frozen=True, slots=True)
class Chore:
    """Something to do every so many seconds."""

    seconds: float
    work: Callable[[], Awaitable[object]]

    @property
    def name(self) -> str:
        return self.work.__name__.removeprefix("_")


class Housekeeping:
    """Does the chores of this node, each at its own pace. One that fails is tried again at its next turn."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        storage: ObjectStorage,
        credits: CreditService,
        jobs: JobService,
        delivery: WebhookDelivery,
        work: DurableWork,
        others: Sequence[Chore],
    ) -> None:
        """`others` are the chores of the domains that this layer does not know."""
        self._settings = settings
        self._database = database
        self._storage = storage
        self._credits = credits
        self._jobs = jobs
        self._work = work
        self._tasks: list[asyncio.Task[None]] = []
        self.broken: dict[str, list[str]] = {}
        """What the last checks found to be wrong, in words, by check: `ledger` and `stuck`."""
        self.chores = (
            *others,
            Chore(10, delivery.sweep),
            Chore(15, self.fail_parked),
            Chore(30, work.recover_lost),
            Chore(30, self.check_stuck),
            Chore(60, credits.expire_holds),
            Chore(600, self.delete_expired_keys),
            Chore(_HOUR, credits.expire_credits),
            Chore(_HOUR, self.check_ledger),
            Chore(_HOUR, self.delete_old_uploads),
            Chore(_HOUR, self.forget),
        )

    async def start(self) -> None:
        self._tasks = [asyncio.create_task(self._keep(chore)) for chore in self.chores]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def fail_parked(self) -> int:
        """Fail the jobs whose workflow will not go on, and give their credits back. Returns how many."""
        count = 0
        for name in WORKFLOWS:
            for failed in await self._work.failed(name):
                count += await self._fail(failed)
        return count

    async def check_ledger(self) -> list[str]:
        """What is wrong with the ledger, in words. Nothing ever should be."""
        return self._note("ledger", await self._credits.check())

    async def check_stuck(self) -> list[str]:
        """The workflows that nobody goes on with."""
        stuck = await self._work.stuck(await live_nodes(self._settings, self._database))
        return self._note("stuck", [f"workflow {workflow_id} has no live node" for workflow_id in stuck])

    async def delete_expired_keys(self) -> int:
        """Forget the answers to requests with an Idempotency-Key that are old enough. Returns how many."""
        count, now = 0, clock.now()
        while True:
            async with self._database.reading() as connection:
                expired = await WorkerRepository(connection).expired_keys(now, _AT_ONCE)
            await self._storage.delete(*(key for key in expired.values() if key))
            async with self._database.transaction() as connection:
                await WorkerRepository(connection).remove_expired_keys(now, expired)
            count += len(expired)
            if len(expired) < _AT_ONCE:
                return count

    async def delete_old_uploads(self) -> int:
        """Remove inputs that were uploaded long ago. Returns how many."""
        before = clock.now() - timedelta(days=self._settings.upload_days)
        old = [found.key async for found in self._storage.list(UPLOADS) if found.modified_at < before]
        for start in range(0, len(old), _AT_ONCE):
            await self._storage.delete(*old[start : start + _AT_ONCE])
        return len(old)

    async def forget(self) -> None:
        """Remove what is known of ended workflows and of dead nodes."""
        now = clock.now()
        await self._work.forget(now - _REMEMBER_WORKFLOWS)
        async with self._database.transaction() as connection:
            await WorkerRepository(connection).delete_nodes(now - _REMEMBER_NODES)

    async def _fail(self, failed: FailedWork) -> bool:
        job = await self._jobs.find(failed.workflow_id)
        if job is None or job.finished:
            return False
        if failed.crashed:
            code, message = EngineCrashed.code, "The server stopped each time that it worked on this. It was given up."
        else:
            code, message = MynaError.code, "Something went wrong inside Myna. The server's log has the details."
        await self._jobs.fail(job.id, code, message)
        log.error("housekeeping.job_given_up", job=job.id, crashed=failed.crashed)
        return True

    def _note(self, check: str, wrong: list[str]) -> list[str]:
        self.broken[check] = wrong
        if wrong:
            log.error("housekeeping.check_failed", check=check, wrong=wrong[:20], count=len(wrong))
        return wrong

    async def _keep(self, chore: Chore) -> None:
        """The first turn comes after a random part of the pause, so nodes that start together do not go together."""
        await asyncio.sleep(min(chore.seconds, 60) * random.random())
        while True:
            try:
                await chore.work()
            except Exception:
                log.warning("housekeeping.chore_failed", chore=chore.name, exc_info=True)
            await asyncio.sleep(chore.seconds * random.uniform(0.9, 1.1))
