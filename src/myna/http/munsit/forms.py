"""Munsit's forms: fields and recordings that come as `multipart/form-data`."""

from __future__ import annotations

import io
import math
import re
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request

from myna.errors import BodyTooLarge, InvalidRequest, UnsupportedMedia
from myna.http.munsit.schemas import A_SHARE, BODY_MESSAGES, FASTEST, HIGHEST_RATE, LOWEST_RATE, RATE, SLOWEST

MOST_FILES = 2
MOST_FIELDS = 20
LONGEST_FIELD = 65_536
"""Bytes of a field that is no file."""
_FORM_TYPES = ("multipart/form-data", "application/x-www-form-urlencoded")
_NUMBER = re.compile(r"[+-]?([0-9]{1,20}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][+-]?[0-9]{1,3})?")
_SOUND_TYPES = re.compile(
    r"audio/[\w.+-]+|video/(mp4|webm|ogg|quicktime|x-matroska|mpeg)|application/ogg", re.IGNORECASE
)
_UNTYPED = ("", "application/octet-stream", "binary/octet-stream")
"""What clients send that do not know the type: the content decides."""
_RAW_TYPES = ("audio/raw", "audio/pcm", "audio/x-raw", "audio/x-pcm")
_RAW_ENDINGS = (".pcm", ".raw")


@asynccontextmanager
async def read_form(request: Request) -> AsyncIterator[Form]:
    """The form of a request. Its files are gone afterwards. Raises `InvalidRequest`."""
    content_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type and content_type not in _FORM_TYPES:
        raise InvalidRequest("The fields must be sent as multipart/form-data")
    async with request.form(max_files=MOST_FILES, max_fields=MOST_FIELDS, max_part_size=LONGEST_FIELD) as data:
        yield Form(data)


class Form:
    """Fields by name. A field that comes twice counts as it came last."""

    def __init__(self, data: FormData) -> None:
        self._data = data

    def text(self, name: str) -> str | None:
        """None when it is missing, or is a file."""
        value = self._data.get(name)
        if not isinstance(value, str):
            return None
        if "\0" in value:
            raise InvalidRequest(f"{name} must not hold the character U+0000", field=name)
        return value

    def required(self, name: str) -> str:
        value = self.text(name)
        if value is None or not value.strip():
            raise InvalidRequest(f"{name} is required", field=name)
        return value

    def optional(self, name: str) -> str | None:
        """None also when it is empty."""
        return (self.text(name) or "").strip() or None

    def separated(self, name: str) -> tuple[str, ...]:
        """The values between commas, trimmed, each once, without empty ones; of all fields of this name."""
        parts = [
            part.strip() for value in self._data.getlist(name) if isinstance(value, str) for part in value.split(",")
        ]
        return tuple(dict.fromkeys(part for part in parts if part))

    def share(self, name: str) -> float:
        """A number from 0 to 1."""
        value = parse_number(self.text(name))
        if not 0 <= value <= 1:
            raise InvalidRequest(A_SHARE.format(name), field=name)
        return value

    def speed(self) -> float:
        if self.text("speed") is None:
            return 1.0
        value = parse_number(self.text("speed"))
        if not SLOWEST <= value <= FASTEST:
            raise InvalidRequest(BODY_MESSAGES["speed"], field="speed")
        return value

    def sample_rate(self) -> int:
        if self.text("sample_rate") is None:
            return RATE
        value = parse_number(self.text("sample_rate"))
        if not (LOWEST_RATE <= value <= HIGHEST_RATE and value.is_integer()):
            raise InvalidRequest(BODY_MESSAGES["sample_rate"], field="sample_rate")
        return int(value)

    def check_present(self, *names: str) -> None:
        """Raises `InvalidRequest` for the first field that was not sent."""
        for name in names:
            if name not in self._data:
                raise InvalidRequest(f"{name} is required", field=name)

    def file(self, name: str) -> UploadFile:
        """A part that may be sound, by its type. Raises `NoSound`."""
        value = self._data.get(name)
        if not isinstance(value, UploadFile) or not (_SOUND_TYPES.fullmatch(_media_type(value)) or _is_untyped(value)):
            raise NoSound(name)
        return value


class NoSound(InvalidRequest):
    """A part of a form is missing, or is no sound."""

    def __init__(self, name: str) -> None:
        super().__init__(f"{name} is required and must be of audio type", field=name)


@dataclass(frozen=True, slots=True)
class Recording:
    """A file of a form, read."""

    name: str
    """Of the field."""
    data: bytes
    claims_sound: bool
    """It came with a type that says so."""
    raw_rate: int | None
    """Hz of samples without a header: 16-bit, little-endian, mono."""

    def refusal(self, error: UnsupportedMedia) -> InvalidRequest:
        """What is said when nothing could be read from it."""
        return (
            InvalidRequest(f"{self.name}: {error.message}", field=self.name)
            if self.claims_sound
            else NoSound(self.name)
        )


async def read_recording(form: Form, name: str, limit: int) -> Recording:
    """Raises `NoSound`, `InvalidRequest`, and `BodyTooLarge` beyond `limit` bytes."""
    file = form.file(name)
    data = await file.read(limit + 1)
    if len(data) > limit:
        raise BodyTooLarge(f"{name} must have at most {limit} bytes")
    if not data:
        raise NoSound(name)
    has_header = data[:4] == b"RIFF" and data[8:12] == b"WAVE"
    return Recording(name, data, not _is_untyped(file), None if has_header else _raw_rate(file, name))


def parse_number(text: str | None) -> float:
    """Not a number for anything that is not a finite decimal one."""
    match = _NUMBER.fullmatch((text or "").strip())
    value = float(match[0]) if match else math.nan
    return value if math.isfinite(value) else math.nan


def wav_file(samples: bytes, rate: int) -> bytes:
    """16-bit mono samples with a header that says how many there are."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples)
    return file.getvalue()


def _media_type(file: UploadFile) -> str:
    return (file.content_type or "").partition(";")[0].strip().lower()


def _is_untyped(file: UploadFile) -> bool:
    return _media_type(file) in _UNTYPED


def _raw_rate(file: UploadFile, name: str) -> int | None:
    """Hz of a file without a header, which only its type or name can tell."""
    if _media_type(file) not in _RAW_TYPES:
        is_raw = _is_untyped(file) and (file.filename or "").lower().endswith(_RAW_ENDINGS)
        return RATE if is_raw else None
    said = _parameters(file.content_type or "")
    rate = parse_number(said.get("rate", str(RATE)))
    if said.get("codec", "pcm16") != "pcm16" or said.get("channels", "1") != "1":
        raise InvalidRequest(f"{name} must be PCM of 16 bits and one channel when it has no header", field=name)
    if not (LOWEST_RATE <= rate <= HIGHEST_RATE and rate.is_integer()):
        raise InvalidRequest(f"The rate of {name} must be between {LOWEST_RATE} and {HIGHEST_RATE}", field=name)
    return int(rate)


def _parameters(content_type: str) -> dict[str, str]:
    pairs = (part.partition("=") for part in content_type.lower().split(";")[1:])
    return {key.strip(): value.strip().strip('"') for key, _, value in pairs}
