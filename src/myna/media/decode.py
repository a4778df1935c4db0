"""Bytes that somebody sent into sound.

The bytes are not to be trusted. FFmpeg may open a playlist, a manifest or a script of other files where a sound was
expected, so only the containers and decoders named here are opened, and nothing beyond the bytes themselves. Headers
may lie, so no buffer is sized from them: what was decoded is counted as it comes.

FFmpeg itself may have faults, so what users send is decoded in a process of its own (`sandbox.py`). `decode` is for
what Myna made itself. NumPy is loaded only where arrays are made: that process starts twice as fast without it.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from myna.errors import UnsupportedMedia

if TYPE_CHECKING:
    import av
    from av.audio.codeccontext import AudioCodecContext
    from av.audio.stream import AudioStream
    from av.container import InputContainer

    from myna.engines.base import Samples

CONTAINERS = "wav,w64,mp3,flac,ogg,mov,matroska,aac,aiff,caf,mpegts,avi,amr"
"""FFmpeg's demuxers that read one file, and no other."""
DECODERS = frozenset(
    {"aac", "ac3", "alac", "amrnb", "amrwb", "eac3", "flac", "libopus", "mp2", "mp2float", "mp3", "mp3float", "opus"}
    | {"pcm_alaw", "pcm_f32be", "pcm_f32le", "pcm_f64be", "pcm_f64le", "pcm_mulaw", "pcm_s16be", "pcm_s16le"}
    | {"pcm_s24be", "pcm_s24le", "pcm_s32be", "pcm_s32le", "pcm_s8", "pcm_u8", "vorbis"}
)
OPEN_OPTIONS = {
    "format_whitelist": CONTAINERS,
    "codec_whitelist": ",".join(sorted(DECODERS)),
    "protocol_whitelist": "none",
    "enable_drefs": "0",
    "max_streams": "64",
}
"""For every file that is opened: no other file, no address, no decoder but these."""
_NAMES = {"mov,mp4,m4a,3gp,3g2,mj2": "mp4", "matroska,webm": "matroska"}
"""FFmpeg's names of containers, where they are not one word."""
RATES = range(4_000, 192_001)
"""Hz."""
_MOST_SOUND_TRACKS = 8
CHANNELS = range(1, 25)
"""FFmpeg has no layout that it could mix down for more."""
TOO_LONG = "too long"
"""Reason of `UnsupportedMedia` for a file that can be read and has too much sound."""
_MOST_DAMAGED = 16
"""More damaged packets than good ones and these: it is not sound."""
_HIGHEST_RATE = 48_000
"""Hz; sound above this is resampled down to it."""
_SAMPLE_BYTES = 4
_LOUDEST = 8.0
"""Full scales; what is louder is no sound that was recorded, and would not survive being squared."""


@dataclass(frozen=True, slots=True)
class Track:
    """What a file says about its sound."""

    container: str
    """`wav`, `mp3`, `flac`, `ogg`, `mp4`, `matroska` …"""
    codec: str
    """`pcm_s16le`, `mp3`, `flac`, `opus`, `vorbis`, `aac` …"""
    channels: int
    source_rate: int
    """Hz in the file."""
    sample_rate: int
    """Hz of what is decoded: at most 48,000."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Sound that came out of a file."""

    samples: Samples
    """Mono."""
    sample_rate: int
    container: str
    codec: str
    channels: int
    """In the file."""
    source_rate: int
    """Hz in the file."""

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.sample_rate


class SoundFile:
    """An open file: what its first sound track is, and the sound."""

    def __init__(self, container: InputContainer) -> None:
        self._container = container
        self._stream = _sound_track(container)
        context = self._stream.codec_context
        self.track = Track(
            container=_NAMES.get(container.format.name, container.format.name),
            codec=context.codec.canonical_name,
            channels=context.channels,
            source_rate=context.sample_rate,
            sample_rate=min(context.sample_rate, _HIGHEST_RATE),
        )

    def blocks(self, max_seconds: float) -> Iterator[bytes]:
        """Mono float32 in the order of this machine. Damaged parts are skipped, as players do.

        Raises `UnsupportedMedia` when there is no sound, or more than `max_seconds` of it.
        """
        rate = self.track.sample_rate
        most = round(max_seconds * rate)
        samples = 0
        for block in _mono(decoded_frames(self._container, self._stream), rate):
            samples += len(block) // _SAMPLE_BYTES
            if samples > most:
                raise UnsupportedMedia(
                    f"This sound is longer than {max_seconds:g} seconds. Send a shorter part of it.", reason=TOO_LONG
                )
            yield block
        if not samples:
            raise UnsupportedMedia("There is no sound in this file.")


@contextlib.contextmanager
def open_sound(data: bytes) -> Iterator[SoundFile]:
    """Raises `UnsupportedMedia` for anything that is not a sound or video file of the known kinds, or has no sound."""
    import av

    try:
        with av.open(io.BytesIO(data), "r", options=dict(OPEN_OPTIONS), metadata_errors="ignore") as container:
            yield SoundFile(container)
    except (av.FFmpegError, ValueError, OverflowError) as error:
        raise UnsupportedMedia(reason=str(error)) from None


def decode(data: bytes, *, max_seconds: float = 600.0) -> tuple[Samples, int]:
    """The first sound track of a file as mono samples, and its sample rate (at most 48 kHz), decoded in this process.

    Raises `UnsupportedMedia` for anything that is not a sound or video file of the known kinds, has no sound, or is
    longer than `max_seconds`. Memory: `max_seconds` of sound at most.
    """
    sound = bytearray()
    with open_sound(data) as file:
        for block in file.blocks(max_seconds):
            sound += block
        return as_samples(sound), file.track.sample_rate


def as_samples(sound: bytes | bytearray) -> Samples:
    """Mono float32 as an array without a copy where it can be; what is not a number becomes silence."""
    import numpy as np

    samples = np.frombuffer(sound if isinstance(sound, bytearray) else bytearray(sound), np.float32)
    np.nan_to_num(samples, copy=False, posinf=1.0, neginf=-1.0)
    return np.clip(samples, -_LOUDEST, _LOUDEST, out=samples)


def pcm16(data: bytes, rate: int) -> Decoded:
    """Headerless sound: signed 16-bit little-endian, mono. Raises `UnsupportedMedia` when it is none, or empty."""
    import numpy as np

    if rate not in RATES:
        raise UnsupportedMedia(f"{rate} Hz is no sample rate that Myna reads: {RATES[0]} to {RATES[-1]} Hz.")
    if not data:
        raise UnsupportedMedia("There is no sound in this file.")
    if len(data) % 2:
        raise UnsupportedMedia("This is not 16-bit sound: it has an odd number of bytes.")
    samples = np.frombuffer(data, "<i2").astype(np.float32) / np.float32(32_768)
    return Decoded(samples, rate, container="", codec="pcm_s16le", channels=1, source_rate=rate)


def _sound_track(container: InputContainer) -> AudioStream:
    tracks = container.streams.audio
    if not tracks:
        raise UnsupportedMedia("There is no sound in this file.")
    if len(tracks) > _MOST_SOUND_TRACKS:
        raise UnsupportedMedia(f"This file has more than {_MOST_SOUND_TRACKS} sound tracks. Send one of them.")
    context: AudioCodecContext | None = tracks[0].codec_context  # None when FFmpeg has no decoder for it.
    if context is None or context.name not in DECODERS or context.sample_rate not in RATES:
        raise UnsupportedMedia
    if context.channels not in CHANNELS:
        raise UnsupportedMedia(f"This file has {context.channels} channels; Myna reads 1 to {CHANNELS[-1]}.")
    context.thread_count = 1  # a decoder of sound gains nothing from more, and the sandbox forbids them
    return tracks[0]


def decoded_frames(container: InputContainer, stream: AudioStream) -> Iterator[av.AudioFrame]:
    """Damaged parts are skipped, as players do, until there are more of them than of the rest."""
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


def _mono(frames: Iterator[av.AudioFrame], rate: int) -> Iterator[bytes]:
    """Mixed down and at one rate, also when the file changes its own on the way."""
    shape: tuple[int, str, str] | None = None
    resampler = _to_mono(rate)
    for frame in frames:
        if frame.sample_rate not in RATES:
            raise UnsupportedMedia
        if shape not in (None, shape := (frame.sample_rate, frame.layout.name, frame.format.name)):
            yield from _contents(resampler.resample(None))
            resampler = _to_mono(rate)
        frame.pts = None
        yield from _contents(resampler.resample(frame))
    yield from _contents(resampler.resample(None))


def _to_mono(rate: int) -> av.AudioResampler:
    """FFmpeg's downmix, weighted so that it cannot be louder than the loudest channel."""
    import av

    return av.AudioResampler("fltp", "mono", rate, options={"rematrix_maxval": "1.0"})


def _contents(frames: list[av.AudioFrame]) -> Iterator[bytes]:
    return (bytes(memoryview(frame.planes[0])[: frame.samples * _SAMPLE_BYTES]) for frame in frames)
