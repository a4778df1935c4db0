"""Has sentences heard as they are spoken, and spoken again when words are missing, within a budget."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

import structlog

from myna.audio.activity import Segment
from myna.engines.base import Capabilities, Samples, SynthesisRequest
from myna.errors import MynaError
from myna.kit.threads import run_in_thread
from myna.settings import Settings
from myna.speech.schemas import SpeechRequest
from myna.speech.verification import Comparison, Verification, compare, shortened, together
from myna.transcription.service import TranscriptionService

log = structlog.get_logger()

LIVELIER = 0.25
"""The least temperature of a further attempt: at 0 many engines speak every seed alike."""


class HasSound(Protocol):
    """A sentence as it was spoken."""

    @property
    def samples(self) -> Samples: ...


Sound = TypeVar("Sound", bound=HasSound)


@dataclass(frozen=True, slots=True)
class _Heard:
    comparison: Comparison
    text: str


class Verifier:
    """Decides which requests are looked at, and counts what came of it."""

    def __init__(self, transcription: TranscriptionService, settings: Settings) -> None:
        self._transcription = transcription
        self._settings = settings
        self.outcomes: Counter[str] = Counter()
        """Sentences, for metrics: `good` at once, `better` after another attempt, `poor` in spite of all, `unheard`
        (the recogniser failed, or the time was up), `skipped` (no recogniser understands the language)."""
        self.attempts = 0
        """Further attempts, ever."""
        self.seconds = 0.0
        """Spent on hearing and on further attempts, ever."""

    def check_of(self, request: SpeechRequest, language: str, able: Capabilities, *, stream: bool) -> Check | None:
        """What looks at the sentences of a request; None when it is not wanted."""
        setting = self._settings.verify_speech
        by_default = setting == "streams" if stream else setting != "off"
        wanted = by_default if request.verify is None else request.verify
        return Check(self, self._transcription, self._settings, language, able) if wanted else None


class Check:
    """Looks at the sentences of one request; they share a budget of time."""

    def __init__(
        self,
        verifier: Verifier,
        transcription: TranscriptionService,
        settings: Settings,
        language: str,
        able: Capabilities,
    ) -> None:
        self._verifier = verifier
        self._transcription = transcription
        self._language = language
        self._recogniser = transcription.recogniser(language)
        self._enough = settings.verify_score
        self._left = settings.verify_seconds
        self._attempts = settings.verify_attempts if "seed" in able.options else 1
        self._lively = "temperature" in able.options
        self._parts: dict[int, _Heard] = {}
        self._most_attempts = 1
        self._unheard = 0

    async def best(
        self,
        place: int,
        request: SynthesisRequest,
        rate: int,
        speak: Callable[[SynthesisRequest], Awaitable[Sound]],
    ) -> Sound:
        """The sentence at this place of the text, as it was spoken best. Raises what `speak` raises the first time."""
        spoken = await speak(request)
        if not self._recogniser:
            self._verifier.outcomes["skipped"] += 1
            return spoken
        heard = await self._hear(request.text, spoken.samples, rate)
        if heard is None:
            self._unheard += 1
            self._verifier.outcomes["unheard"] += 1
            return spoken
        return await self._improved(place, request, rate, speak, (spoken, heard))

    def verification(self) -> Verification:
        """What came of it, once all sentences are spoken."""
        if not self._recogniser:
            return Verification(None, 1, "", skipped=f"No recogniser here understands `{self._language}`.")
        parts = [self._parts[place] for place in sorted(self._parts)]
        skipped = f"{self._unheard} sentences were not heard: the time was up, or it failed." if self._unheard else ""
        return Verification(
            score=round(together(part.comparison for part in parts).score, 4) if parts else None,
            attempts=self._most_attempts,
            heard=shortened([part.text for part in parts]),
            recogniser=self._recogniser,
            skipped=skipped,
        )

    async def _improved(
        self,
        place: int,
        request: SynthesisRequest,
        rate: int,
        speak: Callable[[SynthesisRequest], Awaitable[Sound]],
        first: tuple[Sound, _Heard],
    ) -> Sound:
        best, attempt = first, 1
        while best[1].comparison.score < self._enough and attempt < self._attempts and self._left > 0:
            attempt += 1
            again = await self._again(request, attempt, rate, speak)
            if again and again[1].comparison.errors < best[1].comparison.errors:
                best = again
        self._parts[place] = best[1]
        self._most_attempts = max(self._most_attempts, attempt)
        good = best[1].comparison.score >= self._enough
        self._verifier.outcomes["poor" if not good else "good" if attempt == 1 else "better"] += 1
        if not good:
            log.warning("speech.poor", score=round(best[1].comparison.score, 3), attempts=attempt)
        return best[0]

    async def _again(
        self,
        request: SynthesisRequest,
        attempt: int,
        rate: int,
        speak: Callable[[SynthesisRequest], Awaitable[Sound]],
    ) -> tuple[Sound, _Heard] | None:
        """Another attempt; None when it failed: the first one is there."""
        temperature = max(request.temperature, LIVELIER) if self._lively else request.temperature
        other = replace(request, seed=request.seed + attempt - 1, temperature=temperature)
        self._verifier.attempts += 1
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._left):
                spoken = await speak(other)
        except (MynaError, TimeoutError) as error:
            log.warning("speech.further_attempt_failed", error=type(error).__name__)
            return None
        finally:
            self._spend(began)
        heard = await self._hear(request.text, spoken.samples, rate)
        return (spoken, heard) if heard else None

    async def _hear(self, text: str, samples: Samples, rate: int) -> _Heard | None:
        """None when the time is up, or the recogniser cannot."""
        if self._left <= 0:
            return None
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._left):
                words = await self._words(samples, rate)
            comparison = await run_in_thread(compare, text, words, self._language)
        except (MynaError, TimeoutError) as error:
            log.warning("speech.not_heard", error=type(error).__name__)
            return None
        finally:
            self._spend(began)
        return _Heard(comparison, words)

    async def _words(self, samples: Samples, rate: int) -> str:
        heard = await self._transcription.transcribe(
            lambda start, end: samples[round(start * rate) : round(end * rate)],
            rate,
            language=self._language,
            exact_times=False,
            segments=[Segment(0.0, len(samples) / rate)],
        )
        return " ".join(word.text for word in heard.words)

    def _spend(self, began: float) -> None:
        seconds = time.monotonic() - began
        self._left -= seconds
        self._verifier.seconds += seconds
