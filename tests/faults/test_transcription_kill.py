"""kill -9 of a process that transcribes: the next one goes on, and nothing is charged, told or kept twice."""

from __future__ import annotations

import asyncio
import json
import math
import signal
from pathlib import Path
from typing import Any

import pytest

from myna.credits.service import CreditService
from myna.db.session import Database
from myna.webhooks.service import WebhookService
from tests.faults import transcriber
from tests.faults.transcriber import CREDITS, MOMENTS, settings
from tests.fixtures.forks import Fork
from tests.fixtures.recordings import wav
from tests.fixtures.speech import ESPEAK_RATE, Speak

IN_HEARING = ("received", "heard", "stored")
PATIENCE = 240.0
"""Seconds for one process."""


@pytest.mark.fault
@pytest.mark.timeout(600)
def test_a_killed_transcription_goes_on_and_is_charged_once(tmp_path: Path, espeak: Speak) -> None:
    """One job, in whose work the process dies at every moment that differs."""
    recording = tmp_path / "recording.wav"
    recording.write_bytes(wav(espeak("One fine day.", "en-us+m3"), ESPEAK_RATE))
    for moment in MOMENTS:
        died = start(tmp_path, recording, moment)
        assert died.wait(PATIENCE) == -signal.SIGKILL, f"{moment}: {died.said}"
    lived = start(tmp_path, recording, None)
    assert lived.wait(PATIENCE) == 0, lived.said
    job = json.loads((tmp_path / "data" / "transcript.json").read_text())
    assert (job["status"], job["error"]) == ("succeeded", None)
    assert steps(tmp_path) == ["hear"] * (len(IN_HEARING) + 1) + ["publish"] * 2
    assert len(job["texts"]) == 1
    assert job["texts"][0].lower().startswith("word")
    assert job["price"] == job["charged"] == math.ceil(10 * job["seconds"][0])
    asyncio.run(check_account(tmp_path, job))
    assert left(tmp_path) == []


def start(folder: Path, recording: Path, moment: str | None) -> Fork:
    data, temporary = folder / "data", folder / "temporary"
    data.mkdir(exist_ok=True)
    temporary.mkdir(exist_ok=True)
    return Fork(transcriber.run, data, recording, moment, log=folder / "said", TMPDIR=str(temporary))


def steps(folder: Path) -> list[str]:
    return (folder / "data" / "steps").read_text().split()


def left(folder: Path) -> list[Path]:
    """Files of the work, which nobody needs any more."""
    return [*(folder / "temporary").iterdir(), *(folder / "data" / "hearing").glob("*")]


async def check_account(folder: Path, job: dict[str, Any]) -> None:
    """Credits exact, and one event of each kind."""
    chosen = settings(folder / "data")
    database = Database(chosen.resolved_database_url)
    try:
        credits, webhooks = CreditService(database), WebhookService(database, chosen)
        assert await credits.check() == []
        assert await credits.balance(job["account"]) == CREDITS - job["charged"]
        endpoint = (await webhooks.list_endpoints(job["account"]))[0]
        deliveries = (await webhooks.deliveries(job["account"], endpoint.id)).items
        assert len(deliveries) == len({delivery.event_id for delivery in deliveries}) == len(("started", "succeeded"))
    finally:
        await database.close()
