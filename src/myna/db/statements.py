"""Statements that both databases know, but SQLAlchemy only under a name for each."""

from __future__ import annotations

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

Insert = postgresql.Insert | sqlite.Insert


def insert(connection: AsyncConnection, table: Table) -> Insert:
    """An INSERT that can say what to do ON CONFLICT."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


async def inserted(connection: AsyncConnection, statement: Insert) -> bool:
    """Run an INSERT … ON CONFLICT DO NOTHING of one row. False when there was a conflict."""
    result = await connection.execute(statement.execution_options(preserve_rowcount=True))
    return result.rowcount == 1
