"""Connections and transactions, on SQLite or PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import structlog
from sqlalchemy import URL, event, make_url, text
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from myna.db.migrations.upgrade import upgrade
from myna.db.sqlite import reading_engine, writing_engine
from myna.errors import InvalidRequest, StartupError, StorageFull, Unavailable
from myna.kit.finishing import to_the_end, waited_for

log = structlog.get_logger()

Dialect = Literal["sqlite", "postgresql"]

_DRIVERS: dict[str, tuple[Dialect, str]] = {
    "sqlite": ("sqlite", "sqlite+aiosqlite"),
    "postgres": ("postgresql", "postgresql+psycopg"),
    "postgresql": ("postgresql", "postgresql+psycopg"),
}
_WAIT_SECONDS = 30
_POOL, _LONG_READS = 8, 2
_MIGRATION_LOCK = 5_911_742_306
"""Any number that nothing else in the same PostgreSQL server uses as an advisory lock."""


@dataclass(slots=True)
class _Transaction:
    """The open transaction of one task."""

    database: Database
    owner: asyncio.Task[Any] | None
    connection: AsyncConnection
    after_commit: list[Callable[[], Awaitable[None]]] = field(default_factory=list)
    committed: bool = False


_open: ContextVar[_Transaction | None] = ContextVar("myna_transaction", default=None)


class Database:
    """One database. Services share it; nothing else opens connections.

    SQLite runs in WAL mode with `synchronous=FULL`: a commit survives a power cut. Write transactions of one process
    queue up fairly; those of other processes on the same file are waited for up to 30 seconds. PostgreSQL runs at
    READ COMMITTED: whoever decides on counted things locks their rows first. When the database is away, callers get
    `Unavailable`, and work again as soon as it is back.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        parsed = _parse(url)
        self.dialect: Dialect = _DRIVERS[parsed.get_backend_name()][0]
        if self.dialect == "sqlite":
            require_sqlite(sqlite3.sqlite_version_info, sys.version_info[:2])
            self._path = Path(parsed.database or "")
            self._writing = writing_engine(parsed, _WAIT_SECONDS)
            self._reading = reading_engine(parsed, _WAIT_SECONDS, _POOL)
            self._reading_long = reading_engine(parsed, _WAIT_SECONDS, _LONG_READS, long=True)
        else:
            self._writing = _postgresql_engine(parsed)
            self._reading = self._reading_long = self._writing.execution_options(isolation_level="AUTOCOMMIT")
        self._turn = asyncio.Lock()

    async def migrate(self) -> None:
        """Bring the tables up to date. Several nodes may call this at once: one does it, the others wait."""
        with _translated_errors():
            if self.dialect == "sqlite":
                await self._prepare_file()
        async with self.transaction() as connection:
            if self.dialect == "postgresql":
                await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
            await connection.run_sync(upgrade)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """A write transaction, committed when the outermost block of the task ends and undone when it raises.

        A block inside another one of the same task is part of it, with a savepoint of its own: when the inner block
        raises, only the inner work is undone. Other tasks, also children, have transactions of their own.

        A task that is canceled during the commit is told so when that is over. Whether it was in time, only the
        database knows then; what was to come after the commit comes, if it was not.
        """
        outer = self._current()
        if outer is not None:
            async with self._inside(outer):
                yield outer.connection
            return
        current: _Transaction | None = None
        try:
            with _translated_errors():
                async with self._turn_to_write(), self._writing.begin() as connection:
                    current = _Transaction(self, asyncio.current_task(), connection)
                    token = _open.set(current)
                    try:
                        yield connection
                    finally:
                        _open.reset(token)
                    await waited_for(_commit(current))
        finally:
            if current and current.committed and current.after_commit:
                await to_the_end(_after_commit(current))

    @asynccontextmanager
    async def reading(self, *, long: bool = False) -> AsyncIterator[AsyncConnection]:
        """A connection to read with. Inside a transaction of the same task it sees what that has written.

        Outside of one, each statement sees the newest committed state. Say `long` for what reads many rows: it must
        not hold up other requests.
        """
        outer = self._current()
        if outer is not None:
            with _translated_errors():
                yield outer.connection
            return
        engine = self._reading_long if long else self._reading
        with _translated_errors():
            async with engine.connect() as connection:
                yield connection

    async def after_commit(self, callback: Callable[[], Awaitable[None]]) -> None:
        """Run `callback` once the task's transaction has been committed: at once when there is none, never when it
        is undone. What it raises after a commit is said in the log: what was committed is no failure of the caller's,
        so see that housekeeping makes up for it."""
        current = self._current()
        if current is None:
            await callback()
        else:
            current.after_commit.append(callback)

    async def ping(self) -> None:
        """Raises `Unavailable` when the database does not answer."""
        async with self.reading() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close all connections. The database can be used again afterwards."""
        for engine in (self._writing, self._reading, self._reading_long):
            await engine.dispose()

    def _current(self) -> _Transaction | None:
        """A child task inherits the variable but must not share its parent's connection."""
        current = _open.get()
        if current is None or current.database is not self or current.owner is not asyncio.current_task():
            return None
        return current

    @asynccontextmanager
    async def _inside(self, outer: _Transaction) -> AsyncIterator[None]:
        planned = len(outer.after_commit)
        try:
            with _translated_errors():
                async with outer.connection.begin_nested():
                    yield
        except BaseException:
            del outer.after_commit[planned:]
            raise

    @asynccontextmanager
    async def _turn_to_write(self) -> AsyncIterator[None]:
        if self.dialect == "postgresql":
            yield
            return
        try:
            async with asyncio.timeout(_WAIT_SECONDS):
                await self._turn.acquire()
        except TimeoutError as error:
            raise Unavailable("The database is too busy just now. Try again in a moment.") from error
        try:
            yield
        finally:
            self._turn.release()

    async def _prepare_file(self) -> None:
        """WAL is kept in the file. SQLite does not wait for others when it switches, so this does."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StartupError(f"The folder of the database {self._path} cannot be made: {error.strerror}.") from error
        deadline = asyncio.get_running_loop().time() + _WAIT_SECONDS
        while True:
            try:
                await self._switch_to_wal()
            except DBAPIError as error:
                if "locked" not in str(error) or asyncio.get_running_loop().time() > deadline:
                    raise
                await asyncio.sleep(0.02)
            else:
                return

    async def _switch_to_wal(self) -> None:
        async with self._writing.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert driver is not None
            await driver.execute_fetchall("PRAGMA journal_mode=WAL")


async def _commit(transaction: _Transaction) -> None:
    await transaction.connection.commit()
    transaction.committed = True


async def _after_commit(transaction: _Transaction) -> None:
    for callback in transaction.after_commit:
        try:
            await callback()
        except Exception:
            log.warning("database.not_done_after_commit", exc_info=True)


def require_sqlite(sqlite: tuple[int, ...], python: tuple[int, ...]) -> None:
    """Raise `StartupError` where durable work would fail: on Python from 3.12, DBOS relies on SQLite 3.42."""
    if python >= (3, 12) and sqlite < (3, 42):
        found = ".".join(map(str, sqlite))
        raise StartupError(
            f"SQLite {found} is too old for Python {'.'.join(map(str, python))}: 3.42 or newer is needed. "
            "Use Python 3.11, a newer SQLite, or PostgreSQL (MYNA_DATABASE_URL=postgresql://…)."
        )


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError):
        parsed, backend = None, ""
    if parsed is None or backend not in _DRIVERS:
        raise StartupError("The database URL must look like sqlite:///path or postgresql://user@host/name.")
    if backend == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise StartupError("The database must be a file, so that it outlives the process: sqlite:///path.")
    return parsed.set(drivername=_DRIVERS[backend][1])


def _postgresql_engine(url: URL) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=_POOL,
        max_overflow=_POOL,
        pool_timeout=_WAIT_SECONDS,
        pool_pre_ping=True,
        connect_args={"connect_timeout": 10},
    )

    def configure(connection: Any, _: Any) -> None:
        """A node that stops in the middle of a transaction must not block the others for ever."""
        cursor = connection.cursor()
        cursor.execute(f"SET lock_timeout = '{_WAIT_SECONDS}s'")
        cursor.execute("SET idle_in_transaction_session_timeout = '60s'")
        cursor.close()
        connection.commit()

    event.listen(engine.sync_engine, "connect", configure)
    return engine


@contextmanager
def _translated_errors() -> Iterator[None]:
    """Callers never see a driver's error for a database that is away, busy or full, or for text it cannot keep."""
    try:
        yield
    except PoolTimeout as error:
        raise Unavailable("The database is too busy just now. Try again in a moment.") from error
    except (DataError, UnicodeEncodeError) as error:
        raise InvalidRequest("The text is too long or has characters that cannot be kept, such as NUL.") from error
    except DBAPIError as error:
        translated = _translate(error)
        if translated is None:
            raise
        raise translated from error


_CONNECTION_STATES = ("08", "57P", "53", "55P03", "40001", "40P01")
"""SQLSTATE prefixes: connection lost, server going down, out of resources, lock timeout, conflict, deadlock."""


def _translate(error: DBAPIError) -> Unavailable | None:
    said = str(error.orig)
    state = getattr(error.orig, "sqlstate", None)
    if state == "53100" or "disk is full" in said:
        return StorageFull()
    if isinstance(error.orig, sqlite3.OperationalError):
        busy = any(word in said for word in ("locked", "busy", "unable to open", "disk I/O"))
        return Unavailable("The database is too busy or away. Try again in a moment.") if busy else None
    lost = error.connection_invalidated or (state is None and type(error.orig).__name__ == "OperationalError")
    if lost or (state or "").startswith(_CONNECTION_STATES):
        return Unavailable("The database is away or busy just now. Try again in a moment.")
    return None
