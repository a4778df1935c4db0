"""Makes a dub and dies on the way, before or after a stage.

It takes over what a process before it has left. Without a stage it lives, waits until the dub is finished, and writes
what became of it into `dub.json` of the data folder. Each run of a stage is a line in the file `stages` there. The
engines are those for tests, unless the environment names others.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
from dataclasses import asdict
from pathlib import Path

from myna.app import Node, build_node
from myna.dubbing.schemas import Dub, DubRequest
from myna.dubbing.steps import DubSteps
from myna.settings import Settings
from tests.fixtures.dubs import SEPARATING, request_for
from tests.fixtures.node import nothing

DUB_ID = "2f0b8d3e-6c1c-4f3a-9d0e-1b7a5c9e4d21"
CREDITS = 50_000
SECONDS = 60


def settings(data_dir: Path) -> Settings:
    return Settings(
        data_dir=data_dir,
        engines=Settings().engines or SEPARATING,
        engine_processes=1,
        queue_poll_seconds=0.05,
        heartbeat_seconds=0.2,
        dead_after_seconds=1.0,
        fetch_allow="127.0.0.0/8",
        log_level="warning",
    )


class Watched:
    """Notes each run of a stage, and kills the process at one moment."""

    def __init__(self, data_dir: Path, death: tuple[str, str] | None) -> None:
        self._notes = data_dir / "stages"
        self._death = death
        self._run = DubSteps.run

    async def run(self, steps: DubSteps, name: str, job_id: str) -> None:
        with self._notes.open("a") as file:
            file.write(f"{name}\n")
        self._die(name, "before")
        await self._run(steps, name, job_id)
        self._die(name, "after")

    def _die(self, name: str, when: str) -> None:
        if self._death == (name, when):
            os.kill(os.getpid(), signal.SIGKILL)


def run(data_dir: Path, film: Path, death: tuple[str, str] | None, request: DubRequest | None = None) -> None:
    asyncio.run(_run(data_dir, film, death, request or request_for("es")))


async def _run(data_dir: Path, film: Path, death: tuple[str, str] | None, request: DubRequest) -> None:
    watched = Watched(data_dir, death)
    DubSteps.run = lambda steps, name, job_id: watched.run(steps, name, job_id)  # type: ignore[method-assign]
    node = build_node(settings(data_dir))
    node.services.speech.renderer.warm_up = nothing  # type: ignore[method-assign]
    await node.start()
    try:
        (data_dir / "dub.json").write_text(json.dumps(facts(await dubbed(node, film, request))))
    finally:
        await node.stop()


async def dubbed(node: Node, film: Path, request: DubRequest) -> Dub:
    services = node.services
    account = await services.accounts.find_account("ada")
    if account is None:
        account = await services.accounts.create_account("ada")
        await services.credits.grant(account.id, CREDITS)
        await services.webhooks.add_endpoint(account.id, "http://127.0.0.1:9/nobody-listens")
        _, token = await services.accounts.create_key(account.id, "test")
        caller = await services.accounts.authenticate(token)
        await services.dubbing.create(
            caller, request, api="native", base_url="", source=film.read_bytes(), job_id=DUB_ID
        )
    dub = await services.dubbing.wait(account.id, DUB_ID, SECONDS)
    # Killed after it was published, it is finished before its work is.
    async with asyncio.timeout(SECONDS):
        while "active" in (await node.work.states([DUB_ID])).values():
            await asyncio.sleep(0.05)
    return dub


def facts(dub: Dub) -> dict[str, object]:
    return {
        "status": dub.job.status,
        "error": dub.job.error_message,
        "price": dub.job.price,
        "charged": dub.job.charged,
        "starts": {name: record.starts for name, record in dub.stages.items()},
        "engines": {name: record.engines for name, record in dub.stages.items() if record.engines},
        "lines": [asdict(line) for line in dub.targets[0].lines],
        "result": dub.targets[0].files["result"].object_key if dub.targets[0].files else None,
    }
