"""Who speaks: 256 numbers for a voice, and how alike two voices are.

The encoder is Resemblyzer's (Apache-2.0), after L. Wan et al., "Generalized End-to-End Loss for Speaker Verification",
2018: a mel spectrogram, three LSTM layers, a linear layer, a length of 1. Its weights come from the `resemblyzer`
wheel, whose Python side is never imported, nor is PyTorch. Voices of one speaker score 0.85 and more, of others up to
0.75.
"""

from __future__ import annotations

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from myna.audio.activity import speech_segments
from myna.audio.checkpoint import Weights, read_checkpoint
from myna.audio.resample import resample
from myna.engines.base import Samples
from myna.errors import Unavailable

Embedding = NDArray[np.float32]
"""Shape `[256]`, length 1, no negative numbers; all zero for silence."""

RATE = 16_000
SIZE = 256
_HIDDEN = 256
_LAYERS = 3
_HOP, _WINDOW = 160, 400
"""Samples: 10 and 25 ms."""
_MELS = 40
_FRAMES = 160
"""Frames that the encoder sees at once: 1.6 s."""
WINDOW_SECONDS = _FRAMES * _HOP / RATE
_STEP = 77
"""Frames from one window to the next: 1.3 windows a second."""
_COVERED = 0.75
"""The share of a last window that must be sound; what is missing is silence."""
_LEVEL = 10 ** (-30 / 20)
"""−30 dBFS. Resemblyzer brings only quieter sound to it; but the spectrum is not logarithmic, so a voice twice as loud
would pass for another (cosine 0.95), and ten times as loud for a stranger."""
_WINDOWS_AT_ONCE = 64


def speaker_embedding(samples: Samples, rate: int) -> Embedding:
    """The voice of a recording, from all that is spoken in it. Safe in threads; the weights are read once (17 MB).

    Where no speech is found, all of the sound counts. Raises `Unavailable` when the weights are missing.
    """
    spoken = [samples[round(part.start * rate) : round(part.end * rate)] for part in speech_segments(samples, rate)]
    return mean_embedding(window_embeddings(np.concatenate(spoken) if spoken else samples, rate))


def similarity(first: Embedding, second: Embedding) -> float:
    """The cosine of two embeddings: 1 for the same voice; 0 when one of them is silence."""
    lengths = float(np.linalg.norm(first)) * float(np.linalg.norm(second))
    return float(first @ second) / lengths if lengths else 0.0


def window_embeddings(samples: Samples, rate: int, step_seconds: float = _STEP * _HOP / RATE) -> NDArray[np.float32]:
    """An embedding for each window of 1.6 s: shape `[windows, 256]`; none for an empty sound."""
    if not len(samples):
        return np.zeros((0, SIZE), np.float32)
    sound = _levelled(resample(samples, rate, RATE))
    starts = _window_starts(len(sound), round(step_seconds * RATE / _HOP))
    missing = (starts[-1] + _FRAMES) * _HOP - len(sound)
    mels = mel_spectrogram(np.pad(sound, (0, max(0, missing))))
    windows = np.stack([mels[start : start + _FRAMES] for start in starts])
    return np.concatenate(
        [_encoded(windows[at : at + _WINDOWS_AT_ONCE]) for at in range(0, len(windows), _WINDOWS_AT_ONCE)]
    )


def mean_embedding(embeddings: NDArray[np.float32]) -> Embedding:
    """The direction that all windows have in common; zeros when there are none."""
    mean = embeddings.mean(axis=0) if len(embeddings) else np.zeros(SIZE, np.float32)
    return np.asarray(_of_length_one(mean[None])[0], np.float32)


def mel_spectrogram(sound: Samples) -> NDArray[np.float32]:
    """Power in 40 mel bands, 100 frames a second: shape `[frames, 40]`, of sound at 16 kHz."""
    padded = np.pad(sound, _WINDOW // 2)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::_HOP] * window.astype(np.float32)
    spectrum = np.fft.rfft(frames, axis=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    return np.asarray(power @ _mel_filters().T, np.float32)


def _levelled(sound: Samples) -> Samples:
    level = float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
    return np.asarray(sound * (_LEVEL / level), np.float32) if level else sound


def _window_starts(count: int, step: int) -> list[int]:
    """The first frames of the windows: the last one may reach beyond the sound when enough of it is filled."""
    frames = -(-(count + 1) // _HOP)
    starts = list(range(0, max(1, frames - _FRAMES + step + 1), step))
    filled = (count - starts[-1] * _HOP) / (_FRAMES * _HOP)
    return starts[:-1] if filled < _COVERED and len(starts) > 1 else starts


def _encoded(mels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Shape `[windows, 160, 40]` to `[windows, 256]`."""
    weights = _weights()
    sequence = np.ascontiguousarray(mels.swapaxes(0, 1))
    for layer in range(_LAYERS):
        sequence = _lstm(sequence, weights, layer)
    raw = sequence[-1] @ weights["linear.weight"].T + weights["linear.bias"]
    return _of_length_one(np.maximum(raw, 0))


def _lstm(sequence: NDArray[np.float32], weights: Weights, layer: int) -> NDArray[np.float32]:
    """One layer over a sequence `[steps, windows, features]`; the gates are input, forget, cell, output."""
    from scipy.special import expit

    bias = weights[f"lstm.bias_ih_l{layer}"] + weights[f"lstm.bias_hh_l{layer}"]
    driven = sequence @ weights[f"lstm.weight_ih_l{layer}"].T + bias
    recurrent = np.ascontiguousarray(weights[f"lstm.weight_hh_l{layer}"].T)
    hidden = cell = np.zeros((sequence.shape[1], _HIDDEN), np.float32)
    states = np.empty((*sequence.shape[:2], _HIDDEN), np.float32)
    for step, drive in enumerate(driven):
        gates = drive + hidden @ recurrent
        entering, kept = expit(gates[:, :_HIDDEN]), expit(gates[:, _HIDDEN : 2 * _HIDDEN])
        cell = kept * cell + entering * np.tanh(gates[:, 2 * _HIDDEN : 3 * _HIDDEN])
        hidden = expit(gates[:, 3 * _HIDDEN :]) * np.tanh(cell)
        states[step] = hidden
    return states


def _of_length_one(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1), np.float32)


@cache
def _mel_filters() -> NDArray[np.float32]:
    """Triangles on Slaney's mel scale (M. Slaney, "Auditory Toolbox", 1998), of equal area: shape `[40, 201]`."""
    edges = _hertz(np.linspace(0, _mel(RATE / 2), _MELS + 2))
    frequencies = np.linspace(0, RATE / 2, _WINDOW // 2 + 1)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((frequencies - low) / (middle - low), (high - frequencies) / (high - middle))
    return np.asarray(np.maximum(triangles, 0) * 2 / (high - low), np.float32)


_LINEAR_TO = 1_000.0
"""Hz: below it the scale is linear, 200/3 Hz a mel; above it each mel is the same ratio."""
_HERTZ_PER_MEL = 200 / 3
_LOG_STEP = float(np.log(6.4) / 27)


def _mel(hertz: float) -> float:
    if hertz < _LINEAR_TO:
        return hertz / _HERTZ_PER_MEL
    return _LINEAR_TO / _HERTZ_PER_MEL + float(np.log(hertz / _LINEAR_TO)) / _LOG_STEP


def _hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    linear = mels * _HERTZ_PER_MEL
    return np.where(linear < _LINEAR_TO, linear, _LINEAR_TO * np.exp(_LOG_STEP * (mels - _LINEAR_TO / _HERTZ_PER_MEL)))


@cache
def _weights() -> Weights:
    package = importlib.util.find_spec("resemblyzer")
    for folder in (package.submodule_search_locations or []) if package else []:
        path = Path(folder, "pretrained.pt")
        if path.exists():
            return read_checkpoint(path, "model_state")
    raise Unavailable("Voices cannot be told apart: the weights in the package `resemblyzer` are missing.")
