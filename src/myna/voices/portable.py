"""A cloned voice as one file, to take from one server to another.

A ZIP archive of `manifest.json`, `reference.flac` and, when there is one, `preview.wav`. What an engine has prepared is
left out: a voice that comes in is made again from its recording, by the rules of the server that takes it. The sound in
a file is what somebody sent, so it is decoded like any upload.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from myna.errors import BodyTooLarge, InvalidRequest
from myna.voices.schemas import ClonedVoice, NewVoice

ENDING: Final = ".myna-voice"
FORMAT: Final = "myna-voice/1"
MANIFEST: Final = "manifest.json"
REFERENCE: Final = "reference.flac"
PREVIEW: Final = "preview.wav"

LARGEST_BESIDES: Final = 100_000
"""Bytes that a file may have besides its two sounds."""
LONGEST_PREVIEW_SECONDS: Final = 600.0
_LARGEST_MANIFEST = 65_536
_MOST_ENTRIES = 3
_LARGEST_DIRECTORY = 4_096
"""Bytes of the list of entries; ours has less than 200."""
_END_RECORD = 22
"""Bytes at the end of an archive without a comment."""
_LOCATOR_64 = 20
"""Bytes before that, which archives beyond 4 GB have."""
_EARLIEST = (1980, 1, 1, 0, 0, 0)
"""The same moment in all files, so that the same voice makes the same file."""


@dataclass(frozen=True, slots=True)
class PortableVoice:
    """What a file holds."""

    new: NewVoice
    """What was said about the voice."""
    transcript: str | None
    """What is said in the recording, when somebody wrote it down."""
    language: str | None
    """Of the recording, when it is known."""
    reference: bytes
    """A sound file."""
    preview: bytes | None
    """A sound file."""


def _plain(text: str) -> str:
    if "\0" in text:
        raise ValueError("U+0000 is not text")
    return text


_Text = Annotated[str, AfterValidator(_plain)]
_Short = Annotated[_Text, Field(max_length=64)]
_Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class _Manifest(BaseModel):
    """`manifest.json`. Later versions may add fields; they are passed over here."""

    model_config = ConfigDict(extra="ignore", strict=True)

    format: Literal["myna-voice/1"]
    name: Annotated[_Text, Field(min_length=1, max_length=200)]
    description: Annotated[_Text, Field(max_length=5_000)] | None = None
    gender: _Short | None = None
    age: _Short | None = None
    languages: Annotated[list[_Short], Field(max_length=50)] = []
    dialects: Annotated[list[_Short], Field(max_length=50)] = []
    avatar_url: Annotated[_Text, Field(max_length=2_048)] | None = None
    stability: _Share = 0.5
    similarity: _Share | None = None
    transcript: Annotated[_Text, Field(max_length=20_000)] | None = None
    language: _Short | None = None


def pack(voice: ClonedVoice, reference: bytes, preview: bytes | None) -> bytes:
    """The file of a voice. The same voice always gives the same bytes."""
    manifest = {
        "format": FORMAT,
        "name": voice.name,
        "description": voice.description,
        "gender": voice.gender,
        "age": voice.age,
        "languages": list(voice.languages),
        "dialects": list(voice.dialects),
        "avatar_url": voice.avatar_url,
        "stability": voice.stability,
        "similarity": voice.similarity,
        "transcript": voice.transcript,
        "language": voice.report.get("language"),
        "made_with": {"engine": voice.engine, "voice_format": voice.voice_format, "quality": voice.quality},
        "made_at": voice.created_at.isoformat(),
    }
    entries = {MANIFEST: json.dumps(manifest, ensure_ascii=False, indent=2).encode(), REFERENCE: reference}
    if preview is not None:
        entries[PREVIEW] = preview
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in entries.items():
            compression = zipfile.ZIP_STORED if name == REFERENCE else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name, _EARLIEST), data, compression)
    return file.getvalue()


def unpack(data: bytes, *, max_sound_bytes: int) -> PortableVoice:
    """What is in a file that somebody sent. `max_sound_bytes` is the most that one sound in it may have, unpacked.

    Never reads more than these limits, whatever the archive says of itself. Raises `InvalidRequest` and
    `BodyTooLarge`.
    """
    _check_shape(data)
    limits = {MANIFEST: _LARGEST_MANIFEST, REFERENCE: max_sound_bytes, PREVIEW: max_sound_bytes}
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
            if len(set(names)) != len(names) or not {MANIFEST, REFERENCE} <= set(names) <= set(limits):
                raise _refusal(f"it should hold {MANIFEST}, {REFERENCE} and perhaps {PREVIEW}, and nothing else")
            entries = {name: _read(archive, name, limits[name]) for name in names}
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError):
        raise _refusal("the archive is damaged, or packed in a way that is not used here") from None
    manifest = _manifest(entries[MANIFEST])
    return PortableVoice(
        new=NewVoice(
            name=manifest.name,
            description=manifest.description,
            gender=manifest.gender,
            age=manifest.age,
            languages=tuple(manifest.languages),
            dialects=tuple(manifest.dialects),
            avatar_url=manifest.avatar_url,
            stability=manifest.stability,
            similarity=manifest.similarity,
        ),
        transcript=manifest.transcript,
        language=manifest.language,
        reference=entries[REFERENCE],
        preview=entries.get(PREVIEW),
    )


def _check_shape(data: bytes) -> None:
    """Look at the end record before the library does, which makes an object for each entry that it finds listed."""
    end = data[-_END_RECORD:]
    if len(end) < _END_RECORD or not end.startswith(b"PK\x05\x06") or end[-2:] != b"\0\0":
        raise _refusal("it is no archive of ours")
    if data[-_END_RECORD - _LOCATOR_64 :].startswith(b"PK\x06\x07"):
        raise _refusal("archives of that kind are not used here")
    if int.from_bytes(end[10:12], "little") > _MOST_ENTRIES:
        raise _refusal(f"it should hold at most {_MOST_ENTRIES} entries")
    if int.from_bytes(end[12:16], "little") > _LARGEST_DIRECTORY:
        raise _refusal("its list of entries is too long")


def _read(archive: zipfile.ZipFile, name: str, limit: int) -> bytes:
    """One byte beyond the limit is enough to know; what the archive announces may be a lie."""
    if archive.getinfo(name).compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise _refusal("the archive is packed in a way that is not used here")
    with archive.open(name) as entry:
        data = entry.read(limit + 1)
    if len(data) > limit:
        raise BodyTooLarge(f"`{name}` in this file is larger than {limit} bytes.")
    return data


def _manifest(data: bytes) -> _Manifest:
    try:
        return _Manifest.model_validate_json(data)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise _refusal(f"{MANIFEST}: {f'{place}: ' if place else ''}{first['msg']}") from None


def _refusal(reason: str) -> InvalidRequest:
    return InvalidRequest(
        f"This is no voice file that can be read here: {reason}. `myna voices export` writes such files.", field="file"
    )
