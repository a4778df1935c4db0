"""The Stablecog API over a real database, without any work being done."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import text

from myna.accounts.schemas import Caller
from myna.app import build_node
from myna.http.services import Services
from myna.http.stablecog.routes import create_api
from myna.settings import Settings


@dataclass(frozen=True)
class Api:
    services: Services
    http: httpx.AsyncClient
    caller: Caller

    async def lose(self, table: str) -> None:
        """Make everything fail that needs this table."""
        async with self.services.database.transaction() as connection:
            await connection.execute(text(f"ALTER TABLE {table} RENAME TO lost"))


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    services = build_node(Settings(data_dir=tmp_path, engines=["fake"], rate_limits="off")).services
    await services.database.migrate()
    account = await services.accounts.create_account("ada")
    token = (await services.accounts.create_key(account.id, "key"))[1]
    await services.credits.grant(account.id, 10_000)
    transport = httpx.ASGITransport(create_api(services))
    headers = {"Authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://node", headers=headers) as http:
        yield Api(services, http, await services.accounts.authenticate(token))
    await services.engines.close()
    await services.database.close()
