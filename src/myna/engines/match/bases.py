"""The voices that do the speaking: those of flite for English where it is installed, else variants of espeak-ng."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from myna.audio.matching.vocoder import RATE
from myna.audio.resample import StreamResampler
from myna.engines.base import Engine, Samples, SynthesisRequest, Word
from myna.engines.espeak import EspeakEngine
from myna.engines.flite import FliteEngine
from myna.errors import EngineUnavailable

_VARIANTS = ("", "m3", "f2", "f3")
"""Of espeak-ng: plain ones, that can be understood, with vocal tracts of different length."""
_PITCH = {"slt": 172, "rms": 100, "awb": 130, "kal16": 91, "": 102, "m3": 105, "f2": 178, "f3": 203}
"""Hz, roughly, as measured; decides only which bases are worth a trial."""
_MISHEARD = {"slt": 0.37, "rms": 0.24, "awb": 0.34, "kal16": 0.36}
"""Share of 322 words (IEEE sentences) in which pocketsphinx errs; of the others nothing is known."""
_ENGINES: dict[str, type[Engine]] = {"espeak": EspeakEngine, "flite": FliteEngine}


@dataclass(frozen=True, slots=True)
class Base:
    """A voice of another engine."""

    engine: str
    name: str
    """Its variant (espeak, the plain one is empty) or voice (flite)."""

    @property
    def id(self) -> str:
        return f"{self.engine}:{self.name}"

    @property
    def rough_pitch(self) -> float:
        """Hz."""
        return float(_PITCH.get(self.name, 130))

    @property
    def misheard(self) -> float:
        """Share of words, 0 to 1."""
        return _MISHEARD.get(self.name, 0.0) if self.natural else 0.0

    @property
    def natural(self) -> bool:
        """Whether it was made of a person's recordings, so that its spectra can be learned from."""
        return self.engine == "flite"

    @property
    def settings(self) -> dict[str, Any]:
        return {"voice": self.name} if self.engine == "flite" else {"variant": self.name}


def base_of(base_id: str) -> Base:
    engine, _, name = base_id.partition(":")
    return Base(engine, name)


def installed(excluded: frozenset[str] = frozenset()) -> tuple[Base, ...]:
    """The bases that can speak on this machine, without those whose id is excluded."""
    flite = [voice.id for voice in FliteEngine.voices()] if FliteEngine.available()[0] else []
    bases = [Base("flite", name) for name in flite] + [Base("espeak", name) for name in _VARIANTS]
    return tuple(base for base in bases if base.id not in excluded)


class Bases:
    """The engines of the bases, each loaded when it is first needed."""

    def __init__(self) -> None:
        self._engines: dict[str, Engine] = {}

    def speak(self, base: Base, request: SynthesisRequest) -> Iterator[tuple[Samples, tuple[Word, ...]]]:
        """The base's sound at `RATE`, and its words. Raises `EngineUnavailable`, and what its engine raises."""
        request = dataclasses.replace(request, voice_settings=base.settings)
        with contextlib.closing(self._engine(base).synthesize(request)) as chunks:  # type: ignore[type-var]
            rate = _ENGINES[base.engine].describe().sample_rate
            resampler = StreamResampler(rate, RATE)
            for chunk in chunks:
                yield resampler.process(chunk.samples), chunk.words
            yield resampler.process(np.zeros(0, np.float32), last=True), ()

    def say(self, base: Base, text: str, language: str) -> Samples:
        """A whole text, steadily."""
        request = SynthesisRequest(text, language, base.settings)
        return np.concatenate([samples for samples, _ in self.speak(base, request)])

    def close(self) -> None:
        for engine in self._engines.values():
            engine.close()

    def _engine(self, base: Base) -> Engine:
        if base.engine not in self._engines:
            kind = _ENGINES[base.engine]
            usable, reason = kind.available()
            if not usable:
                raise EngineUnavailable(
                    f"This cloned voice speaks English with the sound of `{base.id}`, which cannot be used here: "
                    f"{reason}. Install it, or clone the voice again on this machine."
                )
            self._engines[base.engine] = kind()
        return self._engines[base.engine]
