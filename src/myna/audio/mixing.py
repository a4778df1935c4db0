"""A dub's sound: spoken lines at their places, over the background, at the level of broadcast speech.

Works through hours in blocks: in memory are a few seconds of background and the lines that are spoken just then.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from myna.audio.bed import Stereo
from myna.audio.limiter import StreamLimiter
from myna.audio.loudness import Weighting, loudness_of_blocks, loudness_of_power
from myna.audio.ramps import Ramps, joined
from myna.audio.stretch import of_length
from myna.engines.base import Samples

_BLOCK_SECONDS = 0.5
"""What is mixed at once; the background's loudness is known this finely."""
_CENTRE = np.float32(10 ** (-3.01 / 20))
"""Of a mono voice in both channels, whose powers BS.1770 adds: so the mix measures as the voice alone does."""
_BELOW = 15.0
"""LU by which the background stays below the voice. Listeners want at least 10 LU over music and 15 LU over ambience
(M. Torcoli et al., "Preferred Levels for Background Ducking to Produce Esthetically Pleasing TV Audio with Clear
Speech", Journal of the AES 67, 2019)."""
_MOST_DUCKING = 18.0
"""dB; a background that would need more is a voice of its own, and is not silenced."""
_DUCKING_RAMP = 0.25
"""Seconds before a line, and after it."""
_DUCKING_HOLD = 0.8
"""Seconds; in a shorter pause between two lines the background does not come up."""
_CHECKED_SECONDS = 60.0
"""Of each speaker's lines, by which is found how much the limiter takes away."""
_MOST_DRIVE = 8.0
"""dB by which that is made up for; more would be heard."""
_PRECISION = 0.05
"""LU by which the dialogue may be too quiet."""
_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class Placed:
    """A line where it is spoken, in samples of the mix."""

    start: int
    length: int
    load: Callable[[], Samples]
    """Gives it, mono, at the rate of the mix. Called once for the mix, and several times to measure the level."""
    speaker: str = ""
    """Whose lines are brought to one level together."""

    @property
    def end(self) -> int:
        return self.start + self.length

    def sound(self) -> Samples:
        return of_length(self.load(), self.length)


@dataclass(frozen=True, slots=True)
class Mixed:
    """The next of both tracks. At a time one may be further than the other; in all they are as long."""

    dialogue: Samples
    mix: Stereo


class Mixer:
    """Mixes lines and background. The same lines, places and levels give the same dialogue, sample by sample, and a
    line that changes leaves what is farther away than a tenth of a second as it was."""

    def __init__(
        self,
        rate: int,
        placed: Sequence[Placed],
        total: int,
        *,
        loudness: float = -16.0,
        ceiling: float = -2.0,
        levels: Mapping[str, float] | None = None,
    ) -> None:
        """`total` samples come out. `loudness` is that of the dialogue, in LUFS; `ceiling` that of both tracks, in
        dBTP: lossy codecs go up to 1 dB beyond what they are given (EBU Tech 3344), and −1 dBTP is what is promised.

        `levels` are those of an earlier mix; the lines of speakers that are not in it are measured.
        """
        self._rate, self._total = rate, total
        self._size = round(_BLOCK_SECONDS * rate)
        self._loudness = loudness
        self._ceiling = 10 ** (ceiling / 20)
        self._placed = sorted(placed, key=lambda each: each.start)
        self.levels: dict[str, float] = {}
        """By speaker: dB by which their lines are turned up."""
        for speaker in sorted({each.speaker for each in placed}):
            known = (levels or {}).get(speaker)
            self.levels[speaker] = self._level(speaker) if known is None else known

    def blocks(self, bed: Iterable[Stereo] | None = None) -> Iterator[Mixed]:
        """Both tracks, piece by piece; `bed` comes in blocks of any length, and is cut or followed by silence."""
        background = even_blocks(bed or (), self._size, self._total)
        limiter = StreamLimiter(self._rate, self._ceiling)
        for dialogue, under in zip(self._dialogue(), self._ducked(background), strict=True):
            yield Mixed(dialogue, limiter.process(under + _CENTRE * dialogue[:, None]))
        yield Mixed(np.zeros(0, np.float32), limiter.process(np.zeros((0, 2), np.float32), last=True))

    def _dialogue(self) -> Iterator[Samples]:
        """All lines, limited, in blocks."""
        limiter = StreamLimiter(self._rate, self._ceiling)
        limited = (limiter.process(block[:, None]) for block in self._lines())
        yield from (block[:, 0] for block in even_blocks(_flushed(limited, limiter), self._size, self._total, (1,)))

    def _lines(self) -> Iterator[Samples]:
        """All lines at their levels. Each is loaded once, and let go of when it is over."""
        waiting = iter(self._placed)
        following = next(waiting, None)
        spoken: list[tuple[Placed, Samples]] = []
        for start in range(0, self._total, self._size):
            end = min(self._total, start + self._size)
            while following and following.start < end:
                gain = np.float32(10 ** (self.levels[following.speaker] / 20))
                spoken.append((following, following.sound() * gain))
                following = next(waiting, None)
            block = np.zeros(end - start, np.float32)
            for line, sound in spoken:
                _add(block, sound, line.start - start)
            spoken = [(line, sound) for line, sound in spoken if line.end > end]
            yield block

    def _ducked(self, background: Iterator[Stereo]) -> Iterator[Stereo]:
        """The background, turned down under the lines as far as it is too loud there."""
        ramp, hold = _DUCKING_RAMP * self._rate, _DUCKING_HOLD * self._rate
        ramps = Ramps(joined(((line.start, line.end) for line in self._placed), hold), ramp)
        start = 0
        for block, (depth, depth_after) in _with_depths(background, self._rate, self._loudness - _BELOW):
            end = start + len(block)
            decibels = ramps.between(start, end) * np.linspace(depth, depth_after, len(block), endpoint=False)
            yield block * np.power(10, -decibels / 20).astype(np.float32)[:, None]
            start = end

    def _level(self, speaker: str) -> float:
        """What brings a speaker's lines to the loudness, after the limiter."""
        lines = [each for each in self._placed if each.speaker == speaker]
        loudness = loudness_of_blocks((self._alone(line) for line in lines), self._rate)
        if not np.isfinite(loudness):
            return 0.0
        level, drive = self._loudness - loudness, 0.0
        some = self._some(lines)
        before = loudness_of_blocks(map(self._alone, some), self._rate)
        for _ in range(_ATTEMPTS):  # what is added for the limiter's sake is limited too
            missing = before + level - loudness_of_blocks(self._limited(some, level + drive), self._rate)
            if missing < _PRECISION or drive == _MOST_DRIVE:
                break
            drive = min(_MOST_DRIVE, drive + missing)
        return round(level + drive, 2)

    def _alone(self, line: Placed) -> Samples:
        """With silence after it, which a meter will find there too."""
        return np.pad(line.sound(), (0, self._size))

    def _limited(self, lines: Iterable[Placed], level: float) -> Iterator[Samples]:
        limiter = StreamLimiter(self._rate, self._ceiling)
        gain = np.float32(10 ** (level / 20))
        limited = (limiter.process(self._alone(line)[:, None] * gain) for line in lines)
        return (block[:, 0] for block in _flushed(limited, limiter))

    def _some(self, lines: Sequence[Placed]) -> Sequence[Placed]:
        """Lines from everywhere, as many as are enough to know the rest by."""
        seconds = sum(line.length for line in lines) / self._rate
        return lines[:: max(1, round(seconds / _CHECKED_SECONDS))]


def even_blocks(
    blocks: Iterable[NDArray[np.float32]], size: int, total: int, channels: tuple[int, ...] = (2,)
) -> Iterator[NDArray[np.float32]]:
    """The same sound in blocks of `size` samples, the last of which may be shorter; cut, or followed by silence, to
    `total` samples."""
    source = iter(blocks)
    rest = np.zeros((0, *channels), np.float32)
    for start in range(0, total, size):
        length = min(size, total - start)
        while len(rest) < length:
            block = next(source, None)
            rest = np.concatenate([rest, np.zeros((length, *channels), np.float32) if block is None else block])
        yield rest[:length]
        rest = rest[length:]


def _flushed(blocks: Iterable[Samples], limiter: StreamLimiter) -> Iterator[Samples]:
    yield from blocks
    yield limiter.process(np.zeros((0, 1), np.float32), last=True)


def _add(block: Samples, sound: Samples, at: int) -> None:
    """Add a sound that begins at a place of the block, which may lie before it."""
    first, last = max(0, at), min(len(block), at + len(sound))
    if first < last:
        block[first:last] += sound[first - at : last - at]


def _with_depths(blocks: Iterable[Stereo], rate: int, loudness: float) -> Iterator[tuple[Stereo, tuple[float, float]]]:
    """Each block with the dB by which it is louder than `loudness` at its beginning and at its end."""
    weighting = Weighting(rate, (2,))
    block: Stereo | None = None
    depths = (0.0, 0.0)
    for following in blocks:
        depth = _depth(weighting.process(following), loudness)
        if block is not None:
            yield block, (max(depths), max(depths[1], depth))
        block, depths = following, (depths[1] if block is not None else depth, depth)
    if block is not None:
        yield block, (max(depths), depths[1])


def _depth(sound: NDArray[np.float64], loudness: float) -> float:
    power = float(np.mean(np.square(sound), axis=0).sum())
    return float(np.clip(loudness_of_power(power) - loudness, 0.0, _MOST_DUCKING))
