"""Accounts and keys in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from myna.accounts.schemas import Account, ApiKey, Caller, Role
from myna.db.statements import insert, inserted
from myna.db.tables import accounts, api_keys

_KEY_COLUMNS = [column for column in api_keys.c if column.name != "hash"]
_OWNER_COLUMNS: Sequence[Any] = (accounts.c.name, accounts.c.role, accounts.c.banned, accounts.c.created_at)
_CALLER = (
    select(*_KEY_COLUMNS, *(column.label(f"account_{column.name}") for column in _OWNER_COLUMNS))
    .join(accounts, accounts.c.id == api_keys.c.account_id)
    .where(api_keys.c.hash == bindparam("digest"))
)
"""Every request asks this, so it is built once."""


class AccountRepository:
    """Works on one connection, in its transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def insert_account(self, account: Account) -> bool:
        """False when the name is taken."""
        values = {
            "id": account.id,
            "name": account.name,
            "role": account.role,
            "banned": account.banned,
            "created_at": account.created_at,
        }
        statement = insert(self._connection, accounts).values(values).on_conflict_do_nothing()
        return await inserted(self._connection, statement)

    async def account(self, account_id: str) -> Account | None:
        return await self._one_account(accounts.c.id == account_id)

    async def account_named(self, name: str) -> Account | None:
        return await self._one_account(accounts.c.name == name)

    async def accounts(self) -> list[Account]:
        rows = await self._connection.execute(select(accounts).order_by(accounts.c.created_at, accounts.c.id))
        return [_account(row) for row in rows.mappings()]

    async def set_banned(self, account_id: str, banned: bool) -> None:
        await self._connection.execute(update(accounts).where(accounts.c.id == account_id).values(banned=banned))

    async def set_role(self, account_id: str, role: Role) -> None:
        await self._connection.execute(update(accounts).where(accounts.c.id == account_id).values(role=role))

    async def insert_key(self, key: ApiKey, digest: str) -> None:
        values = {
            "id": key.id,
            "account_id": key.account_id,
            "name": key.name,
            "hash": digest,
            "hint": key.hint,
            "uses": key.uses,
            "spent": key.spent,
            "created_at": key.created_at,
        }
        await self._connection.execute(insert(self._connection, api_keys).values(values))

    async def caller(self, digest: str) -> Caller | None:
        """Who owns the key with this hash, also when it is revoked."""
        row = (await self._connection.execute(_CALLER, {"digest": digest})).mappings().first()
        return None if row is None else Caller(_owner(row), _key(row))

    async def key(self, key_id: str) -> ApiKey | None:
        row = (await self._connection.execute(select(*_KEY_COLUMNS).where(api_keys.c.id == key_id))).mappings().first()
        return None if row is None else _key(row)

    async def keys(self, account_id: str | None) -> list[ApiKey]:
        statement = select(*_KEY_COLUMNS).order_by(api_keys.c.created_at, api_keys.c.id)
        if account_id is not None:
            statement = statement.where(api_keys.c.account_id == account_id)
        return [_key(row) for row in (await self._connection.execute(statement)).mappings()]

    async def revoke(self, key_id: str, at: datetime) -> None:
        unrevoked = (api_keys.c.id == key_id) & api_keys.c.revoked_at.is_(None)
        await self._connection.execute(update(api_keys).where(unrevoked).values(revoked_at=at))

    async def add_use(self, key_id: str, spent: int, at: datetime) -> None:
        values: dict[str, Any] = {"uses": api_keys.c.uses + 1, "spent": api_keys.c.spent + spent, "last_used_at": at}
        await self._connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(values))

    async def _one_account(self, where: Any) -> Account | None:
        row = (await self._connection.execute(select(accounts).where(where))).mappings().first()
        return None if row is None else _account(row)


def _account(row: RowMapping) -> Account:
    return Account(row["id"], row["name"], row["role"], row["banned"], row["created_at"])


def _owner(row: RowMapping) -> Account:
    return Account(
        row["account_id"], row["account_name"], row["account_role"], row["account_banned"], row["account_created_at"]
    )


def _key(row: RowMapping) -> ApiKey:
    return ApiKey(
        id=row["id"],
        account_id=row["account_id"],
        name=row["name"],
        hint=row["hint"],
        created_at=row["created_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
        uses=row["uses"],
        spent=row["spent"],
    )
