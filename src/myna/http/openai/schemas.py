"""What OpenAI's clients send and read."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag

from myna.http.limits import OPENAI_LONGEST_INPUT
from myna.media.formats import AudioFormat
from myna.voices.fields import LONGEST_NAME, checked_name

Name = Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(lambda text: checked_name(text))]
LanguageTag = Annotated[str, Field(max_length=35, pattern=r"^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$")]
"""BCP 47, by its form."""


class VoiceReference(BaseModel):
    """A voice by its id."""

    model_config = ConfigDict(strict=True, extra="forbid")

    id: Annotated[str, Field(min_length=1, max_length=256)]


def _form_of_voice(value: object) -> str:
    return "voice reference" if isinstance(value, dict | VoiceReference) else "voice name"


_VoiceName = Annotated[str, Field(min_length=1, max_length=256)]
_VoiceField = Annotated[
    Annotated[_VoiceName, Tag("voice name")] | Annotated[VoiceReference, Tag("voice reference")],
    Discriminator(_form_of_voice),
]


class SpeechBody(BaseModel):
    """The body of POST /v1/audio/speech. Unknown fields are ignored: the SDK's `extra_body` may send anything."""

    model_config = ConfigDict(strict=True, extra="ignore")

    model: Annotated[str, Field(min_length=1, max_length=256)]
    input: Annotated[str, Field(min_length=1, max_length=OPENAI_LONGEST_INPUT)]
    voice: _VoiceField
    instructions: Annotated[str, Field(max_length=4096)] | None = None
    """Accepted; the embedded engines cannot follow it."""
    response_format: AudioFormat | None = None
    speed: Annotated[float, Field(ge=0.25, le=4.0, allow_inf_nan=False)] | None = None
    stream_format: Literal["audio", "sse"] | None = None


class Model(BaseModel):
    """One entry of GET /v1/models."""

    id: str
    object: Literal["model"] = "model"
    created: int
    """Unix time."""
    owned_by: str


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[Model]


class ListedVoice(BaseModel):
    id: str
    name: str
    languages: list[str] | None = None
    """BCP 47 tags, of the voices of this server: another Myna that speaks through this one wants to know."""
    gender: str | None = None


class VoiceList(BaseModel):
    voices: list[ListedVoice]


class ConsentForm(BaseModel):
    """The fields of POST /v1/audio/voice_consents beside the recording."""

    name: Name
    language: LanguageTag


class VoiceForm(BaseModel):
    """The fields of POST /v1/audio/voices beside the sample."""

    name: Name
    consent: Annotated[str, Field(min_length=1, max_length=256)]


class VoiceConsent(BaseModel):
    """A recording in which a speaker agrees."""

    object: Literal["audio.voice_consent"] = "audio.voice_consent"
    id: str
    name: str
    language: str
    created_at: int
    """Unix time."""


class VoiceConsentList(BaseModel):
    object: Literal["list"] = "list"
    data: list[VoiceConsent]
    first_id: str | None
    last_id: str | None
    has_more: bool


class VoiceConsentName(BaseModel):
    """The body of POST /v1/audio/voice_consents/{id}."""

    model_config = ConfigDict(strict=True, extra="ignore")

    name: Name


class DeletedVoiceConsent(BaseModel):
    object: Literal["audio.voice_consent"] = "audio.voice_consent"
    id: str
    deleted: Literal[True] = True


class CustomVoice(BaseModel):
    object: Literal["audio.voice"] = "audio.voice"
    id: str
    name: str
    created_at: int
    """Unix time."""
    type: Literal["audio_sample"] = "audio_sample"


class DeletedVoice(BaseModel):
    object: Literal["audio.voice.deleted"] = "audio.voice.deleted"
    id: str
    deleted: Literal[True] = True


class Usage(BaseModel):
    """Estimates: this server counts characters and seconds, not tokens."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
