"""Jobs: accepted pieces of work."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

JobStatus = Literal["queued", "running", "succeeded", "failed", "canceled"]
JobKind = Literal["speech", "clone", "dub", "transcription"]

FINISHED: frozenset[str] = frozenset({"succeeded", "failed", "canceled"})


@dataclass(frozen=True, slots=True)
class NewJob:
    """Work to accept: the price is held and the job recorded in one transaction."""

    id: str
    account_id: str
    key_id: str | None
    kind: JobKind
    api: str
    """The API it came through: `native`, `stablecog`, `magichour`, `openai` …"""
    request: dict[str, Any]
    """What to do, as JSON."""
    price: int
    """Milli-credits."""
    name: str = ""
    base_url: str = ""
    """The address under which the client sees this server, for links in webhooks."""
    details: dict[str, Any] = field(default_factory=dict)
    """What the API that took the job wants to remember of it. JSON."""


@dataclass(frozen=True, slots=True)
class Job:
    """One accepted piece of work."""

    id: str
    account_id: str
    key_id: str | None
    kind: JobKind
    api: str
    status: JobStatus
    stage: str
    """What it is doing now, in a word."""
    progress: float
    """0 to 1."""
    request: dict[str, Any]
    details: dict[str, Any]
    price: int
    """Milli-credits that were held."""
    charged: int
    """Milli-credits: the price while it runs, what was settled afterwards, 0 when it failed."""
    hold_id: str
    name: str
    base_url: str
    error_code: str | None
    error_message: str | None
    created_at: datetime
    """Unique within the account, so that it can serve as a cursor."""
    updated_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    deleted_at: datetime | None

    @property
    def finished(self) -> bool:
        return self.status in FINISHED


@dataclass(frozen=True, slots=True)
class DayOfUse:
    """What an account did through one API on one day."""

    day: date
    """In UTC."""
    api: str
    jobs: int
    """Jobs that were accepted."""
    spent: int
    """Milli-credits."""
