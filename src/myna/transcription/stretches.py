"""Speech in pieces that a recogniser takes at once: cut in pauses, or else where it is quietest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from myna.audio.activity import Segment
from myna.engines.base import Samples
from myna.transcription.schemas import ReadSound

LONGEST = 30.0
_LONGEST_PAUSE = 2.0
"""Seconds; after a longer pause a new piece begins."""
_MARGIN = 0.1
"""Seconds of sound that are kept before and after."""
_LATEST_PART = 0.4
"""The share of a piece, at its end, in which a place for a cut is looked for."""
_FRAME = 0.05


def stretches(segments: Sequence[Segment], window: float = 0.0) -> Iterator[Segment]:
    """Neighbouring stretches of speech together, at most 30 seconds; those that are longer as they are.

    A long pause begins another one, but not within the `window` seconds that an engine looks at in any case.
    """
    longest_pause = window or _LONGEST_PAUSE
    longest = min(LONGEST, window - 2 * _MARGIN) if window else LONGEST
    start = end = None
    for segment in segments:
        if start is None or end is None:
            start, end = segment.start, segment.end
        elif segment.start - end <= longest_pause and segment.end - start <= longest:
            end = segment.end
        else:
            yield Segment(start, end)
            start, end = segment.start, segment.end
    if start is not None and end is not None:
        yield Segment(start, end)


def sound_of(stretch: Segment, read: ReadSound, rate: int) -> Iterator[tuple[float, Samples]]:
    """The sound of a stretch, in pieces of at most 30 seconds, each with the second at which it begins."""
    start, end = max(0.0, stretch.start - _MARGIN), stretch.end + _MARGIN
    while end - start > LONGEST:
        piece = read(start, start + LONGEST)
        if len(piece) < LONGEST * rate * (1 - _LATEST_PART):  # the sound ends earlier
            yield start, piece
            return
        kept = _quietest(piece, rate)
        yield start, piece[:kept]
        start += kept / rate
    yield start, read(start, end)


def _quietest(piece: Samples, rate: int) -> int:
    """The sample in the later part of a piece around which there is least sound."""
    step = max(1, round(_FRAME * rate))
    first = round(len(piece) * (1 - _LATEST_PART)) // step
    frames = piece[: len(piece) // step * step].reshape(-1, step)
    power = np.square(frames, dtype=np.float64).mean(axis=1)
    smooth = np.convolve(power, np.ones(3) / 3, "same")
    return int((first + int(smooth[first:-1].argmin())) * step + step // 2)
