"""Deliveries to real servers on loopback, through the real durable runtime; only long waits pass on a clock of ours."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from myna.db.session import Database
from myna.errors import NotFound, Unavailable
from myna.kit import clock
from myna.kit.addresses import AddressRule
from myna.media.network import Guard
from myna.settings import Settings
from myna.webhooks.delivery import DISABLE_AFTER, MAX_ANSWER_BYTES, WebhookDelivery
from myna.webhooks.repository import WebhookRepository
from myna.webhooks.schedule import STANDARD, doubling
from myna.webhooks.schemas import Delivery, Endpoint
from myna.webhooks.standard import render_standard
from myna.worker.durable import DurableWork
from tests.fixtures.receivers import Received, Receiver, answer, endless, never_answer, receiving
from tests.fixtures.webhooks import House

_SELF_SIGNED = "req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 1 -subj /CN=127.0.0.1"
SELF_SIGNED = _SELF_SIGNED.split()
RENDERERS = {"standard": render_standard, "magichour": render_standard}


@pytest.fixture
def sqlite_house(sqlite_database: Database, tmp_path: Path) -> House:
    """What is the same on both databases is tried on one."""
    settings = Settings(data_dir=tmp_path, database_url=sqlite_database.url, fetch_allow="127.0.0.0/8")
    return House(sqlite_database, settings)


@pytest.fixture
async def work(house: House) -> AsyncIterator[DurableWork]:
    async with running(house) as work:
        yield work


@pytest.fixture
async def sqlite_work(sqlite_house: House) -> AsyncIterator[DurableWork]:
    async with running(sqlite_house) as work:
        yield work


@asynccontextmanager
async def running(house: House) -> AsyncIterator[DurableWork]:
    work = DurableWork()
    await work.start(house.settings, "node")
    yield work
    await work.stop(5)


def deliver_with(house: House, work: Any, **options: Any) -> WebhookDelivery:
    delivery = WebhookDelivery(house.settings, house.webhooks, house.jobs, work, RENDERERS, **options)
    delivery.timeout = 1.0
    return delivery


async def listed(house: House, endpoint: Endpoint) -> list[Delivery]:
    return (await house.webhooks.deliveries(endpoint.account_id, endpoint.id)).items


async def settled(house: House, endpoint: Endpoint, count: int = 1) -> list[Delivery]:
    """The deliveries to an endpoint when none of them is on its way any more."""
    async with asyncio.timeout(60):
        while True:
            found = await listed(house, endpoint)
            if len(found) == count and all(delivery.status != "pending" for delivery in found):
                return found
            await asyncio.sleep(0.02)


class TestThroughTheRuntime:
    async def test_a_finished_job_is_told_of_and_the_signature_verifies(self, house: House, work: DurableWork) -> None:
        deliver_with(house, work)
        async with receiving(answer(200)) as receiver:
            endpoint = await house.webhooks.add_endpoint(await house.account(), receiver.url)
            job = await house.finished_job(endpoint.account_id)
            [delivery] = await settled(house, endpoint)
        [request] = receiver.requests
        content = Webhook(house.webhooks.secret_of(endpoint)).verify(request.body, request.headers)
        assert content["type"] == "job.succeeded"
        assert content["data"]["id"] == job.id
        assert request.method == "POST"
        assert request.headers["webhook-id"] == delivery.event_id
        assert (delivery.status, delivery.attempts, delivery.last_status) == ("delivered", 1, 200)
        assert delivery.delivered_at is not None
        assert delivery.next_attempt_at is None

    async def test_failures_are_tried_again_with_the_same_id_and_a_new_signature(
        self, house: House, work: DurableWork
    ) -> None:
        deliver_with(house, work, schedules={"standard": (0, *[0.2] * 9)})
        async with receiving(answer(*[500] * 3, 200, body=b"out of order")) as receiver:
            endpoint = await house.webhooks.add_endpoint(await house.account(), receiver.url)
            await house.finished_job(endpoint.account_id)
            [delivery] = await settled(house, endpoint)
        assert (delivery.status, delivery.attempts, delivery.last_error) == ("delivered", 4, None)
        assert {request.headers["webhook-id"] for request in receiver.requests} == {delivery.event_id}
        verifier = Webhook(house.webhooks.secret_of(endpoint))
        assert len({verifier.verify(request.body, request.headers)["type"] for request in receiver.requests}) == 1
        moments = [request.at for request in receiver.requests]
        assert all(later - earlier >= 0.2 for earlier, later in pairwise(moments))
        assert (await house.webhooks.get_endpoint(endpoint.account_id, endpoint.id)).failing_since is None

    async def test_an_endpoint_that_never_answers_holds_up_nobody(
        self, sqlite_house: House, sqlite_work: DurableWork
    ) -> None:
        delivery = deliver_with(sqlite_house, sqlite_work)
        delivery.timeout = 3.0
        async with receiving(never_answer) as hell, receiving(answer(200)) as heaven:
            account_id = await sqlite_house.account()
            silent = await sqlite_house.webhooks.add_endpoint(account_id, hell.url)
            prompt = await sqlite_house.webhooks.add_endpoint(account_id, heaven.url)
            for _ in range(20):
                await sqlite_house.finished_job(account_id)
            assert {one.status for one in await settled(sqlite_house, prompt, 20)} == {"delivered"}
            assert {one.status for one in await listed(sqlite_house, silent)} == {"pending"}
            assert hell.connections <= 8
            await sqlite_house.webhooks.delete_endpoint(account_id, silent.id)

    async def test_a_replay_delivers_once_more(self, sqlite_house: House, sqlite_work: DurableWork) -> None:
        delivery = deliver_with(sqlite_house, sqlite_work, schedules={"standard": (0,)})
        async with receiving(answer(500, 200)) as receiver:
            endpoint = await sqlite_house.webhooks.add_endpoint(await sqlite_house.account(), receiver.url)
            await sqlite_house.finished_job(endpoint.account_id)
            [failed] = await settled(sqlite_house, endpoint)
            assert (failed.status, failed.attempts, failed.last_status) == ("failed", 1, 500)
            await delivery.replay(endpoint.account_id, failed.id)
            [delivered] = await settled(sqlite_house, endpoint)
        assert (delivered.status, delivered.attempts) == ("delivered", 1)
        assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1

    async def test_announcing_again_changes_nothing(self, sqlite_house: House, sqlite_work: DurableWork) -> None:
        delivery = deliver_with(sqlite_house, sqlite_work)
        async with receiving(answer(200)) as receiver:
            endpoint = await sqlite_house.webhooks.add_endpoint(await sqlite_house.account(), receiver.url)
            job = await sqlite_house.finished_job(endpoint.account_id)
            await asyncio.gather(*(delivery.announce(job.id) for _ in range(10)))
            await settled(sqlite_house, endpoint)
            await delivery.announce(job.id)
            await asyncio.sleep(0.3)
            assert len(receiver.requests) == 1

    async def test_what_nobody_began_is_found_by_the_sweep(self, sqlite_house: House, sqlite_work: DurableWork) -> None:
        delivery = deliver_with(sqlite_house, sqlite_work)
        sqlite_house.webhooks.on_recorded = None
        async with receiving(answer(200)) as receiver:
            endpoint = await sqlite_house.webhooks.add_endpoint(await sqlite_house.account(), receiver.url)
            await sqlite_house.finished_job(endpoint.account_id)
            assert await delivery.sweep() == 0, "it is not overdue yet"
            later = deliver_with(sqlite_house, sqlite_work, now=lambda: clock.now() + timedelta(minutes=1))
            assert await later.sweep() == 1
            await settled(sqlite_house, endpoint)
        assert len(receiver.requests) == 1

    async def test_a_workflow_that_ended_without_a_result_is_begun_again(
        self, sqlite_house: House, sqlite_work: DurableWork
    ) -> None:
        class BrokenJobs:
            async def find(self, _: str) -> None:
                raise RuntimeError

        WebhookDelivery(sqlite_house.settings, sqlite_house.webhooks, BrokenJobs(), sqlite_work, RENDERERS)
        async with receiving(answer(200)) as receiver:
            endpoint = await sqlite_house.webhooks.add_endpoint(await sqlite_house.account(), receiver.url)
            await sqlite_house.finished_job(endpoint.account_id)
            [pending] = await listed(sqlite_house, endpoint)
            assert pending.next_attempt_at is not None
            workflow_id = f"{pending.id}@{pending.next_attempt_at.isoformat()}"
            async with asyncio.timeout(60):
                while (await sqlite_work.states([workflow_id])).get(workflow_id) != "ended":
                    await asyncio.sleep(0.02)
            later = deliver_with(sqlite_house, sqlite_work, now=lambda: clock.now() + timedelta(minutes=1))
            assert await later.sweep() == 1
            [delivered] = await settled(sqlite_house, endpoint)
        assert delivered.status == "delivered"
        assert len(receiver.requests) == 1


@dataclass
class Queue:
    """A queue that a test runs by hand, on a clock that the test sets."""

    now: datetime = field(default_factory=clock.now)
    waiting: dict[str, tuple[datetime, tuple[str, ...], str | None]] = field(default_factory=dict)
    running: bool = True

    def clock(self) -> datetime:
        return self.now

    async def enqueue(
        self,
        queue: str,
        workflow: Callable[..., Any],
        *arguments: str,
        workflow_id: str | None = None,
        delay: float = 0.0,
        partition: str | None = None,
    ) -> None:
        assert queue == "webhooks"
        assert workflow_id is not None
        self.waiting.setdefault(workflow_id, (self.now + timedelta(seconds=delay), arguments, partition))

    async def states(self, workflow_ids: Collection[str]) -> dict[str, str]:
        return {one: "active" for one in workflow_ids if one in self.waiting}

    async def run(self, delivery: WebhookDelivery) -> timedelta:
        """Let the first that waits come due and run. Returns how long that was."""
        workflow_id = min(self.waiting, key=lambda one: self.waiting[one][0])
        _, (delivery_id, due), _ = self.waiting.pop(workflow_id)
        began, self.now = self.now, max(self.now, datetime.fromisoformat(due))
        await delivery.attempt(delivery_id, datetime.fromisoformat(due))
        return self.now - began


@dataclass
class Office:
    """An account with one endpoint, and deliveries to it on a clock of ours."""

    house: House
    queue: Queue
    delivery: WebhookDelivery
    endpoint: Endpoint

    async def record(self) -> None:
        """An event at the moment of the clock."""
        job = await self.house.job(self.endpoint.account_id, api=self.endpoint.style)
        await self.house.webhooks.record(job, "job.started")
        for delivery in await listed(self.house, self.endpoint):
            if delivery.attempts == 0 and delivery.status == "pending":
                self.queue.now = max(self.queue.now, delivery.created_at)

    async def run(self) -> timedelta:
        return await self.queue.run(self.delivery)

    async def run_all(self) -> list[timedelta]:
        waits = []
        while self.queue.waiting:
            waits.append(await self.run())
        return waits

    async def newest(self) -> Delivery:
        return (await listed(self.house, self.endpoint))[0]

    async def current(self) -> Endpoint:
        return await self.house.webhooks.get_endpoint(self.endpoint.account_id, self.endpoint.id)


async def open_office(house: House, url: str, style: str = "standard", **options: Any) -> Office:
    queue = Queue()
    delivery = deliver_with(house, queue, now=queue.clock, **options)
    endpoint = await house.webhooks.add_endpoint(await house.account(), url, style=style)
    return Office(house, queue, delivery, endpoint)


class TestSchedules:
    async def test_the_standard_one_is_followed_and_then_the_delivery_fails(self, sqlite_house: House) -> None:
        async with receiving(answer(500, body=b"no")) as receiver:
            office = await open_office(sqlite_house, receiver.url)
            await office.record()
            waits = await office.run_all()
        assert len(waits) == len(receiver.requests) == 10
        for wait, planned in zip(waits[1:], STANDARD[1:], strict=True):
            assert planned <= wait.total_seconds() <= planned * 1.1 + 0.001
        delivery = await office.newest()
        assert (delivery.status, delivery.attempts, delivery.last_status) == ("failed", 10, 500)
        assert delivery.last_error == "no"
        assert delivery.next_attempt_at is None

    async def test_a_vendors_own_one_is_followed(self, sqlite_house: House) -> None:
        async with receiving(answer(503)) as receiver:
            office = await open_office(sqlite_house, receiver.url, style="magichour")
            await office.record()
            waits = await office.run_all()
        schedule = doubling()
        assert len(waits) == len(schedule)
        assert sum(wait.total_seconds() for wait in waits) == pytest.approx(86_400, rel=0.1)

    async def test_the_receiver_may_ask_for_time(self, sqlite_house: House) -> None:
        async with receiving(answer(429, 200, Retry_After="3600")) as receiver:
            office = await open_office(sqlite_house, receiver.url)
            await office.record()
            waits = await office.run_all()
        assert waits[1] == timedelta(hours=1)
        assert (await office.newest()).status == "delivered"

    async def test_the_queue_is_asked_to_wake_a_little_early(self, sqlite_house: House) -> None:
        async with receiving(answer(500)) as receiver:
            office = await open_office(sqlite_house, receiver.url)
            await office.record()
            await office.run()
        [(wakes_at, _, partition)] = office.queue.waiting.values()
        assert timedelta(seconds=3) < wakes_at - office.queue.now < timedelta(seconds=5)
        assert partition == office.endpoint.id

    async def test_an_attempt_that_is_not_the_one_that_is_due_does_nothing(self, sqlite_house: House) -> None:
        async with receiving(answer(500)) as receiver:
            office = await open_office(sqlite_house, receiver.url)
            await office.record()
            first = await office.newest()
            assert first.next_attempt_at is not None
            await office.run()
            office.queue.waiting.clear()
            await office.delivery.attempt(first.id, first.next_attempt_at)
            assert len(receiver.requests) == 1
            assert len(office.queue.waiting) == 1, "the next one is left to the queue, in case nobody had done so"
            await office.delivery.attempt("dlv_unknown", first.next_attempt_at)

    async def test_a_replay_takes_the_place_of_the_attempt_that_waits(self, sqlite_house: House) -> None:
        async with receiving(answer(500, 200)) as receiver:
            office = await open_office(sqlite_house, receiver.url)
            await office.record()
            await office.run()
            [old] = office.queue.waiting
            await office.delivery.replay(office.endpoint.account_id, (await office.newest()).id)
            assert len(office.queue.waiting) == 2
            await office.run_all()
        assert old not in office.queue.waiting
        assert len(receiver.requests) == 2
        assert (await office.newest()).status == "delivered"


class TestEndpointsFromHell:
    @pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
    async def test_any_2xx_is_success(self, sqlite_house: House, status: int) -> None:
        async with receiving(answer(status)) as receiver:
            office = await open_office(sqlite_house, receiver.url)
            await office.record()
            await office.run()
        assert (await office.newest()).status == "delivered"

    async def test_a_redirect_is_a_failure_and_is_not_followed(self, sqlite_house: House) -> None:
        async with receiving(answer(200)) as inner, receiving(answer(302, Location=inner.url)) as receiver:
            office = await open_office(sqlite_house, receiver.url)
            await office.record()
            await office.run()
        assert inner.connections == 0
        delivery = await office.newest()
        assert (delivery.status, delivery.last_status) == ("pending", 302)

    async def test_410_disables_the_endpoint(self, sqlite_house: House) -> None:
        async with receiving(answer(410)) as receiver:
            office = await open_office(sqlite_house, receiver.url)
            await office.record()
            await office.run()
        assert (await office.newest()).status == "failed"
        assert office.queue.waiting == {}
        assert not (await office.current()).enabled

    async def test_silence_ends_with_the_time_out(self, sqlite_house: House) -> None:
        async with receiving(never_answer) as receiver:
            office = await open_office(sqlite_house, receiver.url)
            office.delivery.timeout = 0.2
            await office.record()
            await office.run()
        delivery = await office.newest()
        assert (delivery.status, delivery.last_status) == ("pending", None)
        assert delivery.last_error == "No answer within 0.2 seconds."

    async def test_a_slow_head_does_not_outlast_the_time_out(self, sqlite_house: House) -> None:
        async def drip(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: Received) -> None:
            for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Filler: y\r\n" * 1_000:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(0.02)

        async with receiving(drip) as receiver:
            office = await open_office(sqlite_house, receiver.url)
            office.delivery.timeout = 0.3
            await office.record()
            await office.run()
        assert (await office.newest()).status == "pending"

    async def test_no_more_than_the_beginning_of_an_answer_is_read(self, sqlite_house: House) -> None:
        box: list[Receiver] = []
        async with receiving(endless(box)) as receiver:
            box.append(receiver)
            office = await open_office(sqlite_house, receiver.url)
            await office.record()
            await office.run()
        delivery = await office.newest()
        assert delivery.last_status == 500
        assert delivery.last_error == "x" * MAX_ANSWER_BYTES
        assert receiver.sent < 1 << 24

    async def test_the_body_of_a_success_is_not_read_at_all(self, sqlite_house: House) -> None:
        box: list[Receiver] = []
        async with receiving(endless(box, 200)) as receiver:
            box.append(receiver)
            office = await open_office(sqlite_house, receiver.url)
            await office.record()
            await office.run()
        assert (await office.newest()).status == "delivered"
        assert receiver.sent < 1 << 24

    async def test_an_answer_that_is_no_text_is_kept_as_well_as_it_can_be(self, sqlite_house: House) -> None:
        async with receiving(answer(500, body=b"\xff\x00ok")) as receiver:
            office = await open_office(sqlite_house, receiver.url)
            await office.record()
            await office.run()
        assert (await office.newest()).last_error == "\N{REPLACEMENT CHARACTER}ok"

    async def test_nobody_there_and_nonsense_are_failures(self, sqlite_house: House) -> None:
        async def nonsense(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: Received) -> None:
            writer.write(b"what?\r\n\r\n")

        async with receiving(nonsense) as receiver:
            office = await open_office(sqlite_house, receiver.url)
            await office.record()
            await office.run()
        assert (await office.newest()).last_error.startswith("The request failed")
        await office.run()
        delivery = await office.newest()
        assert (delivery.status, delivery.attempts) == ("pending", 2)
        assert delivery.last_error.startswith("The request failed")

    async def test_a_certificate_that_nobody_trusts_is_a_failure(self, sqlite_house: House, tmp_path: Path) -> None:
        subprocess.run(["openssl", *SELF_SIGNED], cwd=tmp_path, check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
        async with receiving(answer(200), context) as receiver:
            office = await open_office(sqlite_house, receiver.url.replace("http:", "https:"))
            await office.record()
            await office.run()
        delivery = await office.newest()
        assert delivery.status == "pending"
        assert "certificate" in delivery.last_error.lower()
        assert receiver.requests == []

    async def test_an_address_that_is_not_permitted_gets_no_connection(self, sqlite_house: House) -> None:
        async with receiving(answer(200)) as receiver:
            office = await open_office(sqlite_house, receiver.url, guard=Guard(AddressRule()))
            await office.record()
            await office.run()
        assert receiver.connections == 0
        delivery = await office.newest()
        assert delivery.status == "pending"
        assert "127.0.0.1" not in delivery.last_error

    async def test_a_name_that_later_leads_to_loopback_gets_no_connection(self, sqlite_house: House) -> None:
        answers = [["192.0.2.1"], ["127.0.0.1"]]

        async def rebinding(_: str, __: int) -> list[str]:
            return answers.pop(0) if len(answers) > 1 else answers[0]

        guard = Guard(AddressRule.parse("192.0.2.0/24"), resolver=rebinding)
        async with receiving(answer(200)) as receiver:
            office = await open_office(sqlite_house, f"http://evil.example:{receiver.port}/", guard=guard)
            office.delivery.timeout = 0.2
            await office.record()
            await office.run()
            await office.run()
            await office.run()
        assert receiver.connections == 0
        assert (await office.newest()).attempts == 3


class TestHealth:
    async def test_an_endpoint_that_failed_for_five_days_is_disabled(self, sqlite_house: House) -> None:
        async with receiving(answer(500)) as receiver, receiving(answer(200)) as healthy:
            office = await open_office(sqlite_house, receiver.url)
            await office.record()
            await office.run()
            began = (await office.current()).failing_since
            assert began is not None
            office.queue.waiting.clear()
            office.queue.now += DISABLE_AFTER - timedelta(hours=1)
            await office.record()
            await office.run()
            assert (await office.current()).enabled
            assert (await office.current()).failing_since == began
            other = await sqlite_house.webhooks.add_endpoint(office.endpoint.account_id, healthy.url)
            office.queue.now += timedelta(hours=2)
            await office.run()
            assert not (await office.current()).enabled
            news = (await listed(sqlite_house, other))[0]
            async with sqlite_house.database.reading() as connection:
                shipment = await WebhookRepository(connection).shipment(news.id)
            assert shipment is not None
            assert shipment.event.type == "endpoint.disabled"

    async def test_a_success_ends_the_count(self, sqlite_house: House) -> None:
        async with receiving(answer(500, 200)) as receiver:
            office = await open_office(sqlite_house, receiver.url)
            await office.record()
            await office.run()
            assert (await office.current()).failing_since is not None
            await office.run()
        assert (await office.current()).failing_since is None

    async def test_a_disabled_endpoint_is_skipped_until_it_is_enabled_again(self, sqlite_house: House) -> None:
        async with receiving(answer(200)) as receiver:
            office = await open_office(sqlite_house, receiver.url)
            await office.record()
            await sqlite_house.webhooks.set_enabled(office.endpoint.account_id, office.endpoint.id, False)
            await office.run()
            skipped = await office.newest()
            assert (skipped.status, skipped.last_error) == ("pending", "The endpoint is disabled.")
            assert receiver.connections == 0
            assert (await office.current()).failing_since is None
            await sqlite_house.webhooks.set_enabled(office.endpoint.account_id, office.endpoint.id, True)
            await office.run()
        assert (await office.newest()).status == "delivered"

    async def test_deliveries_to_a_deleted_endpoint_end(self, sqlite_house: House) -> None:
        async with receiving(answer(200)) as receiver:
            office = await open_office(sqlite_house, receiver.url)
            await office.record()
            delivery = await office.newest()
            await sqlite_house.webhooks.delete_endpoint(office.endpoint.account_id, office.endpoint.id)
            await office.run_all()
        assert receiver.connections == 0
        async with sqlite_house.database.reading() as connection:
            shipment = await WebhookRepository(connection).shipment(delivery.id)
        assert shipment is not None
        assert shipment.delivery.status == "failed"


class TestRendering:
    async def test_a_renderer_that_fails_is_a_failed_attempt(self, sqlite_house: House) -> None:
        async def broken(*_: object) -> tuple[bytes, dict[str, str]]:
            raise KeyError("output")

        async with receiving(answer(200)) as receiver:
            office = await open_office(sqlite_house, receiver.url)
            office.delivery._renderers = {"standard": broken}
            await office.record()
            await office.run()
        assert receiver.connections == 0
        assert "could not be made" in (await office.newest()).last_error

    async def test_a_part_that_is_away_is_no_attempt(self, sqlite_house: House) -> None:
        async def away(*_: object) -> tuple[bytes, dict[str, str]]:
            raise Unavailable

        office = await open_office(sqlite_house, "http://127.0.0.1:9/")
        office.delivery._renderers = {"standard": away}
        await office.record()
        with pytest.raises(Unavailable):
            await office.run()
        assert (await office.newest()).attempts == 0

    async def test_a_job_that_is_gone_is_a_failed_attempt(self, sqlite_house: House) -> None:
        class NoJobs:
            async def find(self, _: str) -> None:
                return None

        office = await open_office(sqlite_house, "http://127.0.0.1:9/")
        office.delivery._jobs = NoJobs()
        await office.record()
        await office.run()
        assert "gone" in (await office.newest()).last_error


async def test_somebody_elses_delivery_cannot_be_replayed(sqlite_house: House) -> None:
    office = await open_office(sqlite_house, "http://127.0.0.1:9/")
    await office.record()
    with pytest.raises(NotFound):
        await office.delivery.replay("somebody", (await office.newest()).id)


async def test_without_a_runtime_nothing_is_begun(sqlite_house: House) -> None:
    office = await open_office(sqlite_house, "http://127.0.0.1:9/")
    office.queue.running = False
    await office.record()
    delivery = await office.newest()
    assert await office.delivery.replay(office.endpoint.account_id, delivery.id) == replace(
        await office.newest(), attempts=0
    )
    assert office.queue.waiting == {}
