"""Webhooks: telling somebody else's server what happened."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

DeliveryStatus = Literal["pending", "delivered", "failed"]


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


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a job. The id stays the same over all attempts."""

    id: str
    account_id: str
    type: str
    """`job.started`, `job.succeeded`, `job.failed`, `job.canceled`."""
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
    last_status: int | None
    last_error: str | None
    created_at: datetime
    next_attempt_at: datetime | None
    delivered_at: datetime | None
