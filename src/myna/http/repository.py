"""The table of idempotency keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from myna.db.session import Database
from myna.db.statements import insert
from myna.db.tables import idempotency_keys as keys
from myna.db.tables import nodes


@dataclass(frozen=True, slots=True)
class KeptRequest:
    """What is known of a request that came with an Idempotency-Key."""

    scope: str
    fingerprint: str
    job_id: str
    node_id: str
    status: int | None
    """Of the answer; None while the request runs."""
    headers: list[list[str]] | None
    object_key: str | None
    """Where the answer's body is kept."""
    created_at: datetime
    expires_at: datetime


class IdempotencyRepository:
    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, new: KeptRequest) -> KeptRequest:
        """The row of the scope: the new one when there was none, else the one that is there."""
        async with self._database.transaction() as connection:
            statement = insert(connection, keys).values(_columns(new)).on_conflict_do_nothing(index_elements=["scope"])
            await connection.execute(statement)
            return await _read(connection, new.scope) or new

    async def take_over(self, kept: KeptRequest, node_id: str) -> bool:
        """Make this node the one that runs the request, unless another one was faster."""
        async with self._database.transaction() as connection:
            result = await connection.execute(
                update(keys)
                .where(keys.c.scope == kept.scope, keys.c.node_id == kept.node_id, keys.c.status.is_(None))
                .values(node_id=node_id)
            )
            return result.rowcount == 1

    async def finish(
        self, scope: str, node_id: str, status: int, headers: list[list[str]], object_key: str | None
    ) -> None:
        """Keep the answer, if the request still belongs to this node."""
        async with self._database.transaction() as connection:
            await connection.execute(
                update(keys)
                .where(keys.c.scope == scope, keys.c.node_id == node_id, keys.c.status.is_(None))
                .values(status=status, headers=headers, object_key=object_key)
            )

    async def release(self, kept: KeptRequest) -> None:
        """Forget a request that runs here no longer, so that its key is fresh again; not another one with this key."""
        this = (keys.c.scope == kept.scope, keys.c.node_id == kept.node_id, keys.c.job_id == kept.job_id)
        async with self._database.transaction() as connection:
            await connection.execute(delete(keys).where(*this, keys.c.status.is_(None)))

    async def expired(self, now: datetime, limit: int, scope: str | None = None) -> dict[str, str | None]:
        """Up to `limit` expired rows, or the one of `scope`: where the body of each one is stored, if anywhere."""
        expired = select(keys.c.scope, keys.c.object_key).where(keys.c.expires_at <= now).limit(limit)
        if scope is not None:
            expired = expired.where(keys.c.scope == scope)
        async with self._database.reading() as connection:
            return {found: object_key for found, object_key in await connection.execute(expired)}

    async def remove_expired(self, now: datetime, scopes: Iterable[str]) -> None:
        """One that is in use again meanwhile stays."""
        async with self._database.transaction() as connection:
            await connection.execute(delete(keys).where(keys.c.scope.in_(list(scopes)), keys.c.expires_at <= now))

    async def is_alive(self, node_id: str, since: datetime) -> bool:
        """Whether a node has given a sign of life since then, has not stopped, and nobody has found it dead."""
        at_work = nodes.c.stopped_at.is_(None) & nodes.c.recovered_by.is_(None)
        async with self._database.reading() as connection:
            result = await connection.execute(
                select(nodes.c.id).where(nodes.c.id == node_id, nodes.c.seen_at >= since, at_work)
            )
            return result.first() is not None


async def _read(connection: AsyncConnection, scope: str) -> KeptRequest | None:
    row = (await connection.execute(select(keys).where(keys.c.scope == scope))).mappings().first()
    return KeptRequest(**row) if row else None


def _columns(kept: KeptRequest) -> dict[str, Any]:
    return {name: getattr(kept, name) for name in KeptRequest.__slots__}
