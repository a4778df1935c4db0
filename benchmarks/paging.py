"""A page of outputs at 100 rows and at 100,000 rows, at the start and deep inside."""

from __future__ import annotations

import asyncio
import statistics
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from myna.accounts.service import AccountService
from myna.credits.service import CreditService
from myna.db.session import Database
from myna.db.tables import holds, jobs, output_totals, outputs
from myna.kit import clock, ids
from myna.outputs.schemas import OutputFilter
from myna.outputs.service import OutputService
from myna.storage.objects import open_storage

SIZES = (100, 100_000)
ROUNDS = 60
PAGE = 50


def measure() -> dict[str, Any]:
    return {"rows": [asyncio.run(_measure(size)) for size in SIZES]}


async def _measure(size: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'myna.sqlite'}")
        await database.migrate()
        account = await AccountService(database, b"benchmark").create_account("benchmark")
        await CreditService(database).grant(account.id, 1)
        await _fill(database, account.id, size)
        service = OutputService(database, open_storage("memory://"))
        middle = clock.now() - timedelta(seconds=size // 2)
        row = {
            "outputs": size,
            "first page ms": await _median_ms(service, account.id, None),
            "middle page ms": await _median_ms(service, account.id, middle),
            "count ms": await _median_count_ms(service, account.id),
        }
        await database.close()
        return row


async def _median_ms(service: OutputService, account_id: str, after: Any) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        page = await service.list(account_id, OutputFilter(), after=after, limit=PAGE)
        times.append(time.perf_counter() - began)
        assert len(page.items) >= min(PAGE, 49)
    return round(statistics.median(times) * 1e3, 2)


async def _median_count_ms(service: OutputService, account_id: str) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        await service.count(account_id, OutputFilter())
        times.append(time.perf_counter() - began)
    return round(statistics.median(times) * 1e3, 2)


async def _fill(database: Database, account_id: str, size: int) -> None:
    end = clock.now()
    hold_id = ids.new_uuid()
    hold = {"id": hold_id, "account_id": account_id, "key": "benchmark", "amount": 0, "settled": 0, "status": "settled"}
    async with database.transaction() as connection:
        await connection.execute(insert(holds), {**hold, "expires_at": end, "created_at": end})
        for first in range(0, size, 5_000):
            moments = [end - timedelta(seconds=number) for number in range(first, min(size, first + 5_000))]
            job_rows = [_job(account_id, hold_id, moment) for moment in moments]
            await connection.execute(insert(jobs), job_rows)
            await connection.execute(insert(outputs), [_output(row) for row in job_rows])
        total = {"account_id": account_id, "api": "native", "live": size}
        await connection.execute(insert(output_totals), total)


def _job(account_id: str, hold_id: str, moment: Any) -> dict[str, Any]:
    return {
        "id": ids.new_uuid(),
        "account_id": account_id,
        "kind": "speech",
        "api": "native",
        "status": "succeeded",
        "request": {},
        "details": {},
        "price": 0,
        "charged": 0,
        "hold_id": hold_id,
        "updated_at": moment,
        "created_at": moment,
    }


def _output(job: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": ids.new_uuid(),
        "job_id": job["id"],
        "account_id": job["account_id"],
        "api": "native",
        "object_key": f"outputs/{job['id']}.mp3",
        "file_name": "speech.mp3",
        "media_type": "audio/mpeg",
        "size": 10_000,
        "duration": 1.5,
        "sample_rate": 22_050,
        "waveform": [0.5] * 50,
        "text": "Some words that were spoken.",
        "prompt_id": ids.prompt_id("Some words that were spoken."),
        "settings": {},
        "updated_at": job["created_at"],
        "created_at": job["created_at"],
    }
