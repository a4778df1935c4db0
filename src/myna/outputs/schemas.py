"""Outputs: files that jobs made."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from myna.jobs.schemas import Job


@dataclass(frozen=True, slots=True)
class NewOutput:
    """A stored file to record."""

    id: str
    object_key: str
    file_name: str
    media_type: str
    size: int
    """Bytes."""
    duration: float
    """Seconds."""
    sample_rate: int
    waveform: tuple[float, ...]
    """50 levels, 0 to 1."""
    text: str
    """What was asked for, verbatim."""
    settings: dict[str, Any] = field(default_factory=dict)
    """How it was made, in the words of the API that asked. JSON."""
    was_auto_submitted: bool = False


@dataclass(frozen=True, slots=True)
class Output:
    """A file that a job made."""

    id: str
    job: Job
    account_id: str
    object_key: str
    file_name: str
    media_type: str
    size: int
    duration: float
    sample_rate: int
    waveform: tuple[float, ...]
    text: str
    prompt_id: str
    """The same text always has the same id."""
    settings: dict[str, Any]
    is_favorited: bool
    was_auto_submitted: bool
    created_at: datetime
    """Unique within the account: when its job was accepted."""
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class OutputFilter:
    """Which outputs to list. What is None does not matter."""

    created_from: datetime | None = None
    """Inclusive."""
    created_to: datetime | None = None
    """Inclusive."""
    is_favorited: bool | None = None
    was_auto_submitted: bool | None = None
    prompt_id: str | None = None
    api: str | None = None
    search: str | None = None
    """Part of the text, in any case."""


Order = Literal["asc", "desc"]
