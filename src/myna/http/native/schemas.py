"""What Myna's own API takes and gives. All amounts are credits, with up to three decimals; all times are UTC."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from myna.engines.base import Gender
from myna.engines.kinds import Kind as EngineKind
from myna.jobs.schemas import JobKind, JobStatus
from myna.media.formats import AudioFormat

Item = TypeVar("Item")


def _in_utc(moment: datetime) -> datetime:
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:
        raise ValueError("is not between the years 1 and 9999 in UTC") from None


UtcMoment = Annotated[datetime, AfterValidator(_in_utc)]
"""ISO 8601; UTC when it names no zone."""

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


EngineName = Annotated[str, Field(min_length=1, max_length=64)]
"""The name of an engine, as `GET /myna/v1/engines` shows it, or of one of its models."""


class Body(BaseModel):
    """What a client sends. A field that is not known is an error, so that a typing mistake shows."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Page(BaseModel, Generic[Item]):
    """Some items. Ask again with `cursor` = `next_cursor` until that is null."""

    data: list[Item]
    next_cursor: str | None


class Listing(BaseModel, Generic[Item]):
    """All items."""

    data: list[Item]


class Problem(BaseModel):
    """An error (RFC 9457), served as `application/problem+json`."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    """Stable: programs may rely on it."""
    request_id: str | None


class SpeechBody(Body):
    text: Annotated[str, Field(min_length=1)]
    voice: Annotated[str, Field(min_length=1, max_length=256)]
    """Id or name of a voice."""
    engine: EngineName | None = None
    """Who is to speak: an engine, or one of its models. That of the voice by default; one of another is refused."""
    language: Annotated[str, Field(max_length=35)] | None = None
    """BCP 47 tag of the text; the voice's own by default."""
    speed: Annotated[float, Field(ge=0.25, le=4, allow_inf_nan=False)] = 1.0
    temperature: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 0.0
    """0 is steady; 1 varies the most."""
    stability: Share | None = None
    """1 is steady, 0 is lively. Of a cloned voice, as it was kept by default."""
    similarity: Share | None = None
    """Of a cloned voice: how near to its recording. As it was kept by default."""
    dialect: Annotated[str, Field(max_length=40)] | None = None
    """Honoured by engines that know it."""
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0
    normalise: bool = True
    """Speak numbers, currency and dates in words."""
    denoise: bool = False
    remove_silence: bool = False
    loudness: Annotated[float, Field(ge=-40, le=-5, allow_inf_nan=False)] | None = -16.0
    """LUFS; null leaves the level alone."""
    format: AudioFormat = "mp3"
    sample_rate: Literal[8000, 16000, 22050, 24000, 44100, 48000] | None = None
    """Hz; the engine's own by default."""
    verify: bool | None = None
    """Have it heard by a recogniser, and sentences of which words are missing spoken again. As this server is set by
    default."""
    name: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    """For your own use."""


class JobError(BaseModel):
    code: str
    message: str


class Verification(BaseModel):
    """What a recogniser made of the speech."""

    score: float | None
    """The share of the words that was heard as written, 0 to 1; null when nothing was looked at."""
    attempts: int
    """Of the sentence that was spoken most often."""
    heard: str
    recogniser: str
    skipped: str
    """Why nothing, or not everything, was looked at; empty when everything was."""


class Output(BaseModel):
    id: str
    job_id: str
    url: str
    """Downloads the file without a key until `url_expires_at`."""
    url_expires_at: datetime
    file_name: str
    media_type: str
    size: int
    """Bytes."""
    duration: float
    """Seconds."""
    sample_rate: int
    waveform: list[float]
    """50 levels, 0 to 1."""
    text: str
    settings: dict[str, Any]
    verification: Verification | None = None
    """Of speech that was verified."""
    favorite: bool
    created_at: datetime


class Job(BaseModel):
    id: str
    kind: JobKind
    api: str
    """The API it came through."""
    name: str
    status: JobStatus
    stage: str
    progress: float
    """0 to 1."""
    price: float
    charged: float
    """The price while it runs, what it cost afterwards, 0 when it failed."""
    error: JobError | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


class JobWithOutputs(Job):
    outputs: list[Output]


class OutputQuery(BaseModel):
    """Which outputs to list."""

    favorite: bool | None = None
    search: Annotated[str | None, Field(max_length=200)] = None
    """Part of the text, in any case."""
    api: Annotated[str | None, Field(max_length=32)] = None
    created_from: UtcMoment | None = None
    created_to: UtcMoment | None = None


class OutputChange(Body):
    favorite: bool


class Link(BaseModel):
    url: str
    expires_at: datetime


class Voice(BaseModel):
    id: str
    name: str
    engine: str
    languages: list[str]
    """BCP 47 tags, its own first."""
    gender: Gender
    description: str
    kind: Literal["stock", "cloned"]


class Finding(BaseModel):
    """Something about a recording, and what to do about it."""

    code: str
    message: str
    remedy: str


class IntakeReport(BaseModel):
    """What was found in a recording. Later versions may tell more."""

    model_config = ConfigDict(extra="allow")

    duration: float
    """Seconds of the whole recording."""
    speech_seconds: float
    """Seconds in which somebody speaks."""
    suggested_trim: tuple[float, float]
    """Seconds, from and to: the stretch that is used, and in which all that follows was measured."""
    snr_db: float
    """Speech over noise."""
    clipping: float
    """Share of samples at the highest level."""
    loudness_lufs: float
    bandwidth_hz: float
    """The highest frequency that sounds."""
    second_speaker: bool
    """Somebody else seems to speak too."""
    speaker_consistency: float | None
    transcript_match: float | None
    """0 to 1; null when no text was given, or its language cannot be checked."""
    denoised: bool
    warnings: list[Finding]
    """What makes the voice poorer than it could be."""
    refusals: list[Finding]
    """Why no voice can be made of it; empty when one can."""


class ConsentFacts(BaseModel):
    """Who said that the recording may be used."""

    affirmed_at: datetime
    affirmed_by: str | None
    """Id of the API key; null is the operator."""
    consent_id: str | None


class OwnVoice(BaseModel):
    """A voice that was cloned from a recording."""

    id: str
    record_id: str
    """A UUID; finds the voice as well as `id`."""
    name: str
    engine: str
    """The only engine that speaks it."""
    quality: str
    """How near it comes: `matched` (moved towards the recording) or `neural`."""
    languages: list[str]
    """BCP 47 tags, as given."""
    dialects: list[str]
    gender: str | None
    age: str | None
    description: str | None
    avatar_url: str | None
    kind: Literal["cloned"] = "cloned"
    stability: float
    similarity: float
    transcript: str | None
    report: dict[str, Any]
    """The intake report, as it was when the voice was made."""
    reference_hash: str
    """SHA-256 of the recording as it was sent."""
    preview_verified: bool
    """The preview was made here, from this recording."""
    consent: ConsentFacts
    reference_url: str | None
    """Downloads what was kept of the recording, until `urls_expire_at`."""
    preview_url: str | None
    urls_expire_at: datetime
    api: str
    """The API through which it was made."""
    created_at: datetime
    updated_at: datetime


class VoiceChange(Body):
    """What to change; null empties what may be empty. The sound stays."""

    name: str | None = None
    description: str | None = None
    gender: Gender | None = None
    age: str | None = None
    languages: list[str] | None = None
    dialects: list[str] | None = None
    avatar_url: str | None = None
    stability: Share | None = None
    similarity: Share | None = None


class DeletedVoice(BaseModel):
    id: str
    deleted: Literal[True] = True
    removed: list[str]
    """What was kept and is gone: of `reference`, `preview`, `prepared` (what the engine knew of it), `sample`."""


class VoiceConsent(BaseModel):
    """A recording in which a speaker agrees."""

    id: str
    name: str
    language: str
    affirmed_by: str | None
    created_at: datetime


class Engine(BaseModel):
    name: str
    kind: EngineKind
    """`speech`, `recognition` (sound into text), `translation`, `separation` (of voices from the rest), `denoising`."""
    available: bool
    reason: str | None
    """Why it is not available."""
    description: str | None = None
    version: str | None = None
    licence: str | None = None
    languages: list[str] = []
    pairs: list[list[str]] = []
    """From and to, of a translator."""
    any_pair: bool = False
    """A translator of any language into any other."""
    sample_rate: int | None = None
    streaming: bool = False
    word_timestamps: bool = False
    cloning: bool = False
    blending: bool = False
    """Speaks blends of its stock voices."""
    one_language: bool = False
    """Each of its stock voices speaks its own language only."""
    dialects: list[str] = []
    stems: list[str] = []
    """What it tells apart, of one that separates."""
    models: list[str] = []
    """Those that may be named in place of the engine."""
    options: list[str] = []
    """What it honours, of what a request may ask for."""


class NewWebhook(Body):
    url: Annotated[str, Field(min_length=1, max_length=2000)]
    events: Annotated[list[str], Field(max_length=20)] = []
    """Types of events; empty for all."""
    style: Annotated[str, Field(max_length=32)] = "standard"
    """`standard` (Standard Webhooks) or `magichour`."""


class WebhookChange(Body):
    enabled: bool


class Webhook(BaseModel):
    id: str
    url: str
    style: str
    events: list[str]
    enabled: bool
    failing_since: datetime | None
    created_at: datetime


class WebhookWithSecret(Webhook):
    secret: str | None
    """Verifies signatures. Shown when it is made, and null when the same request is answered again."""


class Delivery(BaseModel):
    id: str
    event_id: str
    status: str
    attempts: int
    last_status: int | None
    last_error: str | None
    created_at: datetime
    next_attempt_at: datetime | None
    delivered_at: datetime | None


class Account(BaseModel):
    id: str
    name: str
    role: str
    created_at: datetime


class NewKey(Body):
    name: Annotated[str, Field(min_length=1, max_length=200)]


class Key(BaseModel):
    id: str
    name: str
    hint: str
    uses: int
    spent: float
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class KeyWithToken(Key):
    token: str | None
    """Shown once, and null when the same request is answered again."""


class Credit(BaseModel):
    type: str
    amount: float
    remaining: float
    expires_at: datetime


class Credits(BaseModel):
    balance: float
    credits: list[Credit]


class LedgerEntry(BaseModel):
    id: str
    kind: str
    amount: float
    """Positive gives, negative takes."""
    created_at: datetime


class DayOfUse(BaseModel):
    day: date
    api: str
    jobs: int
    spent: float


class Usage(BaseModel):
    since: datetime
    until: datetime
    spent: float
    days: list[DayOfUse]


class RatePolicy(BaseModel):
    name: str
    quota: int
    window_seconds: int
    per: Literal["key", "address"]


class Limits(BaseModel):
    max_json_bytes: int
    max_upload_bytes: int
    max_text_characters: int
    max_openai_input_characters: int
    max_queued_jobs: int
    max_concurrent_streams: int
    max_webhook_endpoints: int
    max_reference_bytes: int
    min_reference_seconds: float
    max_reference_seconds: float
    max_voices: int
    """Cloned voices of one account."""
    max_concurrent_clones: int
    max_dub_bytes: int
    """Of the source of a dub, sent or fetched."""
    max_inline_film_bytes: int
    """Of the source of a dub that is sent within JSON, as a data URL."""
    max_dub_seconds: float
    dub_fetch_seconds: float
    """How long the source may take to come from its address."""
    max_video_width: int
    """Pixels of the longer side."""
    max_video_height: int
    """Pixels of the shorter side."""
    max_frames_per_second: float
    max_sound_tracks: int
    max_preview_characters: int
    consent: Literal["affirmed", "recording"]
    """What a clone needs; `recording` is also a consent recording of the speaker."""
    verified_previews: bool
    """A voice is kept only with a preview that was made here."""
    max_idempotency_key_characters: int
    max_replayed_answer_bytes: int
    link_seconds: float
    idempotency_hours: float
    upload_days: float
    rate_limits: list[RatePolicy]
    """Empty when they are off."""
