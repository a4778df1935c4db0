"""Transactions, and a database that is away."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Inspector, func, inspect, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from myna.db.session import Database, require_sqlite
from myna.db.tables import accounts, metadata
from myna.errors import InvalidRequest, StartupError, StorageFull, Unavailable
from myna.kit import clock
from myna.kit.finishing import all_finished
from tests.fixtures.databases import new_cluster


async def add(connection: AsyncConnection, name: str) -> None:
    values = {"id": name, "name": name, "role": "user", "banned": False, "created_at": clock.now()}
    await connection.execute(accounts.insert().values(values))


async def names(database: Database) -> list[str]:
    async with database.reading() as connection:
        return list((await connection.execute(select(accounts.c.name).order_by(accounts.c.name))).scalars())


async def test_a_transaction_is_kept_when_it_ends_well(database: Database) -> None:
    async with database.transaction() as connection:
        await add(connection, "a")
        await add(connection, "b")
    assert await names(database) == ["a", "b"]


async def test_a_transaction_is_undone_when_it_raises(database: Database) -> None:
    with pytest.raises(ValueError, match="undo"):
        async with database.transaction() as connection:
            await add(connection, "a")
            raise ValueError("undo")
    assert await names(database) == []


async def test_an_inner_block_joins_the_outer_one(database: Database) -> None:
    async def inner() -> None:
        async with database.transaction() as connection:
            await add(connection, "inner")

    with pytest.raises(ValueError, match="undo"):
        async with database.transaction() as connection:
            await add(connection, "outer")
            await inner()
            assert await names(database) == ["inner", "outer"]
            raise ValueError("undo")
    assert await names(database) == []

    async with database.transaction():
        await inner()
    assert await names(database) == ["inner"]


async def test_an_inner_block_that_raises_is_undone_alone(database: Database) -> None:
    async with database.transaction() as connection:
        await add(connection, "outer")
        with pytest.raises(ValueError, match="undo"):
            async with database.transaction() as same:
                await add(same, "inner")
                raise ValueError("undo")
        await add(connection, "after")
    assert await names(database) == ["after", "outer"]


async def test_a_child_task_has_a_transaction_of_its_own(database: Database) -> None:
    async def child() -> list[str]:
        return await names(database)

    async def writing_child() -> None:
        async with database.transaction() as connection:
            await add(connection, "child")

    with pytest.raises(ValueError, match="undo"):
        async with database.transaction() as connection:
            await add(connection, "parent")
            assert await asyncio.create_task(child()) == []
            later = asyncio.create_task(writing_child())
            await asyncio.sleep(0)
            raise ValueError("undo")
    await later
    assert await names(database) == ["child"]


async def test_two_databases_do_not_share_a_transaction(database: Database) -> None:
    other = Database(database.url)
    async with database.transaction() as connection:
        await add(connection, "a")
        assert await names(other) == []
    assert await names(other) == ["a"]
    await other.close()


async def test_a_canceled_task_leaves_nothing_and_blocks_nobody(database: Database) -> None:
    inside = asyncio.Event()

    async def stuck() -> None:
        async with database.transaction() as connection:
            await add(connection, "stuck")
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(stuck())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    async with asyncio.timeout(60), database.transaction() as connection:
        await add(connection, "next")
    assert await names(database) == ["next"]


async def test_many_cancellations_leave_the_database_working(database: Database) -> None:
    async def write(number: int) -> None:
        async with database.transaction() as connection:
            await add(connection, f"{number:03}")

    tasks = [asyncio.create_task(write(number)) for number in range(60)]
    for number, task in enumerate(tasks):
        await asyncio.sleep(0.001)
        if number % 2:
            task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)

    kept = await names(database)
    for number, result in enumerate(done):
        if result is None:
            assert f"{number:03}" in kept
    async with database.transaction() as connection:
        await add(connection, "after")


async def test_whoever_is_canceled_during_the_commit_finds_out_what_became_of_it(database: Database) -> None:
    called: list[str] = []

    async def call(name: str) -> None:
        await asyncio.sleep(0)
        called.append(name)

    async def write(name: str) -> None:
        async with database.transaction() as connection:
            await add(connection, name)
            await database.after_commit(lambda: call(name))

    for number in range(40):
        writing = asyncio.create_task(write(f"{number:02}"))
        await asyncio.sleep(number / 10_000)
        writing.cancel()
        await asyncio.wait({writing})
        kept = await names(database)
        async with database.transaction():
            pass  # nobody is in the way, and what was not kept by now never is
        assert kept == await names(database)
        await all_finished(10)
        assert called == kept


async def test_callbacks_run_after_the_commit_alone(database: Database) -> None:
    ran: list[tuple[str, list[str]]] = []

    async def say(word: str) -> None:
        async def callback() -> None:
            ran.append((word, await names(database)))

        await database.after_commit(callback)

    await say("at once")
    async with database.transaction() as connection:
        await add(connection, "a")
        await say("outer")
        with pytest.raises(ValueError, match="undo"):
            async with database.transaction():
                await say("undone inner")
                raise ValueError("undo")
        async with database.transaction():
            await say("inner")
        assert len(ran) == 1
    with pytest.raises(ValueError, match="undo"):
        async with database.transaction():
            await say("undone")
            raise ValueError("undo")

    assert ran == [("at once", []), ("outer", ["a"]), ("inner", ["a"])]


async def test_many_tasks_write_at_once(database: Database) -> None:
    async def count_up(number: int) -> None:
        async with database.transaction() as connection:
            await add(connection, f"{number:03}")

    await asyncio.gather(*(count_up(number) for number in range(50)))
    assert len(await names(database)) == 50


async def test_the_tables_are_those_that_the_code_knows(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))

    def checks(connection: Connection) -> set[str | None]:
        inspector: Inspector = inspect(connection)
        return {check["name"] for check in inspector.get_check_constraints("credits")}

    async with database.reading() as connection:
        assert await connection.run_sync(differences) == []
        assert "ck_credits_remaining_not_negative" in await connection.run_sync(checks)


async def test_migrating_again_changes_nothing(database: Database) -> None:
    async with database.transaction() as connection:
        await add(connection, "a")
    await database.migrate()
    assert await names(database) == ["a"]


async def test_a_migration_can_be_undone(database: Database) -> None:
    from alembic import command

    from myna.db.migrations.upgrade import configuration

    async with database.transaction() as connection:
        await connection.run_sync(lambda sync: command.downgrade(configuration(sync), "base"))
    async with database.reading() as connection:
        tables = await connection.run_sync(lambda sync: inspect(sync).get_table_names())
    assert tables == ["alembic_version"]
    await database.migrate()
    assert await names(database) == []


def test_nodes_that_start_at_once_migrate_once(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/made/on/demand/myna.sqlite"
    program = f"import asyncio; from myna.db.session import Database; asyncio.run(Database({url!r}).migrate())"
    nodes = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(2)]
    assert [node.wait() for node in nodes] == [0, 0]


async def test_postgresql_nodes_that_start_at_once_migrate_once(postgresql_cluster) -> None:
    with postgresql_cluster.database() as url:
        nodes = [Database(url) for _ in range(4)]
        await asyncio.gather(*(node.migrate() for node in nodes))
        assert await names(nodes[3]) == []
        await asyncio.gather(*(node.close() for node in nodes))


async def test_sqlite_keeps_commits_through_a_power_cut(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/myna.sqlite")
    await database.migrate()
    async with database.transaction() as connection:
        pragmas = {
            name: (await connection.execute(text(f"PRAGMA {name}"))).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    await database.close()
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 30_000}


async def test_reading_cannot_write(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/myna.sqlite")
    await database.migrate()
    with pytest.raises(Exception, match="readonly"):
        async with database.reading() as connection:
            await add(connection, "a")
    await database.close()


async def test_words_are_found_in_any_case(database: Database) -> None:
    async with database.reading() as connection:
        assert (await connection.execute(select(func.lower("GRÜSSE ÉÑ ЖЯ")))).scalar_one() == "grüsse éñ жя"


async def test_text_that_cannot_be_kept_is_refused(database: Database) -> None:
    for name in ("half \ud800 a character", "nul \x00") if database.dialect == "postgresql" else ("half \ud800",):
        with pytest.raises(InvalidRequest, match="cannot be kept"):
            async with database.transaction() as connection:
                await add(connection, name)
    assert await names(database) == []


@pytest.mark.parametrize(
    "url",
    ["", "myna.sqlite", "mysql://host/name", "sqlite://", "sqlite:///:memory:", "postgresql", "://", "oracle://x"],
)
def test_a_database_url_says_where(url: str) -> None:
    with pytest.raises(StartupError, match="database"):
        Database(url)


@pytest.mark.parametrize(
    ("url", "dialect"),
    [
        ("sqlite:////var/lib/myna.sqlite", "sqlite"),
        ("sqlite+aiosqlite:///relative.sqlite", "sqlite"),
        ("postgres://user@host/name", "postgresql"),
        ("postgresql://user:secret@host:5433/name?sslmode=require", "postgresql"),
        ("postgresql+psycopg://user@host/name", "postgresql"),
    ],
)
def test_common_spellings_of_urls_work(url: str, dialect: str) -> None:
    assert Database(url).dialect == dialect


@pytest.mark.parametrize(
    ("sqlite", "python", "fits"),
    [
        ((3, 40, 1), (3, 11), True),
        ((3, 40, 1), (3, 12), False),
        ((3, 41, 9), (3, 13), False),
        ((3, 42, 0), (3, 12), True),
        ((3, 51, 1), (3, 14), True),
    ],
)
def test_an_old_sqlite_is_found_at_the_start(sqlite: tuple[int, ...], python: tuple[int, ...], fits: bool) -> None:
    if fits:
        require_sqlite(sqlite, python)
        return
    with pytest.raises(StartupError, match=r"3\.42 or newer"):
        require_sqlite(sqlite, python)


async def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    database = Database(f"sqlite:///{tmp_path}/file/myna.sqlite")
    with pytest.raises(StartupError, match="cannot be made"):
        await database.migrate()
    with pytest.raises(Unavailable):
        await database.ping()
    await database.close()
    while any("_connection_worker_thread" in thread.name for thread in threading.enumerate()):
        await asyncio.sleep(0.01)  # aiosqlite leaves the thread of a failed connection to end by itself


async def test_a_full_sqlite_is_said_to_be_full(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/myna.sqlite")
    await database.migrate()
    with pytest.raises(StorageFull):
        async with database.transaction() as connection:
            await connection.execute(text("PRAGMA max_page_count=1"))
            await connection.execute(accounts.insert(), [_row(f"{number}" * 60) for number in range(2_000)])
    assert await names(database) == []
    await database.close()


async def test_a_locked_sqlite_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("myna.db.session._WAIT_SECONDS", 0.05)
    first, second = (Database(f"sqlite:///{tmp_path}/myna.sqlite") for _ in range(2))
    await first.migrate()
    async with first.transaction() as connection:
        await add(connection, "a")
        with pytest.raises(Unavailable):
            async with second.transaction():
                pass
        assert await names(second) == []
    async with second.transaction() as connection:
        await add(connection, "b")
    assert await names(first) == ["a", "b"]
    await first.close()
    await second.close()


async def test_a_child_that_its_parent_blocks_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("myna.db.session._WAIT_SECONDS", 0.05)
    database = Database(f"sqlite:///{tmp_path}/myna.sqlite")
    await database.migrate()

    async def child() -> None:
        async with database.transaction() as connection:
            await add(connection, "child")

    async with database.transaction() as connection:
        await add(connection, "parent")
        with pytest.raises(Unavailable):
            await asyncio.create_task(child())
    await child()
    assert await names(database) == ["child", "parent"]
    await database.close()


async def test_an_absent_postgresql_is_unavailable(tmp_path: Path) -> None:
    database = Database(f"postgresql://postgres@/name?host={tmp_path}")
    with pytest.raises(Unavailable):
        await database.ping()
    with pytest.raises(Unavailable):
        async with database.transaction():
            pass
    await database.close()


@pytest.mark.fault
async def test_postgresql_heals_after_a_restart() -> None:
    with new_cluster() as cluster:
        database = Database(cluster.url("postgres"))
        await database.migrate()
        async with database.transaction() as connection:
            await add(connection, "before")

        with pytest.raises(Unavailable):
            async with database.transaction() as connection:
                await add(connection, "cut")
                await asyncio.to_thread(cluster.stop)
                await add(connection, "after the cut")
        with pytest.raises(Unavailable):
            await database.ping()

        await asyncio.to_thread(cluster.start)
        assert await names(database) == ["before"]
        async with database.transaction() as connection:
            await add(connection, "healed")
        await database.close()


def _row(name: str) -> dict[str, object]:
    return {"id": name[:64], "name": name, "role": "user", "banned": False, "created_at": clock.now()}
