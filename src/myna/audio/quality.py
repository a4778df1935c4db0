"""How good a recording of speech is: noise, clipping, bandwidth."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from myna.audio.activity import Segment
from myna.audio.resample import resample
from myna.engines.base import Samples

BEST_RATIO = 60.0
"""dB: the noise of a cleaner recording is not told apart from silence."""
WORST_RATIO = -10.0

_RATE = 16_000
"""Hz at which noise is measured: what lies above 8 kHz disturbs speech little."""
_SIZE, _HOP = 512, 256
_LOWEST = 80.0
"""Hz: rumble and hum below every voice are no noise of the speech."""
_PAUSE_MARGIN = 0.12
"""Seconds on both sides of speech that do not count as noise: rooms echo, and people breathe in."""
_LEAST_PAUSE = 12
"""Windows, 0.2 s, of which the level of a pause is known."""
_QUIET_SHARE = 0.1
"""The quietest tenth of the moments of each frequency within speech is noise between harmonics and syllables."""
_QUIET_LEVEL = -float(np.log(1 - _QUIET_SHARE))
"""Where that tenth ends in steady noise of mean power 1, which is distributed exponentially."""
_SILENCE = 1e-12

_LEAST_RUN = 3
"""Samples in a row at the ceiling; fewer are a sharp peak."""
_AT_CEILING = 0.995
"""Of the highest level on that side."""
_LEAST_CEILING = 0.1
_TOP_SHARE, _NEAR_TOP = 5e-4, 0.9
"""Lossy formats do not keep flat tops flat, but many samples stay near the highest level (without its rarest peaks)."""
_USUAL_NEAR_TOP = 0.004
"""The share of samples that are so near by themselves: up to 0.2 % in synthetic voices, more in compressed ones."""

_BAND_STEP = 250.0
_BAND_FLOOR = -60.0
"""dB below the loudest band: what is quieter was filtered out."""
_BAND_MILLISECONDS = 32


def signal_to_noise(samples: Samples, rate: int, segments: list[Segment]) -> float:
    """The level of the speech over the level of the noise in dB, −10 to 60, from 80 Hz to 8 kHz.

    Noise is what sounds in the pauses, or what each frequency holds in its quiet moments within the speech, whichever
    is louder: a recording may have no pauses, or a gate that mutes them. Quiet moments of speech still hold a little
    of it, so that noise of −25 dB without pauses is heard up to 6 dB too loud.
    """
    sound = resample(samples, rate, _RATE)
    spectra = _spectra(sound, _SIZE, _HOP)[:, round(_LOWEST * _SIZE / _RATE) :]
    speaking, pausing = _moments(len(spectra), segments)
    if not speaking.any():
        return WORST_RATIO
    noise = float(np.quantile(spectra[speaking], _QUIET_SHARE, axis=0).sum()) / _QUIET_LEVEL
    if pausing.sum() >= _LEAST_PAUSE:
        noise = max(noise, float(np.median(spectra[pausing].sum(axis=1))))
    speech = float(spectra[speaking].sum(axis=1).mean()) - noise
    ratio = 10 * np.log10(max(speech, _SILENCE) / max(noise, _SILENCE))
    return float(np.clip(ratio, WORST_RATIO, BEST_RATIO))


def clipping(samples: Samples) -> float:
    """The share of samples that were cut off at the highest level, 0 to 1; a lossy format hides some."""
    if not len(samples):
        return 0.0
    levels = np.abs(samples)
    near_top = float(np.mean(levels > _NEAR_TOP * np.quantile(levels, 1 - _TOP_SHARE)))
    return max(float(clipped(samples).mean()), near_top - _USUAL_NEAR_TOP)


def clipped(samples: Samples) -> NDArray[np.bool_]:
    """Which samples belong to a flat run at the highest level of the sound: shape `[n]`."""
    flat = np.zeros(len(samples), np.bool_)
    for side in (samples, -samples):
        ceiling = float(side.max()) if len(side) else 0.0
        if ceiling < _LEAST_CEILING:
            continue
        high = np.concatenate([[False], side >= _AT_CEILING * ceiling, [False]])
        edges = np.flatnonzero(high[1:] != high[:-1]).reshape(-1, 2)
        for start, end in edges[edges[:, 1] - edges[:, 0] >= _LEAST_RUN]:
            flat[start:end] = True
    return flat


def bandwidth(samples: Samples, rate: int) -> float:
    """The highest frequency in Hz that sounds, in steps of 250 Hz."""
    size = max(2, rate * _BAND_MILLISECONDS // 1000 // 2 * 2)
    power = _spectra(samples, size, size // 2).mean(axis=0)
    band = (np.fft.rfftfreq(size, 1 / rate) // _BAND_STEP).astype(np.int64)
    levels = np.bincount(band, power)
    loud = np.flatnonzero(levels > max(levels.max() * 10 ** (_BAND_FLOOR / 10), _SILENCE))
    return float(min((loud[-1] + 1) * _BAND_STEP, rate / 2)) if len(loud) else 0.0


def _moments(count: int, segments: list[Segment]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """For each window whether somebody speaks, and whether it is a pause well away from speech."""
    times = (np.arange(count) * _HOP + _SIZE / 2) / _RATE
    speaking = np.zeros(count, np.bool_)
    near = np.zeros(count, np.bool_)
    for segment in segments:
        speaking |= (times >= segment.start) & (times < segment.end)
        near |= (times >= segment.start - _PAUSE_MARGIN) & (times < segment.end + _PAUSE_MARGIN)
    return speaking, ~near


def _spectra(samples: Samples, size: int, hop: int) -> NDArray[np.float32]:
    """Power of each frequency in windows of `size`; the sum of a row is the mean square of its window."""
    window = np.hanning(size).astype(np.float32)
    padded = np.pad(samples, (0, max(0, size - len(samples))))
    windows = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop] * window
    spectrum = np.fft.rfft(windows, axis=1)
    power = np.square(spectrum.real) + np.square(spectrum.imag)
    power[:, 1:-1] *= 2
    return np.asarray(power / (size * np.square(window).sum()), np.float32)
