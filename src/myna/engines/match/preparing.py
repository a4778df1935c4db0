"""From a recording to a voice: measures it, chooses the base that comes nearest, and finds the way there."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from myna.audio.matching.fitting import fit, fit_aligned
from myna.audio.matching.statistics import Melody, audible, melody, voiced_seconds
from myna.audio.matching.transform import Transform, moved_pitch, transformed
from myna.audio.matching.vocoder import COARSE, RATE, Frames, analyse, pitch_of, synthesise
from myna.audio.resample import resample
from myna.audio.speaker import Embedding, similarity, speaker_embedding
from myna.engines.base import Samples
from myna.engines.espeak.languages import find_language
from myna.engines.match.bases import Base, Bases, installed
from myna.engines.match.calibration import calibration_text
from myna.engines.match.voice import Match, MatchedVoice
from myna.errors import EngineFailed, ReferenceRefused

_LONGEST = 30.0
"""Seconds of the reference that are used."""
_HEARD = 10.0
"""Seconds by which speakers are compared."""
_MOST_CHARACTERS = 700
"""Of its transcript: more is said in more time than is used."""
_LEAST_VOICED = 1.5
_TRIED = 2
"""Bases of an engine that are tried: those whose pitch is nearest."""
_LOUDEST = 0.85
"""Peak of the calibration text in the new voice; leaves room for louder texts."""
_DEFAULT_LANGUAGE = "en-US"


class Preparation:
    """Prepares voices; keeps what it has measured of the bases."""

    def __init__(self, bases: Bases, excluded: frozenset[str] = frozenset()) -> None:
        self._bases = bases
        self._excluded = excluded
        self._frames: dict[tuple[str, str], Frames] = {}
        self._melodies: dict[tuple[str, str], Melody] = {}

    def prepare(self, reference: Samples, rate: int, transcript: str | None, language: str | None) -> MatchedVoice:
        """Raises `ReferenceRefused`."""
        goal = _goal(_examined(reference, rate))
        known = find_language(language or _DEFAULT_LANGUAGE)
        own = known.tag if known else _DEFAULT_LANGUAGE
        words = transcript if language else None
        choice = installed(self._excluded)
        natural = [base for base in choice if base.natural]
        synthetic = [base for base in choice if not base.natural]
        if not natural:
            return MatchedVoice(goal.melody, own, everywhere=self._best(goal, synthetic, own, words))
        if own.startswith("en"):
            everywhere = self._best(goal, synthetic, own, None, most=1)
            return MatchedVoice(goal.melody, own, everywhere, self._best(goal, natural, _DEFAULT_LANGUAGE, words))
        everywhere = self._best(goal, synthetic, own, words)
        return MatchedVoice(goal.melody, own, everywhere, self._best(goal, natural, _DEFAULT_LANGUAGE, None))

    def melody(self, base: Base, language: str) -> Melody:
        """Of a base in a language, measured once."""
        key = (base.id, language)
        if key not in self._melodies:
            frames = self._frames.get(key)
            pitch = frames.pitch if frames else pitch_of(self._bases.say(base, calibration_text(language), language))
            self._melodies[key] = melody(pitch)
        return self._melodies[key]

    def _best(
        self, goal: _Goal, candidates: Sequence[Base], language: str, words: str | None, most: int = _TRIED
    ) -> Match:
        """Of the bases whose pitch is nearest, the one that comes nearest to the goal when it is transformed."""
        middle = float(np.exp(goal.melody.middle))
        nearest = sorted(candidates, key=lambda base: abs(np.log(base.rough_pitch / middle)))[:most]
        tried = {base: fit(self._measured(base, language), goal.frames) for base in nearest}
        base = nearest[0]
        if len(nearest) > 1:
            base = max(nearest, key=lambda base: self._score(goal, base, language, tried[base]))
        tone = self.melody(base, language)
        transform = self._learned(base, language, goal, words) or tried[base]
        transform = _with_room(transform, self._measured(base, language), tone, goal.melody)
        return Match(base, language, tone, transform)

    def _score(self, goal: _Goal, base: Base, language: str, transform: Transform) -> float:
        """How alike the speakers are after the transform, less the share of the base's words that is misheard: what is
        poorly understood gets worse when it is transformed."""
        sound = _sound(self._measured(base, language), self.melody(base, language), transform, goal.melody)
        return similarity(speaker_embedding(sound, RATE), goal.embedding) - base.misheard

    def _learned(self, base: Base, language: str, goal: _Goal, words: str | None) -> Transform | None:
        """The transform from what the base makes of the reference's own words, when they are known and help. Without a
        regression the calibration text does as well: towards kal16, as alike and rather better understood."""
        if not words or len(words) > _MOST_CHARACTERS:
            return None
        try:
            said = analyse(self._bases.say(base, words, language), step=COARSE)
        except EngineFailed:
            return None
        if voiced_seconds(said) < _LEAST_VOICED:
            return None
        plain = fit(said, goal.frames)
        if not base.natural:
            return plain
        learned = fit_aligned(said, goal.frames, plain)
        return learned[0] if learned else None

    def _measured(self, base: Base, language: str) -> Frames:
        """What a base makes of the calibration text."""
        key = (base.id, language)
        if key not in self._frames:
            self._frames[key] = analyse(self._bases.say(base, calibration_text(language), language), step=COARSE)
        return self._frames[key]


@dataclasses.dataclass(frozen=True, slots=True)
class _Goal:
    """The reference."""

    frames: Frames
    melody: Melody
    embedding: Embedding


def _goal(frames: Frames) -> _Goal:
    """Its sound is synthesised too, because that is what it will be compared with."""
    heard = speaker_embedding(synthesise(frames)[: round(_HEARD * RATE)], RATE)
    return _Goal(frames, melody(frames.pitch[audible(frames)]), heard)


def _sound(source: Frames, tone: Melody, transform: Transform, goal: Melody) -> Samples:
    changed = transformed(source, transform)
    return synthesise(dataclasses.replace(changed, pitch=moved_pitch(changed.pitch, tone, goal)))


def _with_room(transform: Transform, source: Frames, tone: Melody, goal: Melody) -> Transform:
    """The transform, quieter if its result would be too loud to be written down."""
    peak = float(np.abs(_sound(source, tone, transform, goal)).max(initial=0.0))
    too_loud = max(0.0, 2 * np.log(max(peak, 1e-6) / _LOUDEST))
    return dataclasses.replace(transform, gain=transform.gain - too_loud)


def _examined(reference: Samples, rate: int) -> Frames:
    """The frames of a usable recording."""
    if not len(reference) or not np.isfinite(reference).all():
        raise ReferenceRefused("The recording is empty or damaged. Send another one.")
    sound = resample(np.asarray(reference[: round(_LONGEST * rate)], np.float32), rate, RATE)
    frames = analyse(sound, step=COARSE) if len(sound) > RATE // 10 and np.abs(sound).max() > 1e-4 else None
    voiced = voiced_seconds(frames) if frames else 0.0
    if frames is None or voiced < _LEAST_VOICED:
        raise ReferenceRefused(
            f"Only {voiced:.1f} s of this recording are a voice; {_LEAST_VOICED:g} s are the least. Send at least "
            "five seconds of clear speech of one person, without music."
        )
    return frames
