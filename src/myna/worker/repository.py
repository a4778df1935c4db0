"""What the worker keeps in the database: nodes, and the end of idempotency keys."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from myna.db.statements import insert
from myna.db.tables import idempotency_keys, nodes


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """What a node has said of itself."""

    id: str
    host: str
    """The name of the machine, and what tells apart two sets of process numbers under one name."""
    process: int
    process_started_at: float
    """Unix seconds."""
    version: str
    """Of its workflows."""
    seen_at: datetime
    stopped_at: datetime | None
    recovered_by: str | None
    created_at: datetime


class WorkerRepository:
    """Works on one connection, in its transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def register(self, node: NodeRecord) -> None:
        """Say that this node is here; again, when it was thought dead."""
        values = {column.name: getattr(node, column.name) for column in nodes.c}
        statement = insert(self._connection, nodes).values(values)
        alive = {"seen_at": node.seen_at, "stopped_at": None, "recovered_by": None}
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=alive))

    async def beat(self, node_id: str, now: datetime) -> bool:
        """Say that this node still lives. False when others think that it does not."""
        alive = (nodes.c.id == node_id) & nodes.c.recovered_by.is_(None) & nodes.c.stopped_at.is_(None)
        return (await self._connection.execute(update(nodes).where(alive).values(seen_at=now))).rowcount == 1

    async def mark_stopped(self, node_id: str, now: datetime) -> None:
        await self._connection.execute(update(nodes).where(nodes.c.id == node_id).values(stopped_at=now))

    async def unclaimed(self, without: str) -> list[NodeRecord]:
        """All other nodes whose work nobody has taken over: live ones, and dead ones."""
        statement = select(nodes).where(nodes.c.recovered_by.is_(None), nodes.c.id != without)
        rows = (await self._connection.execute(statement)).mappings()
        return [NodeRecord(**row) for row in rows]

    async def claim(self, dead: NodeRecord, node_id: str) -> bool:
        """Take over a dead node, unless another one was faster or it has spoken since."""
        still_dead = (nodes.c.id == dead.id) & nodes.c.recovered_by.is_(None) & (nodes.c.seen_at == dead.seen_at)
        result = await self._connection.execute(update(nodes).where(still_dead).values(recovered_by=node_id))
        return result.rowcount == 1

    async def heirs_of(self, node_id: str) -> list[str]:
        """The nodes that this one had taken over, those that they had taken over, and so on."""
        rows = await self._connection.execute(select(nodes.c.id, nodes.c.recovered_by))
        taken_by: dict[str, list[str]] = {}
        for taken, by in rows:
            taken_by.setdefault(by, []).append(taken)
        found, ahead = [], list(taken_by.get(node_id, ()))
        while ahead:
            current = ahead.pop()
            if current not in found:
                found.append(current)
                ahead += taken_by.get(current, ())
        return found

    async def seen_since(self, moment: datetime) -> list[str]:
        """Nodes that have lately said that they live, and have not stopped."""
        statement = select(nodes.c.id).where(nodes.c.seen_at >= moment, nodes.c.stopped_at.is_(None))
        return list((await self._connection.execute(statement)).scalars())

    async def delete_nodes(self, before: datetime) -> int:
        """Forget dead nodes whose work was taken over long ago."""
        old = nodes.c.recovered_by.is_not(None) & (nodes.c.seen_at < before)
        return (await self._connection.execute(delete(nodes).where(old))).rowcount

    async def expired_keys(self, now: datetime, limit: int) -> dict[str, str | None]:
        """Up to `limit` expired idempotency keys, by their scopes: the object key of each one's stored body, if any."""
        keys = idempotency_keys.c
        rows = await self._connection.execute(
            select(keys.scope, keys.object_key).where(keys.expires_at <= now).limit(limit)
        )
        return {scope: object_key for scope, object_key in rows}

    async def remove_expired_keys(self, now: datetime, scopes: Iterable[str]) -> None:
        """One that is in use again meanwhile stays."""
        keys = idempotency_keys.c
        expired = keys.scope.in_(list(scopes)) & (keys.expires_at <= now)
        await self._connection.execute(delete(idempotency_keys).where(expired))
