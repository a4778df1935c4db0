"""From a request to sound: prepare the text, speak it piece by piece, and finish the recording."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import numpy as np
import structlog

from myna.audio.check import check_audio
from myna.audio.denoise import denoise
from myna.audio.loudness import normalise_loudness
from myna.audio.resample import resample
from myna.audio.silence import remove_silence
from myna.engines.base import Capabilities, Samples, SynthesisRequest
from myna.engines.host import EngineHost
from myna.engines.registry import EngineRegistry
from myna.errors import BadAudio, EngineFailed, InvalidRequest, Unsupported
from myna.speech.schemas import Recording, SpeechRequest
from myna.speech.text import Piece, emoji_names, language_to_read, normalise, speakable, split
from myna.voices.schemas import Voice

log = structlog.get_logger()

ATTEMPTS_PER_PIECE = 2
"""A piece is tried again once when the engine crashed, hung or returned unusable sound."""
PIECES_AHEAD = 2
"""Pieces of one request that are spoken at once; more would push other requests aside."""

Progress = Callable[[int, int], Awaitable[None]]
"""Called with the pieces that are done and the pieces in all."""


@dataclass(frozen=True, slots=True)
class Script:
    """A request, ready to be spoken."""

    engine: str
    language: str
    pieces: tuple[Piece, ...]
    requests: tuple[SynthesisRequest, ...]
    sample_rate: int
    """Hz of the engine."""


class Renderer:
    """Speaks requests on the engines of this node."""

    def __init__(self, engines: EngineHost, registry: EngineRegistry) -> None:
        self._engines = engines
        self._registry = registry

    def prepare(self, request: SpeechRequest, voice: Voice, *, eager: bool = False) -> Script:
        """Normalise and split. Raises `InvalidRequest` or `Unsupported` before anything is spoken or charged."""
        able = self._registry.describe(voice.engine)
        language = request.language or language_to_read(request.text, voice.language)
        _check_supported(request, language, able)
        text = normalise(request.text, language) if request.normalise else request.text
        if not speakable(text):
            text = emoji_names(request.text)
        if not text:
            raise InvalidRequest("The text holds nothing that can be spoken.", field="text")
        pieces = tuple(_sayable(split(text, language, able.max_characters, eager=eager)))
        requests = tuple(
            SynthesisRequest(
                text=piece.text,
                language=language,
                voice_settings=voice.settings,
                speed=request.speed,
                temperature=request.temperature,
                seed=request.seed,
                pause_after=piece.pause_after,
            )
            for piece in pieces
        )
        return Script(voice.engine, language, pieces, requests, able.sample_rate)

    async def warm_up(self) -> None:
        """Load the sound libraries and start a process of the preferred engine, so that nobody waits for them."""
        hum = (0.1 * np.sign(np.sin(np.arange(24_000) / 30))).astype(np.float32)
        rehearsal = SpeechRequest(text="", voice_id="", denoise=True, sample_rate=22_050)
        loading = asyncio.to_thread(_finish, hum, 24_000, rehearsal)
        starting = (self._engines.warm(name) for name in self._registry.names[:1])
        for outcome in await asyncio.gather(loading, *starting, return_exceptions=True):
            if isinstance(outcome, Exception):
                log.warning("speech.not_warm", error=str(outcome))

    async def render(self, request: SpeechRequest, script: Script, progress: Progress | None = None) -> Recording:
        """The whole recording, cleaned and at its loudness."""
        parts: list[Samples] = []
        async for samples in self.speak(script):
            parts.append(samples)
            if progress:
                await progress(len(parts), len(script.requests))
        return await asyncio.to_thread(_finish, np.concatenate(parts), script.sample_rate, request)

    async def speak(self, script: Script) -> AsyncIterator[Samples]:
        """Each piece in order, as the engine made it. A few are in flight together."""
        waiting = iter(script.requests)
        flying: deque[asyncio.Task[Samples]] = deque()
        try:
            while True:
                while len(flying) < PIECES_AHEAD and (request := next(waiting, None)) is not None:
                    flying.append(asyncio.create_task(self._speak_piece(script.engine, request)))
                if not flying:
                    return
                yield await flying[0]
                flying.popleft()
        finally:
            for task in flying:
                task.cancel()
            await asyncio.gather(*flying, return_exceptions=True)

    async def _speak_piece(self, engine: str, request: SynthesisRequest) -> Samples:
        for attempt in range(1, ATTEMPTS_PER_PIECE + 1):
            try:
                chunks = await self._engines.synthesize(engine, request)
                samples, rate = np.concatenate([chunk.samples for chunk in chunks]), chunks[0].sample_rate
                check_audio(samples, rate, self._registry.describe(engine).sample_rate)
                return _with_pause(samples, request, rate)
            except EngineFailed as error:
                if not error.retryable or attempt == ATTEMPTS_PER_PIECE:
                    raise
                log.warning("speech.piece_tried_again", engine=engine, code=error.code)
        raise AssertionError("unreachable")


def _check_supported(request: SpeechRequest, language: str, able: Capabilities) -> None:
    base = language.split("-")[0].lower()
    if all(known.split("-")[0].lower() != base for known in able.languages):
        raise Unsupported(f"The engine `{able.name}` does not speak `{language}`.", field="language")
    if request.speed != 1.0 and "speed" not in able.options:
        raise Unsupported(f"The engine `{able.name}` speaks at its own speed only.", field="speed")


def _sayable(pieces: list[Piece]) -> list[Piece]:
    """Without pieces that are nothing but punctuation, unless there are no others (names of emoji, say)."""
    return [piece for piece in pieces if speakable(piece.text)] or pieces


def _with_pause(samples: Samples, request: SynthesisRequest, rate: int) -> Samples:
    if request.pause_after is None:
        return samples
    return np.concatenate([samples, np.zeros(round(request.pause_after * rate), dtype=np.float32)])


def _finish(samples: Samples, rate: int, request: SpeechRequest) -> Recording:
    """The order of Stablecog's worker, but with loudness last, so that the level holds for what is heard."""
    if request.denoise:
        samples = denoise(samples, rate)
    if request.remove_silence:
        samples = remove_silence(samples, rate)
    if request.sample_rate and request.sample_rate != rate:
        samples, rate = resample(samples, rate, request.sample_rate), request.sample_rate
    if request.loudness is not None:
        samples = normalise_loudness(samples, rate, request.loudness)
    if not len(samples):
        raise BadAudio("Nothing was left after the silence was removed.")
    return Recording(samples, rate)
