"""Webhooks: telling somebody else's server what happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

DeliveryStatus = Literal["pending", "delivered", "failed"]

STYLES: dict[str, frozenset[str]] = {
    "standard": frozenset({"job.started", "job.succeeded", "job.failed", "job.canceled", "endpoint.disabled"}),
    "magichour": frozenset({"job.started", "job.succeeded", "job.failed"}),
}
"""The event types that each style has words for."""

JOB_STYLES: dict[str, frozenset[str]] = {"modelslab": frozenset({"job.succeeded", "job.failed"})}
"""The same for addresses that a single request names, in the job's detail `webhook`: `{"url": …, "style": …}`. They
hear of that job alone, nobody registers them, and they are not listed."""


class EndpointSecret(str):
    """What signs the events of an endpoint: `whsec_` and base64.

    `previous` is the secret before the last rotation. Signatures are made with both, so that a receiver can change
    over when it likes; one that has changed over no longer accepts the old secret.
    """

    previous: str | None

    def __new__(cls, value: str, previous: str | None = None) -> EndpointSecret:
        secret = super().__new__(cls, value)
        secret.previous = previous
        return secret


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address that wants to hear of events."""

    id: str
    account_id: str
    url: str
    style: str
    """`standard` (Standard Webhooks), or a vendor whose shape and signature are used, such as `magichour`."""
    events: tuple[str, ...]
    """Types it wants; empty for all of its style."""
    enabled: bool
    secret_version: int
    created_at: datetime
    failing_since: datetime | None
    """The first failed attempt since the last that succeeded."""
    deleted_at: datetime | None = None

    def wants(self, type: str, api: str) -> bool:
        """A vendor's style is for what came through the vendor's API; `standard` is for everything."""
        return (
            self.enabled
            and self.style in ("standard", api)
            and type in STYLES.get(self.style, ())
            and (not self.events or type in self.events)
        )


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a job. The id stays the same over all attempts."""

    id: str
    account_id: str
    type: str
    """`job.started`, `job.succeeded`, `job.failed`, `job.canceled`, or `endpoint.disabled`."""
    job_id: str
    data: dict[str, Any]
    """A few facts of the job at that moment. JSON."""
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event on its way to one endpoint."""

    id: str
    event_id: str
    endpoint_id: str
    status: DeliveryStatus
    attempts: int
    """Since it was recorded, or replayed by hand."""
    last_status: int | None
    """What the endpoint answered."""
    last_error: str | None
    created_at: datetime
    next_attempt_at: datetime | None
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True)
class Shipment:
    """A delivery with what it takes to make it."""

    delivery: Delivery
    event: Event
    endpoint: Endpoint
