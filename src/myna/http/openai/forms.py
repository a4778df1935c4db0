"""Forms with a recording: read, and checked for what they say of themselves before anything is decoded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from myna.errors import BodyTooLarge
from myna.http.middleware import body_of
from myna.http.openai.errors import RefusedParameter, refused
from myna.http.uploads import read_upload

LONGEST_RECORDING = 10 * 1024 * 1024
"""Bytes, as at OpenAI."""
MEDIA_TYPES = (
    "audio/mpeg",
    "audio/wav",
    "audio/x-wav",
    "audio/ogg",
    "audio/aac",
    "audio/flac",
    "audio/webm",
    "audio/mp4",
)
_OTHER_NAMES = frozenset({"audio/mp3", "audio/wave", "audio/vnd.wave", "audio/x-flac", "audio/x-aac", "audio/x-m4a"})
"""The same types, as clients that go by the name of a file call some of them."""
_ROOM_FOR_FIELDS = 1_000_000
_MOST_FIELDS = 100

Fields = TypeVar("Fields", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Recording:
    """What was sent, and what it claims to be."""

    data: bytes
    media_type: str


@asynccontextmanager
async def read_form(request: Request) -> AsyncIterator[FormData]:
    """Raises `RefusedParameter` for another body than a form, and `BodyTooLarge`."""
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise RefusedParameter(
            "Send the fields and the recording as multipart/form-data.", field=None, reason="unsupported_content_type"
        )
    body = body_of(request.scope)
    if body is not None and body.size > LONGEST_RECORDING + _ROOM_FOR_FIELDS:
        raise _too_large("The recording")
    async with request.form(max_files=_MOST_FIELDS, max_fields=_MOST_FIELDS) as form:
        yield form


def fields(form: FormData, model: type[Fields]) -> Fields:
    """The text fields of a form. Raises `RefusedParameter`."""
    given = {name: value for name, value in form.items() if name in model.model_fields}
    try:
        return model.model_validate(given, strict=True)
    except ValidationError as error:
        raise refused(error) from None


async def recording(form: FormData, name: str) -> Recording:
    """A file of a form. Raises `RefusedParameter`, and `BodyTooLarge` over 10 MiB."""
    file = form.get(name)
    if file is None:
        raise RefusedParameter(
            f"Missing required parameter: '{name}'.", field=name, reason="missing_required_parameter"
        )
    if not isinstance(file, UploadFile):
        raise RefusedParameter(f"Invalid '{name}': a file is needed, not text.", field=name, reason="invalid_type")
    media_type = _media_type(file, name)
    if file.size == 0:
        raise RefusedParameter(f"Invalid '{name}': the file is empty.", field=name, reason="invalid_value")
    if file.size is not None and file.size > LONGEST_RECORDING:
        raise _too_large(f"'{name}'")
    return Recording(await read_upload(file, LONGEST_RECORDING, name), media_type)


def _media_type(file: UploadFile, name: str) -> str:
    media_type = (file.content_type or "").partition(";")[0].strip().lower()
    if media_type in MEDIA_TYPES or media_type in _OTHER_NAMES:
        return media_type
    raise RefusedParameter(
        f"Invalid '{name}': its type is '{media_type[:80]}'. Send one of: {', '.join(MEDIA_TYPES)}.",
        field=name,
        reason="invalid_value",
    )


def _too_large(what: str) -> BodyTooLarge:
    return BodyTooLarge(f"{what} is larger than {LONGEST_RECORDING} bytes (10 MiB).")
