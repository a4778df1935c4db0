"""Commands that work on this machine's data, without a running server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from myna.accounts.service import AccountService
    from myna.credits.service import CreditService
    from myna.db.session import Database
    from myna.settings import Settings

Result = TypeVar("Result")


@dataclass(frozen=True)
class LocalServices:
    """What needs the database only: no engines, no queue."""

    settings: Settings
    database: Database
    accounts: AccountService
    credits: CreditService


def run_with_services(settings: Settings, work: Callable[[LocalServices], Awaitable[Result]]) -> Result:
    """Open the database, do the work, close it."""
    return asyncio.run(_with_services(settings, work))


async def _with_services(settings: Settings, work: Callable[[LocalServices], Awaitable[Result]]) -> Result:
    from myna.accounts.service import AccountService
    from myna.credits.service import CreditService
    from myna.db.session import Database

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = Database(settings.resolved_database_url)
    try:
        await database.migrate()
        accounts = AccountService(database, settings.secret_key)
        return await work(LocalServices(settings, database, accounts, CreditService(database)))
    finally:
        await database.close()
