"""What the stages of a job read of a dub, and what they write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from myna.db.session import Database
from myna.dubbing.documents import Draft, as_documents
from myna.dubbing.repository import DubRepository, TargetRow
from myna.dubbing.schemas import Dub, DubbedLine, DubTarget, SourceLine, Speaker, StageRecord
from myna.errors import Canceled
from myna.jobs.schemas import Job
from myna.kit import clock


@dataclass(frozen=True, slots=True)
class Part:
    """One language of a dub in the hands of a job."""

    target: DubTarget
    draft: Draft
    outputs: tuple[str, ...] = ()
    changed: frozenset[int] = frozenset()
    """The numbers of the lines that were changed, or could not be spoken, since it was finished."""

    @property
    def language(self) -> str:
        return self.target.language

    @property
    def finished_before(self) -> bool:
        return bool(self.target.files)

    def is_open(self, line: DubbedLine) -> bool:
        """Whether this job speaks the line anew: all of them the first time, then those that were changed."""
        return not self.finished_before or line.number in self.changed

    @property
    def has_work(self) -> bool:
        """False: this job leaves the language as it is."""
        return not self.finished_before or bool(self.changed)

    def with_lines(self, lines: Iterable[DubbedLine]) -> Part:
        return replace(self, draft=replace(self.draft, lines=tuple(lines)))


@dataclass(frozen=True, slots=True)
class Work:
    """A job and its dub, as they are when a stage begins."""

    job: Job
    dub: Dub
    parts: tuple[Part, ...]
    """The languages that this job works on, in the order of the request: not those in which nothing was changed."""

    @property
    def place(self) -> tuple[str, str]:
        """Account and dub: where its files are."""
        return self.dub.account_id, self.dub.id


class DubStore:
    """The rows of dubs that are being worked on. Every write is safe to repeat."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, job: Job) -> Work:
        """Raises `Canceled` when the dub was deleted, or another job works on it by now."""
        async with self._database.reading() as connection:
            repository = DubRepository(connection)
            dub = await repository.live(job.account_id, str(job.request["dub_id"]))
            rows = await repository.rows(dub.id) if dub else []
        if dub is None or dub.job.id != job.id:
            raise Canceled
        drafts = (row.draft if row.draft.job_id == job.id else Draft(job.id) for row in rows)
        parts = (_part(row, draft) for row, draft in zip(rows, drafts, strict=True))
        return Work(job, dub, tuple(part for part in parts if part.has_work))

    async def begin_stage(self, dub_id: str, stage: str) -> None:
        """Count that a stage was begun."""
        async with self._database.transaction() as connection:
            repository = DubRepository(connection)
            stages = await repository.stages(dub_id)
            record = StageRecord(**stages.get(stage, {"starts": 0, "seconds": 0.0}))
            stages[stage] = asdict(replace(record, starts=record.starts + 1, seconds=0.0))
            await repository.change(dub_id, clock.now(), stages=stages)

    async def end_stage(self, dub_id: str, stage: str, seconds: float, engines: Iterable[str] | None = None) -> None:
        """`engines` are those that did its work; None leaves those that an earlier run has noted."""
        async with self._database.transaction() as connection:
            repository = DubRepository(connection)
            stages = await repository.stages(dub_id)
            used = {} if engines is None else {"engines": sorted(set(engines))}
            stages[stage] = {**stages.get(stage, {"starts": 1}), "seconds": round(seconds, 3), **used}
            await repository.change(dub_id, clock.now(), stages=stages)

    async def keep_source(self, dub_id: str, source: Mapping[str, Any]) -> None:
        await self._change(dub_id, source=dict(source))

    async def keep_speakers(self, dub_id: str, speakers: Iterable[Speaker]) -> None:
        await self._change(dub_id, speakers=as_documents(speakers))

    async def keep_lines(self, dub_id: str, language: str, lines: Iterable[SourceLine]) -> None:
        """What is said in the source, and in which language."""
        await self._change(dub_id, source_language=language, lines=as_documents(lines))

    async def keep_draft(self, dub_id: str, part: Part) -> None:
        async with self._database.transaction() as connection:
            repository = DubRepository(connection)
            await repository.change_target(dub_id, part.language, clock.now(), draft=part.draft.as_json())

    async def publish(self, work: Work, outputs: Mapping[str, str]) -> None:
        """The drafts take the place of what was there; `outputs` are their ids by language."""
        now = clock.now()
        async with self._database.transaction() as connection:
            repository = DubRepository(connection)
            for part in work.parts:
                draft = part.draft
                values = {
                    "lines": as_documents(draft.lines),
                    "files": {name: asdict(file) for name, file in draft.files.items()},
                    "levels": dict(draft.levels),
                    "outputs": [*part.outputs, outputs[part.language]],
                    "draft": {},
                }
                await repository.change_target(work.dub.id, part.language, now, **values)
            await repository.change(work.dub.id, now)

    async def give_up(self, job: Job) -> None:
        """The job failed. What it made of a dub that never was finished can be seen, and changed for a new try."""
        async with self._database.transaction() as connection:
            repository = DubRepository(connection)
            dub_id = str(job.request["dub_id"])
            for row in await repository.rows(dub_id):
                values: dict[str, Any] = {"draft": {}}
                if not row.target.files and row.draft.job_id == job.id and row.draft.lines:
                    values["lines"] = as_documents(row.draft.lines)
                await repository.change_target(dub_id, row.target.language, clock.now(), **values)

    async def drop_drafts(self, job: Job) -> None:
        """The job was canceled."""
        async with self._database.transaction() as connection:
            repository = DubRepository(connection)
            dub_id = str(job.request["dub_id"])
            for row in await repository.rows(dub_id):
                if row.draft.job_id == job.id:
                    await repository.change_target(dub_id, row.target.language, clock.now(), draft={})

    async def is_last(self, job: Job) -> bool:
        """Whether no further job works, or has worked, on the dub."""
        async with self._database.reading() as connection:
            dub = await DubRepository(connection).find(str(job.request["dub_id"]))
        return dub is None or dub.job.id == job.id

    async def is_deleted(self, dub_id: str) -> bool:
        async with self._database.reading() as connection:
            return not await DubRepository(connection).exists(dub_id)

    async def mark_files_gone(self, dub_id: str) -> None:
        await self._change(dub_id, files_kept=False)

    async def _change(self, dub_id: str, **values: Any) -> None:
        async with self._database.transaction() as connection:
            await DubRepository(connection).change(dub_id, clock.now(), **values)


def _part(row: TargetRow, draft: Draft) -> Part:
    changed = frozenset(line.number for line in row.target.changed)
    return Part(row.target, draft, row.outputs, changed)
