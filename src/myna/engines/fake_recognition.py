"""Hears sounds that are not quiet as words, for tests and trials. Used only when `MYNA_ENGINES` names it.

Each stretch between two quiet ones is a word, as the tones of `fake` have them. What is said is the transcript of the
request; without one, the words of the environment variable `FAKE_HEARD` over and over; without that, `word`.
Commands in the transcript or in `FAKE_HEARD` act before anything is heard:

    hear:crash              the process ends
    hear:crash-once=TOKEN   the process ends the first time; a marker in the temporary folder remembers the token
    hear:hang               no answer comes
    hear:fail=MESSAGE       EngineFailed with the message (`_` stands for a space)
    hear:slow=SECONDS       it takes that much longer
    hear:nothing            no words, whatever there is
    hear:nonsense           words outside the sound
"""

from __future__ import annotations

import os
import time
from itertools import cycle, islice, pairwise
from typing import ClassVar

import numpy as np

from myna.engines.base import Samples
from myna.engines.fake_commands import misbehave, parse
from myna.engines.recognition import (
    HeardWord,
    Recognised,
    RecognitionCapabilities,
    RecognitionEngine,
    RecognitionRequest,
)

_FRAME_SECONDS = 0.01
_QUIET = 0.003
"""Full scale is 1."""
_LEAST_FRAMES = 2
_GAP_FRAMES = 3
_LANGUAGES = ("en-US", "en-GB", "ar", "de-DE", "es-ES", "fr-FR", "hi-IN", "it-IT", "ja-JP", "pt-BR", "zh-CN")


class FakeRecognition(RecognitionEngine):
    """Counts bursts of sound."""

    name: ClassVar[str] = "fake-recognition"

    @classmethod
    def available(cls) -> tuple[bool, str]:
        return True, ""

    @classmethod
    def describe(cls) -> RecognitionCapabilities:
        return RecognitionCapabilities(
            name=cls.name,
            description="A word for each burst of sound, for tests; hears nothing.",
            version="1",
            licence="Apache-2.0",
            languages=_LANGUAGES,
            detects_language=True,
            alignment=True,
        )

    def recognise(self, samples: Samples, sample_rate: int, request: RecognitionRequest) -> Recognised:
        text, commands = parse(request.transcript or os.environ.get("FAKE_HEARD") or "word", "hear")
        named = {command.name: command for command in commands}
        for command in commands:
            misbehave(command)
        if slow := named.get("slow"):
            time.sleep(slow.number())
        bursts = [] if "nothing" in named else _bursts(samples, sample_rate)
        if request.transcript is None:
            said = list(islice(cycle(text.split()), len(bursts)))
        else:
            said = text.split()
            bursts = _spread(bursts, len(said))
        later = len(samples) if "nonsense" in named else 0.0
        words = (HeardWord(word, start + later, end + later) for word, (start, end) in zip(said, bursts, strict=True))
        return Recognised(request.language or "en-US", tuple(words) if bursts else ())


def _bursts(samples: Samples, rate: int) -> list[tuple[float, float]]:
    """Start and end of each stretch that is not quiet, in seconds."""
    step = max(1, round(_FRAME_SECONDS * rate))
    frames = np.abs(np.pad(samples, (0, -len(samples) % step)).reshape(-1, step))
    loud = np.flatnonzero(frames.max(axis=1, initial=0.0) > _QUIET)
    groups = np.split(loud, np.flatnonzero(np.diff(loud) > _GAP_FRAMES) + 1)
    seconds = step / rate
    return [
        (float(group[0] * seconds), float(min((group[-1] + 1) * seconds, len(samples) / rate)))
        for group in groups
        if len(group) >= _LEAST_FRAMES
    ]


def _spread(bursts: list[tuple[float, float]], count: int) -> list[tuple[float, float]]:
    """As many stretches as words: the bursts where they match, else all of the time between them, shared out."""
    if len(bursts) == count or not bursts:
        return bursts
    edges = np.linspace(bursts[0][0], bursts[-1][1], count + 1)
    return [(float(start), float(end)) for start, end in pairwise(edges)]
