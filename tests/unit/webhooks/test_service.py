from __future__ import annotations

import base64

import pytest
from sqlalchemy import func, select

from myna.db.tables import webhook_deliveries, webhook_endpoints
from myna.errors import AddressRefused, Conflict, InvalidRequest, NotFound
from myna.kit.pagination import Cursor
from myna.settings import Settings
from myna.webhooks.repository import WebhookRepository
from myna.webhooks.schemas import Endpoint
from myna.webhooks.service import WebhookService
from tests.fixtures.webhooks import House

URL = "https://example.com/hook"
BAD_URLS = [
    "",
    "example.com",
    "ftp://example.com/",
    "file:///etc/passwd",
    "https://",
    "https:///path",
    "https://user@example.com/",
    "https://user:secret@example.com/",
    "https://@example.com/",
    "https://example.com:0/",
    "https://example.com:99999/",
    "https://example.com:port/",
    "https://exa mple.com/",
    "https://example.com/\r\nX-Injected: 1",
    "https://[::1/",
    "https://example.com/" + "a" * 2_000,
]


async def deliveries(house: House, endpoint: Endpoint) -> list:
    page = await house.webhooks.deliveries(endpoint.account_id, endpoint.id)
    return page.items


class TestEndpoints:
    async def test_are_listed_in_the_order_in_which_they_came(self, house: House) -> None:
        account_id = await house.account()
        first = await house.webhooks.add_endpoint(account_id, URL)
        second = await house.webhooks.add_endpoint(account_id, URL, style="magichour", events=["job.failed"])
        assert await house.webhooks.list_endpoints(account_id) == [first, second]
        assert await house.webhooks.get_endpoint(account_id, second.id) == second
        assert second.events == ("job.failed",)

    async def test_belong_to_one_account(self, house: House) -> None:
        endpoint = await house.webhooks.add_endpoint(await house.account("ada"), URL)
        other = await house.account("bob")
        webhooks = house.webhooks
        for refused in (
            webhooks.get_endpoint(other, endpoint.id),
            webhooks.delete_endpoint(other, endpoint.id),
            webhooks.set_enabled(other, endpoint.id, False),
            webhooks.rotate_secret(other, endpoint.id),
            webhooks.deliveries(other, endpoint.id),
        ):
            with pytest.raises(NotFound):
                await refused

    async def test_of_nobody_are_refused(self, house: House) -> None:
        with pytest.raises(NotFound):
            await house.webhooks.add_endpoint("nobody", URL)

    async def test_have_a_limit_that_deleted_ones_do_not_count_for(self, house: House, settings: Settings) -> None:
        account_id = await house.account()
        made = [await house.webhooks.add_endpoint(account_id, URL) for _ in range(settings.max_webhook_endpoints)]
        with pytest.raises(Conflict, match="10"):
            await house.webhooks.add_endpoint(account_id, URL)
        await house.webhooks.delete_endpoint(account_id, made[0].id)
        await house.webhooks.add_endpoint(account_id, URL)
        with pytest.raises(NotFound):
            await house.webhooks.get_endpoint(account_id, made[0].id)

    async def test_need_a_proper_url(self, house: House) -> None:
        account_id = await house.account()
        for url in BAD_URLS:
            with pytest.raises(InvalidRequest) as error:
                await house.webhooks.add_endpoint(account_id, url)
            assert error.value.field == "url", url
        assert await house.webhooks.list_endpoints(account_id) == []

    async def test_a_url_of_2000_characters_is_taken(self, house: House) -> None:
        url = "https://example.com/".ljust(2_000, "a")
        assert (await house.webhooks.add_endpoint(await house.account(), url)).url == url

    async def test_a_private_literal_address_is_refused_at_once(self, house: House) -> None:
        account_id = await house.account()
        with pytest.raises(AddressRefused):
            await house.webhooks.add_endpoint(account_id, "http://10.0.0.1/")
        assert await house.webhooks.add_endpoint(account_id, "http://127.0.0.1:9/"), "settings allow it here"

    @pytest.mark.parametrize(
        ("style", "events"),
        [("unknown", ()), ("standard", ("job.exploded",)), ("magichour", ("job.canceled",))],
    )
    async def test_need_a_known_style_and_its_events(self, house: House, style: str, events: tuple[str, ...]) -> None:
        with pytest.raises(InvalidRequest):
            await house.webhooks.add_endpoint(await house.account(), URL, style=style, events=events)


class TestSecrets:
    async def test_are_derived_and_never_stored(self, house: House) -> None:
        account_id = await house.account()
        endpoint = await house.webhooks.add_endpoint(account_id, URL)
        secret = house.webhooks.secret_of(endpoint)
        assert secret.startswith("whsec_")
        assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32
        assert secret.previous is None
        again = WebhookService(house.database, house.settings)
        assert again.secret_of(await again.get_endpoint(account_id, endpoint.id)) == secret
        async with house.database.reading() as connection:
            row = (await connection.execute(select(webhook_endpoints))).one()
        assert str(secret) not in str(row)

    async def test_change_with_a_rotation_and_the_one_before_stays_for_a_while(self, house: House) -> None:
        account_id = await house.account()
        endpoint = await house.webhooks.add_endpoint(account_id, URL)
        first = house.webhooks.secret_of(endpoint)
        second = house.webhooks.secret_of(await house.webhooks.rotate_secret(account_id, endpoint.id))
        assert second != first
        assert second.previous == first
        third = house.webhooks.secret_of(await house.webhooks.rotate_secret(account_id, endpoint.id))
        assert third.previous == second

    async def test_differ_between_endpoints(self, house: House) -> None:
        account_id = await house.account()
        made = [await house.webhooks.add_endpoint(account_id, URL) for _ in range(3)]
        assert len({house.webhooks.secret_of(endpoint) for endpoint in made}) == 3


class TestRecording:
    async def test_makes_one_delivery_for_each_endpoint_that_wants_it(self, house: House) -> None:
        account_id = await house.account()
        add = house.webhooks.add_endpoint
        everything = await add(account_id, URL)
        failures = await add(account_id, URL, events=["job.failed"])
        disabled = await add(account_id, URL)
        await house.webhooks.set_enabled(account_id, disabled.id, False)
        deleted = await add(account_id, URL)
        await house.webhooks.delete_endpoint(account_id, deleted.id)
        foreign = await add(await house.account("bob"), URL)
        await house.finished_job(account_id)
        [delivery] = await deliveries(house, everything)
        assert (delivery.status, delivery.attempts) == ("pending", 0)
        assert delivery.next_attempt_at is not None
        for other in (failures, disabled, foreign):
            assert await deliveries(house, other) == []

    async def test_tells_a_vendors_endpoints_only_of_what_came_through_its_api(self, house: House) -> None:
        account_id = await house.account()
        vendor = await house.webhooks.add_endpoint(account_id, URL, style="magichour")
        standard = await house.webhooks.add_endpoint(account_id, URL)
        await house.finished_job(account_id, api="native")
        assert await deliveries(house, vendor) == []
        await house.finished_job(account_id, api="magichour")
        assert len(await deliveries(house, vendor)) == 1
        assert len(await deliveries(house, standard)) == 2

    async def test_leaves_out_what_a_vendor_has_no_word_for(self, house: House) -> None:
        account_id = await house.account()
        vendor = await house.webhooks.add_endpoint(account_id, URL, style="magichour")
        job = await house.job(account_id, api="magichour")
        await house.jobs.cancel(account_id, job.id)
        assert await deliveries(house, vendor) == []

    async def test_keeps_one_event_for_each_job_and_type(self, house: House) -> None:
        account_id = await house.account()
        endpoint = await house.webhooks.add_endpoint(account_id, URL)
        job = await house.finished_job(account_id)
        first = await house.webhooks.record(job, "job.succeeded")
        assert await house.webhooks.record(job, "job.succeeded") == first
        assert len(await deliveries(house, endpoint)) == 1

    async def test_is_undone_with_the_callers_transaction(self, house: House) -> None:
        account_id = await house.account()
        endpoint = await house.webhooks.add_endpoint(account_id, URL)
        job = await house.job(account_id)
        told: list[str] = []

        async def tell(job_id: str) -> None:
            told.append(job_id)

        house.webhooks.on_recorded = tell

        async def record_and_fail() -> None:
            async with house.database.transaction():
                await house.webhooks.record(job, "job.started")
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await record_and_fail()
        assert await deliveries(house, endpoint) == []
        assert told == []
        await house.webhooks.record(job, "job.started")
        assert told == [job.id]

    async def test_survives_a_listener_that_fails(self, house: House) -> None:
        account_id = await house.account()
        endpoint = await house.webhooks.add_endpoint(account_id, URL)

        async def fail(_: str) -> None:
            raise RuntimeError

        house.webhooks.on_recorded = fail
        await house.finished_job(account_id)
        assert len(await deliveries(house, endpoint)) == 1

    async def test_says_what_went_wrong(self, house: House) -> None:
        account_id = await house.account()
        job = await house.job(account_id)
        failed = await house.jobs.fail(job.id, "engine_failed", "The engine could not make this sound.")
        event = await house.webhooks.record(failed, "job.failed")
        assert event.data["status"] == "failed"
        assert event.data["error"] == {"code": "engine_failed", "message": "The engine could not make this sound."}
        assert event.data["created_at"].endswith("Z")


class TestDisabling:
    async def test_tells_the_accounts_other_endpoints(self, house: House) -> None:
        account_id = await house.account()
        broken = await house.webhooks.add_endpoint(account_id, "https://broken.example/", events=["job.failed"])
        healthy = await house.webhooks.add_endpoint(account_id, URL)
        job = await house.job(account_id)
        event = await house.webhooks.record(job, "job.started")
        for _ in range(2):
            await house.webhooks.disable(broken, event, "It answered 410 Gone.")
        assert not (await house.webhooks.get_endpoint(account_id, broken.id)).enabled
        newest = (await deliveries(house, healthy))[0]
        async with house.database.reading() as connection:
            shipment = await WebhookRepository(connection).shipment(newest.id)
        assert shipment is not None
        assert shipment.event.type == "endpoint.disabled"
        assert shipment.event.data == {"id": broken.id, "url": broken.url, "reason": "It answered 410 Gone."}
        assert await deliveries(house, broken) == []

    async def test_is_forgiven_when_the_owner_enables_it(self, house: House) -> None:
        account_id = await house.account()
        endpoint = await house.webhooks.add_endpoint(account_id, URL)
        async with house.database.transaction() as connection:
            await WebhookRepository(connection).mark_failing(endpoint.id, endpoint.created_at)
        assert (await house.webhooks.get_endpoint(account_id, endpoint.id)).failing_since == endpoint.created_at
        assert not (await house.webhooks.set_enabled(account_id, endpoint.id, False)).enabled
        enabled = await house.webhooks.set_enabled(account_id, endpoint.id, True)
        assert enabled == endpoint
        assert await house.webhooks.get_endpoint(account_id, endpoint.id) == endpoint


class TestDeliveries:
    async def test_are_paged_newest_first(self, house: House) -> None:
        account_id = await house.account()
        endpoint = await house.webhooks.add_endpoint(account_id, URL)
        for _ in range(5):
            await house.finished_job(account_id)
        seen, before = [], None
        while True:
            page = await house.webhooks.deliveries(account_id, endpoint.id, before=before, limit=2)
            seen += page.items
            if not page.has_more:
                break
            before = Cursor(page.items[-1].created_at, page.items[-1].id)
        assert len({delivery.id for delivery in seen}) == 5
        assert seen == sorted(seen, key=lambda delivery: (delivery.created_at, delivery.id), reverse=True)

    async def test_can_be_replayed_by_their_owner(self, house: House) -> None:
        account_id = await house.account()
        endpoint = await house.webhooks.add_endpoint(account_id, URL)
        await house.finished_job(account_id)
        [delivery] = await deliveries(house, endpoint)
        async with house.database.transaction() as connection:
            assert await WebhookRepository(connection).update_delivery(
                delivery, status="failed", attempts=10, next_attempt_at=None
            )
        with pytest.raises(NotFound):
            await house.webhooks.replay(await house.account("bob"), delivery.id)
        with pytest.raises(NotFound):
            await house.webhooks.replay(account_id, "dlv_unknown")
        replayed = await house.webhooks.replay(account_id, delivery.id)
        assert (replayed.status, replayed.attempts) == ("pending", 0)
        assert await deliveries(house, endpoint) == [replayed]
        await house.webhooks.delete_endpoint(account_id, endpoint.id)
        with pytest.raises(Conflict):
            await house.webhooks.replay(account_id, delivery.id)

    async def test_are_not_changed_by_who_read_them_too_early(self, house: House) -> None:
        account_id = await house.account()
        endpoint = await house.webhooks.add_endpoint(account_id, URL)
        await house.finished_job(account_id)
        [delivery] = await deliveries(house, endpoint)
        await house.webhooks.replay(account_id, delivery.id)
        async with house.database.transaction() as connection:
            assert not await WebhookRepository(connection).update_delivery(delivery, status="failed")

    async def test_nothing_is_recorded_for_accounts_without_endpoints(self, house: House) -> None:
        await house.finished_job(await house.account())
        async with house.database.reading() as connection:
            count = await connection.execute(select(func.count()).select_from(webhook_deliveries))
        assert count.scalar_one() == 0
