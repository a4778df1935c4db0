"""The wire of Munsit's API: what clients send and what they get, in the vendor's own order of fields."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

LONGEST_TEXT = 5_000
"""Characters of one speech. The vendor names no limit; this is what its clients keep to."""
SLOWEST, FASTEST = 0.7, 1.2
LOWEST_RATE, HIGHEST_RATE = 8_000, 48_000
RATE = 24_000
"""Hz when nobody says otherwise."""
STABILITY = 0.5
"""Of a voice that has none of its own."""
DEFAULT_SOCKET_MODEL = "faseeh-mini-v1-preview"

Dialect = Literal["auto", "emirati", "fusha"]
OutputFormat = Literal["pcm_8000", "pcm_16000", "pcm_22050", "pcm_24000"]


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("the character U+0000 is not text")
    return text


def _whole(number: Any) -> Any:
    """JSON has one kind of number: 24000 and 24000.0 are the same."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


Text = Annotated[str, Field(max_length=LONGEST_TEXT), AfterValidator(_storable)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Speed = Annotated[float, Field(ge=SLOWEST, le=FASTEST, allow_inf_nan=False)]
SampleRate = Annotated[int, BeforeValidator(_whole), Field(ge=LOWEST_RATE, le=HIGHEST_RATE)]

A_SHARE = "{} must be a number between 0 and 1"
BODY_MESSAGES = {
    "voice_id": "voice_id must be a string",
    "stability": A_SHARE.format("stability"),
    "streaming": "streaming must be a boolean",
    "speed": f"speed must be a number between {SLOWEST} and {FASTEST}",
    "sample_rate": f"sample_rate must be an integer between {LOWEST_RATE} and {HIGHEST_RATE}",
    "dialect": "dialect must be one of: auto, emirati, fusha",
    "text": f"text must be a string of at most {LONGEST_TEXT} characters",
}
"""What is said about a field that is not right."""
CHANGE_MESSAGES = {
    "name": "name must be a string",
    "stability": A_SHARE.format("stability"),
    "languages": "languages must be an array of strings",
    "dialects": "dialects must be an array of strings",
}
SOCKET_MESSAGES = {
    "voice_settings.stability": A_SHARE.format("stability"),
    "voice_settings.similarity_boost": A_SHARE.format("similarity_boost"),
    "voice_settings.speed": BODY_MESSAGES["speed"],
    "output_format": "output_format must be one of: pcm_8000, pcm_16000, pcm_22050, pcm_24000",
    "text": BODY_MESSAGES["text"],
}


class _Body(BaseModel):
    """Strict types; fields that are not known are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore")


class SpeechBody(_Body):
    """Of POST /text-to-speech/{model_id}."""

    voice_id: Annotated[str, AfterValidator(_storable)] | None = None
    text: Text | None = None
    speakers: Any = None
    """The vendor's form for several speakers, whose schema it does not document."""
    stability: Share | None = None
    streaming: bool | None = None
    speed: Speed | None = None
    sample_rate: SampleRate | None = None
    dialect: Dialect | None = None


class DiacritizeBody(_Body):
    """Of POST /tashkil/diacritize."""

    text: Text | None = None


class ChangeBody(_Body):
    """Of PATCH /voices/{voice_id}. The sound of a voice never changes, so fields that are not here are an error."""

    model_config = ConfigDict(strict=True, extra="forbid")

    name: str = ""
    description: str | None = None
    gender: str | None = None
    age: str | None = None
    languages: list[str] | None = None
    dialects: list[str] | None = None
    avatar_url: str | None = None
    stability: Share = STABILITY


class VoiceSettings(_Body):
    stability: Share | None = None
    similarity_boost: Share | None = None
    speed: Speed | None = None


class InitConnection(_Body):
    """The first message on a socket."""

    type: Literal["initConnection"]
    model_id: str = DEFAULT_SOCKET_MODEL
    voice_id: Annotated[str, AfterValidator(_storable)] | None = None
    voice_settings: VoiceSettings = VoiceSettings()
    output_format: OutputFormat = "pcm_24000"
    x_api_key: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _null_is_as_left_out(cls, message: Any) -> Any:
        return {name: value for name, value in message.items() if value is not None}

    @property
    def sample_rate(self) -> int:
        return int(self.output_format.removeprefix("pcm_"))


class TextMessage(_Body):
    """Text to speak, on a socket."""

    type: Literal["text"]
    text: Text
    flush: bool | None = None
    """Speak all that waits."""
    try_trigger_generation: bool | None = None
    """Speak the sentences that are complete."""


class ClosingMessage(_Body):
    """Speak all that waits, then close the socket."""

    type: Literal["closeConnection"]


class Voice(BaseModel):
    """A voice: always all twelve keys."""

    id: str
    """UUID of its record."""
    voice_id: str
    name: str
    description: str | None
    gender: str | None
    age: str | None
    languages: list[str]
    dialect: list[str]
    """Called `dialects` in requests."""
    type: str | None
    """`cloned`, or `neural`, which is the vendor's word for all others."""
    sample_url: str
    avatar_url: str | None
    stability: float


class Model(BaseModel):
    """One entry of GET /models."""

    id: str
    """UUID."""
    model_id: str
    model_name: str
    cost: float
    """Dollars of a character."""
    description: str | None


class Diacritized(BaseModel):
    diacritized_text: str


class DiacritizedAnswer(BaseModel):
    data: Diacritized
