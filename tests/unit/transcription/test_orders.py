"""Orders of transcriptions."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from myna.accounts.schemas import Caller
from myna.app import Node
from myna.errors import Unavailable
from myna.settings import Settings
from myna.transcription.orders import TranscriptionOrders
from myna.transcription.schemas import TranscriptionRequest


async def test_an_order_is_accepted_while_the_queue_is_away(node: Node, caller: Caller) -> None:
    enqueued: list[str] = []

    async def enqueue(queue: str, workflow: object, job_id: str) -> None:
        enqueued.append(job_id)
        if len(enqueued) == 1:
            raise Unavailable

    hearing, work = SimpleNamespace(check=lambda *_: None), SimpleNamespace(enqueue=enqueue)
    orders = TranscriptionOrders(Settings(), node.services.jobs, cast(Any, hearing), cast(Any, work))
    source = {"url": "http://127.0.0.1/film.mp4"}
    job = await orders.create(
        caller, TranscriptionRequest(), source, api="native", base_url="", job_id="one", details={}
    )
    assert job.status == "queued"
    assert await orders.resume_unstarted(older_than=0.0) == 1
    assert enqueued == ["one", "one"]
