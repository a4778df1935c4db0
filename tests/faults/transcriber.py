"""Transcribes a recording and dies on the way.

It takes over what a process before it has left. Without a moment it lives, waits until the job is finished, and writes
what became of it into `transcript.json` of the data folder. Each run of a step is a line in the file `steps` there.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from myna.app import Node, build_node
from myna.jobs.schemas import Job
from myna.settings import Settings
from myna.transcription.schemas import TranscriptionRequest
from myna.transcription.steps import TranscriptionSteps
from myna.worker.durable import DurableWork
from tests.fixtures.node import nothing

JOB_ID = "5d0c7f1e-3b0a-4a53-9b7e-61c2f0d8a914"
CREDITS = 50_000
SECONDS = 100
MOMENTS = ("accepted", "received", "heard", "stored", "published")
"""The job is recorded and not yet queued; its recording has come; it was heard; its text is stored, which nobody knows;
it is charged and told, which its workflow does not know."""


def settings(data_dir: Path) -> Settings:
    return Settings(
        data_dir=data_dir,
        engines=["fake", "fake-recognition"],
        engine_processes=1,
        queue_poll_seconds=0.05,
        heartbeat_seconds=0.2,
        dead_after_seconds=1.0,
        fetch_allow="127.0.0.0/8",
        log_level="warning",
    )


class Watched:
    """Notes each run of a step, and kills the process at one moment."""

    def __init__(self, data_dir: Path, death: str | None) -> None:
        self._notes = data_dir / "steps"
        self._death = death

    def install(self) -> None:
        self._wrap(DurableWork, "enqueue", before="accepted")
        self._wrap(TranscriptionSteps, "_receive", after="received")
        self._wrap(TranscriptionSteps, "_words", after="heard")
        self._wrap(TranscriptionSteps, "hear", note="hear", after="stored")
        self._wrap(TranscriptionSteps, "publish", note="publish", after="published")

    def _wrap(self, owner: type, name: str, *, note: str = "", before: str = "", after: str = "") -> None:
        work: Callable[..., Awaitable[Any]] = getattr(owner, name)

        async def watched(*arguments: Any, **named: Any) -> Any:
            if note:
                with self._notes.open("a") as file:
                    file.write(f"{note}\n")
            self._die(before)
            result = await work(*arguments, **named)
            self._die(after)
            return result

        setattr(owner, name, watched)

    def _die(self, moment: str) -> None:
        if moment and moment == self._death:
            os.kill(os.getpid(), signal.SIGKILL)


def run(data_dir: Path, recording: Path, death: str | None) -> None:
    asyncio.run(_run(data_dir, recording, death))


async def _run(data_dir: Path, recording: Path, death: str | None) -> None:
    Watched(data_dir, death).install()
    node = build_node(settings(data_dir))
    node.services.speech.renderer.warm_up = nothing  # type: ignore[method-assign]
    await node.start()
    try:
        (data_dir / "transcript.json").write_text(json.dumps(await facts(node, await transcribed(node, recording))))
    finally:
        await node.stop()


async def transcribed(node: Node, recording: Path) -> Job:
    services = node.services
    account = await services.accounts.find_account("ada")
    if account is None:
        account = await services.accounts.create_account("ada")
        await services.credits.grant(account.id, CREDITS)
        await services.webhooks.add_endpoint(account.id, "http://127.0.0.1:9/nobody-listens")
        _, token = await services.accounts.create_key(account.id, "test")
        await services.storage.put("uploads/recording", recording.read_bytes())
        await services.transcriptions.create(
            await services.accounts.authenticate(token),
            TranscriptionRequest("en"),
            {"object_key": "uploads/recording"},
            api="native",
            base_url="",
            job_id=JOB_ID,
            details={},
        )
    await services.transcriptions.resume_unstarted(older_than=0.0)
    job = await services.transcriptions.wait(JOB_ID, SECONDS)
    # Killed after it was published, it is finished before its work is.
    async with asyncio.timeout(SECONDS):
        while "active" in (await node.work.states([JOB_ID])).values():
            await asyncio.sleep(0.05)
    return job


async def facts(node: Node, job: Job) -> dict[str, object]:
    outputs = await node.services.outputs.of_job(job.id)
    return {
        "account": job.account_id,
        "status": job.status,
        "error": job.error_message,
        "price": job.price,
        "charged": job.charged,
        "seconds": [output.duration for output in outputs],
        "texts": [(await node.services.storage.get(output.object_key)).decode() for output in outputs],
    }
