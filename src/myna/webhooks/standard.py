"""Standard Webhooks 1.0.0 (standardwebhooks.com): the body and its signature.

`webhook-signature: v1,<base64 of HMAC-SHA256(secret, "{id}.{timestamp}.{body}")>`, one for each valid secret. The
timestamp, and so the signature, is new for each attempt; the id stays.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime

from myna.jobs.schemas import Job
from myna.kit import clock
from myna.webhooks.schemas import Endpoint, EndpointSecret, Event

_PREFIX = "whsec_"


async def render_standard(event: Event, _job: Job, _endpoint: Endpoint, secret: str) -> tuple[bytes, dict[str, str]]:
    """The body (less than 20 kB) and the headers of one attempt."""
    content = {"type": event.type, "timestamp": clock.milliseconds_z(event.created_at), "data": event.data}
    body = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    return body, signed_headers(event.id, body, secret, clock.now())


def signed_headers(message_id: str, body: bytes, secret: str, at: datetime) -> dict[str, str]:
    """`at` becomes the timestamp. A secret that was rotated signs too."""
    timestamp = int(at.timestamp())
    previous = secret.previous if isinstance(secret, EndpointSecret) else None
    signatures = [sign(message_id, timestamp, body, key) for key in (secret, previous) if key]
    return {
        "content-type": "application/json",
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def sign(message_id: str, timestamp: int, body: bytes, secret: str) -> str:
    """`v1,…`. `timestamp` is in Unix seconds, `secret` is `whsec_` and base64."""
    key = base64.b64decode(secret.removeprefix(_PREFIX))
    content = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode()
