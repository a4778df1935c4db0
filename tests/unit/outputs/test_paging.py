"""Pages cost the same at any depth and in any number of rows: no sort, and no walk through the table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from myna.accounts.service import AccountService
from myna.credits.service import CreditService
from myna.db.session import Database
from myna.jobs.service import JobService
from myna.kit.pagination import Cursor
from myna.outputs.schemas import OutputFilter
from myna.outputs.service import OutputService
from myna.settings import Settings
from myna.storage.objects import open_storage

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
JOBS = (
    "INSERT INTO jobs (id, account_id, kind, api, status, stage, progress, request, details, price, charged, hold_id,"
    " name, base_url, updated_at, created_at) SELECT 'job ' || n, {account}, 'speech', 'native', 'succeeded', '', 1,"
    " '{{}}', '{{}}', 0, 0, :hold, '', '', {moment}, {moment} FROM {numbers}"
)
OUTPUTS = (
    "INSERT INTO outputs (id, job_id, account_id, api, object_key, file_name, media_type, size, duration, sample_rate,"
    " waveform, text, prompt_id, settings, is_favorited, was_auto_submitted, updated_at, created_at)"
    " SELECT 'output ' || n, 'job ' || n, {account}, 'native', 'k', 'f.mp3', 'audio/mpeg', 1, 1, 24000,"
    " '[]', 'text', 'prompt ' || (n % 10), '{{}}', {no}, {no}, {moment}, {moment} FROM {numbers}"
)
ACCOUNT = "CASE n % 2 WHEN 0 THEN :account ELSE :other END"
DIALECTS = {
    "sqlite": {
        "numbers": "(WITH RECURSIVE counted(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counted WHERE n < {rows})"
        " SELECT n FROM counted)",
        "moment": "strftime('%Y-%m-%d %H:%M:%f000', '2026-01-01', n || ' seconds')",
        "no": "0",
    },
    "postgresql": {
        "numbers": "generate_series(1, {rows}) AS n",
        "moment": "timestamptz '2026-01-01 00:00Z' + n * interval '1 second'",
        "no": "false",
    },
}


async def fill(database: Database, rows: int) -> str:
    """Half of the rows belong to the account that is returned."""
    accounts, credits = AccountService(database, b"secret"), CreditService(database)
    account, other = (await accounts.create_account("Ada")).id, (await accounts.create_account("Grace")).id
    hold = await credits.hold(account, 0, key="all", expires_at=FIRST)
    words = DIALECTS[database.dialect]
    async with database.transaction() as connection:
        for template, values in ((JOBS, {"hold": hold.id}), (OUTPUTS, {})):
            numbers = words["numbers"].format(rows=rows)
            statement = template.format(**{**words, "account": ACCOUNT, "numbers": numbers})
            await connection.execute(text(statement), {"account": account, "other": other, **values})
        await connection.execute(text("ANALYZE"))
    return account


async def plans(database: Database, work: Callable[[], Awaitable[object]]) -> list[str]:
    """How the database goes about each statement of `work`."""
    statements: list[tuple[str, Any]] = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        statements.append((statement, parameters))

    engines = {database._reading.sync_engine, database._reading_long.sync_engine}
    for engine in engines:
        event.listen(engine, "before_cursor_execute", note)
    await work()
    for engine in engines:
        event.remove(engine, "before_cursor_execute", note)

    explain = "EXPLAIN QUERY PLAN " if database.dialect == "sqlite" else "EXPLAIN "
    said = []
    async with database.reading() as connection:
        for statement, parameters in statements:
            rows = await connection.exec_driver_sql(explain + statement, parameters)
            said.append("\n".join(str(row[-1]) for row in rows))
    assert said
    return said


async def check_pages(database: Database, rows: int) -> None:
    account = await fill(database, rows)
    jobs = JobService(database, CreditService(database), None, AccountService(database, b"secret"), Settings())  # type: ignore[arg-type]
    outputs = OutputService(database, open_storage("memory://"))
    middle = FIRST + timedelta(seconds=rows / 2)
    prompt = OutputFilter(prompt_id="prompt 4")

    pages: dict[str, Callable[[], Awaitable[Any]]] = {
        "first outputs": lambda: outputs.list(account, limit=50),
        "outputs in the middle": lambda: outputs.list(account, after=middle, limit=50),
        "outputs upwards": lambda: outputs.list(account, after=middle, limit=50, order="asc"),
        "outputs of an API": lambda: outputs.list(account, OutputFilter(api="native"), after=middle, limit=50),
        "outputs of a time": lambda: outputs.list(account, OutputFilter(created_from=FIRST, created_to=middle)),
        "outputs of a prompt": lambda: outputs.list(account, prompt, after=middle, limit=50),
        "first jobs": lambda: jobs.list(account, limit=50),
        "jobs in the middle": lambda: jobs.list(account, before=Cursor(middle, ""), limit=50),
        "jobs of a status": lambda: jobs.list(account, before=Cursor(middle, ""), limit=50, status="succeeded"),
    }
    for name, page in pages.items():
        assert len((await page()).items) == 50, name
        for plan in await plans(database, page):
            for word in ("TEMP B-TREE", "Sort", "SCAN", "Seq Scan"):
                assert word not in plan, (name, plan)

    for plan in await plans(database, lambda: outputs.count(account)):
        assert "output_totals" in plan
        assert " outputs" not in plan


async def test_pages_are_flat_at_ten_thousand_rows(database: Database) -> None:
    await check_pages(database, 10_000)


@pytest.mark.full
async def test_pages_are_flat_at_a_hundred_thousand_rows(database: Database) -> None:
    await check_pages(database, 100_000)
