"""Outputs: recorded, listed, kept as favourites, deleted together with their files."""

from __future__ import annotations

import builtins
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from myna.db.session import Database
from myna.errors import Conflict, MynaError, NotFound
from myna.jobs.schemas import Job
from myna.kit import clock, ids
from myna.kit.pagination import Page
from myna.outputs.repository import OutputRepository
from myna.outputs.schemas import NewOutput, Order, Output, OutputFilter
from myna.storage.base import ObjectStorage

log = structlog.get_logger()

_MICROSECOND = timedelta(microseconds=1)
_FILES_AT_ONCE = 500


class OutputService:
    """The files that jobs made, account by account."""

    def __init__(self, database: Database, storage: ObjectStorage) -> None:
        self._database = database
        self._storage = storage

    async def record(self, job: Job, new: NewOutput) -> Output:
        """Record a stored file, in the caller's transaction if there is one. The same id again changes nothing.

        What a job makes after it was deleted is deleted as well. Raises `Conflict` when another job has this id.
        """
        output = _recorded(job, new)
        async with self._database.transaction() as connection:
            outputs = OutputRepository(connection)
            while not await outputs.insert(output, job.deleted_at):
                if earlier := await outputs.find(output.id):
                    return _same(earlier, job)
                output = replace(output, created_at=output.created_at + _MICROSECOND)
            if job.deleted_at is None:
                await outputs.add_to_total(job.account_id, job.api, 1)
            else:
                await self._remove_after_commit([output.id])
        return output

    async def get(self, account_id: str, output_id: str) -> Output:
        """Raises `NotFound`, also for a deleted output and for that of another account."""
        async with self._database.reading() as connection:
            output = await OutputRepository(connection).live(account_id, output_id)
        if output is None:
            raise NotFound
        return output

    async def of_job(self, job_id: str) -> builtins.list[Output]:
        """What a job made and nobody has deleted, in the order in which it was made."""
        async with self._database.reading() as connection:
            return await OutputRepository(connection).of_job(job_id)

    async def list(
        self,
        account_id: str,
        where: OutputFilter | None = None,
        *,
        after: datetime | None = None,
        limit: int = 50,
        order: Order = "desc",
    ) -> Page[Output]:
        """The page that follows the output which was created at `after`. The newest come first unless asked else."""
        where = where or OutputFilter()
        async with self._database.reading(long=where != OutputFilter()) as connection:
            found = await OutputRepository(connection).page(account_id, where, after, limit + 1, order)
        return Page(found[:limit], has_more=len(found) > limit)

    async def count(self, account_id: str, where: OutputFilter | None = None) -> int:
        """How many there are. Without a filter, or with one for the API alone, this costs the same at any number."""
        where = where or OutputFilter()
        is_total = where == OutputFilter(api=where.api)
        async with self._database.reading(long=not is_total) as connection:
            outputs = OutputRepository(connection)
            return await (outputs.total(account_id, where.api) if is_total else outputs.count(account_id, where))

    async def set_favorite(self, account_id: str, output_id: str, is_favorited: bool) -> Output:
        """Raises `NotFound`."""
        async with self._database.transaction() as connection:
            await OutputRepository(connection).set_favorite(account_id, output_id, is_favorited, clock.now())
            return await self.get(account_id, output_id)

    async def delete(self, account_id: str, output_ids: Sequence[str]) -> int:
        """Delete outputs and, once that is certain, their files. Returns how many there were.

        Ids that are unknown, or of another account, are ignored.
        """
        if not output_ids:
            return 0
        async with self._database.transaction() as connection:
            outputs = OutputRepository(connection)
            deleted = await outputs.mark_deleted(account_id, output_ids, clock.now())
            for api, count in sorted(Counter(deleted.values()).items()):
                await outputs.add_to_total(account_id, api, -count)
            await self._remove_after_commit(list(deleted))
        return len(deleted)

    async def remove_deleted_files(self) -> int:
        """Remove files of deleted outputs that are still there because the storage was away. Returns how many."""
        return await self._remove_files(None)

    async def _remove_after_commit(self, output_ids: Sequence[str]) -> None:
        async def remove() -> None:
            try:
                await self._remove_files(output_ids)
            except MynaError as error:
                log.warning("outputs.files_left", outputs=len(output_ids), reason=error.message)

        await self._database.after_commit(remove)

    async def _remove_files(self, output_ids: Sequence[str] | None) -> int:
        count = 0
        while True:
            async with self._database.reading() as connection:
                files = await OutputRepository(connection).files_to_remove(_FILES_AT_ONCE, output_ids)
            if not files:
                return count
            await self._storage.delete(*files.values())
            async with self._database.transaction() as connection:
                await OutputRepository(connection).forget_files(list(files))
            count += len(files)


def _recorded(job: Job, new: NewOutput) -> Output:
    return Output(
        id=new.id,
        job=job,
        account_id=job.account_id,
        object_key=new.object_key,
        file_name=new.file_name,
        media_type=new.media_type,
        size=new.size,
        duration=new.duration,
        sample_rate=new.sample_rate,
        waveform=new.waveform,
        text=new.text,
        prompt_id=ids.prompt_id(new.text),
        settings=new.settings,
        is_favorited=False,
        was_auto_submitted=new.was_auto_submitted,
        created_at=job.created_at,
        updated_at=clock.now(),
    )


def _same(output: Output, job: Job) -> Output:
    if output.job.id != job.id:
        raise Conflict("Another job has an output with this id.")
    return output
