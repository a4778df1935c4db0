"""Webhook endpoints, events and deliveries in the database."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Table, and_, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from myna.db.statements import insert, inserted
from myna.db.tables import accounts
from myna.db.tables import webhook_deliveries as deliveries
from myna.db.tables import webhook_endpoints as endpoints
from myna.db.tables import webhook_events as events
from myna.kit.pagination import Cursor
from myna.webhooks.schemas import JOB_STYLES, Delivery, Endpoint, Event, Shipment

_LIVE = endpoints.c.deleted_at.is_(None)
_REGISTERED = and_(_LIVE, endpoints.c.style.not_in(JOB_STYLES))


class WebhookRepository:
    """Works on one connection, in its transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock_account(self, account_id: str) -> bool:
        """Until the end of the transaction, nobody else changes what counts per account. False: there is none."""
        statement = select(accounts.c.id).where(accounts.c.id == account_id).with_for_update()
        return (await self._connection.execute(statement)).first() is not None

    async def insert_endpoint(self, endpoint: Endpoint) -> None:
        await self._connection.execute(insert(self._connection, endpoints).values(_values(endpoint)))

    async def ensure_endpoint(self, endpoint: Endpoint) -> None:
        """Have it there and enabled, whether it is new or not."""
        statement = insert(self._connection, endpoints).values(_values(endpoint)).on_conflict_do_nothing()
        if not await inserted(self._connection, statement):
            await self.update_endpoint(endpoint.id, enabled=True)

    async def count_endpoints(self, account_id: str) -> int:
        statement = select(func.count()).where(endpoints.c.account_id == account_id, _REGISTERED)
        return (await self._connection.execute(statement)).scalar_one()

    async def endpoints(self, account_id: str) -> list[Endpoint]:
        """The oldest first."""
        statement = (
            select(endpoints)
            .where(endpoints.c.account_id == account_id, _REGISTERED)
            .order_by(endpoints.c.created_at, endpoints.c.id)
        )
        return [_endpoint(row) for row in (await self._connection.execute(statement)).mappings()]

    async def endpoint(self, endpoint_id: str) -> Endpoint | None:
        statement = select(endpoints).where(endpoints.c.id == endpoint_id, _LIVE)
        row = (await self._connection.execute(statement)).mappings().first()
        return None if row is None else _endpoint(row)

    async def update_endpoint(self, endpoint_id: str, **values: Any) -> None:
        await self._connection.execute(update(endpoints).where(endpoints.c.id == endpoint_id).values(values))

    async def rotate_secret(self, endpoint_id: str) -> None:
        await self.update_endpoint(endpoint_id, secret_version=endpoints.c.secret_version + 1)

    async def mark_failing(self, endpoint_id: str, since: datetime) -> None:
        """Remember when it began; an earlier beginning stays."""
        failing_since = func.coalesce(endpoints.c.failing_since, since)
        await self.update_endpoint(endpoint_id, failing_since=failing_since)

    async def disable_endpoint(self, endpoint_id: str) -> bool:
        """False when it was disabled before."""
        statement = update(endpoints).where(endpoints.c.id == endpoint_id, endpoints.c.enabled).values(enabled=False)
        return (await self._connection.execute(statement)).rowcount == 1

    async def insert_event(self, event: Event) -> bool:
        """False when the job has an event of this type already."""
        values = {column.name: getattr(event, column.name) for column in events.c}
        return await inserted(
            self._connection, insert(self._connection, events).values(values).on_conflict_do_nothing()
        )

    async def event_of(self, job_id: str, type: str) -> Event:
        statement = select(events).where(events.c.job_id == job_id, events.c.type == type)
        return _event((await self._connection.execute(statement)).mappings().one())

    async def insert_deliveries(self, new: Iterable[Delivery]) -> None:
        rows = [{column.name: getattr(delivery, column.name) for column in deliveries.c} for delivery in new]
        if rows:
            await self._connection.execute(insert(self._connection, deliveries).values(rows).on_conflict_do_nothing())

    async def shipment(self, delivery_id: str) -> Shipment | None:
        statement = (
            select(*_labeled(deliveries), *_labeled(events), *_labeled(endpoints))
            .join(events, events.c.id == deliveries.c.event_id)
            .join(endpoints, endpoints.c.id == deliveries.c.endpoint_id)
            .where(deliveries.c.id == delivery_id)
        )
        row = (await self._connection.execute(statement)).mappings().first()
        if row is None:
            return None
        return Shipment(_delivery(_part(row, deliveries)), _event(_part(row, events)), _endpoint(_part(row, endpoints)))

    async def pending_of_job(self, job_id: str) -> list[Delivery]:
        statement = select(deliveries).join(events).where(events.c.job_id == job_id, deliveries.c.status == "pending")
        return await self._deliveries(statement.order_by(deliveries.c.created_at, deliveries.c.id))

    async def overdue(self, before: datetime, limit: int) -> list[Delivery]:
        """Pending ones that should have been attempted before then, the longest overdue first."""
        statement = (
            select(deliveries)
            .where(deliveries.c.status == "pending", deliveries.c.next_attempt_at < before)
            .order_by(deliveries.c.next_attempt_at)
            .limit(limit)
        )
        return await self._deliveries(statement)

    async def deliveries_to(self, endpoint_id: str, before: Cursor | None, limit: int) -> list[Delivery]:
        """The newest first."""
        statement = select(deliveries).where(deliveries.c.endpoint_id == endpoint_id)
        if before is not None:
            statement = statement.where(_older(before))
        newest_first = statement.order_by(deliveries.c.created_at.desc(), deliveries.c.id.desc())
        return await self._deliveries(newest_first.limit(limit))

    async def update_delivery(self, delivery: Delivery, **values: Any) -> bool:
        """Change a delivery if nobody has done so since it was read."""
        unchanged = and_(
            deliveries.c.id == delivery.id,
            deliveries.c.status == delivery.status,
            deliveries.c.next_attempt_at.is_(None)
            if delivery.next_attempt_at is None
            else deliveries.c.next_attempt_at == delivery.next_attempt_at,
        )
        return (await self._connection.execute(update(deliveries).where(unchanged).values(values))).rowcount == 1

    async def _deliveries(self, statement: Any) -> list[Delivery]:
        return [_delivery(row) for row in (await self._connection.execute(statement)).mappings()]


def _older(cursor: Cursor) -> ColumnElement[bool]:
    return or_(
        deliveries.c.created_at < cursor.created_at,
        and_(deliveries.c.created_at == cursor.created_at, deliveries.c.id < cursor.id),
    )


def _labeled(table: Table) -> list[Any]:
    return [column.label(f"{table.name}_{column.name}") for column in table.c]


def _part(row: RowMapping, table: Table) -> dict[str, Any]:
    return {column.name: row[f"{table.name}_{column.name}"] for column in table.c}


def _values(endpoint: Endpoint) -> dict[str, Any]:
    values = {column.name: getattr(endpoint, column.name) for column in endpoints.c}
    return {**values, "events": list(endpoint.events)}


def _endpoint(row: Any) -> Endpoint:
    return Endpoint(**{**row, "events": tuple(row["events"])})


def _event(row: Any) -> Event:
    return Event(**row)


def _delivery(row: Any) -> Delivery:
    return Delivery(**row)
