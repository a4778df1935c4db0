"""Deliveries: durable, retried, and never to an address that must not be reached.

Each attempt is a durable workflow of its own. Its id is made of the delivery and the moment at which it is due, and
the row of the delivery names the moment of its next attempt. So an attempt that starts twice, or late, or after
somebody replayed the delivery by hand, sees that it is not the one that is due and does nothing; and between two
attempts nothing is kept in memory, however many deliveries wait. A crash between the POST and its record repeats the
POST: receivers tell events apart by their id.

Attempts wait in a queue with a place for each endpoint, so a receiver that never answers holds up nobody else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import httpx
import structlog
from dbos import DBOS

from myna.errors import MynaError, Unavailable
from myna.jobs.schemas import Job
from myna.jobs.steps import working
from myna.kit import clock
from myna.media.network import Guard, guarded_client
from myna.settings import Settings
from myna.webhooks.repository import WebhookRepository
from myna.webhooks.schedule import SCHEDULES, STANDARD, Schedule, retry_after, wait_after
from myna.webhooks.schemas import Delivery, Endpoint, Event, Shipment
from myna.webhooks.service import WebhookService

log = structlog.get_logger()

QUEUE = "webhooks"
TIMEOUT_SECONDS = 15.0
DISABLE_AFTER = timedelta(days=5)
MAX_ANSWER_BYTES = 2_048
_ANSWER_SECONDS = 2.0
_WAKE_EARLY = 1.5
"""The durable runtime wakes work that waits once a second; the rest of the wait is slept here."""
_LONGEST_SLEEP = 5.0
_OVERDUE = timedelta(seconds=10)
_AT_ONCE = 1_000

Renderer = Callable[[Event, Job, Endpoint, str], Awaitable[tuple[bytes, dict[str, str]]]]
"""Makes the body and the headers of one attempt in a vendor's shape, signed with the endpoint's secret."""


class Jobs(Protocol):
    async def find(self, job_id: str) -> Job | None: ...


class DurableWork(Protocol):
    """What the durable runtime does for deliveries."""

    @property
    def running(self) -> bool: ...

    async def enqueue(
        self,
        queue: str,
        workflow: Callable[..., Coroutine[Any, Any, None]],
        *arguments: str,
        workflow_id: str | None = None,
        delay: float = 0.0,
        partition: str | None = None,
    ) -> None: ...

    async def states(self, workflow_ids: Collection[str]) -> dict[str, str]: ...


@dataclass(frozen=True, slots=True)
class Answer:
    """How an attempt ended."""

    delivered: bool
    status: int | None = None
    error: str | None = None
    retry_after: float | None = None
    """Seconds."""

    @property
    def gone(self) -> bool:
        return self.status == 410


class WebhookDelivery:
    """Brings recorded events to their endpoints. One for a process, like the durable runtime."""

    def __init__(
        self,
        settings: Settings,
        webhooks: WebhookService,
        jobs: Jobs,
        work: DurableWork,
        renderers: Mapping[str, Renderer],
        *,
        guard: Guard | None = None,
        schedules: Mapping[str, Schedule] = SCHEDULES,
        now: Callable[[], datetime] = clock.now,
    ) -> None:
        self._webhooks = webhooks
        self._database = webhooks.database
        self._jobs = jobs
        self._work = work
        self._renderers = renderers
        self._client = guarded_client(guard or Guard.from_settings(settings), timeout=TIMEOUT_SECONDS)
        self._schedules = schedules
        self._now = now
        self.timeout = TIMEOUT_SECONDS
        webhooks.on_recorded = self.announce
        _bind(self)

    async def announce(self, job_id: str) -> None:
        """Begin the deliveries of a job's events that have not begun. Doing so again changes nothing."""
        if not self._work.running:
            return
        async with self._database.reading() as connection:
            pending = await WebhookRepository(connection).pending_of_job(job_id)
        for delivery in pending:
            await self._enqueue(delivery)

    async def replay(self, account_id: str, delivery_id: str) -> Delivery:
        """Deliver once more, from the first attempt on. Raises `NotFound` and `Conflict`."""
        delivery = await self._webhooks.replay(account_id, delivery_id)
        if self._work.running:
            await self._enqueue(delivery)
        return delivery

    async def sweep(self) -> int:
        """Begin what should have begun by now: its process died, or its workflow failed. Returns how many."""
        async with self._database.reading() as connection:
            overdue = await WebhookRepository(connection).overdue(self._now() - _OVERDUE, _AT_ONCE)
        states = await self._work.states([_workflow_id(delivery) for delivery in overdue])
        begun = 0
        for delivery in overdue:
            state = states.get(_workflow_id(delivery))
            if state is None:
                await self._enqueue(delivery)
            elif state == "ended":
                await self._begin_again(delivery)
            begun += state != "active"
        return begun

    async def attempt(self, delivery_id: str, due: datetime) -> None:
        """One attempt, if it is the one that is due; then leave the next one to the queue."""
        shipment = await self._shipment(delivery_id)
        if shipment is None or shipment.delivery.status != "pending":
            return
        if shipment.delivery.next_attempt_at == due:
            await self._wait_until(due)
            answer = await self._send(shipment)
            shipment = await self._conclude(shipment, answer)
        if shipment is not None and shipment.delivery.status == "pending":
            await self._enqueue(shipment.delivery)

    async def _shipment(self, delivery_id: str) -> Shipment | None:
        async with self._database.reading() as connection:
            return await WebhookRepository(connection).shipment(delivery_id)

    async def _wait_until(self, due: datetime) -> None:
        seconds = (due - self._now()).total_seconds()
        await asyncio.sleep(max(0.0, min(seconds, _LONGEST_SLEEP)))

    async def _send(self, shipment: Shipment) -> Answer:
        endpoint = shipment.endpoint
        if endpoint.deleted_at is not None:
            return Answer(False, error="The endpoint was deleted.")
        if not endpoint.enabled:
            return Answer(False, error="The endpoint is disabled.")
        job = await self._jobs.find(shipment.event.job_id)
        if job is None:
            return Answer(False, error="The job of this event is gone.")
        secret = self._webhooks.secret_of(endpoint)
        try:
            body, headers = await self._renderers[endpoint.style](shipment.event, job, endpoint, secret)
        except Unavailable:
            raise
        except Exception:
            log.exception("webhooks.not_rendered", delivery=shipment.delivery.id, style=endpoint.style)
            return Answer(False, error="The body could not be made. The server's log says why.")
        return await self._post(endpoint.url, body, headers)

    async def _post(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        headers = {"user-agent": "Myna", **headers}
        try:
            async with asyncio.timeout(self.timeout):
                request = self._client.build_request("POST", url, content=body, headers=headers)
                response = await self._client.send(request, stream=True)
            try:
                return await self._judge(response)
            finally:
                await response.aclose()
        except MynaError as error:
            return Answer(False, error=error.message)
        except (TimeoutError, httpx.TimeoutException):
            return Answer(False, error=f"No answer within {self.timeout:g} seconds.")
        except (httpx.HTTPError, httpx.InvalidURL, OSError, UnicodeError) as error:
            return Answer(False, error=f"The request failed: {str(error) or type(error).__name__}"[:MAX_ANSWER_BYTES])

    async def _judge(self, response: httpx.Response) -> Answer:
        status = response.status_code
        if 200 <= status < 300:
            return Answer(True, status)
        if 300 <= status < 400:
            return Answer(False, status, "The endpoint redirects; redirects are not followed.")
        said = (await _beginning(response)).decode(errors="replace").replace("\0", "")
        pause = retry_after(status, response.headers.get("retry-after"), self._now())
        return Answer(False, status, said or response.reason_phrase, pause)

    async def _conclude(self, shipment: Shipment, answer: Answer) -> Shipment | None:
        """Record how it ended, in one transaction. None when somebody else changed the delivery meanwhile."""
        delivery, now = shipment.delivery, self._now()
        changes = self._changes(shipment, answer, now)
        async with self._database.transaction() as connection:
            repository = WebhookRepository(connection)
            if not await repository.update_delivery(delivery, **changes):
                return None
            await self._note_health(repository, shipment, answer, now)
        log.info("webhooks.attempt", delivery=delivery.id, endpoint=delivery.endpoint_id, status=answer.status)
        return replace(shipment, delivery=replace(delivery, **changes))

    def _changes(self, shipment: Shipment, answer: Answer, now: datetime) -> dict[str, Any]:
        attempts = shipment.delivery.attempts + 1
        changes: dict[str, Any] = {
            "attempts": attempts,
            "last_status": answer.status,
            "last_error": answer.error,
            "next_attempt_at": None,
        }
        if answer.delivered:
            return {**changes, "status": "delivered", "delivered_at": now}
        schedule = self._schedules.get(shipment.endpoint.style, STANDARD)
        wait = wait_after(schedule, attempts, answer.retry_after)
        if wait is None or answer.gone or shipment.endpoint.deleted_at is not None:
            return {**changes, "status": "failed"}
        return {**changes, "next_attempt_at": now + clock.seconds(wait)}

    async def _note_health(
        self, repository: WebhookRepository, shipment: Shipment, answer: Answer, now: datetime
    ) -> None:
        endpoint = shipment.endpoint
        if answer.delivered:
            if endpoint.failing_since is not None:
                await repository.update_endpoint(endpoint.id, failing_since=None)
            return
        if not endpoint.enabled or endpoint.deleted_at is not None:
            return
        await repository.mark_failing(endpoint.id, now)
        if answer.gone:
            await self._webhooks.disable(endpoint, shipment.event, "The endpoint answered 410 Gone.")
        elif endpoint.failing_since is not None and now - endpoint.failing_since >= DISABLE_AFTER:
            await self._webhooks.disable(endpoint, shipment.event, "Every attempt failed for five days.")

    async def _begin_again(self, delivery: Delivery) -> None:
        """The workflow of this attempt ended without a result, so its id is used up: take a new moment."""
        now = self._now()
        async with self._database.transaction() as connection:
            if not await WebhookRepository(connection).update_delivery(delivery, next_attempt_at=now):
                return
        await self._enqueue(replace(delivery, next_attempt_at=now))

    async def _enqueue(self, delivery: Delivery) -> None:
        due = delivery.next_attempt_at
        assert due is not None, "a pending delivery has a next attempt"
        await self._work.enqueue(
            QUEUE,
            deliver,
            delivery.id,
            due.isoformat(),
            workflow_id=_workflow_id(delivery),
            delay=max(0.0, (due - self._now()).total_seconds() - _WAKE_EARLY),
            partition=delivery.endpoint_id,
        )


def _workflow_id(delivery: Delivery) -> str:
    assert delivery.next_attempt_at is not None
    return f"{delivery.id}@{delivery.next_attempt_at.isoformat()}"


async def _beginning(response: httpx.Response) -> bytes:
    """The first 2 KB of a body, or what of them comes in time."""
    data = bytearray()
    with suppress(httpx.HTTPError, TimeoutError):
        async with asyncio.timeout(_ANSWER_SECONDS):
            async for chunk in response.aiter_raw():
                data += chunk
                if len(data) >= MAX_ANSWER_BYTES:
                    break
    return bytes(data[:MAX_ANSWER_BYTES])


_bound: WebhookDelivery


def _bind(delivery: WebhookDelivery) -> None:
    global _bound
    _bound = delivery


@DBOS.workflow(name="webhooks.deliver", max_recovery_attempts=3)
async def deliver(delivery_id: str, due: str) -> None:
    """One attempt. `due` is the moment for which it was planned, in ISO 8601."""
    await send(delivery_id, due)


@working("webhooks.send")
async def send(delivery_id: str, due: str) -> None:
    await _bound.attempt(delivery_id, datetime.fromisoformat(due))
