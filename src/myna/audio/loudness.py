"""How loud a recording is, and bringing it to a level that people expect.

Loudness is the integrated loudness of ITU-R BS.1770-4 in LUFS; pyloudnorm designs its filters for any sample rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from myna.audio.limiter import GENTLE, QUICK, limit, limited_blocks, peak_envelope
from myna.engines.base import Samples

SILENT = -70.0
"""LUFS: quieter sound is silence to BS.1770, and stays as it is."""
_STEP_SECONDS = 0.1
_STEPS_PER_BLOCK = 4
"""BS.1770 measures blocks of 0.4 s that overlap by three quarters."""
_RELATIVE_GATE = -10.0
"""LU below the loudness of all audible blocks: quieter blocks are pauses."""
_OFFSET = -0.691
_PRECISION = 0.01
"""LU by which the result may miss the target when the limiter works."""
_ATTEMPTS = 10
_MOST_DRIVE = 12.0
"""dB beyond the plain gain by which the limiter may be driven; more would be heard."""
_CEILING_MARGIN = 0.1
"""dB kept below the ceiling, because meters differ by about as much."""
_LEAST_YIELD = 0.15
"""LU that a dB of drive must bring; where it brings less, only what is quiet comes up."""
_TOLERATED = 0.2
"""LU below the target that the gentle limiter may leave before the quick one is tried."""
_READ_AT_ONCE = 480_000


def integrated_loudness(samples: Samples, rate: int) -> float:
    """In LUFS; −inf when no block is above −70 LUFS.

    A sound shorter than a block (0.4 s) is measured as if it went on repeating itself, so a short word is as loud as
    the same sound held for longer.
    """
    return _loudness((samples[at : at + _READ_AT_ONCE] for at in range(0, len(samples), _READ_AT_ONCE)), rate)


def loudness_of_blocks(blocks: Iterable[Samples], rate: int) -> float:
    """The same for a sound that comes in blocks of any length, or of several sounds one after another."""
    return _loudness(blocks, rate)


def normalise_loudness(samples: Samples, rate: int, target: float = -16.0, ceiling_dbtp: float = -1.0) -> Samples:
    """The sound at `target` LUFS, with no true peak above `ceiling_dbtp`. Same length.

    Where the peaks leave no room, a look-ahead limiter takes them down and the rest comes up, until the target is met
    or the limiter would have to work so hard that it is heard; then the result is quieter than the target.
    Silence comes back as it is.
    """
    loudness = integrated_loudness(samples, rate)
    if not np.isfinite(loudness):
        return samples
    envelope = peak_envelope(samples)
    ceiling = _linear(ceiling_dbtp - _CEILING_MARGIN)
    gain = target - loudness
    if float(envelope.max()) * _linear(gain) <= ceiling:
        return samples * np.float32(_linear(gain))
    best = np.inf
    for tried in (GENTLE, QUICK):
        found, missing = _drive(samples, envelope, rate, target=target, gain=gain, ceiling=ceiling, reach=tried)
        if missing < best:
            best, drive, reach = missing, found, tried
        if missing < _TOLERATED:
            break
    return limit(samples, envelope, rate, gain=_linear(drive), ceiling=ceiling, reach=reach)


def _drive(
    samples: Samples, envelope: Samples, rate: int, *, target: float, gain: float, ceiling: float, reach: float
) -> tuple[float, float]:
    """The gain in dB before the limiter that gives the target loudness after it, and the LU that are missing still."""
    drive, missing, step = gain, np.inf, 0.0
    for _ in range(_ATTEMPTS):
        limited = limited_blocks(samples, envelope, rate, gain=_linear(drive + step), ceiling=ceiling, reach=reach)
        still_missing = target - _loudness(limited, rate)
        if missing - still_missing < _LEAST_YIELD * step:
            break
        # A dB before the limiter gives less than a dB after it, so full steps approach the target from below.
        drive, missing = drive + step, still_missing
        step = min(missing, gain + _MOST_DRIVE - drive)
        if step < _PRECISION:
            break
    return drive, missing


def _loudness(blocks: Iterable[Samples], rate: int) -> float:
    """BS.1770-4, equations 2 to 7, for one channel; the sound comes in blocks of any length."""
    energies = np.fromiter(_step_energies(_repeated(blocks, rate), rate), np.float64)
    if len(energies) < _STEPS_PER_BLOCK:
        return -np.inf
    powers = np.convolve(energies, np.ones(_STEPS_PER_BLOCK), "valid") / (_STEPS_PER_BLOCK * _STEP_SECONDS * rate)
    audible = powers[powers > _power(SILENT)]
    if not len(audible):
        return -np.inf
    gated = audible[audible > audible.mean() * 10 ** (_RELATIVE_GATE / 10)]
    return float(_OFFSET + 10 * np.log10(gated.mean()))


def _repeated(blocks: Iterable[Samples], rate: int) -> Iterator[Samples]:
    """The sound, from its beginning again when it is too short to be measured."""
    shortest = int(np.ceil(_STEPS_PER_BLOCK * _STEP_SECONDS * rate)) + 1
    count = 0
    beginning = np.zeros(0, np.float32)
    for block in blocks:
        beginning = block if count == 0 else beginning
        count += len(block)
        yield block
    if 0 < count < shortest:
        yield np.resize(beginning, shortest - count)


def _step_energies(blocks: Iterable[Samples], rate: int) -> Iterator[float]:
    """The weighted energy of each whole tenth of a second."""
    step = _STEP_SECONDS * rate
    count = 0
    rest = np.zeros(0)
    for block in _weighted(blocks, rate):
        rest = np.concatenate([rest, block])
        while len(rest) >= (length := round((count + 1) * step) - round(count * step)):
            yield float(rest[:length] @ rest[:length])
            rest = rest[length:]
            count += 1


def _weighted(blocks: Iterable[Samples], rate: int) -> Iterator[NDArray[np.float64]]:
    weighting = Weighting(rate)
    for block in blocks:
        yield weighting.process(block)


class Weighting:
    """K-weighting of a sound that comes in blocks: a shelf for the head, then a high pass, for the ear."""

    def __init__(self, rate: int, channels: tuple[int, ...] = ()) -> None:
        """For blocks of shape `[n, *channels]`."""
        from pyloudnorm import IIRfilter

        shelf = IIRfilter(3.99984385397, 0.7071752369554193, 1681.9744509555319, rate, "high_shelf_DeMan")
        high_pass = IIRfilter(0.0, 0.5003270373253953, 38.13547087613982, rate, "high_pass_DeMan")
        self._stages = [(stage.b, stage.a) for stage in (shelf, high_pass)]
        self._states = [np.zeros((2, *channels)) for _ in self._stages]

    def process(self, block: Samples) -> NDArray[np.float64]:
        """The block as it is weighted; same shape."""
        from scipy.signal import lfilter

        sound = block.astype(np.float64)
        for index, (numerator, denominator) in enumerate(self._stages):
            sound, self._states[index] = lfilter(numerator, denominator, sound, axis=0, zi=self._states[index])
        return sound


def loudness_of_power(power: float) -> float:
    """LUFS of the mean square of a weighted sound, summed over its channels; −inf for silence."""
    return float(_OFFSET + 10 * np.log10(power)) if power > 0 else -np.inf


def _power(loudness: float) -> float:
    return float(10 ** ((loudness - _OFFSET) / 10))


def _linear(decibels: float) -> float:
    return float(10 ** (decibels / 20))
