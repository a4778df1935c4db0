"""What is said in a source, and when."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from myna.engines.base import Samples

ReadSound = Callable[[float, float], Samples]
"""Mono sound from a second of the source to another. It may read a file; it is called in a thread."""

Progress = Callable[[float], Awaitable[None]]
"""Told what share of the work is done, 0 to 1."""


@dataclass(frozen=True, slots=True)
class TimedWord:
    """Seconds from the start of the source."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class SourceLine:
    """What one speaker says without a longer pause: a sentence, or less."""

    number: int
    """From 1, in order of time."""
    start: float
    end: float
    speaker: str
    """`speaker-1`, `speaker-2` …"""
    text: str
    words: tuple[TimedWord, ...] = ()


@dataclass(frozen=True, slots=True)
class Transcript:
    """All that was heard, in order."""

    language: str
    """BCP 47 tag."""
    words: tuple[TimedWord, ...]


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    """What is wanted of a recording."""

    language: str | None = None
    """BCP 47 tag; None: found out by an engine that can, else English."""
    timestamps: Literal["word", "sentence"] | None = None
    """None gives the text alone."""
    engine: str = ""
    """Who hears: an engine, or one of its models; empty: the preferred one that understands the language."""
