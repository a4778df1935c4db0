"""Dubs: a source, its lines, and each language that it is dubbed into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal

from myna.jobs.schemas import Job
from myna.transcription.schemas import SourceLine as SourceLine
from myna.transcription.schemas import TimedWord as TimedWord

Fit = Literal["natural", "absorbed", "paced", "stretched", "shortened", "overflow", "failed"]
"""How a line came into its place: as it was spoken; using the silence after it; spoken at another rate; stretched
besides; with a shorter text; too long and cut into the silence that there was (marked); not spoken (marked)."""


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
    engine: str = ""
    """Who speaks: an engine, or one of its models; empty: the voices decide, and they are of the preferred engine."""
    recogniser: str = ""
    """Who hears: an engine, or one of its models; empty: the preferred one that understands the language."""
    translator: str = ""
    """The engine that translates; empty: the preferred one that can."""
    separator: str = ""
    """The engine that takes voices out of the rest; empty: the preferred one, if there is any."""
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

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> DubRequest:
        return cls(**{**document, "target_languages": tuple(document["target_languages"])})


STAGES = (
    "fetch",
    "probe",
    "extract",
    "listen",
    "separate",
    "speakers",
    "transcribe",
    "translate",
    "speak",
    "plan",
    "fit",
    "mix",
    "mux",
    "verify",
    "publish",
)
"""What a dub goes through, in order. What separates needs to know where somebody speaks, so it listens first."""


@dataclass(frozen=True, slots=True)
class StageRecord:
    """What a stage took in the last job of a dub."""

    starts: int
    """How often it was begun: more than once when a node died in it."""
    seconds: float
    """Of its last, finished run; 0 while it runs."""
    engines: tuple[str, ...] = ()
    """Who did its work, of stages that chose an engine."""


FileName = Literal["result", "dialogue", "bed", "source_srt", "source_vtt", "target_srt", "target_vtt"]


@dataclass(frozen=True, slots=True)
class DubFile:
    """A file of a dub in the storage."""

    object_key: str
    file_name: str
    """Under which it is downloaded."""
    media_type: str
    size: int
    """Bytes."""
    made_by: str = ""
    """Of a background: the engine that took the voices out of it; empty where none did."""


@dataclass(frozen=True, slots=True)
class DubTarget:
    """One language of a dub."""

    language: str
    lines: tuple[DubbedLine, ...]
    """Of the finished dub, with the changes since; while the first job runs, as far as it has come."""
    files: Mapping[str, DubFile]
    """By `FileName`; empty until it is finished for the first time."""
    output_id: str | None
    """The output of the last finished job; the result is its file."""
    levels: Mapping[str, float] = field(default_factory=dict)
    """dB that each speaker was raised by, once measured. Kept, so that a changed line changes no other."""

    @property
    def changed(self) -> tuple[DubbedLine, ...]:
        """The lines that the next job speaks anew."""
        return tuple(line for line in self.lines if line.edited or line.fit == "failed")


@dataclass(frozen=True, slots=True)
class Dub:
    """A source and all languages that it is dubbed into."""

    id: str
    """That of its first job."""
    account_id: str
    job: Job
    """The last one: its status, stage, progress, price and error are those of the dub."""
    api: str
    name: str
    """The name of the file that was sent, without folders."""
    request: DubRequest
    source: Mapping[str, Any]
    """What the source is made of, as `MediaInfo.as_json` says; empty until it is known."""
    source_language: str | None
    """BCP 47 tag; None until it is known."""
    speakers: tuple[Speaker, ...]
    lines: tuple[SourceLine, ...]
    targets: tuple[DubTarget, ...]
    """In the order of the request."""
    stages: Mapping[str, StageRecord]
    """Of the last job, by name."""
    price_per_second: int
    """Milli-credits for a second of the source in one language."""
    created_at: datetime
    updated_at: datetime

    @property
    def duration(self) -> float | None:
        """Seconds of the source, when known."""
        return self.source.get("duration")

    @property
    def bed(self) -> Literal["separated", "ducked"] | None:
        """How the voices were taken out of the background: by an engine that separates, or turned down to the level of
        the pauses. None: there is none, or it is not yet finished."""
        made = next((target.files["bed"] for target in self.targets if "bed" in target.files), None)
        if made is None:
            return None
        return "separated" if made.made_by else "ducked"

    def target(self, language: str) -> DubTarget | None:
        return next((target for target in self.targets if target.language == language), None)


@dataclass(frozen=True, slots=True)
class LineEdit:
    """What to change of a line; None leaves it as it is."""

    text: str | None = None
    speaker: str | None = None
    voice_id: str | None = None
    start: float | None = None
    """Seconds: where it is to begin."""
    end: float | None = None
    """Seconds: until when it is to be said."""


@dataclass(frozen=True, slots=True)
class Quote:
    """What dubbing the changed lines anew costs."""

    price: int
    """Milli-credits, held when it is begun; no more is charged."""
    lines: Mapping[str, tuple[int, ...]]
    """The numbers of the lines that will be spoken anew, by language; all of them where nothing is finished yet."""
    seconds: float
    """Of the source that are paid for, all languages together."""
