"""The steps of the dubbing workflow: each runs one stage, reports how far it is, and ends when nobody wants it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Mapping
from typing import Any, Protocol

import structlog

from myna.dubbing.files import DubFiles
from myna.dubbing.schemas import STAGES
from myna.dubbing.store import DubStore, Work
from myna.errors import Canceled, Unavailable
from myna.jobs.schemas import Job
from myna.jobs.service import JobService
from myna.kit.beneficiary import work_for
from myna.kit.threads import taking_its_time

log = structlog.get_logger()

SECONDS_BETWEEN_REPORTS = 0.5

SHARES = {
    "fetch": 4,
    "probe": 1,
    "extract": 6,
    "listen": 8,
    "separate": 6,
    "speakers": 8,
    "transcribe": 26,
    "translate": 4,
    "speak": 12,
    "plan": 1,
    "fit": 4,
    "mix": 10,
    "mux": 7,
    "verify": 2,
    "publish": 1,
}
"""Percent of a dub's whole progress that each stage stands for."""

Report = Callable[[float], None]
"""Takes how much of the stage is done, 0 to 1. Costs nothing, so it may be called often."""


def share(report: Report, place: int, count: int) -> Report:
    """The report of one of several equal parts of a stage."""
    return lambda done: report((place + done) / count)


class Stage(Protocol):
    """One stage of a dub. It may run again after a crash, and then finds what it had made already."""

    async def __call__(self, work: Work, report: Report) -> Iterable[str] | None:
        """Gives the engines that did the work; None when it chose none, or all was there already."""
        ...


class DubSteps:
    """What one job of a dub needs, stage by stage."""

    def __init__(
        self, *, node_id: str, jobs: JobService, store: DubStore, files: DubFiles, stages: Mapping[str, Stage]
    ) -> None:
        self._node_id = node_id
        self._jobs = jobs
        self._store = store
        self._files = files
        self._stages = stages

    async def run(self, name: str, job_id: str) -> None:
        """One stage. Raises `Canceled` when the job has ended meanwhile, and what the stage raises."""
        job = await self._jobs.start(job_id, self._node_id)
        if job.finished:
            return
        work_for(job.account_id, on_a_job=True)
        try:
            with taking_its_time():
                await self._run(name, job)
        except Canceled:
            raise
        except Exception as error:
            if await self._is_unwanted(job):
                raise Canceled from error  # its files may have gone under its hands
            raise

    async def _run(self, name: str, job: Job) -> None:
        work = await self._store.load(job)
        await self._store.begin_stage(work.dub.id, name)
        began = time.monotonic()
        progress = _Progress(name)
        await self._jobs.report(job.id, name, progress.whole)
        engines = await self._until_canceled(self._stages[name](work, progress.report), job, progress)
        await self._store.end_stage(work.dub.id, name, time.monotonic() - began, engines)

    async def finish(self, job_id: str) -> None:
        """The job is done: neither the folder of this node nor what the job replaced is needed any longer."""
        job = await self._jobs.find(job_id)
        if job is not None:
            await self._leave(job)
            await self._files.remove_replaced(job.account_id, _dub_of(job))

    async def give_up(self, job_id: str, code: str, message: str) -> None:
        """The job failed: nothing is charged. What was made stays for a further try."""
        job = await self._jobs.fail(job_id, code, message)
        if job.status == "failed":
            await self._store.give_up(job)
            await self._leave(job)
            await self._files.remove_job(job.account_id, _dub_of(job), job.id)
        else:
            await self.forget(job_id)

    async def forget(self, job_id: str) -> None:
        """The job was canceled. A dub that never was finished, or that was deleted, leaves no files."""
        job = await self._jobs.find(job_id)
        if job is None:
            return
        dub_id = _dub_of(job)
        await self._leave(job)
        canceled_at_first = job.id == dub_id and job.status == "canceled"
        if canceled_at_first or await self._store.is_deleted(dub_id):
            await self._files.remove_all(job.account_id, dub_id)
            await self._store.mark_files_gone(dub_id)
        elif job.status != "succeeded":
            await self._files.remove_job(job.account_id, dub_id, job.id)
        await self._store.drop_drafts(job)

    async def _leave(self, job: Job) -> None:
        """Remove the folder of this node, unless a further job works in it already."""
        if await self._store.is_last(job):
            await self._files.forget_local(_dub_of(job))

    async def _is_unwanted(self, job: Job) -> bool:
        current = await self._jobs.find(job.id)
        return current is None or current.status in ("canceled", "failed")

    async def _until_canceled(
        self, stage: Coroutine[Any, Any, Iterable[str] | None], job: Job, progress: _Progress
    ) -> Iterable[str] | None:
        """Run a stage, and end it within half a second of its job's end."""
        working = asyncio.create_task(stage)
        watching = asyncio.create_task(self._watch(job, progress))
        try:
            await asyncio.wait({working, watching}, return_when=asyncio.FIRST_COMPLETED)
            if working.done():
                return working.result()
            raise watching.exception() or Canceled
        finally:
            for task in (working, watching):
                task.cancel()
            await asyncio.gather(working, watching, return_exceptions=True)

    async def _watch(self, job: Job, progress: _Progress) -> None:
        while True:
            await asyncio.sleep(SECONDS_BETWEEN_REPORTS)
            try:
                if await self._is_unwanted(job):
                    raise Canceled
                if progress.has_moved():
                    await self._jobs.report(job.id, progress.stage, progress.whole)
            except Unavailable:
                log.warning("dubbing.not_reported", job=job.id, stage=progress.stage)


class _Progress:
    """How far a stage is, and the whole job with it."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        before = STAGES[: STAGES.index(stage)]
        self._base = sum(SHARES[name] for name in before) / 100
        self._share = SHARES[stage] / 100
        self._done = self._said = 0.0

    @property
    def whole(self) -> float:
        """0 to 1."""
        return round(self._base + self._share * self._done, 4)

    def report(self, done: float) -> None:
        self._done = max(self._done, min(1.0, done))

    def has_moved(self) -> bool:
        """Since it was last asked."""
        before, self._said = self._said, self._done
        return self._done > before


def _dub_of(job: Job) -> str:
    return str(job.request["dub_id"])
