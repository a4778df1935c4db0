"""Dubs and their languages in the database."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Select, and_, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from myna.db.statements import insert
from myna.db.tables import dub_targets, dubs, jobs
from myna.dubbing import documents
from myna.dubbing.documents import Draft
from myna.dubbing.schemas import Dub, DubRequest, DubTarget
from myna.jobs.schemas import Job
from myna.kit.pagination import Cursor

_JOB_FIELDS = [field.name for field in fields(Job)]
_COLUMNS = [*dubs.c, *(jobs.c[name].label(f"job__{name}") for name in _JOB_FIELDS)]
_LIVE = dubs.c.deleted_at.is_(None)


@dataclass(frozen=True, slots=True)
class TargetRow:
    """A language of a dub, with what its running job has made so far."""

    target: DubTarget
    draft: Draft
    outputs: tuple[str, ...]
    """Ids of the outputs of all its jobs."""


class DubRepository:
    """Works on one connection, in its transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def insert(self, dub: Dub) -> None:
        values = {
            "id": dub.id,
            "account_id": dub.account_id,
            "job_id": dub.job.id,
            "api": dub.api,
            "name": dub.name,
            "request": dub.request.as_json(),
            "source": dict(dub.source),
            "source_language": dub.source_language,
            "speakers": documents.as_documents(dub.speakers),
            "lines": documents.as_documents(dub.lines),
            "stages": {},
            "price_per_second": dub.price_per_second,
            "files_kept": True,
            "created_at": dub.created_at,
            "updated_at": dub.updated_at,
        }
        await self._connection.execute(insert(self._connection, dubs).values(values))
        for position, target in enumerate(dub.targets):
            await self._insert_target(dub, target, position)

    async def find(self, dub_id: str) -> Dub | None:
        """Also a deleted one, whoever owns it."""
        return await self._one(_joined().where(dubs.c.id == dub_id))

    async def live(self, account_id: str, dub_id: str) -> Dub | None:
        return await self._one(_joined().where(dubs.c.id == dub_id, dubs.c.account_id == account_id, _LIVE))

    async def exists(self, dub_id: str) -> bool:
        """False: there is none, or it is deleted."""
        return (await self._connection.execute(select(dubs.c.id).where(dubs.c.id == dub_id, _LIVE))).first() is not None

    async def lock(self, dub_id: str) -> bool:
        """Nobody else changes the dub until the transaction ends. False: there is none, or it is deleted."""
        statement = select(dubs.c.id).where(dubs.c.id == dub_id, _LIVE).with_for_update()
        return (await self._connection.execute(statement)).first() is not None

    async def page(self, account_id: str, after: Cursor | None, limit: int) -> list[Dub]:
        """The newest first."""
        statement = _joined().where(dubs.c.account_id == account_id, _LIVE)
        if after is not None:
            earlier = and_(dubs.c.created_at == after.created_at, dubs.c.id < after.id)
            statement = statement.where(or_(dubs.c.created_at < after.created_at, earlier))
        statement = statement.order_by(dubs.c.created_at.desc(), dubs.c.id.desc()).limit(limit)
        rows = (await self._connection.execute(statement)).mappings().all()
        targets = await self._targets([row["id"] for row in rows])
        return [_dub(row, targets.get(row["id"], [])) for row in rows]

    async def rows(self, dub_id: str) -> list[TargetRow]:
        """The languages of a dub, in the order of the request."""
        return (await self._targets([dub_id])).get(dub_id, [])

    async def change(self, dub_id: str, at: datetime, **values: Any) -> None:
        await self._connection.execute(update(dubs).where(dubs.c.id == dub_id).values(**values, updated_at=at))

    async def change_target(self, dub_id: str, language: str, at: datetime, **values: Any) -> None:
        statement = update(dub_targets).where(dub_targets.c.dub_id == dub_id, dub_targets.c.language == language)
        await self._connection.execute(statement.values(**values, updated_at=at))

    async def stages(self, dub_id: str) -> dict[str, Any]:
        """As they are kept. The row is locked until the transaction ends."""
        statement = select(dubs.c.stages).where(dubs.c.id == dub_id).with_for_update()
        return dict((await self._connection.execute(statement)).scalar_one())

    async def mark_deleted(self, account_id: str, dub_id: str, at: datetime) -> bool:
        """False when there is no such dub."""
        statement = update(dubs).where(dubs.c.id == dub_id, dubs.c.account_id == account_id, _LIVE)
        return (await self._connection.execute(statement.values(deleted_at=at, updated_at=at))).rowcount == 1

    async def deleted(self, limit: int) -> list[Dub]:
        """Deleted and still in the table, once no job works on them."""
        statement = _joined().where(dubs.c.deleted_at.is_not(None), jobs.c.finished_at.is_not(None))
        return await self._all(statement.order_by(dubs.c.deleted_at).limit(limit))

    async def given_up(self, before: datetime, limit: int) -> list[Dub]:
        """Whose first job came to nothing before a moment, with files that are still there."""
        nothing = jobs.c.status.in_(("failed", "canceled")) & (dubs.c.id == dubs.c.job_id)
        statement = _joined().where(dubs.c.files_kept, _LIVE, nothing, dubs.c.updated_at < before)
        return await self._all(statement.order_by(dubs.c.updated_at).limit(limit))

    async def canceled(self, limit: int) -> list[Dub]:
        """Canceled before they were finished for the first time, with files that are still there."""
        statement = _joined().where(dubs.c.files_kept, _LIVE, jobs.c.status == "canceled", dubs.c.id == dubs.c.job_id)
        return await self._all(statement.limit(limit))

    async def known(self, dub_ids: Iterable[str]) -> set[str]:
        """Those of the ids that are in the table."""
        statement = select(dubs.c.id).where(dubs.c.id.in_(list(dub_ids)))
        return set((await self._connection.execute(statement)).scalars())

    async def remove(self, dub_id: str) -> None:
        """The rows of a deleted dub go."""
        await self._connection.execute(delete(dub_targets).where(dub_targets.c.dub_id == dub_id))
        await self._connection.execute(delete(dubs).where(dubs.c.id == dub_id, dubs.c.deleted_at.is_not(None)))

    async def _insert_target(self, dub: Dub, target: DubTarget, position: int) -> None:
        values = {
            "dub_id": dub.id,
            "language": target.language,
            "position": position,
            "lines": [],
            "files": {},
            "draft": {},
            "outputs": [],
            "levels": {},
            "updated_at": dub.created_at,
        }
        await self._connection.execute(insert(self._connection, dub_targets).values(values))

    async def _one(self, statement: Select[Any]) -> Dub | None:
        return next(iter(await self._all(statement)), None)

    async def _all(self, statement: Select[Any]) -> list[Dub]:
        rows = (await self._connection.execute(statement)).mappings().all()
        targets = await self._targets([row["id"] for row in rows])
        return [_dub(row, targets.get(row["id"], [])) for row in rows]

    async def _targets(self, dub_ids: list[str]) -> dict[str, list[TargetRow]]:
        statement = select(dub_targets).where(dub_targets.c.dub_id.in_(dub_ids)).order_by(dub_targets.c.position)
        found: dict[str, list[TargetRow]] = {}
        for row in (await self._connection.execute(statement)).mappings():
            found.setdefault(row["dub_id"], []).append(_target_row(row))
        return found


def _joined() -> Select[Any]:
    return select(*_COLUMNS).join(jobs, jobs.c.id == dubs.c.job_id)


def _target_row(row: RowMapping) -> TargetRow:
    draft, outputs = Draft.from_json(row["draft"]), tuple(row["outputs"])
    target = DubTarget(
        language=row["language"],
        lines=documents.dubbed_lines(row["lines"]) or draft.lines,
        files=documents.files(row["files"]),
        output_id=outputs[-1] if outputs else None,
        levels=row["levels"],
    )
    return TargetRow(target, draft, outputs)


def _dub(row: RowMapping, targets: Iterable[TargetRow]) -> Dub:
    kept = dict(row)
    return Dub(
        id=kept["id"],
        account_id=kept["account_id"],
        job=Job(**{name: kept[f"job__{name}"] for name in _JOB_FIELDS}),
        api=kept["api"],
        name=kept["name"],
        request=DubRequest.from_json(kept["request"]),
        source=kept["source"],
        source_language=kept["source_language"],
        speakers=documents.speakers(kept["speakers"]),
        lines=documents.source_lines(kept["lines"]),
        targets=tuple(row.target for row in targets),
        stages=documents.stages(kept["stages"]),
        price_per_second=kept["price_per_second"],
        created_at=kept["created_at"],
        updated_at=kept["updated_at"],
    )
