"""How often embedded voices are spoken again when pocketsphinx listens, what that gains, and what it costs."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import Any

import numpy as np

from myna.engines.host import EngineHost
from myna.engines.registry import EngineRegistry
from myna.settings import Settings
from myna.speech.rendering import Renderer
from myna.speech.schemas import SpeechRequest
from myna.speech.verifying import Verifier
from myna.transcription.service import TranscriptionService
from myna.voices.catalogue import VoiceCatalogue

SENTENCES = (
    "The house at the end of the road is very old.",
    "Two dogs sleep in the garden all day long.",
    "The water in the river is cold in April.",
    "My brother works in the city and comes home late.",
    "They eat bread and cheese before they go to bed.",
    "The train arrives at half past nine in the morning.",
    "She reads a book every week, and sometimes two.",
    "The children play in the street after school.",
    "We open the window in summer and close it in winter.",
    "The night is long and dark, but the moon is bright.",
    "He paid twenty five dollars for a ticket to Boston.",
    "Nobody knows where the letters on the table came from.",
    "The last bus had already left, so we walked along the river.",
    "Put the letters on the kitchen table and wash your hands.",
    "A strong wind from the north brought snow to the mountains.",
    "The doctor asked her to take a deep breath and wait.",
    "Please call the office again on Monday before noon.",
    "The company sold more than three hundred cars last year.",
    "I have never seen so many people in such a small room.",
    "When the music stopped, everybody looked at the door.",
)
VOICES = ("flite:slt", "flite:rms", "espeak:en-us.f3")


def measure() -> dict[str, Any]:
    return {"rows": asyncio.run(_rows())}


async def _rows() -> list[dict[str, Any]]:
    return [await _row(voice) for voice in VOICES]


async def _row(voice_id: str) -> dict[str, Any]:
    """All sentences in one voice, each alone: without looking, and with up to three attempts."""
    engine = voice_id.partition(":")[0]
    settings = Settings(engines=[engine, "sphinx"], engine_processes=1, verify_seconds=600)
    registry = EngineRegistry.load(settings.engines)
    host = EngineHost(settings, registry)
    try:
        transcription = TranscriptionService(host, registry)
        voice = VoiceCatalogue(registry).get(voice_id)
        assert voice is not None, voice_id
        once = Verifier(transcription, settings.model_copy(update={"verify_attempts": 1}))
        thrice = Verifier(transcription, settings)
        request = SpeechRequest("", voice_id, verify=True)
        plain, looked = Renderer(host, registry, once), Renderer(host, registry, thrice)
        await plain.render(request, plain.prepare(replace(request, text="Warm up."), voice))
        once.seconds = 0.0
        first, best, spoken, unseen, seconds = list[float](), list[float](), 0.0, 0.0, 0.0
        for text in SENTENCES:
            asked = replace(request, text=text)
            script = plain.prepare(asked, voice)
            began = time.perf_counter()
            recording = await plain.render(replace(asked, verify=False), script)
            unseen += time.perf_counter() - began
            spoken += recording.duration
            first.append(_score(await plain.render(asked, script)))
            began = time.perf_counter()
            best.append(_score(await looked.render(asked, script)))
            seconds += time.perf_counter() - began
    finally:
        await host.close()
    again = sum(number for outcome, number in thrice.outcomes.items() if outcome in ("better", "poor"))
    return {
        "voice": voice_id,
        "sentences": len(SENTENCES),
        "words understood at once": f"{np.mean(first):.0%}",
        "spoken again": f"{again / len(SENTENCES):.0%}",
        "further attempts": thrice.attempts,
        "good after them": thrice.outcomes["better"],
        "words understood at last": f"{np.mean(best):.0%}",
        "s for a second of sound, unverified": round(unseen / spoken, 3),
        "s for a second of sound, verified": round(seconds / spoken, 3),
    }


def _score(recording: Any) -> float:
    found = recording.verification
    assert found is not None
    assert found.score is not None
    return float(found.score)
