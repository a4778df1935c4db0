"""Magic Hour's audio API on a node that does one queued job at a time: rates, waiting, and webhooks."""

from __future__ import annotations

import asyncio
import json
import time

import pytest

from tests.fixtures.magichour import NINE, Account, is_genuine
from tests.fixtures.receivers import answer, receiving


@pytest.fixture(scope="module")
def server(make_module_server):
    """Five requests a minute and one job at a time; webhooks may reach this machine; a label of the operator's own."""
    return make_module_server(
        MYNA_RATE_LIMITS="on",
        MYNA_REQUESTS_PER_MINUTE="5",
        MYNA_WORKER_CONCURRENCY="1",
        MYNA_FETCH_ALLOW="127.0.0.0/8",
        MYNA_VOICE_ALIASES='{"magichour:Our Narrator": "fake:en-US.7"}',
    )


@pytest.fixture
def account(server, http):
    return Account(server, http)


def test_too_many_orders(account):
    answers = [account.ask() for _ in range(8)]
    assert [answer.status_code for answer in answers[:5]] == [200] * 5
    refused = answers[-1]
    assert refused.status_code == 429
    assert refused.content == b'{"code":"rate_limit_exceeded","message":"Too Many Requests"}'
    assert refused.headers["content-type"] == "application/json"
    assert int(refused.headers["retry-after"]) >= 1
    assert account.balance() == 100_000 - 1_000 * sum(answer.status_code == 200 for answer in answers)


def test_looking_is_never_throttled(account):
    project_id = account.make()
    for _ in range(40):
        account.project(project_id)
    project = account.finished(project_id)
    assert project["status"] == "complete"
    for _ in range(10):
        assert account.delete(f"/v1/audio-projects/{project_id}").status_code == 204


def test_a_project_waits_for_its_turn(account):
    """The node begins one at once, takes one from the queue, and does the others after that."""
    before = [account.make(prompt="Hello fake:slow=1.5 there") for _ in range(2)]
    last = account.make()
    account.until(before[0], {"rendering"})
    waiting = account.project(last)
    assert (waiting["status"], waiting["downloads"], waiting["error"]) == ("queued", [], None)
    assert account.delete(f"/v1/audio-projects/{last}").status_code == 204
    project = account.project(last)
    assert (project["status"], project["enabled"], project["credits_charged"]) == ("canceled", False, 0)
    assert [account.finished(project_id)["status"] for project_id in before] == ["complete", "complete"]
    assert account.balance() == 96_000


def test_a_label_that_the_operator_bound(account):
    assert account.finished(account.make(voice_name="Our Narrator"))["status"] == "complete"
    assert account.ask(voice_name="Their Narrator").status_code == 400


def register(account, receiver, *events):
    body = {"url": receiver.url, "style": "magichour", "events": list(events)}
    registered = account.post("/myna/v1/webhooks", json=body)
    assert registered.status_code == 201, registered.text
    return registered.json()["secret"]


def told(request):
    """The type and the project of a webhook, which is compact JSON as JavaScript would write it."""
    body = json.loads(request.body)
    assert request.body == json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    assert list(body) == ["type", "payload"]
    assert set(body["payload"]) == NINE
    return body["type"], body["payload"]


async def test_a_webhook_carries_the_project_and_is_signed_anew_on_every_attempt(account, http):
    async with receiving(answer(500, 200)) as receiver:
        secret = await asyncio.to_thread(register, account, receiver, "job.succeeded")
        project_id = await asyncio.to_thread(account.make, name="Größe 😀")
        project = await asyncio.to_thread(account.finished, project_id)
        attempts = await receiver.wait_for(2)
    payloads = []
    for attempt in attempts:
        assert attempt.method == "POST"
        assert attempt.headers["content-type"] == "application/json"
        assert is_genuine(attempt.body, attempt.headers, secret, time.time())
        type_, payload = told(attempt)
        assert type_ == "audio.completed"
        assert {**payload, "downloads": []} == {**project, "downloads": []}
        payloads.append(payload)
    first, second = (int(attempt.headers["magic-hour-event-timestamp"]) for attempt in attempts)
    assert second > first
    (before,), (after,) = (payload["downloads"] for payload in payloads)
    assert before["url"] != after["url"]
    assert after["expires_at"] > before["expires_at"]
    assert after["url"].startswith(account.server.url)
    assert http.get(after["url"]).content[:4] == b"RIFF"


async def test_a_failure_is_told_with_its_refund(account):
    async with receiving(answer(200)) as receiver:
        secret = await asyncio.to_thread(register, account, receiver)
        project_id = await asyncio.to_thread(account.make, prompt="Hello fake:fail=No_voice_today there")
        project = await asyncio.to_thread(account.finished, project_id)
        requests = await receiver.wait_for(2)
    assert all(is_genuine(request.body, request.headers, secret, time.time()) for request in requests)
    events = dict(told(request) for request in requests)
    assert set(events) == {"audio.started", "audio.errored"}
    assert events["audio.errored"] == project
    assert events["audio.errored"]["credits_charged"] == 0
    assert {**events["audio.started"], "status": "error"} == {**project, "credits_charged": 2, "error": None}


async def test_a_cancellation_is_not_told(account):
    async with receiving(answer(200)) as receiver:
        await asyncio.to_thread(register, account, receiver)
        canceled = await asyncio.to_thread(account.make, prompt="Hello fake:slow=1.5 there")
        await asyncio.to_thread(account.until, canceled, {"rendering"})
        await asyncio.to_thread(account.delete, f"/v1/audio-projects/{canceled}")
        finished = await asyncio.to_thread(account.make)
        requests = await receiver.wait_for(3)
    events = {(told(request)[1]["id"], told(request)[0]) for request in requests}
    assert events == {(canceled, "audio.started"), (finished, "audio.started"), (finished, "audio.completed")}
