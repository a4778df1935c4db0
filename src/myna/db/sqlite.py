"""SQLite, as Myna uses it.

Plain aiosqlite sends every call to a thread: four switches for one statement, each of which waits for the interpreter
lock when the server is busy. A statement on an index takes less time than one switch, so it runs in the event loop
here. What may wait for a disk or for another process still runs in a thread.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import Any

import aiosqlite
from sqlalchemy import URL, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

_SLOW = frozenset({"commit", "rollback", "close"})
_LOCKING = "BEGIN IMMEDIATE"
_CACHE_KIB = 512
"""Pages that each connection keeps for itself; the system keeps the file in memory anyway."""


class LoopConnection(aiosqlite.Connection):
    """Statements run at once; waiting for the write lock, commits and their like run in the connection's thread."""

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        of_connection = getattr(fn, "__self__", None) is self._connection
        waits = (of_connection and fn.__name__ in _SLOW) or args[:1] == (_LOCKING,)
        if waits or not self._running:
            return await super()._execute(fn, *args, **kwargs)  # type: ignore[no-untyped-call]
        return fn(*args, **kwargs)


def writing_engine(url: URL, wait_seconds: float) -> AsyncEngine:
    """One connection, which locks the database for writing when a transaction begins."""
    engine = _engine(url, 1, wait_seconds, LoopConnection, "PRAGMA query_only=OFF")

    def begin(connection: Any) -> None:
        connection.exec_driver_sql(_LOCKING)

    event.listen(engine.sync_engine, "begin", begin)
    return engine


def reading_engine(url: URL, wait_seconds: float, connections: int, *, long: bool = False) -> AsyncEngine:
    """Connections that cannot write. Those for `long` reads leave the event loop free meanwhile."""
    connection_class = aiosqlite.Connection if long else LoopConnection
    return _engine(
        url,
        connections,
        wait_seconds,
        connection_class,
        "PRAGMA query_only=ON",
        isolation_level="AUTOCOMMIT",
        skip_autocommit_rollback=True,
    )


def _engine(
    url: URL,
    connections: int,
    wait_seconds: float,
    connection_class: type[aiosqlite.Connection],
    pragma: str,
    **more: Any,
) -> AsyncEngine:
    def connect(path: str, **options: Any) -> aiosqlite.Connection:
        options |= {"timeout": wait_seconds, "isolation_level": None, "check_same_thread": False}
        connection = connection_class(partial(sqlite3.connect, path, **options), iter_chunk_size=64)
        connection._thread.daemon = True
        return connection

    engine = create_async_engine(
        url,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=wait_seconds,
        pool_reset_on_return=None,
        connect_args={"async_creator_fn": connect, "cached_statements": 256},
        **more,
    )

    def configure(connection: Any, _: Any) -> None:
        cursor = connection.cursor()
        cache = f"PRAGMA cache_size=-{_CACHE_KIB}"
        for statement in ("PRAGMA foreign_keys=ON", "PRAGMA synchronous=FULL", cache, pragma):
            cursor.execute(statement)
        cursor.close()
        connection.create_function("lower", 1, _lower, deterministic=True)

    event.listen(engine.sync_engine, "connect", configure)
    return engine


def _lower(value: Any) -> Any:
    """SQLite's own `lower` knows ASCII alone."""
    return value.lower() if isinstance(value, str) else value
