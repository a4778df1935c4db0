"""The sound of a film as its time has it: a track that begins late begins with silence, and so are gaps filled."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from myna.errors import UnsupportedMedia
from myna.media.decode import CHANNELS, RATES, TOO_LONG, decoded_frames
from myna.media.inside.files import main_sound, opened, pictures_of, time_zero

if TYPE_CHECKING:
    import av
    from av.audio.stream import AudioStream
    from av.container import InputContainer

SAMPLE_BYTES = 2
_OUT_OF_STEP = 0.03
"""Seconds that sound may differ from its times before it is moved: more than rounding, less than is seen."""
_NEW_CLOCK = 10.0
"""Seconds: a jump back by more is a clock that was set anew, as in files that were joined."""
_SILENT_BLOCK = 48_000
_SPARE_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class SoundTrack:
    container: InputContainer
    stream: AudioStream
    channels: int
    """Of what comes out: 1 or 2."""
    begins: Fraction | None
    """Seconds in the file at which its time begins; None: where the sound does."""


@contextlib.contextmanager
def opened_sound(details: dict[str, Any]) -> Iterator[SoundTrack]:
    """Raises `UnsupportedMedia` when there is no such sound, or it has a shape that Myna does not read."""
    with opened(details["source"]) as container:
        stream = main_sound(container, details["index"])
        context = stream.codec_context
        if context.sample_rate not in RATES or context.channels not in CHANNELS:
            raise UnsupportedMedia
        context.thread_count = 1
        yield SoundTrack(
            container,
            stream,
            channels=1 if details["mono"] or context.channels == 1 else 2,
            begins=time_zero(details["source"]) if pictures_of(container) else None,
        )


def describe(track: SoundTrack, details: dict[str, Any]) -> dict[str, Any]:
    return {"channels": track.channels, "sample_rate": details["sample_rate"]}


def blocks(track: SoundTrack, details: dict[str, Any]) -> Iterator[bytes]:
    """Signed 16-bit, interleaved. Raises `UnsupportedMedia` for more than `max_seconds`, or none at all."""
    timed = _Timed(details["sample_rate"], track.channels, details["max_seconds"])
    begins = track.begins
    for frame in decoded_frames(track.container, track.stream):
        if frame.sample_rate not in RATES:
            raise UnsupportedMedia
        at = None if frame.pts is None or frame.time_base is None else frame.pts * frame.time_base
        if begins is None:
            begins = at
        yield from timed.put(frame, None if at is None or begins is None else float(at - begins))
    yield from timed.finish()
    if not timed.written:
        raise UnsupportedMedia("There is no sound in this file.", reason="no sound")


class _Timed:
    """Puts frames where their times say."""

    def __init__(self, rate: int, channels: int, max_seconds: float) -> None:
        self.written = 0
        """Samples that came out."""
        self._rate = rate
        self._layout = "mono" if channels == 1 else "stereo"
        self._sample_bytes = SAMPLE_BYTES * channels
        self._most = round((max_seconds + _SPARE_SECONDS) * rate)
        self._max_seconds = max_seconds
        self._resampler: av.AudioResampler | None = None
        self._shape: tuple[int, str, str] | None = None
        self._begun = 0.0
        """Seconds at which the sound without a gap began that is going on."""
        self._length = 0.0
        """Seconds of it so far."""
        self._moved = 0.0
        """Seconds that times are behind, since a clock was set anew."""
        self._dropped = 0
        """Samples to leave out, because others are there already."""

    def put(self, frame: av.AudioFrame, at: float | None) -> Iterator[bytes]:
        shape = (frame.sample_rate, frame.layout.name, frame.format.name)
        if at is not None and self._is_out_of_step(at):
            yield from self._move(at + self._moved)
        elif shape != self._shape:
            yield from self._flush()
            self._begun, self._length = self._begun + self._length, 0.0
        self._shape = shape
        if self._resampler is None:
            self._resampler = self._new_resampler()
        self._length += frame.samples / frame.sample_rate
        frame.pts = None
        for resampled in self._resampler.resample(frame):
            yield from self._out(resampled)

    def finish(self) -> Iterator[bytes]:
        yield from self._flush()

    def _is_out_of_step(self, at: float) -> bool:
        expected = self._begun + self._length
        if at + self._moved < expected - _NEW_CLOCK:
            self._moved = expected - at
        return abs(at + self._moved - expected) > _OUT_OF_STEP or (self._shape is None and at != 0.0)

    def _move(self, at: float) -> Iterator[bytes]:
        yield from self._flush()
        missing = round(at * self._rate) - self.written
        if missing > self._most - self.written:
            raise self._too_long()
        self._dropped = max(0, -missing)
        while missing > 0:
            count = min(missing, _SILENT_BLOCK)
            self.written += count
            missing -= count
            yield bytes(count * self._sample_bytes)
        self._begun, self._length = at, 0.0

    def _flush(self) -> Iterator[bytes]:
        if self._resampler is not None:
            for resampled in self._resampler.resample(None):
                yield from self._out(resampled)
        self._resampler = None

    def _new_resampler(self) -> av.AudioResampler:
        """FFmpeg's downmix, weighted so that it cannot be louder than the loudest channel."""
        import av

        return av.AudioResampler("s16", self._layout, self._rate, options={"rematrix_maxval": "1.0"})

    def _out(self, frame: av.AudioFrame) -> Iterator[bytes]:
        left_out = min(self._dropped, frame.samples)
        self._dropped -= left_out
        count = frame.samples - left_out
        if not count:
            return
        self.written += count
        if self.written > self._most:
            raise self._too_long()
        begin = left_out * self._sample_bytes
        yield bytes(memoryview(frame.planes[0])[begin : frame.samples * self._sample_bytes])

    def _too_long(self) -> UnsupportedMedia:
        return UnsupportedMedia(
            f"This sound is longer than {self._max_seconds:g} seconds. Send a shorter part of it.", reason=TOO_LONG
        )
