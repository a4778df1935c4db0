"""What becomes of rough times of heard words when `sphinx` looks for these words: English of two espeak voices.

The true times are those that espeak announces. They are displaced at random, as a recogniser that is unsure would, and
some words are replaced by others, as if they had been misheard; then the transcription service makes them exact.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import Any

import numpy as np

from myna.audio.activity import speech_segments
from myna.audio.resample import resample
from myna.engines.base import Samples, SynthesisRequest
from myna.engines.espeak import EspeakEngine
from myna.engines.host import EngineHost
from myna.engines.registry import GROUP, EngineRegistry
from myna.settings import Settings
from myna.transcription.schemas import TimedWord
from myna.transcription.service import TranscriptionService

RATE = 16_000
VOICES = ("m7", "f3")
MISHEARD = (0.0, 0.125)
DISPLACED = 0.12
"""Seconds: one standard deviation."""
_PAUSE = 0.9
LINES = (
    "It was a bright cold day in April.",
    "The clocks were striking and we heard them.",
    "Nobody knew why the boats had left the harbor.",
    "She bought three apples and a bottle of water at the market.",
    "The train arrives in the morning and leaves at night.",
    "My brother works in the city near the old bridge.",
    "They eat bread and cheese in the garden every summer.",
    "The children play in the street until it gets dark.",
)
OTHERS = ("table", "running", "seven", "purple", "window", "teacher")


def measure() -> dict[str, Any]:
    return {"rows": asyncio.run(_rows())}


async def _rows() -> list[dict[str, Any]]:
    registry = EngineRegistry({entry.name: entry for entry in entry_points(group=GROUP) if entry.name == "sphinx"})
    host = EngineHost(Settings(engine_processes=1), registry)
    try:
        service = TranscriptionService(host, registry)
        return [await _row(service, voice, share) for voice in VOICES for share in MISHEARD]
    finally:
        await host.close()


async def _row(service: TranscriptionService, voice: str, share: float) -> dict[str, Any]:
    chance = random.Random(0)
    samples, known = _spoken(voice)
    wrong = [chance.random() < share for _ in known]
    rough: list[TimedWord] = []
    for (text, start), misheard in zip(known, wrong, strict=True):
        at = max(rough[-1].start if rough else 0.0, start + chance.gauss(0, DISPLACED))
        rough.append(TimedWord(chance.choice(OTHERS) if misheard else text, at, at + 0.25))
    found = await service.sharpened(
        lambda start, end: samples[max(0, round(start * RATE)) : round(end * RATE)],
        RATE,
        rough,
        language="en",
        segments=speech_segments(samples, RATE),
    )
    right = [place for place, misheard in enumerate(wrong) if not misheard]
    return {
        "voice": voice,
        "misheard": f"{share:.0%}",
        "words": len(right),
        "before: median, 90 % (ms)": _errors([rough[place].start - known[place][1] for place in right]),
        "after: median, 90 % (ms)": _errors([found[place].start - known[place][1] for place in right]),
    }


def _errors(seconds: Sequence[float]) -> str:
    sizes = 1_000 * np.abs(seconds)
    return f"{np.median(sizes):.0f}, {np.percentile(sizes, 90):.0f}"


def _spoken(voice: str) -> tuple[Samples, list[tuple[str, float]]]:
    """The lines one after the other, and each word that espeak announces, and when."""
    engine = EspeakEngine()
    settings = next(each.settings for each in engine.voices() if each.language == "en-US" and voice in each.id)
    pieces, words, at = [], [], 0.0
    for line in LINES:
        chunks = list(engine.synthesize(SynthesisRequest(line, "en-US", settings, speed=0.85, pause_after=0.0)))
        sound = resample(np.concatenate([chunk.samples for chunk in chunks]), chunks[0].sample_rate, RATE)
        words += [(line[word.text_position :].split()[0], at + word.start) for chunk in chunks for word in chunk.words]
        pieces += [sound, np.zeros(round(_PAUSE * RATE), np.float32)]
        at += len(sound) / RATE + _PAUSE
    engine.close()
    hiss = 3e-4 * np.random.default_rng(0).standard_normal(sum(map(len, pieces)))
    return (np.concatenate(pieces) + hiss).astype(np.float32), words
