"""Recordings of which no voice is made: the speaker says something, or is to be recognised."""

from __future__ import annotations

import asyncio

from myna.audio.activity import speech_segments
from myna.engines.base import Samples
from myna.errors import BodyTooLarge, ReferenceRefused
from myna.media.decode import Decoded
from myna.media.sandbox import decode_untrusted
from myna.settings import Settings

LEAST_SPEECH = 1.0
"""Seconds; nobody agrees to anything in less, nor is anybody recognised by it."""


async def hear(recording: bytes, settings: Settings) -> Decoded:
    """The sound of a recording in which somebody speaks.

    Raises `BodyTooLarge`, `UnsupportedMedia`, and `ReferenceRefused` when hardly anybody speaks.
    """
    if len(recording) > settings.max_reference_bytes:
        raise BodyTooLarge(f"A recording may have {settings.max_reference_bytes} bytes.")
    sound = await decode_untrusted(recording, max_seconds=settings.max_reference_seconds)
    if await asyncio.to_thread(_speech_seconds, sound.samples, sound.sample_rate) < LEAST_SPEECH:
        raise ReferenceRefused("Hardly anybody speaks in this recording. Record the speaker for some seconds.")
    return sound


def _speech_seconds(samples: Samples, rate: int) -> float:
    return sum(segment.duration for segment in speech_segments(samples, rate))
