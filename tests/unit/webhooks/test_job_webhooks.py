"""An address that one request names hears of the end of its own job, and of nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from myna.db.tables import webhook_deliveries, webhook_endpoints, webhook_events
from myna.errors import AddressRefused, InvalidRequest
from myna.jobs.schemas import Job, NewJob
from myna.kit import ids
from tests.fixtures.webhooks import House

URL = "https://example.com/hook?of=this"


async def a_job(house: House, account_id: str, url: str | None = URL) -> Job:
    details: dict[str, Any] = {"webhook": {"url": url, "style": "modelslab"}} if url else {}
    new = NewJob(ids.new_uuid(), account_id, None, "speech", "modelslab", {}, 0, details=details)
    return await house.jobs.accept(new)


async def told(house: House) -> list[tuple[str, str, str]]:
    """Of which job, what, and where to."""
    query = (
        select(webhook_events.c.job_id, webhook_events.c.type, webhook_endpoints.c.url)
        .join(webhook_deliveries, webhook_deliveries.c.event_id == webhook_events.c.id)
        .join(webhook_endpoints, webhook_endpoints.c.id == webhook_deliveries.c.endpoint_id)
    )
    async with house.database.reading() as connection:
        return [tuple(row) for row in (await connection.execute(query)).all()]


async def test_it_hears_of_the_end_of_its_job_alone(house: House) -> None:
    account_id = await house.account()
    mine, other = await a_job(house, account_id), await a_job(house, account_id, None)
    for job in (mine, other):
        await house.jobs.start(job.id, "node")
        await house.jobs.succeed(job.id)
        await house.jobs.succeed(job.id)
    assert await told(house) == [(mine.id, "job.succeeded", URL)]


async def test_it_hears_of_a_failure_but_not_of_a_cancellation(house: House) -> None:
    account_id = await house.account()
    failed, canceled = await a_job(house, account_id), await a_job(house, account_id)
    await house.jobs.fail(failed.id, "code", "words")
    await house.jobs.cancel(account_id, canceled.id)
    assert await told(house) == [(failed.id, "job.failed", URL)]


async def test_it_is_no_endpoint_of_the_account(house: House) -> None:
    account_id = await house.account()
    for _ in range(2):
        await house.jobs.succeed((await a_job(house, account_id)).id)
    assert await house.webhooks.list_endpoints(account_id) == []
    async with house.database.reading() as connection:
        rows = (await connection.execute(select(webhook_endpoints.c.id, webhook_endpoints.c.enabled))).all()
    assert len(rows) == 1
    with pytest.raises(InvalidRequest, match="style"):
        await house.webhooks.add_endpoint(account_id, URL, style="modelslab")


async def test_one_that_was_disabled_is_tried_again_for_the_next_job(house: House) -> None:
    account_id = await house.account()
    await house.jobs.succeed((await a_job(house, account_id)).id)
    async with house.database.reading() as connection:
        (endpoint_id,) = (await connection.execute(select(webhook_endpoints.c.id))).scalars()
    await house.webhooks.set_enabled(account_id, endpoint_id, False)
    await house.jobs.succeed((await a_job(house, account_id)).id)
    assert (await house.webhooks.get_endpoint(account_id, endpoint_id)).enabled


async def test_registered_endpoints_hear_as_before(house: House) -> None:
    account_id = await house.account()
    await house.webhooks.add_endpoint(account_id, "https://example.com/all", events=["job.succeeded"])
    job = await a_job(house, account_id)
    await house.jobs.succeed(job.id)
    assert sorted(await told(house)) == [
        (job.id, "job.succeeded", "https://example.com/all"),
        (job.id, "job.succeeded", URL),
    ]


@pytest.mark.parametrize("url", ["ftp://x", "https://user@x.org/", "not an address"])
async def test_an_address_is_checked_before(house: House, url: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        house.webhooks.check_url(url, "webhook")
    assert refused.value.field == "webhook"


async def test_private_addresses_are_refused(house: House) -> None:
    with pytest.raises(AddressRefused) as refused:
        house.webhooks.check_url("http://10.0.0.1/", "webhook")
    assert refused.value.field == "webhook"
