"""From a request to sound: prepare the text, speak it piece by piece, and finish the recording."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import structlog

from myna.audio.check import check_audio
from myna.audio.cleaning import Denoiser
from myna.audio.loudness import normalise_loudness
from myna.audio.resample import resample
from myna.audio.silence import remove_silence
from myna.engines.base import AudioChunk, Capabilities, Samples, SynthesisRequest, Word
from myna.engines.forgiving import forgiving
from myna.engines.host import EngineHost
from myna.engines.registry import EngineRegistry
from myna.errors import BadAudio, EngineFailed, Unsupported
from myna.kit.beneficiary import go_on
from myna.kit.hops import hops
from myna.kit.threads import run_in_thread
from myna.speech.passing import Coming, Listener
from myna.speech.schemas import Recording, SpeechRequest
from myna.speech.script import Script, cut
from myna.speech.text import diacritise, language_to_read, without_breaks
from myna.speech.text.diacritics import positions_before
from myna.speech.verifying import Check, Verifier
from myna.voices.schemas import Voice

log = structlog.get_logger()

PIECES_AHEAD = 2
"""Pieces of one request that are spoken at once; more would push other requests aside."""
_GROWTH_BY_MARKS = 3
"""Arabic with all its vowel marks is at most this many times as long as without."""

Progress = Callable[[int, int], Awaitable[None]]
"""Called with the pieces that are done and the pieces in all."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some sound of a piece."""

    samples: Samples
    whole: Spoken | None
    """The piece, with its last part."""


@dataclass(frozen=True, slots=True)
class _Flight:
    """A piece that is being spoken."""

    task: asyncio.Task[Spoken]
    coming: Coming | None
    pause_before: float


@dataclass(frozen=True, slots=True)
class Spoken:
    """The sound of one piece of a script."""

    samples: Samples
    words: tuple[Word, ...]
    """When its words begin, in seconds from its start, with positions in the text of the piece. Empty when the engine
    does not say."""
    pause_after: float
    """Seconds of silence at its end that were asked for."""


class Renderer:
    """Speaks requests on the engines of this node."""

    def __init__(
        self,
        engines: EngineHost,
        registry: EngineRegistry,
        verifier: Verifier | None = None,
        denoiser: Denoiser | None = None,
    ) -> None:
        """Without a `verifier` nothing is verified, whoever asks; without a `denoiser` it is the embedded one."""
        self._denoiser = denoiser or Denoiser(engines, registry)
        self._engines = engines
        self._registry = registry
        self.verifier = verifier

    def prepare(self, request: SpeechRequest, voice: Voice, *, eager: bool = False) -> Script:
        """Normalise and split. Raises `InvalidRequest`, `Unsupported` and `EngineUnavailable` before anything is spoken
        or charged.
        """
        able = self._registry.describe(voice.engine)
        if request.denoise:
            self._denoiser.check()
        words = without_breaks(request.text) if request.breaks else request.text
        language = request.language or language_to_read(words, voice.language)
        _check_supported(request, voice, language, able)
        if request.verify and self.verifier and not self._registry.recognisers:
            raise Unsupported(
                "No recogniser is here that could verify speech. `myna doctor` says more.", field="verify"
            )
        arabic = _primary(language) == "ar"
        needs_marks = arabic and able.diacritics in ("needed", "helpful")
        script = cut(
            request,
            language,
            able.max_characters // (_GROWTH_BY_MARKS if needs_marks else 1),
            eager=eager,
            without_diacritics=arabic and able.diacritics == "harmful",
        )
        like_all = _delivery(request, voice, language, able)
        requests = tuple(replace(like_all, text=piece.text, pause_after=piece.pause_after) for piece in script.pieces)
        return Script(
            engine=voice.engine,
            language=language,
            text=request.text,
            pieces=script.pieces,
            places=script.places,
            requests=requests,
            sample_rate=able.sample_rate,
            pause_before=script.pause_before,
            diacritise=needs_marks,
            eager=eager,
        )

    async def warm_up(self, engines: Sequence[str] = ()) -> None:
        """Load the sound libraries and start a process of some engines, else of the preferred one, so that nobody
        waits for them.
        """
        hum = (0.1 * np.sign(np.sin(np.arange(24_000) / 30))).astype(np.float32)
        rehearsal = SpeechRequest(text="", voice_id="", denoise=True, sample_rate=22_050)
        loading = self._finished(hum, 24_000, rehearsal)
        starting = (self._engines.warm(name) for name in engines or self._registry.names[:1])
        for outcome in await asyncio.gather(loading, *starting, return_exceptions=True):
            if isinstance(outcome, Exception):
                log.warning("speech.not_warm", error=str(outcome))

    async def render(self, request: SpeechRequest, script: Script, progress: Progress | None = None) -> Recording:
        """The whole recording, cleaned and at its loudness."""
        parts: list[Samples] = []
        check = self.check_of(request, script)
        async for spoken in self.speak(script, check):
            parts.append(spoken.samples)
            if progress:
                await progress(len(parts), len(script.requests))
        recording = await self._finished(np.concatenate(parts), script.sample_rate, request)
        return replace(recording, verification=check.verification()) if check else recording

    async def _finished(self, samples: Samples, rate: int, request: SpeechRequest) -> Recording:
        """The order of Stablecog's worker, but with loudness last, so that the level holds for what is heard."""
        if request.denoise:
            samples = await self._denoiser.denoise(samples, rate)
        return await run_in_thread(_finish, samples, rate, request)

    def check_of(self, request: SpeechRequest, script: Script, *, stream: bool = False) -> Check | None:
        """What looks at each sentence of this request; None when that is not wanted."""
        if self.verifier is None:
            return None
        return self.verifier.check_of(request, script.language, self._registry.describe(script.engine), stream=stream)

    async def speak(self, script: Script, check: Check | None = None) -> AsyncIterator[Spoken]:
        """Each piece in order, as the engine made it, or as it did best. A few are in flight together, after the first
        of a script that is eager.
        """
        async with aclosing(self._parts(script, check, None)) as parts:
            async for part in parts:
                if part.whole:
                    yield part.whole

    async def speak_on(self, script: Script, check: Check | None = None) -> AsyncGenerator[Part, None]:
        """The same for somebody who listens: of an engine that passes on, a piece comes in parts while the listener has
        no other sound. One that breaks off then goes on where it was, or raises `EngineFailed` when the engine does not
        say the same again.
        """
        passes_on = check is None and self._registry.describe(script.engine).passes_on
        async with aclosing(self._parts(script, check, Listener() if passes_on else None)) as parts:
            async for part in parts:
                yield part

    async def _parts(
        self, script: Script, check: Check | None, listener: Listener | None
    ) -> AsyncGenerator[Part, None]:
        """Without a listener each piece is one part."""
        waiting = enumerate(script.requests)
        flying: deque[_Flight] = deque()
        ahead = 1 if script.eager else PIECES_AHEAD
        try:
            while True:
                while len(flying) < ahead and (piece := next(waiting, None)) is not None:
                    flying.append(self._begin(script, *piece, check, passes_on=listener is not None))
                if not flying:
                    return
                async with aclosing(_of_flight(flying[0], script.sample_rate, listener)) as parts:
                    async for part in parts:
                        yield part
                flying.popleft()
                ahead = PIECES_AHEAD
        finally:
            for flight in flying:
                flight.task.cancel()
            await asyncio.gather(*(flight.task for flight in flying), return_exceptions=True)

    def _begin(
        self, script: Script, place: int, request: SynthesisRequest, check: Check | None, *, passes_on: bool
    ) -> _Flight:
        rate, pause = script.sample_rate, 0.0 if place else script.pause_before
        coming = Coming(np.zeros(round(pause * rate), np.float32), rate) if passes_on else None
        task = asyncio.create_task(self._speak_well(script, place, request, check, coming))
        return _Flight(task, coming, pause)

    async def _speak_well(
        self, script: Script, place: int, request: SynthesisRequest, check: Check | None, coming: Coming | None
    ) -> Spoken:
        if place:
            go_on()  # who has heard the beginning hears the rest
        if check is None:
            return await self._speak_piece(script, request, coming)
        return await check.best(place, request, script.sample_rate, partial(self._speak_piece, script))

    async def _speak_piece(self, script: Script, request: SynthesisRequest, coming: Coming | None = None) -> Spoken:
        text = request.text
        if script.diacritise:
            request = replace(request, text=await run_in_thread(diacritise, text))

        async def speak() -> Spoken:
            chunks = await self._chunks(script.engine, request, coming)
            return _in_words_of(text, request.text, self._checked(script.engine, chunks, request))

        return await forgiving(script.engine, speak)

    async def _chunks(self, engine: str, request: SynthesisRequest, coming: Coming | None) -> list[AudioChunk]:
        """All of them. Raises `EngineFailed`, which is not forgiven, when somebody has heard the beginning already and
        the engine would not say the same again.
        """
        if coming is None:
            return await self._engines.synthesize(engine, request)
        coming.begin()
        chunks = []
        try:
            async with aclosing(self._engines.stream(engine, request)) as stream:
                async for chunk in stream:
                    chunks.append(chunk)
                    coming.add(chunk.samples)
        except EngineFailed as error:
            same_again = "seed" in self._registry.describe(engine).options
            raise EngineFailed(error.message) if coming.given and not same_again else error from None
        return chunks

    def _checked(self, engine: str, chunks: list[AudioChunk], request: SynthesisRequest) -> Spoken:
        """Raises `BadAudio` for sound that cannot be used."""
        samples, rate = np.concatenate([chunk.samples for chunk in chunks]), chunks[0].sample_rate
        check_audio(samples, rate, self._registry.describe(engine).sample_rate)
        words = tuple(word for chunk in chunks for word in chunk.words)
        return Spoken(samples, words, request.pause_after or 0.0)


async def _of_flight(flight: _Flight, rate: int, listener: Listener | None) -> AsyncGenerator[Part, None]:
    given = 0
    if flight.coming and listener:
        async with aclosing(flight.coming.until(flight.task, listener)) as sounds:
            async for samples in sounds:
                listener.gets(len(samples) / rate)
                yield Part(samples, None)
        given = flight.coming.given
    whole = _later(await flight.task, flight.pause_before, rate)
    if listener:
        listener.gets((len(whole.samples) - given) / rate)
    yield Part(whole.samples[given:], whole)


def _delivery(request: SpeechRequest, voice: Voice, language: str, able: Capabilities) -> SynthesisRequest:
    """How to speak, without the words: what the request says, else how the voice was kept, as far as the engine can."""
    stability = voice.stability if request.stability is None else request.stability
    similarity = voice.similarity if request.similarity is None else request.similarity
    temperature = request.temperature
    if stability is not None and "stability" not in able.options:
        temperature, stability = 1.0 - stability, None
    return SynthesisRequest(
        text="",
        language=language,
        voice_settings=voice.settings,
        speed=request.speed,
        temperature=temperature,
        seed=request.seed,
        stability=stability,
        similarity=1.0 if similarity is None else similarity,
        dialect=request.dialect if request.dialect in able.dialects else None,
        hops=hops(),
    )


def _check_supported(request: SpeechRequest, voice: Voice, language: str, able: Capabilities) -> None:
    if all(_primary(known) != _primary(language) for known in able.languages):
        raise Unsupported(f"The engine `{able.name}` does not speak `{language}`.", field="language")
    own = voice.languages if able.one_language and voice.kind == "stock" else (language,)
    if all(_primary(known) != _primary(language) for known in own):
        raise Unsupported(
            f"The voice `{voice.id}` speaks `{voice.language}` only, not `{language}`. `myna voices list --engine "
            f"{able.name}` shows the others.",
            field="language",
        )
    if request.speed != 1.0 and "speed" not in able.options:
        raise Unsupported(f"The engine `{able.name}` speaks at its own speed only.", field="speed")


def _primary(language: str) -> str:
    return language.partition("-")[0].lower()


def _in_words_of(text: str, spoken_text: str, spoken: Spoken) -> Spoken:
    """With positions in the text of the piece, though another one, with more marks, was spoken."""
    if text == spoken_text:
        return spoken
    places = [*positions_before(spoken_text, text), len(text)]
    known = (word for word in spoken.words if 0 <= word.text_position < len(spoken_text))
    words = tuple(
        Word(
            first := places[word.text_position],
            max(1, places[min(word.text_position + word.length, len(spoken_text))] - first),
            word.start,
        )
        for word in known
    )
    return Spoken(spoken.samples, words, spoken.pause_after)


def _later(spoken: Spoken, seconds: float, rate: int) -> Spoken:
    """With silence before it."""
    if not seconds:
        return spoken
    silence = np.zeros(round(seconds * rate), dtype=np.float32)
    words = tuple(replace(word, start=word.start + len(silence) / rate) for word in spoken.words)
    return Spoken(np.concatenate([silence, spoken.samples]), words, spoken.pause_after)


def _finish(samples: Samples, rate: int, request: SpeechRequest) -> Recording:
    """All but the noise."""
    if request.remove_silence:
        samples = remove_silence(samples, rate)
    if request.sample_rate and request.sample_rate != rate:
        samples, rate = resample(samples, rate, request.sample_rate), request.sample_rate
    if request.loudness is not None:
        samples = normalise_loudness(samples, rate, request.loudness)
    if not len(samples):
        raise BadAudio("Nothing was left after the silence was removed.")
    return Recording(samples, rate)
