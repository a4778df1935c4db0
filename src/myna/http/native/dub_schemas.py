"""What the native dub API takes and gives. Times are seconds from the start of the source."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import UploadFile
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from myna.dubbing.schemas import Fit
from myna.http.native.forms import separated
from myna.http.native.schemas import Body, EngineName, JobError
from myna.jobs.schemas import JobStatus

_LONGEST_SCRIPT = 500_000
"""Characters: two hours of speech have less."""

Tag = Annotated[str, Field(min_length=2, max_length=35)]
VoiceName = Annotated[str, Field(min_length=1, max_length=256)]
Script = Annotated[str, Field(min_length=1, max_length=_LONGEST_SCRIPT)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _from_json(value: Any) -> Any:
    """A field of a form that holds an object, as JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError('is not JSON, such as {"es": "text"}') from None


class DubOptions(BaseModel):
    """How a source is dubbed, in a form or as JSON. A field that is not known is an error."""

    model_config = ConfigDict(extra="forbid")

    target_languages: Annotated[list[Tag], BeforeValidator(separated), Field(min_length=1)]
    """BCP 47 tags. The source is heard once for all of them."""
    source_language: Tag | None = None
    """English by default, unless an engine can find out."""
    name: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    """Names the results; that of the file by default."""
    voice: VoiceName | None = None
    """One voice for everybody; by default each speaker gets one that fits."""
    voices: Annotated[dict[str, VoiceName], BeforeValidator(_from_json)] = {}
    """By `speaker-1`, for one language by `es/speaker-1`, for everybody in one language by `es`."""
    engine: EngineName | None = None
    """Who speaks: an engine, or one of its models. By default the preferred one, or that of a named voice."""
    recogniser: EngineName | None = None
    """Who hears: an engine, or one of its models. The preferred one that understands the language by default."""
    translator: EngineName | None = None
    """The engine that translates. The preferred one that can by default."""
    separator: EngineName | None = None
    """The engine that takes voices out of the rest. The preferred one by default, if there is any."""
    clone_speakers: bool = False
    """Each speaker gets a clone of their own voice. You need the right to use their voices."""
    speakers: Annotated[int, Field(ge=1, le=20)] | None = None
    """How many speak, when you know it."""
    transcript: Script | None = None
    """What is said: plain lines, SRT or VTT. Nothing is recognised then, so any language will do."""
    use_subtitles: bool = False
    """Take the source's own subtitle track as the transcript."""
    translations: Annotated[dict[str, Script], BeforeValidator(_from_json)] = {}
    """By language: plain lines, as many as the source has, or SRT or VTT. Nothing is translated then."""
    glossary: Annotated[dict[str, str], BeforeValidator(_from_json)] = {}
    """Words, and what they are always translated to."""
    speed: Annotated[float, Field(ge=0.5, le=2, allow_inf_nan=False)] = 1.0
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    most_stretch: Annotated[float, Field(ge=1, le=2, allow_inf_nan=False)] = 1.25
    """How much faster a line may be played than it was spoken."""
    on_failed_line: Literal["fail", "mark"] = "fail"
    """What happens when a line cannot be spoken: the dub fails and names it, or it is marked and left silent."""
    keep_original: bool = False
    """The original sound as a second track."""
    subtitles: bool = True
    """Subtitle tracks in both languages."""
    background: bool = True
    """Keep what is heard besides speech."""


class DubForm(DubOptions):
    """With the file in it."""

    model_config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)

    file: UploadFile
    """A film (MP4, MOV, MKV, WebM) or a recording."""


class DubBody(DubOptions):
    """With the address of the file, or with the file as a data URL."""

    url: Annotated[str, Field(min_length=1)]


class LineBody(Body):
    """What to change of a line. What is left out stays."""

    language: Tag
    """Of the dub."""
    text: Annotated[str, Field(min_length=1)] | None = None
    speaker: Annotated[str, Field(max_length=40)] | None = None
    voice: VoiceName | None = None
    start: Seconds | None = None
    """Where it is to begin."""
    end: Seconds | None = None
    """Until when it is to be said."""


class ScriptBody(Body):
    text: Script
    """Plain lines, one for each line of the source, or SRT or VTT."""


class SpeakerBody(Body):
    name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    voice: VoiceName | None = None
    """All their lines are spoken anew with it."""
    language: Tag | None = None
    """In this language alone; by default in all."""


class DubFile(BaseModel):
    url: str
    """Downloads the file without a key until `url_expires_at`."""
    url_expires_at: datetime
    file_name: str
    media_type: str
    size: int
    """Bytes."""


class DubTarget(BaseModel):
    language: str
    output_id: str | None
    files: dict[str, DubFile]
    """`result`, `dialogue`, `bed`, `source_srt`, `source_vtt`, `target_srt`, `target_vtt`; empty until it is done."""
    changed_lines: list[int]
    """Lines that the next `redub` speaks anew."""
    marked_lines: list[int]
    """Lines to look at: too long and cut (`overflow`), or not spoken (`failed`)."""


class DubSpeaker(BaseModel):
    id: str
    name: str
    pitch: float
    """Hz, the median."""
    seconds: float
    """Of speech."""
    voice: str | None


class Stage(BaseModel):
    starts: int
    """More than one when a node died in it."""
    seconds: float
    engines: list[str]
    """Who did the work of `separate`, `transcribe`, `translate` and `speak`; empty where no engine was needed."""


class Dub(BaseModel):
    id: str
    job_id: str
    """Of its last job; `GET /myna/v1/jobs/{job_id}` shows that alone."""
    name: str
    status: JobStatus
    stage: str
    progress: float
    """0 to 1, of the whole."""
    price: float
    charged: float
    error: JobError | None
    duration: float | None
    """Seconds of the source, when known."""
    source_language: str | None
    speakers: list[DubSpeaker]
    targets: list[DubTarget]
    bed: Literal["separated", "ducked"] | None
    """How the voices were taken out of the background: by an engine that separates, or turned down to the level of the
    pauses. None: it is not finished, or has no background."""
    stages: dict[str, Stage]
    """What each stage of the last job took."""
    created_at: datetime
    updated_at: datetime


class DubLine(BaseModel):
    number: int
    speaker: str
    voice: str
    source_text: str
    text: str
    source_start: float
    source_end: float
    start: float
    end: float
    rate: float
    """At which it is spoken; 1 is the voice's own."""
    stretch: float
    """How much faster it is played than it was spoken."""
    fit: Fit
    error: str | None
    changed: bool
    """Since it was spoken."""


class Quote(BaseModel):
    price: float
    """Credits that `redub` would cost."""
    seconds: float
    """Of the source that are paid for, all languages together."""
    lines: dict[str, list[int]]
    """The lines that will be spoken anew, by language."""
