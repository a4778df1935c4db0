"""Where somebody speaks: Silero VAD, the ONNX file of the `silero-vad` wheel, whose Python is never imported."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from myna.audio.resample import resample
from myna.engines.base import Samples
from myna.errors import Unavailable

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

RATE = 16_000
BLOCK = 512
"""Samples at 16 kHz that get one probability: 32 ms."""
BLOCK_SECONDS = BLOCK / RATE

_CONTEXT = 64
"""Samples of the block before that the model sees too."""
_BLOCKS_AT_ONCE = 512
_BEGINS, _ENDS = 0.5, 0.35
"""Speech begins at the higher probability and goes on until it stays below the lower one."""
_SHORTEST_PAUSE = 0.3
"""Seconds; a shorter pause belongs to the speech."""
_SHORTEST_SPEECH = 0.15
"""Seconds; anything shorter is a click or a breath."""
_PADDING = 0.06
"""Seconds that are added on both sides: consonants begin softly and fade out."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech, in seconds from the start of the sound."""

    start: float
    end: float

    @property
    def duration(self) -> float:
        return self.end - self.start


def speech_segments(samples: Samples, rate: int) -> list[Segment]:
    """The stretches in which somebody speaks, in order and apart from each other.

    Pauses below 0.3 s do not part them; each has 60 ms of what is around it. Safe in threads.
    Raises `Unavailable` when the model's file is missing.
    """
    duration = len(samples) / rate
    spoken = [
        (first * BLOCK_SECONDS, last * BLOCK_SECONDS) for first, last in _runs(speech_probabilities(samples, rate))
    ]
    long_enough = [(start, end) for start, end in _joined(spoken) if end - start >= _SHORTEST_SPEECH]
    return [Segment(max(0.0, start - _PADDING), min(duration, end + _PADDING)) for start, end in long_enough]


def speech_probabilities(samples: Samples, rate: int) -> NDArray[np.float32]:
    """For each 32 ms how likely it is that somebody speaks, 0 to 1; the last block is filled up with silence."""
    sound = resample(samples, rate, RATE)
    state = {"h": np.zeros((1, 1, 128), np.float32), "c": np.zeros((1, 1, 128), np.float32)}
    found = [np.zeros(0, np.float32)]
    for frames in _frames(sound):
        probabilities, state["h"], state["c"] = _model().run(None, {"input": frames, **state})
        found.append(probabilities)
    return np.concatenate(found)


def _frames(sound: Samples) -> Iterator[NDArray[np.float32]]:
    """Blocks with their context, some hundred at a time: shape `[count, 576]`."""
    count = -(-len(sound) // BLOCK)
    for first in range(0, count, _BLOCKS_AT_ONCE):
        last = min(count, first + _BLOCKS_AT_ONCE)
        start = first * BLOCK - _CONTEXT
        piece = sound[max(0, start) : last * BLOCK]
        before = _CONTEXT if first == 0 else 0
        after = (last - first) * BLOCK + _CONTEXT - before - len(piece)
        padded = np.pad(piece.astype(np.float32), (before, after))
        yield np.ascontiguousarray(np.lib.stride_tricks.sliding_window_view(padded, BLOCK + _CONTEXT)[::BLOCK])


def _runs(probabilities: NDArray[np.float32]) -> Iterator[tuple[int, int]]:
    """First block and the one after the last, with hysteresis."""
    start = None
    for index, probability in enumerate(probabilities):
        if start is None and probability >= _BEGINS:
            start = index
        elif start is not None and probability < _ENDS:
            yield start, index
            start = None
    if start is not None:
        yield start, len(probabilities)


def _joined(spoken: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same with short pauses filled."""
    joined: list[tuple[float, float]] = []
    for start, end in spoken:
        if joined and start - joined[-1][1] < _SHORTEST_PAUSE:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


@cache
def _model() -> InferenceSession:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # else onnxruntime reports to its maker
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(_file()), options, providers=["CPUExecutionProvider"])


def _file() -> Path:
    package = importlib.util.find_spec("silero_vad")
    folders = list(package.submodule_search_locations or []) if package else []
    for folder in folders:
        path = Path(folder, "data", "silero_vad_16k_sequence.onnx")
        if path.exists():
            return path
    raise Unavailable("Speech cannot be found in recordings: the package `silero-vad` (6.2.3 or newer) is missing.")
