"""The forms of the native API: recordings, and what is said about them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Form, UploadFile
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from myna.engines.base import Gender
from myna.http.native.schemas import Share
from myna.media.formats import AudioFormat


def separated(value: Any) -> Any:
    """`ar, en` in one field and two fields of the same name are the same."""
    parts = value if isinstance(value, list) else [value]
    if not all(isinstance(part, str) for part in parts):
        return value
    return list(dict.fromkeys(word.strip() for part in parts for word in part.split(",") if word.strip()))


class FormBody(BaseModel):
    """What a client sends as `multipart/form-data`. A field that is not known is an error."""

    model_config = ConfigDict(extra="forbid")


class RecordingForm(FormBody):
    file: UploadFile
    """The recording: any usual sound or video file."""
    transcript: str | None = None
    """What is said in it, word for word."""
    language: str | None = None
    """BCP 47 tag of what is said in it."""


LONGEST_PREVIEW = 1_000
"""Characters of a preview's text."""


class PreviewForm(RecordingForm):
    text: Annotated[str, Field(min_length=1, max_length=LONGEST_PREVIEW)]
    """What the preview says."""
    text_language: str | None = None
    """BCP 47 tag of `text`; found by its letters by default."""
    consent_id: str | None = None
    """A consent recording of the speaker, where the operator asks for one."""
    similarity: Share = 1.0
    stability: Share | None = None
    speed: Annotated[float, Field(ge=0.25, le=4, allow_inf_nan=False)] = 1.0
    engine: str | None = None
    """An engine that clones; the preferred one by default."""
    format: AudioFormat = "wav"
    """A `wav` is known again when it comes back as `preview` of a voice."""


class NewVoiceForm(RecordingForm):
    name: str
    consent: bool = False
    """Must be true: "I have the right to use this recording"."""
    consent_id: str | None = None
    """A consent recording of the speaker, where the operator asks for one."""
    preview: UploadFile | None = None
    """The preview as it was heard; kept with the voice."""
    description: str | None = None
    gender: Gender | None = None
    age: str | None = None
    languages: Annotated[list[str], BeforeValidator(separated)] = []
    dialects: Annotated[list[str], BeforeValidator(separated)] = []
    avatar_url: str | None = None
    stability: Share = 0.5
    similarity: Share | None = None
    """As in `preview` when that was made here, else 1."""
    engine: str | None = None


class ImportForm(FormBody):
    file: UploadFile
    """A voice file, as `GET /myna/v1/voices/{id}/export` gives it."""
    consent: bool = False
    consent_id: str | None = None
    name: str | None = None
    """Another name than the one in the file."""
    engine: str | None = None


class ConsentForm(FormBody):
    file: UploadFile
    """The speaker says that the voice may be used."""
    name: str
    language: str


_MULTIPART = Form(media_type="multipart/form-data")
Recording = Annotated[RecordingForm, _MULTIPART]
Preview = Annotated[PreviewForm, _MULTIPART]
NewVoice = Annotated[NewVoiceForm, _MULTIPART]
Import = Annotated[ImportForm, _MULTIPART]
Consent = Annotated[ConsentForm, _MULTIPART]
