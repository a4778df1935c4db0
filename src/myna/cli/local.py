"""Commands that work on this machine's data, without a running server."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from myna.errors import NotFound

if TYPE_CHECKING:
    from myna.accounts.schemas import Account
    from myna.http.services import Services
    from myna.settings import Settings

Result = TypeVar("Result")


def run(work: Callable[[Services], Awaitable[Result]], settings: Settings | None = None) -> Result:
    """Open this machine's data, do the work, close it."""
    return asyncio.run(_run(work, settings))


async def _run(work: Callable[[Services], Awaitable[Result]], settings: Settings | None) -> Result:
    from myna.app import build_node
    from myna.logs import set_up_logs
    from myna.settings import Settings as AllSettings

    settings = settings or AllSettings()
    set_up_logs(settings)
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    services = build_node(settings).services
    try:
        await services.database.migrate()
        return await work(services)
    finally:
        await services.engines.close()
        await services.database.close()


async def account_named(services: Services, name: str) -> Account:
    """Raises `NotFound` with the names there are."""
    if account := await services.accounts.find_account(name):
        return account
    known = ", ".join(sorted(account.name for account in await services.accounts.list_accounts())) or "none yet"
    raise NotFound(f"There is no account `{name}`. There are: {known}.")
