"""What is heard besides speech, made from the mix alone.

Outside speech it is the source itself, sample by sample. Within speech, what sits in the middle between the two
channels, as voices do, is turned down in each frequency band to the level that the background had there in the pause
before; what is at the sides stays. So music and rooms go on at their level, the voice does not, and a mono source works
too. It is no separation: where the background is louder than before, or has a voice of its own, one hears it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from myna.audio.activity import Segment
from myna.audio.ramps import Ramps, joined

Stereo = NDArray[np.float32]
"""Shape `[n, 2]`."""
Spectra = NDArray[np.complex64]
"""Shape `[frames, bins, 2]`."""

_HOP_SECONDS = 1024 / 48_000
_BANDS = 40
_LOWEST_BAND = 40.0
"""Hz; what is below belongs to the lowest band."""
_RAMP_SECONDS = 0.08
"""Around speech, from the source to the sound without its voice."""
_SHORTEST_PAUSE = 0.3
"""Seconds; a shorter pause belongs to the speech."""
_APART_SECONDS = 0.12
"""Sound that is nearer to speech does not count as background: voices fade out. More than the ramp."""
_LISTEN_SECONDS = 4.0
"""How long before speech the background is listened to."""
_TIME_CONSTANT = 1.0
"""Seconds of background after which what was heard before counts a third."""
_UNKNOWN = 10 ** (-24 / 20)
"""What is left of the middle where no background was heard yet."""
_AT_ONCE = 64
"""Frames that are worked on together."""


def bed_blocks(
    blocks: Iterable[Stereo], rate: int, speech: Sequence[Segment], total: int | None = None
) -> Iterator[Stereo]:
    """The bed of a sound that comes in blocks; in all as long as `total` samples, or as the sound."""
    maker = BedMaker(rate, speech, total)
    for block in blocks:
        yield maker.process(block)
    yield maker.process(np.zeros((0, 2), np.float32), last=True)


class BedMaker:
    """Takes a stereo sound in blocks of any length; all that it gives is as long as all that it took, and in step.

    How the sound is cut into blocks changes nothing.
    """

    def __init__(self, rate: int, speech: Sequence[Segment], total: int | None = None) -> None:
        """`speech` in any order. With `total`, the bed is cut, or followed by silence, to so many samples."""
        self._hop = max(16, round(_HOP_SECONDS * rate))
        self._spans = _Spans(speech, rate)
        self._window = np.sin(np.pi * (np.arange(2 * self._hop) + 0.5) / (2 * self._hop))[:, None].astype(np.float32)
        self._voice = _VoiceFilter(rate, self._hop)
        self._total = total
        self._given = 0
        # The first frame begins a hop before the sound, so that each sample lies in two frames.
        self._pending = np.zeros((self._hop, 2), np.float32)
        self._at = -self._hop
        """The place in the sound of the first pending sample."""
        self._tail = np.zeros((self._hop, 2), np.float32)
        """What the last frame adds to the next hop."""

    def process(self, sound: Stereo, last: bool = False) -> Stereo:
        """What is ready after this block; some 43 ms stay behind until `last`. Call it once with `last`, not again."""
        self._pending = np.concatenate([self._pending, sound])
        taken = self._at + len(self._pending)
        if last:
            self._pending = np.pad(self._pending, ((0, 2 * self._hop), (0, 0)))
        bed = np.concatenate([np.zeros((0, 2), np.float32), *self._hops()])
        if not last:
            return self._given_now(bed if self._total is None else bed[: max(0, self._total - self._given)])
        missing = (taken if self._total is None else self._total) - self._given
        bed = bed[: max(0, min(missing, taken - self._given))]
        return self._given_now(np.pad(bed, ((0, max(0, missing - len(bed))), (0, 0))))

    def _given_now(self, bed: Stereo) -> Stereo:
        self._given += len(bed)
        return bed

    def _hops(self) -> Iterator[Stereo]:
        while (count := min(_AT_ONCE, len(self._pending) // self._hop - 1)) > 0:
            before = max(0, -self._at)
            yield self._next(count)[before:]

    def _next(self, count: int) -> Stereo:
        """The next hops, of which the frames have come in whole."""
        dry = self._pending[: count * self._hop]
        wet = self._without_voice(count)
        weights = self._spans.ramps.between(self._at, self._at + len(dry))[:, None]
        self._pending = self._pending[len(dry) :]
        self._at += len(dry)
        return np.where(weights > 0, dry + weights * (wet - dry), dry).astype(np.float32)

    def _without_voice(self, count: int) -> Stereo:
        """Frames of two hops: the first half ends what the frame before has begun."""
        from scipy import fft

        starts = self._at + self._hop * np.arange(count)
        spoken, heard = self._spans.frames(starts, 2 * self._hop)
        halves = np.zeros((count, 2, self._hop, 2), np.float32)
        chosen = np.flatnonzero(spoken | heard)
        if len(chosen):
            places = self._hop * chosen[:, None] + np.arange(2 * self._hop)
            spectra = fft.rfft(self._pending[places] * self._window, axis=1)
            quiet = self._voice.taken_out(spectra, spoken[chosen])
            sound = fft.irfft(quiet, 2 * self._hop, axis=1) * self._window
            halves[chosen] = sound.reshape(len(chosen), 2, self._hop, 2)
        ended = np.concatenate([self._tail[None], halves[:-1, 1]])
        self._tail = halves[-1, 1].copy()
        return np.asarray(halves[:, 0] + ended).reshape(-1, 2)


class _VoiceFilter:
    """Turns what is in the middle down to the level of the background, band by band."""

    def __init__(self, rate: int, hop: int) -> None:
        self._bands = _bands(rate, hop)
        self._widths = self._bands.sum(axis=1)
        self._keep = float(np.exp(-hop / rate / _TIME_CONSTANT))
        self._power = np.zeros(len(self._bands))
        self._count = 0.0

    def taken_out(self, spectra: Spectra, spoken: NDArray[np.bool_]) -> Spectra:
        """The frames without their voice; those that are not `spoken` are background to learn from."""
        middle = _middle(spectra)
        powers = np.square(np.abs(middle)) @ self._bands.T / self._widths
        gains = np.ones_like(powers)
        for index, power in enumerate(powers):
            if spoken[index]:
                gains[index] = self._gains(power)
            else:
                self._power = self._keep * self._power + power
                self._count = self._keep * self._count + 1
        return np.asarray(spectra - ((1 - gains @ self._bands) * middle)[:, :, None], np.complex64)

    def _gains(self, power: NDArray[np.float64]) -> NDArray[np.float64]:
        if self._count == 0:
            return np.full(len(power), _UNKNOWN)
        background = self._power / self._count
        return np.asarray(np.sqrt(np.minimum(1.0, background / np.maximum(power, 1e-30))))


def _middle(spectra: Spectra) -> NDArray[np.complex64]:
    """What both channels have in common: E. Vickers, "Frequency-Domain Two- to Three-Channel Upmix for Center Channel
    Derivation and Speech Enhancement", AES Convention 127, 2009. What is left at the two sides is orthogonal."""
    left, right = spectra[:, :, 0], spectra[:, :, 1]
    both = left + right
    share = 1 - np.abs(left - right) / np.maximum(np.abs(both), 1e-12)
    return np.asarray(0.5 * np.maximum(0.0, share) * both)


def _bands(rate: int, hop: int) -> NDArray[np.float64]:
    """Triangles over the frequencies of a frame, which sum up to 1 everywhere: shape `[bands, bins]`.

    Spaced evenly on the scale of ERB rates (B. R. Glasberg and B. C. J. Moore, "Derivation of auditory filter shapes
    from notched-noise data", Hearing Research 47, 1990).
    """
    top = rate / 2
    lowest, highest = (21.4 * np.log10(1 + 0.00437 * edge) for edge in (_LOWEST_BAND, top))
    corner_rates = np.linspace(lowest, highest, _BANDS)
    bins = np.unique(np.round((10 ** (corner_rates / 21.4) - 1) / 0.00437 / top * hop))
    corners = np.eye(len(bins))
    return np.stack([np.interp(np.arange(hop + 1), bins, corner) for corner in corners])


class _Spans:
    """Where speech is, in samples."""

    def __init__(self, speech: Sequence[Segment], rate: int) -> None:
        spans = joined(((each.start * rate, each.end * rate) for each in speech), _SHORTEST_PAUSE * rate)
        self._ramp, self._apart, self._ahead = (
            seconds * rate for seconds in (_RAMP_SECONDS, _APART_SECONDS, _LISTEN_SECONDS)
        )
        self.ramps = Ramps(spans, self._ramp)
        self._starts = np.array([start for start, _ in spans])
        self._ends = np.array([end for _, end in spans])

    def frames(self, starts: NDArray[np.int64], length: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which frames have to do with speech, and which are background that is worth listening to."""
        spoken = self._next_start(starts, self._ramp) < starts + length
        following = self._next_start(starts, self._apart)
        heard = (starts >= 0) & (following >= starts + length) & (following < starts + length + self._ahead)
        return spoken, heard

    def _next_start(self, starts: NDArray[np.int64], margin: float) -> NDArray[np.float64]:
        """Where the first span begins that is not over yet, with a margin on both sides."""
        begins = np.append(self._starts - margin, np.inf)
        return begins[np.searchsorted(self._ends + margin, starts, side="right")]
