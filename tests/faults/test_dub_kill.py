"""kill -9 in every stage of a dub: the next process goes on from there, and nothing is done, charged or told twice."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import pytest

from myna.credits.service import CreditService
from myna.db.session import Database
from myna.dubbing.schemas import STAGES
from myna.media.probe import packet_hash
from myna.storage.objects import open_storage
from myna.webhooks.service import WebhookService
from tests.faults import dubber
from tests.faults.dubber import CREDITS, DUB_ID, settings
from tests.fixtures.dubs import PRICE
from tests.fixtures.forks import Fork

DUBS = 3
"""Each is killed in every third stage, so that all stages have their turn."""
PATIENCE = 240.0
"""Seconds for one process."""


@pytest.mark.fault
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "killed", [pytest.param(STAGES[number::DUBS], id="-".join(STAGES[number::DUBS])) for number in range(DUBS)]
)
@pytest.mark.parametrize("when", [pytest.param("after"), pytest.param("before", marks=pytest.mark.full)])
def test_a_killed_dub_goes_on_from_the_stage_it_was_in(
    tmp_path: Path, film: Path, killed: tuple[str, ...], when: str
) -> None:
    """`after` all that a stage does, and before it counts as done, is its worst moment."""
    for stage in killed:
        died = Fork(dubber.run, tmp_path, film, (stage, when), log=tmp_path / "said")
        assert died.wait(PATIENCE) == -signal.SIGKILL, f"{stage}: {died.said}"
    lived = Fork(dubber.run, tmp_path, film, None, log=tmp_path / "said")
    assert lived.wait(PATIENCE) == 0, lived.said
    dub = json.loads((tmp_path / "dub.json").read_text())
    assert (dub["status"], dub["error"]) == ("succeeded", None)
    assert dub["engines"] == {
        "separate": ["fake-separation"],
        "translate": ["fake-translation"],
        "speak": ["fake"],
    }
    assert runs(tmp_path) == [stage for stage in STAGES for _ in range(1 + (stage in killed))]
    assert (dub["price"], dub["charged"]) == (PRICE, PRICE)
    assert [line["fit"] for line in dub["lines"]] == ["natural", "absorbed"]
    asyncio.run(check_data(tmp_path, film, dub))


def runs(data_dir: Path) -> list[str]:
    return (data_dir / "stages").read_text().split()


async def check_data(data_dir: Path, film: Path, dub: dict[str, Any]) -> None:
    """Credits exact, one event of each kind, one output, the pictures of the source, and no files left behind."""
    chosen = settings(data_dir)
    database = Database(chosen.resolved_database_url)
    try:
        credits, webhooks = CreditService(database), WebhookService(database, chosen)
        account_id = dub["result"].split("/")[1]
        assert await credits.check() == []
        assert await credits.balance(account_id) == CREDITS - PRICE
        endpoint = (await webhooks.list_endpoints(account_id))[0]
        deliveries = (await webhooks.deliveries(account_id, endpoint.id)).items
        assert len(deliveries) == len({delivery.event_id for delivery in deliveries}) == len(("started", "succeeded"))
    finally:
        await database.close()
    storage = open_storage(chosen.resolved_storage_url)
    result = data_dir / "result.mp4"
    result.write_bytes(await storage.get(dub["result"]))
    assert await packet_hash(result) == await packet_hash(film)
    assert not list((data_dir / "work").glob("*"))
    takes = [found.key async for found in storage.list(f"dubs/{account_id}/{DUB_ID}/takes")]
    assert len(takes) == 2
