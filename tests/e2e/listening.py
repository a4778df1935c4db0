"""Listens to a sound file, to tell speech from silence, noise and tones, without a recogniser."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
import soundfile

_FRAME_SECONDS = 0.04


@dataclass(frozen=True, slots=True)
class Heard:
    seconds: float
    sample_rate: int
    channels: int
    level: float
    """Root mean square of the loud half of the frames, full scale 1."""
    voiced: float
    """Share of the loud frames that repeat at a pitch of 60 to 500 Hz."""
    pitches: float
    """Spread of those pitches, in semitones (standard deviation): 0 for a tone, above 0.5 for speech."""
    changes: float
    """How much the spectrum changes from frame to frame, 0 to 1: 0 for a hum."""


def listen(data: bytes) -> Heard:
    samples, rate = soundfile.read(io.BytesIO(data), dtype="float64", always_2d=True)
    mono = samples.mean(axis=1)
    step = round(_FRAME_SECONDS * rate)
    frames = mono[: len(mono) // step * step].reshape(-1, step)
    levels = np.sqrt((frames**2).mean(axis=1))
    loud = levels >= np.median(levels)
    lags = [_pitch_lag(frame, rate) for frame in frames[loud]]
    pitches = [12 * np.log2(rate / lag) for lag in lags if lag]
    return Heard(
        seconds=len(mono) / rate,
        sample_rate=rate,
        channels=samples.shape[1],
        level=float(np.sqrt((frames[loud] ** 2).mean())),
        voiced=len(pitches) / max(1, len(lags)),
        pitches=float(np.std(pitches)) if pitches else 0.0,
        changes=_spectral_change(frames[loud]),
    )


def _pitch_lag(frame: np.ndarray, rate: int) -> int:
    """The period in samples, or 0 when the frame does not repeat."""
    frame = frame - frame.mean()
    correlation = np.correlate(frame, frame, "full")[len(frame) - 1 :]
    if correlation[0] <= 0:
        return 0
    shortest, longest = rate // 500, min(rate // 60, len(frame) - 1)
    lag = shortest + int(np.argmax(correlation[shortest:longest]))
    return lag if correlation[lag] / correlation[0] > 0.4 else 0


def _spectral_change(frames: np.ndarray) -> float:
    spectra = np.abs(np.fft.rfft(frames * np.hanning(frames.shape[1]), axis=1))
    spectra /= np.maximum(1e-9, np.linalg.norm(spectra, axis=1, keepdims=True))
    return float(1 - (spectra[1:] * spectra[:-1]).sum(axis=1).mean()) if len(spectra) > 1 else 0.0
