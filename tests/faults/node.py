"""A node with a small workflow of its own, to be killed. Its settings come from MYNA_*.

Each run of a step is a line in the file `steps` of the data folder.
"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

from dbos import DBOS

from myna.accounts.service import AccountService
from myna.credits.service import CreditService
from myna.db.session import Database
from myna.jobs.schemas import Job
from myna.jobs.service import JobService
from myna.kit import ids
from myna.logs import set_up_logs
from myna.settings import Settings
from myna.storage.objects import open_storage
from myna.webhooks.delivery import WebhookDelivery
from myna.webhooks.schedule import STANDARD
from myna.webhooks.service import WebhookService
from myna.webhooks.standard import render_standard
from myna.worker import schedules
from myna.worker.durable import DurableWork
from myna.worker.nodes import NodeKeeper
from myna.worker.schedules import Chore, Housekeeping

RETRY_SECONDS = 3.0
"""Between the first two attempts at a webhook: time enough to kill the node in between."""


class Node:
    """All that a node needs to work on jobs."""

    def __init__(self, settings: Settings) -> None:
        self.id = ids.sortable_uuid()
        self.settings = settings
        self.database = Database(settings.resolved_database_url)
        self.accounts = AccountService(self.database, settings.secret_key)
        self.credits = CreditService(self.database)
        self.webhooks = WebhookService(self.database, settings)
        self.jobs = JobService(self.database, self.credits, self.webhooks, self.accounts, settings)
        self.work = DurableWork()
        schedule = (0.0, RETRY_SECONDS, *STANDARD[2:])
        self.delivery = WebhookDelivery(
            settings,
            self.webhooks,
            self.jobs,
            self.work,
            {"standard": render_standard},
            schedules={"standard": schedule},
        )
        self.keeper = NodeKeeper(self.id, settings, self.database, self.work)
        storage = open_storage(settings.resolved_storage_url)
        self.housekeeping = Housekeeping(
            settings,
            self.database,
            storage,
            self.credits,
            self.jobs,
            self.delivery,
            self.work,
            [Chore(10, self.resume_unstarted)],
        )

    async def resume_unstarted(self) -> None:
        for job in await self.jobs.unstarted("speech", 0.0):
            await self.work.enqueue("speech", small_job, job.id)

    async def start(self) -> None:
        await self.database.migrate()
        await self.keeper.register()
        await self.work.start(self.settings, self.id)
        await self.keeper.start()

    async def stop(self) -> None:
        await self.work.stop(self.settings.stop_seconds)
        await self.keeper.stop()
        await self.database.close()


node: Node


def note(step: str, job: Job) -> None:
    with (node.settings.data_dir / "steps").open("a") as file:
        file.write(f"{step} {job.id}\n")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def once(what: str, job: Job) -> bool:
    """True for the first one that asks, whatever process it is in."""
    try:
        (node.settings.data_dir / f"{what}-{job.id}").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


@DBOS.workflow(name="fault.small_job", max_recovery_attempts=3)
async def small_job(job_id: str) -> None:
    await render(job_id)
    await settle(job_id)


@DBOS.step(name="fault.render")
async def render(job_id: str) -> None:
    job = await node.jobs.start(job_id, node.id)
    note("render", job)
    behaviour = job.request["behaviour"]
    if behaviour == "poison" or (behaviour == "die in render" and once("render", job)):
        die()
    if behaviour == "slow":
        await asyncio.sleep(0.3)
    gate = Path(node.settings.data_dir / f"gate-{job_id}")
    while behaviour == "wait" and not gate.exists():
        await asyncio.sleep(0.02)


@DBOS.step(name="fault.settle")
async def settle(job_id: str) -> None:
    job = await node.jobs.succeed(job_id)
    note("settle", job)
    if job.request["behaviour"] == "die after settle" and once("settle", job):
        die()


def run() -> None:
    asyncio.run(_run())


async def _run() -> None:
    global node
    schedules.WORKFLOWS = ("fault.small_job",)
    settings = Settings()
    set_up_logs(settings)
    node = Node(settings)
    await node.start()
    stopping = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopping.set)
    print("ready", node.id, flush=True)
    while not stopping.is_set():
        await node.resume_unstarted()
        await node.housekeeping.fail_parked()
        await asyncio.sleep(0.1)
    await node.stop()
