"""Statements that both databases know, but SQLAlchemy only under a name for each."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Insert = postgresql.Insert | sqlite.Insert


def insert(connection: AsyncConnection, table: Table) -> Insert:
    """An INSERT that can say what to do ON CONFLICT."""
    return insert_for(connection.dialect.name, table)


def insert_for(dialect: str, table: Table) -> Insert:
    return postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)


async def inserted(connection: AsyncConnection, statement: Insert) -> bool:
    """Run an INSERT … ON CONFLICT DO NOTHING of one row. False when there was a conflict."""
    result = await connection.execute(statement.execution_options(preserve_rowcount=True))
    return result.rowcount == 1


def row_of(item: DataclassInstance) -> dict[str, Any]:
    """The fields of a dataclass by name. Unlike `asdict`, it copies nothing."""
    return {field.name: getattr(item, field.name) for field in fields(item)}
