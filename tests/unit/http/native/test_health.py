from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from fastapi import FastAPI

from myna.errors import Unavailable
from myna.http.native import health
from myna.http.native.health import health_router
from myna.storage.objects import open_storage


class Part:
    """A database or an engine host that is well, away or silent."""

    def __init__(self):
        self.away = self.silent = False
        self.counters = {}

    async def ping(self):
        if self.away:
            raise Unavailable
        if self.silent:
            await asyncio.sleep(60)

    async def warm(self, engine):
        assert engine == "fake"
        await self.ping()


@pytest.fixture
def services():
    return SimpleNamespace(
        database=Part(),
        storage=open_storage("memory://"),
        engines=Part(),
        registry=SimpleNamespace(names=("fake",)),
    )


@pytest.fixture
async def http(client, services):
    app = FastAPI()
    app.include_router(health_router(services))
    async with client(app) as http:
        yield http


async def test_ready(http):
    answer = await http.get("/readyz")
    assert (answer.status_code, answer.json()["ready"]) == (200, True)


async def test_alive_even_when_nothing_else_is(http, services):
    services.database.away = services.engines.away = True
    assert (await http.get("/healthz")).status_code == 200


@pytest.mark.parametrize("part", ["database", "engines"])
@pytest.mark.parametrize("trouble", ["away", "silent"])
async def test_not_ready(http, services, part, trouble, monkeypatch):
    monkeypatch.setattr(health, "_PATIENCE", 0.05)
    setattr(getattr(services, part), trouble, True)
    answer = await http.get("/readyz")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    states = answer.json()["parts"]
    assert sorted(states.values()) == ["ok", "ok", "unavailable"]


async def test_a_busy_engine_is_ready(http, services):
    services.engines.silent = True
    services.engines.counters = {"fake": SimpleNamespace(processes=1)}
    assert (await http.get("/readyz")).status_code == 200


async def test_no_engine(http, services):
    services.registry.names = ()
    assert (await http.get("/readyz")).json()["parts"]["engine"] == "unavailable"
