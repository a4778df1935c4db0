from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest
from fastapi import FastAPI

from myna.errors import Unavailable
from myna.http.metrics import Metrics
from myna.http.native import health
from myna.http.native.health import health_router
from myna.storage.objects import open_storage


class Part:
    """A database or an engine host that is well, away or silent."""

    def __init__(self):
        self.away = self.silent = False
        self.counters = {}
        self.memory_bytes = {}

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
    database = Part()

    async def backlog():
        await database.ping()
        return {"speech": 3}

    async def count_by_status():
        await database.ping()
        return {"queued": 3}

    return SimpleNamespace(
        metrics=Metrics(),
        backlog=backlog,
        broken={"ledger": []},
        jobs=SimpleNamespace(count_by_status=count_by_status),
        database=database,
        storage=open_storage("memory://"),
        engines=Part(),
        registry=SimpleNamespace(names=("fake",)),
        settings=SimpleNamespace(engines_at_once=0, remote_url=""),
        speech=SimpleNamespace(renderer=SimpleNamespace(verifier=None)),
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


async def test_metrics_are_told_when_the_database_is_away(http, services):
    """A monitor must not go blind in the middle of an outage; it must not see old numbers either."""
    assert 'myna_queue{queue="speech"} 3.0' in (await http.get("/metrics")).text
    services.database.away = True
    answer = await http.get("/metrics")
    assert answer.status_code == 200
    assert "myna_http_requests_in_flight" in answer.text
    assert "myna_broken" in answer.text
    assert "myna_queue" not in answer.text
    assert "myna_jobs" not in answer.text


async def test_a_busy_engine_is_ready(http, services):
    services.engines.silent = True
    services.engines.counters = {"fake": SimpleNamespace(processes=1)}
    assert (await http.get("/readyz")).status_code == 200


async def test_another_engine_will_do_where_not_all_are_in_memory(http, services):
    services.engines.silent = True
    services.engines.counters = {"fake": SimpleNamespace(processes=0), "fake-translation": SimpleNamespace(processes=1)}
    services.settings.engines_at_once = 1
    assert (await http.get("/readyz")).status_code == 200


async def test_no_engine(http, services):
    services.registry.names = ()
    assert (await http.get("/readyz")).json()["parts"]["engine"] == "unavailable"
