"""Durable execution: workflows that survive the process that runs them, on DBOS.

Where the state is. With SQLite, in a file of its own next to the database (`dbos.sqlite`, in WAL mode); with
PostgreSQL, in the schema `dbos` of the same database.

Who goes on with what. A workflow belongs to the process that runs it: its executor id is the id of the node, new for
each process, so no two processes ever mistake each other's work for their own. `nodes.py` notices dead nodes and calls
`recover`. Each recovery puts a workflow back into a queue, from which exactly one node takes it.

Where it runs. DBOS adopts the event loop in which it is launched, so all asynchronous workflows run on the server's
own loop. The queues are kept in memory and not in DBOS's table of queues, because a table would give all nodes the
concurrency of the one that was started last, where each node has its own settings.

Parts of DBOS that are not public are used in `_Runtime` alone; its version is pinned to 3.4, and the tests of this
module fail when they change.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Collection, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import structlog
from dbos import DBOS, DBOSClient, DBOSConfig, SetEnqueueOptions, SetWorkflowID
from dbos._utils import INTERNAL_QUEUE_NAME

from myna.errors import StartupError, Unavailable
from myna.settings import Settings

log = structlog.get_logger()

Workflow = Callable[..., Coroutine[Any, Any, None]]
Result = TypeVar("Result")

WORKFLOW_VERSION = "1"
"""Raise this when a workflow changes so that a half-done one of the version before cannot go on: when steps are added,
removed or put into another order. A node goes on only with workflows of its own version. Let the nodes of the old
version finish their work before the last one stops; what it leaves shows up as stuck (`myna doctor`)."""

QUEUES = ("speech", "dubs", "webhooks")
_WEBHOOKS_AT_ONCE = 256
_WEBHOOKS_PER_ENDPOINT = 8
_ACTIVE = ["ENQUEUED", "DELAYED", "PENDING"]
_FAILED = ["ERROR", "MAX_RECOVERY_ATTEMPTS_EXCEEDED"]
_PATIENCE_SECONDS = 15.0
"""DBOS waits for a database that is away without end; those who call from here do not."""
_STUCK_AFTER_SECONDS = 30.0
_LONGEST_GOODBYE_SECONDS = 5.0
_THREADS = 64
_SAY_AGAIN_SECONDS = 10.0
_LONGEST_MESSAGE = 500


@dataclass(frozen=True, slots=True)
class FailedWork:
    """A workflow that will not go on."""

    workflow_id: str
    crashed: bool
    """It was parked because the process died each time that it ran; otherwise it raised an error."""


class DurableWork:
    """The durable runtime of this process. It can be started and stopped again; only one can run at a time."""

    def __init__(self) -> None:
        self._runtime: _Runtime | None = None
        self._waiters: set[asyncio.Task[None]] = set()
        self._calls: set[asyncio.Task[Any]] = set()

    @property
    def running(self) -> bool:
        return self._runtime is not None

    async def start(self, settings: Settings, node_id: str) -> None:
        """Open the state and begin to take work. Raises `StartupError`.

        A node with `settings.work` off takes nothing from the queues; it can still begin and enqueue work.
        """
        if self._runtime is not None or _Runtime.current is not None:
            raise StartupError("The durable runtime already runs in this process.")
        url = system_database_url(settings)
        try:
            await asyncio.to_thread(_prepare, url)
            self._runtime = _Runtime(settings, node_id, url)
        except Exception as error:
            raise StartupError(f"The state of durable work cannot be opened: {error}") from error
        log.debug("durable.started", node=node_id, version=WORKFLOW_VERSION)

    async def stop(self, seconds: float) -> None:
        """Take no more work, wait up to `seconds` for what runs, and leave the rest to be recovered."""
        if self._runtime is None:
            return
        left = await self._runtime.drain(seconds)
        if left:
            log.warning("durable.left_to_recovery", workflows=len(left))
        for waiter in self._waiters:
            waiter.cancel()
        await asyncio.gather(*self._waiters, return_exceptions=True)
        runtime, self._runtime = self._runtime, None
        await runtime.close()

    async def begin(self, workflow: Workflow, *arguments: str, workflow_id: str | None = None) -> asyncio.Task[None]:
        """Start a workflow in this process, once for each id (the first argument, when none is given).

        The result ends when the workflow ends, wherever it runs and however it ends.
        """
        self._started()

        async def start() -> Any:
            with SetWorkflowID(workflow_id or arguments[0]):
                return await DBOS.start_workflow_async(workflow, *arguments)

        handle = await self._patiently(start())
        waiter = asyncio.create_task(_wait(handle), context=Context())
        self._waiters.add(waiter)
        waiter.add_done_callback(self._waiters.discard)
        return waiter

    async def enqueue(
        self,
        queue: str,
        workflow: Workflow,
        *arguments: str,
        workflow_id: str | None = None,
        delay: float = 0.0,
        partition: str | None = None,
    ) -> None:
        """Leave a workflow to whichever node is free, once for each id, `delay` seconds from now.

        In a queue with partitions, each partition has its own places.
        """
        self._started()

        async def put() -> None:
            options = SetEnqueueOptions(delay_seconds=delay or None, queue_partition_key=partition)
            with SetWorkflowID(workflow_id or arguments[0]), options:
                await DBOS.enqueue_workflow_async(queue, workflow, *arguments)

        await self._patiently(put())

    async def cancel(self, workflow_id: str) -> None:
        """Stop a workflow before its next step. Nothing happens to one that has ended."""
        self._started()
        await self._patiently(DBOS.cancel_workflow_async(workflow_id))

    async def states(self, workflow_ids: Collection[str]) -> dict[str, str]:
        """`active` or `ended`, of those that there are."""
        if not workflow_ids:
            return {}
        self._started()
        found = await self._patiently(_list(workflow_ids=list(workflow_ids)))
        return {status.workflow_id: "active" if status.status in _ACTIVE else "ended" for status in found}

    async def backlog(self) -> dict[str, int]:
        """How many workflows wait or run, by queue."""
        self._started()
        found = await self._patiently(_list(status=["ENQUEUED", "PENDING"], queues_only=True, limit=10_000))
        return dict.fromkeys(QUEUES, 0) | Counter(status.queue_name for status in found if status.queue_name)

    async def recover(self, node_ids: Iterable[str]) -> int:
        """Put what these nodes were doing back into the queues. Returns how many workflows. For dead nodes only."""
        return await self._patiently(self._started().recover(list(node_ids)))

    async def recover_lost(self) -> int:
        """Put back what counts as running here and does not. Returns how many workflows.

        DBOS drops a workflow that it has taken from a queue when something goes wrong before its first step.
        """
        runtime = self._started()
        mine = await self._patiently(_list(status="PENDING", executor_id=runtime.node_id, limit=10_000))
        idle = [workflow_id for workflow_id in _unchanged(mine) if not runtime.is_active(workflow_id)]
        for workflow_id in idle:
            await self._patiently(runtime.put_back(workflow_id))
        return len(idle)

    async def failed(self, name: str) -> list[FailedWork]:
        """The workflows of this name that will not go on, of those that are remembered."""
        self._started()
        found = await self._patiently(_list(status=_FAILED, name=name, limit=1_000))
        return [FailedWork(status.workflow_id, status.status != "ERROR") for status in found]

    async def stuck(self, live_nodes: Collection[str]) -> list[str]:
        """Workflows that nobody goes on with: their node is not alive, and nobody has recovered them for a while."""
        self._started()
        return _stuck(await self._patiently(_list(status="PENDING", limit=10_000)), live_nodes)

    async def forget(self, before: datetime) -> int:
        """Remove what is known of workflows that ended before then. Returns how many."""
        self._started()
        count = 0
        while found := await self._patiently(_list(completed_before=before.astimezone(UTC).isoformat(), limit=500)):
            await self._patiently(DBOS.delete_workflows_async([status.workflow_id for status in found]))
            count += len(found)
        return count

    def _started(self) -> _Runtime:
        if self._runtime is None:
            raise Unavailable("This node takes no work: it is starting or stopping.")
        return self._runtime

    async def _patiently(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Run outside of the caller's context, since DBOS refuses most of this in the middle of a step.

        What takes too long, or whose caller is canceled, goes on: a workflow that is recorded as begun here must
        really begin.
        """
        task = asyncio.create_task(work, context=Context())
        self._calls.add(task)
        task.add_done_callback(self._call_ended)
        done, _ = await asyncio.wait({task}, timeout=_PATIENCE_SECONDS)
        if not done:
            raise Unavailable("The state of durable work does not answer. Try again in a moment.")
        return task.result()

    def _call_ended(self, task: asyncio.Task[Any]) -> None:
        self._calls.discard(task)
        if not task.cancelled():
            task.exception()


async def find_stuck(settings: Settings, live_nodes: Collection[str]) -> list[str]:
    """As `DurableWork.stuck`, for a process that runs no workflows, such as `myna doctor`."""

    def look() -> list[str]:
        client = DBOSClient(system_database_url=system_database_url(settings))
        try:
            return _stuck(client.list_workflows(status="PENDING", load_input=False, load_output=False), live_nodes)
        finally:
            client.destroy()

    return await asyncio.to_thread(look)


def system_database_url(settings: Settings) -> str:
    """Where DBOS keeps its state."""
    scheme, _, rest = settings.resolved_database_url.partition("://")
    if scheme.startswith("sqlite"):
        return f"sqlite:///{Path(rest.removeprefix('/')).with_name('dbos.sqlite')}"
    return f"postgresql+psycopg://{rest}"


class _Runtime:
    """DBOS, configured and launched."""

    current: _Runtime | None = None

    def __init__(self, settings: Settings, node_id: str, url: str) -> None:
        self.node_id = node_id
        _route_logs()
        self._dbos = DBOS(config=_config(node_id, url))
        try:
            self._set_queues(settings)
            DBOS.launch()
        except BaseException:
            DBOS.destroy()
            raise
        self._loop = asyncio.get_running_loop()
        _Runtime.current = self

    def _set_queues(self, settings: Settings) -> None:
        registry, poll = self._dbos._registry, settings.queue_poll_seconds
        at_once = settings.worker_concurrency if settings.work else 0
        # What was begun in a process, and not from a queue, is recovered through DBOS's own queue.
        recovered = registry.get_internal_queue()
        recovered._worker_concurrency, recovered._polling_interval_sec = at_once, max(poll, 0.5)
        for name in QUEUES:
            registry.internal_queue_map.pop(name, None)
        if not settings.work:
            return
        registry._register_internal_queue("speech", worker_concurrency=at_once, polling_interval_sec=poll)
        registry._register_internal_queue("dubs", worker_concurrency=settings.dubs_at_once, polling_interval_sec=poll)
        registry._register_internal_queue(
            "webhooks",
            worker_concurrency=_WEBHOOKS_AT_ONCE,
            partition_worker_concurrency=_WEBHOOKS_PER_ENDPOINT,
            polling_interval_sec=max(poll, 0.25),
        )

    async def recover(self, node_ids: list[str]) -> int:
        return len(await asyncio.to_thread(DBOS._recover_pending_workflows, node_ids))

    async def put_back(self, workflow_id: str) -> None:
        put_back = self._dbos._sys_db.reenqueue_for_recovery
        await asyncio.to_thread(put_back, workflow_id, [self.node_id], INTERNAL_QUEUE_NAME)

    def is_active(self, workflow_id: str) -> bool:
        return workflow_id in self._dbos._active_workflows_set.activeList()

    async def drain(self, seconds: float) -> list[str]:
        """Stop taking work and wait for what runs. Returns the ids of what still runs after `seconds`."""
        for event in self._dbos.background_thread_stop_events:
            event.set()
        deadline = time.monotonic() + seconds
        while True:
            active = self._dbos._active_workflows_set.activeList()
            if not active or time.monotonic() >= deadline:
                return active
            await asyncio.sleep(0.02)

    async def close(self) -> None:
        """Give up what still runs, without a word to the database: it stays for others to recover."""
        tasks = list(self._dbos._workflow_tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_LONGEST_GOODBYE_SECONDS)
        with ThreadPoolExecutor(1, thread_name_prefix="durable-stop") as executor:
            await self._loop.run_in_executor(executor, DBOS.destroy)
        # DBOS made its own threads the default ones of the loop, and has ended them.
        self._loop.set_default_executor(ThreadPoolExecutor(thread_name_prefix="asyncio"))
        _Runtime.current = None


def _config(node_id: str, url: str) -> DBOSConfig:
    return {
        "name": "myna",
        "system_database_url": url,
        "application_version": WORKFLOW_VERSION,
        "executor_id": node_id,
        "run_migrations": False,
        "enable_otlp": False,
        "log_level": "WARNING",
        "max_executor_threads": _THREADS,
        # Nobody waits for notifications, so looking for them costs nothing; a stop waits for the next look.
        "notification_listener_polling_interval_sec": 0.1,
    }


def _prepare(url: str) -> None:
    """Bring the tables up to date. Several nodes may do this at once."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=30)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        finally:
            connection.close()
    _route_logs()
    DBOS.migrate(url)


async def _list(**where: Any) -> list[Any]:
    return await DBOS.list_workflows_async(**where, load_input=False, load_output=False)


def _stuck(pending: Iterable[Any], live_nodes: Collection[str]) -> list[str]:
    return _unchanged(status for status in pending if status.executor_id not in live_nodes)


def _unchanged(pending: Iterable[Any]) -> list[str]:
    """The ids of those that nothing has happened to for a while."""
    since = (time.time() - _STUCK_AFTER_SECONDS) * 1_000
    return [status.workflow_id for status in pending if (status.updated_at or 0) < since]


async def _wait(handle: Any) -> None:
    """How it ended is in the job's row; here only that it ended matters."""
    try:
        await handle.get_result(polling_interval_sec=0.25)
    except Exception as error:
        log.debug("durable.workflow_failed", workflow=handle.workflow_id, error=str(error))


class _ToStructlog(logging.Handler):
    """DBOS's words in the form of ours. While a database is away it says the same many times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[tuple[str, int], float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        place, now = (record.pathname, record.lineno), time.monotonic()
        if now - self._said.get(place, -_SAY_AGAIN_SECONDS) < _SAY_AGAIN_SECONDS:
            return
        self._said[place] = now
        logger = structlog.get_logger()
        say = logger.error if record.levelno >= logging.ERROR else logger.warning
        say("durable.dbos", message=record.getMessage()[:_LONGEST_MESSAGE], exc_info=record.exc_info)


def _route_logs() -> None:
    """Before DBOS finds that its logger has no handler, and adds one of its own."""
    logger = logging.getLogger("dbos")
    logger.setLevel(logging.WARNING)
    logger.propagate = False
    if not any(isinstance(handler, _ToStructlog) for handler in logger.handlers):
        logger.handlers[:] = [_ToStructlog()]
