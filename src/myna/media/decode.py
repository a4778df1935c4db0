"""Bytes that somebody sent into sound.

The bytes are not to be trusted. FFmpeg may open a playlist, a manifest or a script of other files where a sound was
expected, so only the containers and decoders named here are opened, and nothing beyond the bytes themselves. Headers
may lie, so no buffer is sized from them: what was decoded is counted as it comes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from myna.engines.base import Samples
from myna.errors import UnsupportedMedia

if TYPE_CHECKING:
    import av
    from av.audio.codeccontext import AudioCodecContext
    from av.audio.stream import AudioStream
    from av.container import InputContainer

CONTAINERS = "wav,w64,mp3,flac,ogg,mov,matroska,aac,aiff,caf,mpegts,avi"
"""FFmpeg's demuxers that read one file, and no other."""
DECODERS = frozenset(
    {"aac", "ac3", "alac", "eac3", "flac", "libopus", "mp2", "mp2float", "mp3", "mp3float", "opus", "vorbis"}
    | {"pcm_alaw", "pcm_f32be", "pcm_f32le", "pcm_f64be", "pcm_f64le", "pcm_mulaw", "pcm_s16be", "pcm_s16le"}
    | {"pcm_s24be", "pcm_s24le", "pcm_s32be", "pcm_s32le", "pcm_s8", "pcm_u8"}
)
_OPEN_OPTIONS = {
    "format_whitelist": CONTAINERS,
    "codec_whitelist": ",".join(sorted(DECODERS)),
    "protocol_whitelist": "none",
    "enable_drefs": "0",
    "max_streams": "64",
}
_RATES = range(4_000, 192_001)
_MOST_DAMAGED = 16
"""More damaged packets than good ones and these: it is not sound."""
_HIGHEST_RATE = 48_000
"""Hz; sound above this is resampled down to it."""


def decode(data: bytes, *, max_seconds: float = 600.0) -> tuple[Samples, int]:
    """The first sound track of a file as mono samples, and its sample rate (at most 48 kHz).

    Raises `UnsupportedMedia` for anything that is not a sound or video file of the known kinds, has no sound, or is
    longer than `max_seconds`. Damaged parts are skipped, as players do. Memory: `max_seconds` of sound at most.
    """
    import av

    try:
        with av.open(io.BytesIO(data), "r", options=dict(_OPEN_OPTIONS), metadata_errors="ignore") as container:
            return _decode(container, max_seconds)
    except (av.FFmpegError, ValueError, OverflowError) as error:
        raise UnsupportedMedia(reason=str(error)) from None


def _decode(container: InputContainer, max_seconds: float) -> tuple[Samples, int]:
    stream = _sound_track(container)
    rate = min(stream.codec_context.sample_rate, _HIGHEST_RATE)
    blocks: list[Samples] = []
    room = round(max_seconds * rate)
    for block in _mono(_frames(container, stream), rate):
        blocks.append(block)
        room -= len(block)
        if room < 0:
            raise UnsupportedMedia(f"This sound is longer than {max_seconds:g} seconds.")
    if not blocks:
        raise UnsupportedMedia("There is no sound in this file.")
    return np.nan_to_num(np.concatenate(blocks), copy=False, posinf=1.0, neginf=-1.0), rate


def _sound_track(container: InputContainer) -> AudioStream:
    if not container.streams.audio:
        raise UnsupportedMedia("There is no sound in this file.")
    stream = container.streams.audio[0]
    context: AudioCodecContext | None = stream.codec_context  # None when FFmpeg has no decoder for it.
    if context is None or context.name not in DECODERS or context.sample_rate not in _RATES:
        raise UnsupportedMedia
    return stream


def _frames(container: InputContainer, stream: AudioStream) -> Iterator[av.AudioFrame]:
    import av

    damaged = good = 0
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
            good += 1
        except av.InvalidDataError:
            damaged += 1
            if damaged > _MOST_DAMAGED + good:
                raise


def _mono(frames: Iterator[av.AudioFrame], rate: int) -> Iterator[Samples]:
    """Mixed down and at one rate, also when the file changes its own on the way."""
    shape: tuple[int, str, str] | None = None
    resampler = _to_mono(rate)
    for frame in frames:
        if shape not in (None, shape := (frame.sample_rate, frame.layout.name, frame.format.name)):
            yield from _arrays(resampler.resample(None))
            resampler = _to_mono(rate)
        frame.pts = None
        yield from _arrays(resampler.resample(frame))
    yield from _arrays(resampler.resample(None))


def _to_mono(rate: int) -> av.AudioResampler:
    """FFmpeg's downmix, weighted so that it cannot be louder than the loudest channel."""
    import av

    return av.AudioResampler("fltp", "mono", rate, options={"rematrix_maxval": "1.0"})


def _arrays(frames: list[av.AudioFrame]) -> Iterator[Samples]:
    return (np.array(frame.to_ndarray()[0], dtype=np.float32) for frame in frames)
