"""kill -9 of the server while it has accepted work: nothing is lost, nothing is charged twice."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass

import httpx
import pytest

from myna.credits.service import CreditService
from myna.db.session import Database
from tests.fixtures.databases import PostgresqlCluster
from tests.fixtures.server import ServerFactory, ServerProcess

VOICE = "Morgan Freeman"
PRICE = 1_000
FINISHED = {"complete", "error", "canceled"}


@dataclass(frozen=True)
class Shape:
    jobs: int
    kills: int


SHORT = Shape(jobs=60, kills=3)
FULL = Shape(jobs=300, kills=10)


@pytest.mark.fault
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "shape", [pytest.param(SHORT, id="short"), pytest.param(FULL, id="full", marks=pytest.mark.full)]
)
def test_killed_server_loses_nothing_and_charges_once(make_server: ServerFactory, shape: Shape) -> None:
    server = make_server(MYNA_RATE_LIMITS="off", MYNA_DEAD_AFTER_SECONDS="2")
    token = server.new_key(credits=shape.jobs)
    accepted = submit_while_killing(server, token, shape)
    assert len(accepted) == shape.jobs
    projects = asyncio.run(wait_for_all(server, token, accepted))
    assert {project["status"] for project in projects} == {"complete"}
    assert all(len(project["downloads"]) == 1 for project in projects)
    for project in random.sample(projects, 5):
        assert httpx.get(project["downloads"][0]["url"]).status_code == 200
    assert_ledger_is_exact(server, token, shape)


@pytest.mark.fault
@pytest.mark.timeout(300)
def test_two_nodes_on_postgresql_and_s3_lose_nothing_when_one_is_killed(
    make_server: ServerFactory, postgresql_cluster: PostgresqlCluster, s3_endpoint: str, s3_bucket: str
) -> None:
    with postgresql_cluster.migrated() as url:
        shared = {
            "MYNA_DATABASE_URL": url,
            "MYNA_STORAGE_URL": f"s3://{s3_bucket}/files",
            "MYNA_STORAGE_ENDPOINT": s3_endpoint,
            "MYNA_SECRET": "the same on all nodes",
            "MYNA_RATE_LIMITS": "off",
            "MYNA_DEAD_AFTER_SECONDS": "2",
        }
        doomed, survivor = make_server(**shared), make_server(**shared)
        token = survivor.new_key(credits=20)
        accepted = [submit(node, token, number) for number in range(10) for node in (doomed, survivor)]
        assert len(set(accepted)) == 10, "the same Idempotency-Key is the same job on both nodes"
        doomed.kill()
        projects = asyncio.run(wait_for_all(survivor, token, sorted(set(accepted))))
        assert {project["status"] for project in projects} == {"complete"}
        assert httpx.get(projects[0]["downloads"][0]["url"].replace(doomed.url, survivor.url)).status_code == 200
        assert survivor.balance(token) == 10_000
        survivor.stop()


def submit_while_killing(server: ServerProcess, token: str, shape: Shape) -> list[str]:
    """Send all jobs; every so many, kill the server and start it again on the same port."""
    port = int(server.url.rsplit(":", 1)[1])
    between_kills = shape.jobs // shape.kills
    accepted: list[str] = []
    for number in range(shape.jobs):
        accepted.append(submit(server, token, number))
        if number % between_kills == between_kills // 2:
            server.kill()
            server.start(port)
    return accepted


def submit(server: ServerProcess, token: str, number: int) -> str:
    """The same Idempotency-Key on each attempt: an answer that was lost in a kill is asked for again."""
    answer = httpx.post(
        f"{server.url}/v1/ai-voice-generator",
        headers={"Authorization": f"Bearer {token}", "Idempotency-Key": f"job-{number}"},
        json={"style": {"prompt": f"fake:slow=0.1 {number}", "voice_name": VOICE}},
        timeout=30,
    )
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


async def wait_for_all(server: ServerProcess, token: str, accepted: list[str]) -> list[dict]:
    """The project of each job, when all have ended. One is asked for at a time, so that the server can do its work."""
    async with (
        httpx.AsyncClient(base_url=server.url, headers={"Authorization": f"Bearer {token}"}, timeout=60) as client,
        asyncio.timeout(200),
    ):
        return [await wait_for(client, job_id) for job_id in accepted]


async def wait_for(client: httpx.AsyncClient, job_id: str) -> dict:
    while True:
        project: dict = (await client.get(f"/v1/audio-projects/{job_id}")).json()
        if project["status"] in FINISHED:
            return project
        await asyncio.sleep(0.1)


def assert_ledger_is_exact(server: ServerProcess, token: str, shape: Shape) -> None:
    account_id = server.account_of(token)

    async def look(database: Database) -> tuple[int, list[str]]:
        credits = CreditService(database)
        return await credits.balance(account_id), await credits.check()

    balance, broken = server.query(look)
    assert broken == []
    assert balance == 0, f"{shape.jobs * PRICE - balance} charged for {shape.jobs} jobs of {PRICE}"


@pytest.mark.fault
def test_a_balance_for_ten_accepts_ten_of_a_hundred_at_once(server: ServerProcess) -> None:
    token = server.new_key(credits=10)

    async def race() -> list[int]:
        limits = httpx.Limits(max_connections=100)
        async with httpx.AsyncClient(base_url=server.url, limits=limits, timeout=60) as client:
            answers = await asyncio.gather(
                *(
                    client.post(
                        "/v1/ai-voice-generator",
                        headers={"Authorization": f"Bearer {token}"},
                        json={"style": {"prompt": f"number {number}", "voice_name": VOICE}},
                    )
                    for number in range(100)
                )
            )
        return [answer.status_code for answer in answers]

    statuses = asyncio.run(race())
    assert statuses.count(200) == 10
    assert statuses.count(402) == 90
    assert server.balance(token) == 0
