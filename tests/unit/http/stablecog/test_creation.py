"""Ends of a create that are rare. The usual ones are in tests/contract/test_stablecog.py."""

from __future__ import annotations

from dataclasses import replace

import pytest

from myna.http.stablecog.creation import Creation
from myna.http.stablecog.errors import StablecogError
from myna.http.stablecog.speakers import load_models
from myna.jobs.schemas import Job
from myna.kit import clock
from myna.speech.schemas import SpeechRequest
from tests.unit.http.stablecog.conftest import Api


@pytest.fixture
def creation(api: Api) -> Creation:
    return Creation(api.services, load_models(api.services.voices, api.services.settings))


@pytest.fixture
async def job(api: Api) -> Job:
    request = SpeechRequest("Hi", "fake:en-US.1")
    accepted = await api.services.speech.accept(
        api.caller, request, api="stablecog", price=1_000, base_url="http://node"
    )
    return await api.services.jobs.start(accepted.id, "node")


async def test_a_job_that_ends_while_it_is_being_stopped_counts(api: Api, creation: Creation, job: Job) -> None:
    await api.services.jobs.succeed(job.id)
    assert (await creation._stopped(job)).status == "succeeded"
    assert await api.services.credits.balance(api.caller.account.id) == 9_000


async def test_time_begins_anew_when_the_work_starts(creation: Creation, job: Job) -> None:
    assert 170 < creation._seconds_left(job) <= 180
    assert creation._seconds_left(replace(job, started_at=None)) == 0
    assert creation._seconds_left(replace(job, started_at=clock.now() - clock.seconds(200))) < 0


async def test_a_job_that_somebody_cancels_is_a_failure(api: Api, creation: Creation, job: Job) -> None:
    await api.services.jobs.cancel(job.account_id, job.id)
    canceled = await creation._finished(job)
    assert canceled.status == "canceled"
    assert await api.services.credits.balance(api.caller.account.id) == 10_000


async def test_a_work_that_never_starts_times_out(api: Api, creation: Creation, job: Job) -> None:
    creation._timeout = 0.05
    with pytest.raises(StablecogError, match="TIMEOUT"):
        await creation._finished(replace(job, started_at=None))
    assert (await api.services.jobs.get(job.account_id, job.id)).status == "canceled"
    assert await api.services.credits.balance(api.caller.account.id) == 10_000
