"""Jobs in the database. A change of status is one statement that names the statuses it may start from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, String, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from myna.db.statements import insert, inserted, row_of
from myna.db.tables import jobs
from myna.jobs.schemas import FINISHED, DayOfUse, Job, JobStatus

_COLUMNS = [column for column in jobs.c if column.name != "node_id"]

UNFINISHED: tuple[JobStatus, ...] = ("queued", "running")


class JobRepository:
    """Works on one connection, in its transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def insert(self, job: Job) -> bool:
        """False when the account has a job with this id or of this moment."""
        statement = insert(self._connection, jobs).values(row_of(job)).on_conflict_do_nothing()
        return await inserted(self._connection, statement)

    async def find(self, job_id: str) -> Job | None:
        return await self._one(select(*_COLUMNS).where(jobs.c.id == job_id))

    async def locked(self, job_id: str) -> Job | None:
        """Like `find`; nobody else changes the job until the transaction ends."""
        return await self._one(select(*_COLUMNS).where(jobs.c.id == job_id).with_for_update(key_share=True))

    async def change(self, job_id: str, *, among: Sequence[JobStatus], at: datetime, **values: Any) -> Job | None:
        """Write `values` when the status is one of `among`. Returns the job as it is now, or None."""
        statement = (
            update(jobs)
            .where(jobs.c.id == job_id, jobs.c.status.in_(among))
            .values(**values, updated_at=at)
            .returning(*_COLUMNS)
        )
        row = (await self._connection.execute(statement)).mappings().first()
        return None if row is None else Job(**row)

    async def mark_deleted(self, account_id: str, job_id: str, at: datetime) -> None:
        statement = (
            update(jobs)
            .where(jobs.c.id == job_id, jobs.c.account_id == account_id, jobs.c.deleted_at.is_(None))
            .values(deleted_at=at, updated_at=at)
        )
        await self._connection.execute(statement)

    async def page(
        self,
        account_id: str,
        before: datetime | None,
        limit: int,
        *,
        status: str | None,
        kind: str | None,
        api: str | None,
    ) -> list[Job]:
        """The newest first, without deleted ones."""
        statement = select(*_COLUMNS).where(jobs.c.account_id == account_id, jobs.c.deleted_at.is_(None))
        if before is not None:
            statement = statement.where(jobs.c.created_at < before)
        for column, value in ((jobs.c.status, status), (jobs.c.kind, kind), (jobs.c.api, api)):
            if value is not None:
                statement = statement.where(column == value)
        return await self._all(statement.order_by(jobs.c.created_at.desc()).limit(limit))

    async def count_unfinished(self, account_id: str, api: str | None) -> int:
        statement = select(func.count()).where(jobs.c.account_id == account_id, jobs.c.status.in_(UNFINISHED))
        if api is not None:
            statement = statement.where(jobs.c.api == api)
        return int((await self._connection.execute(statement)).scalar_one())

    async def running_on(self, node_ids: Sequence[str]) -> list[Job]:
        return await self._all(select(*_COLUMNS).where(jobs.c.status == "running", jobs.c.node_id.in_(node_ids)))

    async def queued(self, kind: str, since: datetime, limit: int) -> list[Job]:
        """Jobs that were accepted before `since` and wait since then, the oldest first."""
        statement = (
            select(*_COLUMNS)
            .where(jobs.c.status == "queued", jobs.c.updated_at <= since, jobs.c.kind == kind)
            .order_by(jobs.c.updated_at)
            .limit(limit)
        )
        return await self._all(statement)

    async def count_by_status(self, since: datetime) -> dict[str, int]:
        """Those that are not finished, and those that finished since then."""
        counted = or_(jobs.c.status.in_(UNFINISHED), and_(jobs.c.status.in_(FINISHED), jobs.c.updated_at >= since))
        statement = select(jobs.c.status, func.count()).where(counted).group_by(jobs.c.status)
        return {status: count for status, count in await self._connection.execute(statement)}

    async def usage(self, account_id: str, since: datetime, until: datetime) -> list[DayOfUse]:
        """By the day on which they were accepted, the oldest first."""
        moment = jobs.c.created_at
        utc = func.timezone("UTC", moment) if self._connection.dialect.name == "postgresql" else moment
        day = func.date(utc, type_=String)
        statement = (
            select(day, jobs.c.api, func.count(), func.sum(jobs.c.charged))
            .where(jobs.c.account_id == account_id, moment >= since, moment < until)
            .group_by(day, jobs.c.api)
            .order_by(day, jobs.c.api)
        )
        rows = await self._connection.execute(statement)
        return [DayOfUse(date.fromisoformat(str(day)), api, count, int(spent)) for day, api, count, spent in rows]

    async def _one(self, statement: Select[Any]) -> Job | None:
        row = (await self._connection.execute(statement)).mappings().first()
        return None if row is None else Job(**row)

    async def _all(self, statement: Select[Any]) -> list[Job]:
        rows = (await self._connection.execute(statement)).mappings()
        return [Job(**row) for row in rows]
