"""The wire of Magic Hour's audio API: what clients send and what they get, in the vendor's own field order."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MAX_PROMPT_CHARACTERS = 1_000
MAX_NAME_CHARACTERS = 500
"""Not documented by the vendor; what Myna can keep."""
MAX_PATH_CHARACTERS = 8_000
"""Not documented by the vendor; signed addresses are long."""
MAX_UPLOADS = 1_000
"""Not documented by the vendor; addresses that are handed out in one answer."""

Status = Literal["draft", "queued", "rendering", "complete", "error", "canceled"]
AssetType = Literal["video", "audio", "image"]
EventType = Literal["audio.started", "audio.completed", "audio.errored"]


def _storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("the character U+0000 is not text")
    return text


Storable = AfterValidator(_storable)


class _Body(BaseModel):
    """Strict types; fields that Myna does not know are allowed, as the vendor allows them."""

    model_config = ConfigDict(strict=True, extra="ignore")


class VoiceGeneratorStyle(_Body):
    prompt: Annotated[str, Field(min_length=1, max_length=MAX_PROMPT_CHARACTERS), Storable]
    voice_name: Annotated[str, Storable]
    """One of the labels, checked against the catalogue."""


class VoiceGeneratorBody(_Body):
    """Of `POST /v1/ai-voice-generator`."""

    name: Annotated[str, Field(max_length=MAX_NAME_CHARACTERS), Storable] | None = None
    """The Python client sends null when its caller passes None."""
    style: VoiceGeneratorStyle


class VoiceClonerAssets(_Body):
    audio_file_path: Annotated[str, Field(min_length=1, max_length=MAX_PATH_CHARACTERS), Storable]
    """An address, the path of an upload, or a project; `references.py` reads it."""


class VoiceClonerStyle(_Body):
    prompt: Annotated[str, Field(min_length=1, max_length=MAX_PROMPT_CHARACTERS), Storable]


class VoiceClonerBody(_Body):
    """Of `POST /v1/ai-voice-cloner`."""

    name: Annotated[str, Field(max_length=MAX_NAME_CHARACTERS), Storable] | None = None
    """The Python client sends null when its caller passes None."""
    assets: VoiceClonerAssets
    style: VoiceClonerStyle


class UploadItem(_Body):
    type: AssetType
    extension: Annotated[str, Field(pattern=r"^[a-z0-9]+$")]
    """Without a dot."""


class UploadUrlsBody(_Body):
    """Of `POST /v1/files/upload-urls`."""

    items: Annotated[list[UploadItem], Field(min_length=1, max_length=MAX_UPLOADS)]


class Created(BaseModel):
    """Answer to every request that creates a project."""

    id: str
    credits_charged: int


class Download(BaseModel):
    url: str
    expires_at: str


class ProjectError(BaseModel):
    message: str
    code: str


class AudioProject(BaseModel):
    """All nine fields are always there: both official clients throw when one is missing."""

    id: str
    name: str | None
    status: Status
    type: str
    created_at: str
    enabled: bool
    """False once it was deleted."""
    credits_charged: int
    """Net of refunds: 0 after an error."""
    downloads: list[Download]
    error: ProjectError | None


class ImageProject(AudioProject):
    """An audio project as the Node client's `generate()` reads it, from the address of image projects."""

    image_count: int = 1
    total_frame_cost: int = 0


class Upload(BaseModel):
    upload_url: str
    expires_at: str
    file_path: str


class UploadUrls(BaseModel):
    """One item for each that was asked for, in the same order."""

    items: list[Upload]


class AccountDetails(BaseModel):
    id: str
    email: str | None = None
    tier: Literal["free", "creator", "pro", "business"] = "business"
    credits: int
    subscription: None = None


class WebhookBody(BaseModel):
    type: EventType
    payload: AudioProject
