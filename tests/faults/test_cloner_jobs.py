"""kill -9 of the server while it works on orders of Magic Hour's voice cloner."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from myna.credits.service import CreditService
from myna.db.session import Database
from tests.faults.test_kill import FULL, Shape, wait_for_all
from tests.fixtures.magichour import Account
from tests.fixtures.server import ServerFactory, ServerProcess

SHORT = Shape(jobs=12, kills=3)


@pytest.mark.fault
@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    "shape", [pytest.param(SHORT, id="short"), pytest.param(FULL, id="full", marks=pytest.mark.full)]
)
def test_orders_are_done_once_and_leave_nothing(make_server: ServerFactory, low_voice: bytes, shape: Shape) -> None:
    server = make_server(MYNA_RATE_LIMITS="off", MYNA_DEAD_AFTER_SECONDS="2")
    with httpx.Client(timeout=60) as http:
        account = Account(server, http, credits=shape.jobs)
        path = account.upload(low_voice)
        accepted = order_while_killing(server, account, path, shape)
    assert len(set(accepted)) == shape.jobs
    projects = asyncio.run(wait_for_all(server, account.key, accepted))
    assert {project["status"] for project in projects} == {"complete"}, projects
    assert all(len(project["downloads"]) == 1 for project in projects)
    assert balance_of(server, account.key) == 0
    assert files_in(server, "jobs") == 0
    assert files_in(server, "outputs") == shape.jobs


def order_while_killing(server: ServerProcess, account: Account, path: str, shape: Shape) -> list[str]:
    """Each kill comes while the order before it is being worked on."""
    port = int(server.url.rsplit(":", 1)[1])
    between_kills = shape.jobs // shape.kills
    accepted = []
    for number in range(shape.jobs):
        key = {"Idempotency-Key": f"order-{number}"}
        accepted.append(account.clone(path, prompt=f"fake:slow=0.3 {number}", headers=key))
        if number % between_kills == between_kills // 2:
            server.kill()
            server.start(port)
            assert account.clone(path, prompt=f"fake:slow=0.3 {number}", headers=key) == accepted[-1]
    return accepted


def balance_of(server: ServerProcess, token: str) -> int:
    """Milli-credits, of a ledger without faults."""
    account_id = server.account_of(token)

    async def look(database: Database) -> tuple[int, list[str]]:
        credits = CreditService(database)
        return await credits.balance(account_id), await credits.check()

    balance, broken = server.query(look)
    assert broken == []
    return balance


def files_in(server: ServerProcess, folder: str) -> int:
    return sum(path.is_file() for path in (server.data_dir / "files" / folder).rglob("*"))
