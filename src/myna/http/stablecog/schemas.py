"""What goes over the wire: the fields of requests, and the shapes of answers in the order of their keys."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NotRequired, TypedDict

import numpy as np

from myna.http.stablecog import wire
from myna.outputs.schemas import Order, OutputFilter


@dataclass(frozen=True, slots=True)
class CreateBody:
    """Body of `POST /v1/audio/voiceover/create`. What is None was not given."""

    prompt: str = ""
    temperature: np.float32 | None = None
    was_auto_submitted: bool = False
    model_id: str | None = None
    speaker_id: str | None = None
    denoise_audio: bool | None = None
    remove_silence: bool | None = None
    seed: int | None = None
    submit_to_gallery: bool = False
    stream_id: str = ""
    """Only the web client needs it; checked for its type and not used."""
    ui_id: str = ""
    """As `stream_id`."""

    @classmethod
    def decode(cls, body: bytes) -> CreateBody:
        """Raises `wire.Undecodable`. Unknown keys are ignored, the last of several counts, null is absent."""
        document = wire.decode(body)
        if document is None:
            return cls()
        if not isinstance(document, wire.Pairs):
            raise wire.Undecodable
        decoded = cls()
        for key, value in document:
            if field := _FIELDS.get(wire.folded(key)):
                decoded = replace(decoded, **field.read(value, decoded))
        return decoded


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    read_value: Callable[[Any], Any]
    optional: bool
    """A null takes away what an earlier key said; otherwise it changes nothing."""

    def read(self, value: Any, decoded: CreateBody) -> dict[str, Any]:
        if value is None:
            return {self.name: None if self.optional else getattr(decoded, self.name)}
        return {self.name: self.read_value(value)}


_FIELDS = {
    "prompt": _Field("prompt", wire.read_text, optional=False),
    "temperature": _Field("temperature", wire.read_float32, optional=True),
    "wasautosubmitted": _Field("was_auto_submitted", wire.read_boolean, optional=False),
    "model_id": _Field("model_id", wire.read_uuid, optional=True),
    "speaker_id": _Field("speaker_id", wire.read_uuid, optional=True),
    "denoise_audio": _Field("denoise_audio", wire.read_boolean, optional=True),
    "remove_silence": _Field("remove_silence", wire.read_boolean, optional=True),
    "seed": _Field("seed", wire.read_integer, optional=True),
    "submit_to_gallery": _Field("submit_to_gallery", wire.read_boolean, optional=False),
    "stream_id": _Field("stream_id", wire.read_text, optional=False),
    "ui_id": _Field("ui_id", wire.read_text, optional=False),
}


@dataclass(frozen=True, slots=True)
class OutputsQuery:
    """Query of `GET /v1/audio/voiceover/outputs`."""

    per_page: int
    order: Order
    where: OutputFilter
    cursor: datetime | None


class Settings(TypedDict):
    """How a voiceover was asked for."""

    model_id: str
    speaker_id: str
    temperature: np.float32
    seed: int
    denoise_audio: bool
    remove_silence: bool


class CreatedOutput(TypedDict):
    id: str
    url: str
    audio_file_url: str
    audio_duration: np.float32
    """Seconds."""


class Created(TypedDict):
    outputs: list[CreatedOutput]
    remaining_credits: int
    settings: Settings


class Defaults(TypedDict):
    model_id: str
    speaker_id: str
    temperature: np.float32
    denoise_audio: bool
    remove_silence: bool


class NamedSpeaker(TypedDict):
    id: str
    name: str


class ListedSpeaker(NamedSpeaker):
    locale: str


class ListedModel(TypedDict):
    id: str
    name: str
    is_default: bool
    available_speakers: NotRequired[list[NamedSpeaker]]


class ListedModels(TypedDict):
    models: list[ListedModel]


class CreditType(TypedDict):
    id: str
    name: str
    amount: int
    description: str


class ListedCredit(TypedDict):
    id: str
    remaining_amount: int
    expires_at: str
    type: CreditType


class Credits(TypedDict):
    total_remaining_credits: int
    credits: list[ListedCredit]


class NestedOutput(TypedDict):
    id: str
    audio_file_url: str
    audio_array: NotRequired[list[np.float32]]
    """50 levels, 0 to 1."""
    audio_duration: np.float32
    """Seconds."""
    is_favorited: bool
    was_auto_submitted: bool
    is_public: bool


class Prompt(TypedDict):
    id: str
    text: str


class Times(TypedDict, total=False):
    started_at: str
    completed_at: str


class Voiceover(Times):
    id: str
    seed: int
    temperature: np.float32
    status: str
    model_id: str
    created_at: str
    updated_at: str
    is_favorited: bool
    outputs: list[NestedOutput]
    prompt: Prompt
    was_auto_submitted: bool
    denoise_audio: bool
    remove_silence: bool
    speaker: ListedSpeaker


class ListedOutput(NestedOutput):
    voiceover: Voiceover
    denoise_audio: bool
    """Also here, where the published page has it."""
    remove_silence: bool
    """As `denoise_audio`."""


class Outputs(TypedDict):
    total_count: NotRequired[int]
    outputs: list[ListedOutput]
    next: NotRequired[str]
