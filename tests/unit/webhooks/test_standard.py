"""Bodies and signatures, verified by the reference library."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from myna.kit import clock
from myna.webhooks.schemas import EndpointSecret
from myna.webhooks.standard import render_standard, sign, signed_headers
from tests.fixtures.webhooks import make_endpoint, make_event, make_job

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OTHER = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def test_the_example_of_the_specification() -> None:
    signature = sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', SECRET)
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(st.text(max_size=200), st.binary(min_size=24, max_size=64))
def test_the_reference_library_accepts_it(text: str, key: bytes) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    body = json.dumps({"data": text}).encode()
    headers = signed_headers("evt_1", body, secret, datetime.now(UTC))
    assert Webhook(secret).verify(body, headers) == {"data": text}


def test_an_altered_body_is_not_accepted() -> None:
    headers = signed_headers("evt_1", b'{"a":1}', SECRET, datetime.now(UTC))
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(b'{"a":2}', headers)


def test_after_a_rotation_both_secrets_verify() -> None:
    body = b'{"a":1}'
    headers = signed_headers("evt_1", body, EndpointSecret(SECRET, OTHER), datetime.now(UTC))
    assert len(headers["webhook-signature"].split()) == 2
    assert Webhook(SECRET).verify(body, headers) == {"a": 1}
    assert Webhook(OTHER).verify(body, headers) == {"a": 1}


async def test_the_body_is_thin_and_says_what_happened() -> None:
    job = make_job(name="Grüße 🐦")
    event = make_event(job, "job.succeeded", {"id": job.id, "status": "succeeded", "name": job.name})
    body, headers = await render_standard(event, job, make_endpoint(), SECRET)
    content = Webhook(SECRET).verify(body, headers)
    assert content == {
        "type": "job.succeeded",
        "timestamp": clock.milliseconds_z(event.created_at),
        "data": {"id": job.id, "status": "succeeded", "name": "Grüße 🐦"},
    }
    assert headers["webhook-id"] == event.id
    assert headers["content-type"] == "application/json"
    assert len(body) < 20_000
