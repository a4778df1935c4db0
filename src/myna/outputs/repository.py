"""Outputs in the database, and how many live ones each account has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from myna.db.statements import insert, inserted
from myna.db.tables import jobs, output_totals, outputs
from myna.jobs.schemas import Job
from myna.outputs.schemas import Order, Output, OutputFilter

_JOB_FIELDS = [field.name for field in fields(Job)]
_OWN_FIELDS = [field.name for field in fields(Output) if field.name != "job"]
_COLUMNS = [outputs.c[name] for name in _OWN_FIELDS] + [jobs.c[name].label(f"job__{name}") for name in _JOB_FIELDS]


class OutputRepository:
    """Works on one connection, in its transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def insert(self, output: Output, deleted_at: datetime | None) -> bool:
        """False when there is one with this id, or the account has one of this moment."""
        values: dict[str, Any] = {name: getattr(output, name) for name in _OWN_FIELDS}
        values |= {"job_id": output.job.id, "api": output.job.api, "waveform": list(output.waveform)}
        statement = insert(self._connection, outputs).values(**values, deleted_at=deleted_at).on_conflict_do_nothing()
        return await inserted(self._connection, statement)

    async def find(self, output_id: str) -> Output | None:
        """Also a deleted one."""
        return await self._one(_joined().where(outputs.c.id == output_id))

    async def live(self, account_id: str, output_id: str) -> Output | None:
        return await self._one(_joined().where(outputs.c.id == output_id, outputs.c.account_id == account_id, _IS_LIVE))

    async def of_job(self, job_id: str) -> list[Output]:
        """Live ones, in the order in which they were made."""
        return await self._all(_joined().where(outputs.c.job_id == job_id, _IS_LIVE).order_by(outputs.c.created_at))

    async def page(
        self, account_id: str, where: OutputFilter, after: datetime | None, limit: int, order: Order
    ) -> list[Output]:
        created_at = outputs.c.created_at
        statement = _joined().where(*_matching(account_id, where))
        if after is not None:
            statement = statement.where(created_at < after if order == "desc" else created_at > after)
        return await self._all(statement.order_by(created_at.desc() if order == "desc" else created_at).limit(limit))

    async def count(self, account_id: str, where: OutputFilter) -> int:
        statement = select(func.count()).select_from(outputs).where(*_matching(account_id, where))
        return int((await self._connection.execute(statement)).scalar_one())

    async def total(self, account_id: str, api: str | None) -> int:
        statement = select(func.coalesce(func.sum(output_totals.c.live), 0)).where(
            output_totals.c.account_id == account_id
        )
        if api is not None:
            statement = statement.where(output_totals.c.api == api)
        return int((await self._connection.execute(statement)).scalar_one())

    async def add_to_total(self, account_id: str, api: str, change: int) -> None:
        added = insert(self._connection, output_totals).values(account_id=account_id, api=api, live=change)
        statement = added.on_conflict_do_update(
            index_elements=["account_id", "api"], set_={"live": output_totals.c.live + added.excluded.live}
        )
        await self._connection.execute(statement)

    async def set_favorite(self, account_id: str, output_id: str, is_favorited: bool, at: datetime) -> None:
        statement = (
            update(outputs)
            .where(outputs.c.id == output_id, outputs.c.account_id == account_id, _IS_LIVE)
            .values(is_favorited=is_favorited, updated_at=at)
        )
        await self._connection.execute(statement)

    async def mark_deleted(self, account_id: str, output_ids: Sequence[str], at: datetime) -> dict[str, str]:
        """Returns the API of each output that was live until now, by its id."""
        chosen = (
            select(outputs.c.id, outputs.c.api)
            .where(outputs.c.id.in_(output_ids), outputs.c.account_id == account_id, _IS_LIVE)
            .order_by(outputs.c.id)
            .with_for_update(key_share=True)
        )
        apis = {row.id: row.api for row in await self._connection.execute(chosen)}
        statement = update(outputs).where(outputs.c.id.in_(apis)).values(deleted_at=at, updated_at=at)
        await self._connection.execute(statement)
        return apis

    async def files_to_remove(self, limit: int, output_ids: Iterable[str] | None = None) -> dict[str, str]:
        """Object keys of deleted outputs whose files are still there, by output id."""
        statement = select(outputs.c.id, outputs.c.object_key).where(
            outputs.c.deleted_at.is_not(None), outputs.c.object_key != ""
        )
        if output_ids is not None:
            statement = statement.where(outputs.c.id.in_(output_ids))
        rows = await self._connection.execute(statement.limit(limit))
        return {row.id: row.object_key for row in rows}

    async def forget_files(self, output_ids: Iterable[str]) -> None:
        await self._connection.execute(update(outputs).where(outputs.c.id.in_(output_ids)).values(object_key=""))

    async def _one(self, statement: Select[Any]) -> Output | None:
        row = (await self._connection.execute(statement)).mappings().first()
        return None if row is None else _output(row)

    async def _all(self, statement: Select[Any]) -> list[Output]:
        return [_output(row) for row in (await self._connection.execute(statement)).mappings()]


_IS_LIVE = outputs.c.deleted_at.is_(None)


def _joined() -> Select[Any]:
    return select(*_COLUMNS).join(jobs, jobs.c.id == outputs.c.job_id)


def _matching(account_id: str, where: OutputFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [outputs.c.account_id == account_id, _IS_LIVE]
    if where.created_from is not None:
        conditions.append(outputs.c.created_at >= where.created_from)
    if where.created_to is not None:
        conditions.append(outputs.c.created_at <= where.created_to)
    conditions += [
        outputs.c[name] == getattr(where, name)
        for name in ("is_favorited", "was_auto_submitted", "prompt_id", "api")
        if getattr(where, name) is not None
    ]
    if where.search:
        conditions.append(outputs.c.text.icontains(where.search, autoescape=True))
    return conditions


def _output(row: RowMapping) -> Output:
    job = Job(**{name: row[f"job__{name}"] for name in _JOB_FIELDS})
    own = {name: row[name] for name in _OWN_FIELDS}
    return Output(**{**own, "waveform": tuple(own["waveform"])}, job=job)
