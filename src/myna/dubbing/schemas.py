"""Dubs: a source, its lines, and each language that it is dubbed into."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Fit = Literal["natural", "absorbed", "paced", "stretched", "shortened", "overflow", "failed"]
"""How a line came into its place: as it was spoken; using the silence after it; spoken at another rate; stretched
besides; with a shorter text; too long and cut into the silence that there was (marked); not spoken (marked)."""


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
class Placement:
    """Where a spoken line lies in the dub. Seconds from the start."""

    number: int
    start: float
    end: float
    source_start: float
    rate: float
    """At which it is spoken; 1.0 is the voice's own."""
    stretch: float
    """How much faster it is played than it was spoken; 1.0 changes nothing."""
    fit: Fit


@dataclass(frozen=True, slots=True)
class DubbedLine:
    """A line in the language of the dub."""

    number: int
    speaker: str
    voice_id: str
    source_text: str
    text: str
    source_start: float
    source_end: float
    start: float
    end: float
    rate: float = 1.0
    stretch: float = 1.0
    fit: Fit = "natural"
    take: str = ""
    """Names the sound of the line, by all that it was made from."""
    error: str | None = None
    edited: bool = False
    """A person has changed it since."""


@dataclass(frozen=True, slots=True)
class Speaker:
    """Somebody who is heard in the source."""

    id: str
    name: str
    pitch: float
    """Hz, the median."""
    seconds: float
    """Of speech."""
    voice_id: str | None = None
    """The voice that was chosen for them; None: one that fits."""


@dataclass(frozen=True, slots=True)
class DubRequest:
    """What a dub is made from, and how."""

    target_languages: tuple[str, ...]
    """BCP 47 tags, at least one."""
    source_language: str | None = None
    """None: found out by an engine that can, else English."""
    source_url: str | None = None
    """Fetched by the job; without it the file lies in storage already."""
    file_name: str = ""
    """The client's, without folders; names the results."""
    voice_id: str | None = None
    """One voice for everybody; None: one that fits each speaker."""
    voices: dict[str, str] = field(default_factory=dict)
    """By speaker, or `language/speaker`."""
    clone_speakers: bool = False
    """Each speaker gets a clone of their own voice."""
    speakers: int | None = None
    """How many there are, when it is known."""
    transcript: str | None = None
    """What is said: plain lines, SRT or VTT. Replaces recognition."""
    use_subtitles: bool = False
    """Take the source's own subtitle track as the transcript."""
    translations: dict[str, str] = field(default_factory=dict)
    """By language: plain lines (as many as the source has), SRT or VTT. Replaces translation."""
    glossary: dict[str, str] = field(default_factory=dict)
    speed: float = 1.0
    """All lines are spoken at this rate, as far as there is room."""
    seed: int = 0
    most_stretch: float = 1.25
    on_failed_line: Literal["fail", "mark"] = "fail"
    """A line that cannot be spoken fails the job, or is left marked and silent."""
    keep_original: bool = False
    """The original sound as a second track."""
    subtitles: bool = True
    """Soft subtitle tracks of both languages."""
    background: bool = True
    """Keep what is heard besides speech."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)
