"""Hears some hundred languages with Whisper models, by faster-whisper and CTranslate2."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Any, ClassVar

import numpy as np

from myna.audio.activity import speech_segments
from myna.audio.resample import resample
from myna.engines.base import Samples
from myna.engines.needs import usable
from myna.engines.recognition import (
    HeardWord,
    Recognised,
    RecognitionCapabilities,
    RecognitionEngine,
    RecognitionRequest,
)
from myna.engines.whisper.believing import (
    LEAST_LOG_PROBABILITY,
    MOST_COMPRESSION,
    MOST_SILENCE,
    is_believable,
)
from myna.engines.whisper.languages import LANGUAGES, code_of, tag_of
from myna.engines.whisper.models import ENGINE, WhisperModel, best_model, installed_models
from myna.errors import EngineFailed, EngineUnavailable, Unsupported
from myna.models.store import unusable
from myna.settings import Settings

_RATE = 16_000
_WINDOW_SECONDS = 30.0
_SHORTEST = 400
"""Samples at that rate: one window of the spectrum."""
_TEMPERATURES = (0.0, 0.4, 0.8)
"""What cannot be believed is heard anew, with more chance each time."""
_MOST_PROMPT_WORDS = 60
_UNKNOWN = "und"
"""The tag of a language that could not be found out."""


class WhisperEngine(RecognitionEngine):
    """One model at a time is in memory: the one that was asked for last."""

    name: ClassVar[str] = ENGINE

    def __init__(self, settings: Settings | None = None) -> None:
        """Raises `EngineUnavailable` when there is no model."""
        self._settings = settings or Settings()
        self._models = installed_models(self._settings)
        self._loaded: tuple[WhisperModel, Any] | None = None
        self.model()

    @classmethod
    def available(cls) -> tuple[bool, str]:
        return usable(ENGINE, {"faster_whisper": "faster-whisper"}, installed_models)

    @classmethod
    def describe(cls) -> RecognitionCapabilities:
        """Of what is here; without any model, of what Whisper could."""
        try:
            models = installed_models()
        except EngineUnavailable:
            models = ()
        languages = {tag for model in models for tag in model.languages} or set(LANGUAGES)
        return RecognitionCapabilities(
            name=cls.name,
            description="Understands speech with Whisper models, in their languages, with punctuation.",
            version=_version(),
            licence="MIT (faster-whisper, CTranslate2, Whisper's weights)",
            languages=tuple(tag for tag in LANGUAGES if tag in languages),
            detects_language=not models or any(model.multilingual for model in models),
            exact_timestamps=False,
            vocabulary=True,
            window_seconds=_WINDOW_SECONDS,
            models=tuple(model.name for model in models),
            device=Settings().engine_devices.get(cls.name, "cpu"),
        )

    def recognise(self, samples: Samples, sample_rate: int, request: RecognitionRequest) -> Recognised:
        """What is said, in the language in which it is said: Whisper could translate into English, and never does.

        Raises `Unsupported` for a known text and for languages that no model here understands, `InvalidRequest` for
        a model that is not here, `EngineUnavailable` for one that cannot be loaded, `EngineFailed` for one that fails.
        """
        if request.transcript is not None:
            raise Unsupported(f"The engine `{self.name}` does not look for the words of a known text.")
        code = self._code(request.language)
        chosen = best_model(self._models, code and tag_of(code), request.model)
        sound, seconds = resample(samples, sample_rate, _RATE), len(samples) / sample_rate
        if len(sound) < _SHORTEST or not speech_segments(sound, _RATE):  # it would make words of silence and of music
            return Recognised(request.language or _UNKNOWN, (), 1.0 if request.language else 0.0)
        prompt = tuple(word.encode(errors="ignore").decode() for word in request.vocabulary[:_MOST_PROMPT_WORDS])
        model = self._load(chosen)
        try:
            passages, found = self._heard(model, sound, code, prompt)
            words = tuple(_in_time(_words(passages, prompt), seconds))
        except Exception as error:  # foreign code: what a damaged model does is its own
            raise EngineFailed(f"The Whisper model `{chosen.name}` failed: {type(error).__name__}: {error}") from error
        return Recognised(request.language or tag_of(found.language), words, float(found.language_probability))

    def model(self, name: str = "") -> Any:
        """The `faster_whisper.WhisperModel` of that name, or the best, loaded. Raises as `recognise`."""
        return self._load(best_model(self._models, None, name))

    def _code(self, language: str | None) -> str | None:
        if language is None:
            return None
        if (code := code_of(language)) is None:
            raise Unsupported(f"Whisper does not understand `{language}`.", field="language")
        return code

    def _heard(self, model: Any, sound: Samples, code: str | None, prompt: tuple[str, ...]) -> tuple[Any, Any]:
        import ctranslate2

        ctranslate2.set_random_seed(0)  # so that the same sound always has the same words
        beam = self._settings.whisper_beam
        return model.transcribe(  # type: ignore[no-any-return]
            np.asarray(sound, np.float32),
            language=code,
            task="transcribe",
            beam_size=beam,
            best_of=beam,
            temperature=_TEMPERATURES,
            condition_on_previous_text=False,
            word_timestamps=True,
            vad_filter=False,
            hotwords=", ".join(prompt) or None,
            compression_ratio_threshold=MOST_COMPRESSION,
            log_prob_threshold=LEAST_LOG_PROBABILITY,
            no_speech_threshold=MOST_SILENCE,
        )

    def _load(self, chosen: WhisperModel) -> Any:
        """The model; another one is let go of first."""
        if self._loaded and self._loaded[0] == chosen:
            return self._loaded[1]
        import faster_whisper

        self._loaded = None
        try:
            model = faster_whisper.WhisperModel(
                str(chosen.folder),
                device=self._settings.engine_devices.get(self.name, "cpu"),
                compute_type=self._settings.ctranslate_compute_type,
                cpu_threads=self._settings.threads_per_process,
                local_files_only=True,
            )
        except Exception as error:  # foreign code: whatever it raises is a reason
            raise unusable(chosen.name, f"cannot be loaded: {error}") from error
        self._loaded = chosen, model
        return model


def _words(passages: Any, prompt: tuple[str, ...]) -> Iterator[HeardWord]:
    for passage in passages:
        if is_believable(passage, prompt):
            for word in passage.words or ():
                if text := word.word.strip():
                    yield HeardWord(text, float(word.start), float(word.end), float(word.probability))


def _in_time(words: Iterator[HeardWord], seconds: float) -> Iterator[HeardWord]:
    """Within the sound, and none before the one that it follows."""
    reached = 0.0
    for word in words:
        start = min(max(word.start, reached), seconds)
        yield HeardWord(word.text, start, min(max(word.end, start), seconds), min(1.0, max(0.0, word.confidence)))
        reached = start


def _version() -> str:
    try:
        return version("faster-whisper")
    except PackageNotFoundError:
        return ""
