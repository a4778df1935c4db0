"""The files of cloned voices and of consents in the storage. Nothing of an upload is kept but its sound."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from myna.engines.base import Samples
from myna.errors import NotFound
from myna.media.encode import encode
from myna.storage.base import ObjectStorage
from myna.voices.schemas import ClonedVoice

REFERENCE: Final = "reference.flac"
PREVIEW: Final = "preview.wav"
PREPARED: Final = "prepared.json"
SAMPLE: Final = "sample.mp3"
FILES: Final = (REFERENCE, PREVIEW, PREPARED, SAMPLE)

_FULL_SCALE = 32_768
"""What decoders take for 1."""
_OUR_FULL_SCALE = 32_767
"""What our encoders make of 1."""

Sound = tuple[Samples, int]
"""Mono samples and their rate in Hz."""


def previews_folder(account_id: str, reference_hash: str) -> str:
    """Where answers with previews of a recording are kept, for clients that ask for the same again."""
    return f"previews/{account_id}/{reference_hash}"


def digest(data: bytes) -> str:
    """SHA-256 in hexadecimal, by which a recording or a preview is known again."""
    return hashlib.sha256(data).hexdigest()


def sixteen_bits(samples: Samples) -> bytes:
    """The 16-bit samples (little-endian) that were decoded into these, exactly."""
    whole = np.clip(samples * np.float32(_FULL_SCALE), -_FULL_SCALE, _FULL_SCALE - 1)
    numbers: NDArray[np.int16] = np.rint(whole, out=whole).astype("<i2")
    return numbers.tobytes()


def preview_file(preview: Sound) -> bytes:
    """A WAV file with the very samples that were decoded."""
    samples, rate = preview
    return encode(samples * np.float32(_FULL_SCALE / _OUR_FULL_SCALE), rate, "wav")


async def store_voice(
    storage: ObjectStorage, folder: str, reference: Sound, preview: Sound | None, prepared: Mapping[str, Any]
) -> None:
    """All files of a voice. The same again replaces them. When one fails, none is on its way any more."""
    recording = await asyncio.to_thread(encode, *reference, "flac")
    heard = await asyncio.to_thread(preview_file, preview) if preview else None
    files = {REFERENCE: recording, PREPARED: json.dumps(prepared, separators=(",", ":")).encode()}
    if heard is not None:
        files[PREVIEW] = heard
    puts = (storage.put(f"{folder}/{name}", data) for name, data in files.items())
    for outcome in await asyncio.gather(*puts, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


async def remove_voice(storage: ObjectStorage, voice: ClonedVoice) -> tuple[str, ...]:
    """Everything in the folder of a voice, and what is kept of its previews. Returns the names of the voice's files."""
    keys = [found.key async for found in storage.list(f"{voice.folder}/")]
    heard = previews_folder(voice.account_id, voice.reference_hash)
    if both := keys + [found.key async for found in storage.list(f"{heard}/")]:
        await storage.delete(*both)
    return tuple(sorted(key.rsplit("/", 1)[1] for key in keys))


async def read_file(storage: ObjectStorage, voice: ClonedVoice, name: str) -> bytes:
    """Raises `NotFound` when the voice has no such file."""
    if name not in FILES:
        raise NotFound
    return await storage.get(f"{voice.folder}/{name}")
