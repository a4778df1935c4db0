"""Magic Hour's webhooks: their body and their signature. https://docs.magichour.ai/integration/webhook"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace
from datetime import timedelta

from myna.http.magichour.mapping import Addresses, audio_project
from myna.http.magichour.schemas import EventType, WebhookBody
from myna.jobs.schemas import Job
from myna.kit import clock
from myna.outputs.service import OutputService
from myna.settings import Settings
from myna.storage.links import LinkSigner
from myna.webhooks.schemas import Endpoint, Event

EVENT_TYPES: dict[str, EventType] = {
    "job.started": "audio.started",
    "job.succeeded": "audio.completed",
    "job.failed": "audio.errored",
}
"""Our events in the vendor's words. It has none for a project that was canceled."""


class MagicHourRenderer:
    """Makes the body of one attempt: exactly what a GET of the project answers, with fresh links, signed anew."""

    def __init__(self, settings: Settings, outputs: OutputService, links: LinkSigner) -> None:
        self._link_life = timedelta(seconds=settings.link_seconds)
        self._outputs = outputs
        self._links = links

    async def __call__(self, event: Event, job: Job, endpoint: Endpoint, secret: str) -> tuple[bytes, dict[str, str]]:
        """The body and its headers."""
        now = clock.now()
        job = _as_told_by(event, job)
        outputs = await self._outputs.of_job(job.id)
        project = audio_project(job, outputs, Addresses(self._links, job.base_url, now + self._link_life))
        body = WebhookBody(type=EVENT_TYPES[event.type], payload=project).model_dump_json().encode()
        return body, signature_headers(body, secret, int(now.timestamp()))


def signature_headers(body: bytes, secret: str, timestamp: int) -> dict[str, str]:
    """HMAC-SHA256 of `timestamp.body` in lower-case hex; the key is the secret as it is written, `whsec_` included."""
    message = str(timestamp).encode() + b"." + body
    return {
        "Content-Type": "application/json",
        "magic-hour-event-timestamp": str(timestamp),
        "magic-hour-event-signature": hmac.new(secret.encode(), message, hashlib.sha256).hexdigest(),
    }


def _as_told_by(event: Event, job: Job) -> Job:
    """A job may have ended before `audio.started` is delivered; that event still tells of its start."""
    if event.type != "job.started":
        return job
    return replace(job, status="running", charged=job.price, error_code=None, error_message=None)
