"""Holds and settlements per second, by 32 tasks at once on one account."""

from __future__ import annotations

import asyncio
import tempfile
import time
from pathlib import Path
from typing import Any

from myna.accounts.service import AccountService
from myna.credits.service import CreditService
from myna.db.session import Database
from myna.kit import clock

TASKS = 32
PER_TASK = 30


def measure() -> dict[str, Any]:
    return asyncio.run(_measure())


async def _measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{Path(folder) / 'myna.sqlite'}")
        await database.migrate()
        account = await AccountService(database, b"benchmark").create_account("benchmark")
        credits = CreditService(database)
        await credits.grant(account.id, TASKS * PER_TASK)

        async def spend(task: int) -> None:
            for number in range(PER_TASK):
                hold = await credits.hold(account.id, 1, key=f"{task}-{number}", expires_at=clock.FOREVER)
                await credits.settle(hold.id)

        began = time.perf_counter()
        await asyncio.gather(*(spend(task) for task in range(TASKS)))
        seconds = time.perf_counter() - began
        broken, left = await credits.check(), await credits.balance(account.id)
        await database.close()
    assert not broken
    assert left == 0
    return {
        "database": "SQLite",
        "operations": TASKS * PER_TASK * 2,
        "per second": round(TASKS * PER_TASK * 2 / seconds),
    }
