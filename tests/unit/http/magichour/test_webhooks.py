from __future__ import annotations

import json
from datetime import timedelta

import pytest

from myna.http.magichour.mapping import Addresses, audio_project
from myna.http.magichour.webhooks import EVENT_TYPES, MagicHourRenderer, signature_headers
from myna.kit import clock
from myna.settings import Settings
from myna.storage.links import LinkSigner
from myna.webhooks.schemas import Endpoint, Event
from tests.fixtures.magichour import is_genuine
from tests.unit.http.magichour.samples import CREATED_AT, JOB_ID, job, output

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SIGNER = LinkSigner(b"secret")
ENDPOINT = Endpoint(
    id="endpoint",
    account_id="account",
    url="https://example.org/hook",
    style="magichour",
    events=(),
    enabled=True,
    secret_version=1,
    created_at=CREATED_AT,
    failing_since=None,
)


class OneOutput:
    """What the renderer asks of the outputs."""

    async def of_job(self, job_id):
        return [output()] if job_id == JOB_ID else []


def event(type_):
    return Event(id="event", account_id="account", type=type_, job_id=JOB_ID, data={}, created_at=CREATED_AT)


@pytest.fixture
def render():
    renderer = MagicHourRenderer(Settings(), OneOutput(), SIGNER)

    async def rendered(type_, **changes):
        return await renderer(event(type_), job(**changes), ENDPOINT, SECRET)

    return rendered


def test_signature_of_a_known_message():
    """The expected value was made with `openssl dgst -sha256 -hmac`."""
    body = '{"type":"audio.completed","payload":{"name":"Größe 😀"}}'.encode()
    assert signature_headers(body, SECRET, 1_700_000_000) == {
        "Content-Type": "application/json",
        "magic-hour-event-timestamp": "1700000000",
        "magic-hour-event-signature": "d1b028369dc5b64c2189a7b450519fecbaff75722e405c8aa352b7b752150b30",
    }


@pytest.mark.parametrize(
    ("type_", "status", "theirs", "project_status"),
    [
        ("job.started", "running", "audio.started", "rendering"),
        ("job.succeeded", "succeeded", "audio.completed", "complete"),
        ("job.failed", "failed", "audio.errored", "error"),
    ],
)
async def test_the_body_is_the_project(render, type_, status, theirs, project_status):
    body, headers = await render(type_, status=status)
    told = json.loads(body)
    assert list(told) == ["type", "payload"]
    assert told["type"] == theirs
    assert told["payload"]["status"] == project_status
    addresses = Addresses(SIGNER, "https://voice.example.org", clock.now())
    same = audio_project(job(status=status), [output()], addresses).model_dump()
    assert list(told["payload"]) == list(same)
    assert {**told["payload"], "downloads": None} == {**same, "downloads": None}
    assert len(told["payload"]["downloads"]) == len(same["downloads"])
    assert headers["Content-Type"] == "application/json"


async def test_the_body_is_compact_and_signed_as_it_is_sent(render):
    body, headers = await render("job.succeeded", status="succeeded")
    assert body == json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False).encode()
    assert "Größe 😀".encode() in body
    now = clock.now().timestamp()
    assert is_genuine(body, headers, SECRET, now)
    assert not is_genuine(body + b" ", headers, SECRET, now)
    assert not is_genuine(body, headers, SECRET + "x", now)
    assert not is_genuine(body, headers, SECRET, now + 301)
    assert len(headers["magic-hour-event-signature"]) == 64
    assert headers["magic-hour-event-signature"] == headers["magic-hour-event-signature"].lower()


async def test_each_attempt_has_its_own_time_and_links(render, monkeypatch):
    first, first_headers = await render("job.succeeded", status="succeeded")
    later = clock.now() + timedelta(seconds=90)
    monkeypatch.setattr(clock, "now", lambda: later)
    second, second_headers = await render("job.succeeded", status="succeeded")
    assert int(second_headers["magic-hour-event-timestamp"]) - int(first_headers["magic-hour-event-timestamp"]) >= 89
    assert is_genuine(second, second_headers, SECRET, later.timestamp())
    (before,), (after,) = (json.loads(body)["payload"]["downloads"] for body in (first, second))
    assert before["url"] != after["url"]
    assert before["expires_at"] < after["expires_at"]


async def test_a_start_that_is_told_late_still_tells_of_the_start(render):
    body, _ = await render("job.started", status="failed", charged=0, error_code="engine_failed", error_message="No")
    payload = json.loads(body)["payload"]
    assert (payload["status"], payload["downloads"], payload["error"]) == ("rendering", [], None)
    assert payload["credits_charged"] == 2


async def test_a_failure_tells_the_refund(render):
    body, _ = await render("job.failed", status="failed", charged=0, error_code="engine_timeout", error_message="Slow")
    payload = json.loads(body)["payload"]
    assert payload["credits_charged"] == 0
    assert payload["error"] == {"message": "Slow", "code": "processing_timeout"}


def test_a_cancellation_is_not_told():
    assert "job.canceled" not in EVENT_TYPES
