"""Credits, holds and the ledger in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

from sqlalchemy import RowMapping, Select, and_, bindparam, case, func, literal, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningInsert

from myna.credits.schemas import Credit, Hold, HoldStatus, LedgerEntry
from myna.db.statements import insert, insert_for, inserted, row_of
from myna.db.tables import Moment, accounts, credits, holds, ledger
from myna.kit.pagination import Cursor

_CREDIT_COLUMNS = [column for column in credits.c if column.name != "key"]
_HOLD_COLUMNS = [column for column in holds.c if column.name not in ("key", "finished_at")]

# Each request holds and settles once. These statements are built once, because building costs more than running.
_LOCK_ACCOUNT = select(accounts.c.id).where(accounts.c.id == bindparam("account_id")).with_for_update(key_share=True)
_USABLE_CREDITS = (
    select(*_CREDIT_COLUMNS)
    .where(
        credits.c.account_id == bindparam("account_id"),
        credits.c.expires_at > bindparam("at"),
        credits.c.remaining > 0,
    )
    .order_by(
        case((credits.c.type == bindparam("first"), 0), else_=1),
        credits.c.expires_at,
        credits.c.created_at,
        credits.c.id,
    )
)
_TAKE = (
    update(credits)
    .where(credits.c.id == bindparam("credit"))
    .values(remaining=credits.c.remaining + bindparam("change", type_=credits.c.remaining.type))
)
_INSERT_ENTRY = ledger.insert()
_INSERT_HOLD = holds.insert()
_HOLD_WITH_KEY = select(*_HOLD_COLUMNS).where(
    holds.c.account_id == bindparam("account_id"), holds.c.key == bindparam("key")
)
_LOCK_HOLD = select(*_HOLD_COLUMNS).where(holds.c.id == bindparam("hold_id")).with_for_update(key_share=True)
_FINISH_HOLD = (
    update(holds)
    .where(holds.c.id == bindparam("hold_id"))
    .values(status=bindparam("new_status"), settled=bindparam("charge"), finished_at=bindparam("at"))
)


@cache
def _add_to_refund(dialect: str) -> ReturningInsert[tuple[str]]:
    added = insert_for(dialect, credits)
    return added.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "amount": credits.c.amount + added.excluded.amount,
            "remaining": credits.c.remaining + added.excluded.remaining,
        },
    ).returning(credits.c.id)


class CreditRepository:
    """Works on one connection, in its transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def lock_account(self, account_id: str) -> bool:
        """Let nobody else spend from this account until the transaction ends. False when there is no such account."""
        return (await self._connection.execute(_LOCK_ACCOUNT, {"account_id": account_id})).first() is not None

    async def insert_credit(self, credit: Credit, key: str | None) -> bool:
        """False when there is one with this key."""
        statement = insert(self._connection, credits).values({**row_of(credit), "key": key}).on_conflict_do_nothing()
        return await inserted(self._connection, statement)

    async def credit_with_key(self, key: str) -> Credit | None:
        return await self._one_credit(select(*_CREDIT_COLUMNS).where(credits.c.key == key))

    async def add_to_refund(self, credit: Credit, key: str) -> str:
        """Add what `credit` has to the row with this key, or make it that row. Returns the row's id."""
        statement = _add_to_refund(self._connection.dialect.name)
        return str((await self._connection.execute(statement, {**row_of(credit), "key": key})).scalar_one())

    async def usable_credits(self, account_id: str, at: datetime, first: str) -> list[Credit]:
        """In the order in which they are spent: type `first`, then what expires earliest."""
        values = {"account_id": account_id, "at": at, "first": first}
        return [_credit(row) for row in (await self._connection.execute(_USABLE_CREDITS, values)).mappings()]

    async def unexpired_credits(self, account_id: str, at: datetime) -> list[Credit]:
        statement = (
            select(*_CREDIT_COLUMNS)
            .where(credits.c.account_id == account_id, credits.c.expires_at > at)
            .order_by(credits.c.expires_at, credits.c.created_at, credits.c.id)
        )
        return [_credit(row) for row in (await self._connection.execute(statement)).mappings()]

    async def balance(self, account_id: str, at: datetime) -> int:
        statement = select(func.coalesce(func.sum(credits.c.remaining), 0)).where(
            credits.c.account_id == account_id, credits.c.expires_at > at
        )
        return int((await self._connection.execute(statement)).scalar_one())

    async def accounts_with_expired_credits(self, at: datetime) -> list[str]:
        statement = select(credits.c.account_id).where(credits.c.expires_at <= at, credits.c.remaining > 0).distinct()
        return list((await self._connection.execute(statement)).scalars())

    async def expired_credits(self, account_id: str, at: datetime) -> list[Credit]:
        statement = select(*_CREDIT_COLUMNS).where(
            credits.c.account_id == account_id, credits.c.expires_at <= at, credits.c.remaining > 0
        )
        return [_credit(row) for row in (await self._connection.execute(statement)).mappings()]

    async def take(self, entries: Sequence[LedgerEntry]) -> None:
        """Apply negative entries to what their credits have left, and record them."""
        if not entries:
            return
        changes = [{"credit": entry.credit_id, "change": entry.amount} for entry in entries]
        await self._connection.execute(_TAKE, changes)
        await self.record(entries)

    async def record(self, entries: Sequence[LedgerEntry]) -> None:
        await self._connection.execute(_INSERT_ENTRY, [row_of(entry) for entry in entries])

    async def insert_hold(self, hold: Hold, key: str) -> None:
        await self._connection.execute(_INSERT_HOLD, {**row_of(hold), "key": key})

    async def hold_with_key(self, account_id: str, key: str) -> Hold | None:
        return await self._one_hold(_HOLD_WITH_KEY, account_id=account_id, key=key)

    async def locked_hold(self, hold_id: str) -> Hold | None:
        return await self._one_hold(_LOCK_HOLD, hold_id=hold_id)

    async def finish_hold(self, hold_id: str, status: HoldStatus, settled: int, at: datetime) -> None:
        values = {"hold_id": hold_id, "new_status": status, "charge": settled, "at": at}
        await self._connection.execute(_FINISH_HOLD, values)

    async def stale_holds(self, at: datetime, limit: int) -> list[str]:
        statement = (
            select(holds.c.id)
            .where(holds.c.status == "held", holds.c.expires_at <= at)
            .order_by(holds.c.expires_at)
            .limit(limit)
        )
        return list((await self._connection.execute(statement)).scalars())

    async def entries(self, account_id: str, before: Cursor | None, limit: int) -> list[LedgerEntry]:
        """The newest first."""
        statement = select(ledger).where(ledger.c.account_id == account_id)
        if before is not None:
            position = tuple_(literal(before.created_at, Moment()), literal(before.id))
            statement = statement.where(tuple_(ledger.c.created_at, ledger.c.id) < position)
        statement = statement.order_by(ledger.c.created_at.desc(), ledger.c.id.desc()).limit(limit)
        return [LedgerEntry(**row) for row in (await self._connection.execute(statement)).mappings()]

    async def settled(self, account_id: str, since: datetime, until: datetime) -> int:
        statement = select(func.coalesce(func.sum(holds.c.settled), 0)).where(
            holds.c.account_id == account_id, holds.c.finished_at >= since, holds.c.finished_at < until
        )
        return int((await self._connection.execute(statement)).scalar_one())

    async def credits_that_differ(self) -> list[tuple[str, int, int]]:
        """Credits whose entries do not add up to what they have left: id, left, sum of entries."""
        sums = _sums(ledger.c.credit_id)
        total = func.coalesce(sums.c.total, 0)
        statement = (
            select(credits.c.id, credits.c.remaining, total)
            .outerjoin(sums, sums.c.of == credits.c.id)
            .where(or_(credits.c.remaining != total, credits.c.remaining < 0))
        )
        return [(row[0], int(row[1]), int(row[2])) for row in await self._connection.execute(statement)]

    async def holds_that_differ(self) -> list[tuple[str, str, int, int]]:
        """Holds whose entries do not add up to what they took: id, status, expected, sum of entries."""
        sums = _sums(ledger.c.hold_id)
        total = func.coalesce(sums.c.total, 0)
        expected = case(
            (holds.c.status == "held", -holds.c.amount), (holds.c.status == "settled", -holds.c.settled), else_=0
        )
        statement = (
            select(holds.c.id, holds.c.status, expected, total)
            .outerjoin(sums, sums.c.of == holds.c.id)
            .where(or_(total != expected, holds.c.settled > holds.c.amount, holds.c.settled < 0))
        )
        return [(row[0], row[1], int(row[2]), int(row[3])) for row in await self._connection.execute(statement)]

    async def misplaced_entries(self) -> list[str]:
        """Entries whose credit or hold belongs to another account."""
        statement = (
            select(ledger.c.id)
            .join(credits, credits.c.id == ledger.c.credit_id)
            .outerjoin(holds, holds.c.id == ledger.c.hold_id)
            .where(
                or_(
                    credits.c.account_id != ledger.c.account_id,
                    and_(holds.c.id.is_not(None), holds.c.account_id != ledger.c.account_id),
                )
            )
        )
        return list((await self._connection.execute(statement)).scalars())

    async def _one_credit(self, statement: Select[Any]) -> Credit | None:
        row = (await self._connection.execute(statement)).mappings().first()
        return None if row is None else _credit(row)

    async def _one_hold(self, statement: Select[Any], **values: Any) -> Hold | None:
        row = (await self._connection.execute(statement, values)).mappings().first()
        return None if row is None else Hold(**row)


def _sums(of: Any) -> Any:
    return select(of.label("of"), func.sum(ledger.c.amount).label("total")).group_by(of).subquery()


def _credit(row: RowMapping) -> Credit:
    return Credit(**row)
