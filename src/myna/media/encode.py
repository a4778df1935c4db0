"""Sound into files: whole ones with exact headers, and streams that begin before the sound has ended."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, field
from fractions import Fraction
from typing import IO, TYPE_CHECKING, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from myna.audio.resample import StreamResampler
from myna.engines.base import Samples
from myna.errors import BadAudio
from myna.media.formats import AudioFormat

if TYPE_CHECKING:
    import av
    from av.audio.stream import AudioStream
    from av.packet import Packet

_UNKNOWN_SIZE = 0xFFFFFFFF
"""In a WAV header: the sound goes on until the stream ends."""
_WAV_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_SKIP_SAMPLES = struct.Struct("<IIBB")
_SHORT_FRAME_RATES = (44_100, 48_000)
"""Hz at which MP3 streams and AAC are written. Frames are a fixed number of samples, so here they take the least time,
and with them what the encoder adds to the length."""
_DEFAULT_RATE = 48_000
_SILENT = 1e-3
"""−60 dBFS: sound below it may lose its onset without being missed."""


@dataclass(frozen=True, slots=True)
class _Codec:
    """How a format is made with FFmpeg."""

    container: str
    encoder: str
    sample_format: str
    """Of what the encoder gets. Floats are not cut on the way; FLAC gets the very numbers that PCM and WAV hold."""
    rates: tuple[int, ...] = ()
    """Hz that it can write; any when empty."""
    stream_rates: tuple[int, ...] = ()
    """Hz that streams use, when these differ."""
    bitrate: int = 0
    """Bits per second unless told otherwise; 0 for what is lossless."""
    highest_bitrate: int = 320_000
    options: dict[str, str] = field(default_factory=dict)
    """Of the container."""
    stream_options: dict[str, str] = field(default_factory=dict)
    """Of the container, in streams only."""
    encoder_options: dict[str, str] = field(default_factory=dict)
    encoder_stream_options: dict[str, str] = field(default_factory=dict)
    """Besides, in streams only."""
    delay: int = 0
    """Samples that a decoder gives before the sound, where FFmpeg needs help to say how many come after it."""
    makes_up: float = 1.0
    """What the samples are multiplied with before, because the encoder turns them down."""
    drops_silent_priming: bool = False
    """The container cannot say that the first frame is the encoder's delay."""


_MPEG_RATES = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)
_CODECS: dict[AudioFormat, _Codec] = {
    "mp3": _Codec(
        container="mp3",
        encoder="libmp3lame",
        sample_format="fltp",
        rates=_MPEG_RATES,
        stream_rates=_SHORT_FRAME_RATES,
        bitrate=128_000,
        # 576 of the encoder and 529 of every decoder.
        delay=1_105,
        # LAME scales its input by 0.95.
        makes_up=1 / 0.95,
        options={"id3v2_version": "0"},
        # LAME's search for the best quantisation costs a fifth more and is not heard in speech at this bitrate.
        encoder_options={"compression_level": "7"},
        stream_options={"write_xing": "0"},
        # Without the reservoir each frame stands alone, so the first one can be left out.
        encoder_stream_options={"reservoir": "0"},
        drops_silent_priming=True,
    ),
    "opus": _Codec(
        container="ogg",
        encoder="libopus",
        sample_format="flt",
        rates=(48_000,),
        bitrate=64_000,
        highest_bitrate=256_000,
        options={"fflags": "+bitexact"},
        stream_options={"page_duration": "100000"},
    ),
    "aac": _Codec(
        container="adts",
        encoder="aac",
        sample_format="fltp",
        rates=_SHORT_FRAME_RATES,
        bitrate=96_000,
        drops_silent_priming=True,
    ),
    "flac": _Codec(
        container="flac",
        encoder="flac",
        sample_format="s16",
        options={"metadata_header_padding": "0"},
        encoder_stream_options={"frame_size": "2400"},
    ),
}


def encode(samples: Samples, sample_rate: int, format: AudioFormat, *, bitrate: int | None = None) -> bytes:
    """A whole file. Its decoded length is that of the sound to the sample, for AAC within 43 ms (ADTS cannot say it).

    MP3, WAV, FLAC and PCM keep the sample rate if the format knows it; Opus and AAC are written at 48 kHz (AAC also at
    44.1 kHz). `bitrate` is in bits per second, for MP3, Opus and AAC; what the format cannot do becomes
    the nearest that it can. Raises `BadAudio` when there is no sound.
    """
    if not len(samples):
        raise BadAudio("There is no sound to encode.")
    if format == "pcm":
        return _pcm(samples)
    if format == "wav":
        return _wav_header(sample_rate, 2 * len(samples)) + _pcm(samples)
    file = io.BytesIO()
    encoder = _Encoder(format, sample_rate, bitrate, file, streaming=False)
    for start in range(0, len(samples), sample_rate):
        encoder.write(samples[start : start + sample_rate])
    encoder.finish()
    return file.getvalue()


class StreamEncoder:
    """Encodes sound that comes in pieces. What `write` and `finish` return, joined, is one file.

    The bytes can be played from a pipe while they come. Decoded, WAV, PCM, FLAC and Opus are as long as the sound;
    MP3 and AAC up to 50 ms longer (docs/audio.md). Not for two threads at once.
    """

    def __init__(self, format: AudioFormat, sample_rate: int, *, bitrate: int | None = None) -> None:
        self._writer: _Writer
        if format in ("pcm", "wav"):
            self._writer = _RawWriter(b"" if format == "pcm" else _wav_header(sample_rate, None))
        else:
            self._writer = _EncodingWriter(format, sample_rate, bitrate)
        self._finished = False

    def write(self, samples: Samples) -> bytes:
        """The bytes that are ready after this piece; the encoder holds back at most 0.15 s of sound."""
        if self._finished:
            raise ValueError("The stream was finished.")
        return self._writer.write(samples)

    def finish(self) -> bytes:
        """The last bytes. A second call returns nothing."""
        if self._finished:
            return b""
        self._finished = True
        return self._writer.finish()


class WholeFileEncoder:
    """As `StreamEncoder`, but all bytes come at the end, and the headers are exact: for sound that comes in one piece,
    and for FLAC, whose header some readers (libsndfile) cannot do without."""

    def __init__(self, format: AudioFormat, sample_rate: int) -> None:
        self._format = format
        self._sample_rate = sample_rate
        self._pieces: list[Samples] = []

    def write(self, samples: Samples) -> bytes:
        self._pieces.append(samples)
        return b""

    def finish(self) -> bytes:
        """The whole file. Raises `BadAudio` when there was no sound."""
        return encode(np.concatenate(self._pieces), self._sample_rate, self._format)


class _Writer(Protocol):
    def write(self, samples: Samples) -> bytes: ...

    def finish(self) -> bytes: ...


class _RawWriter:
    """A header, then plain samples."""

    def __init__(self, header: bytes) -> None:
        self._header = header

    def write(self, samples: Samples) -> bytes:
        header, self._header = self._header, b""
        return header + _pcm(samples)

    def finish(self) -> bytes:
        return self._header


class _EncodingWriter:
    def __init__(self, format: AudioFormat, sample_rate: int, bitrate: int | None) -> None:
        self._sink = _Sink()
        self._encoder = _Encoder(format, sample_rate, bitrate, cast(IO[bytes], self._sink), streaming=True)
        self._block = max(1, sample_rate)

    def write(self, samples: Samples) -> bytes:
        for start in range(0, len(samples), self._block):
            self._encoder.write(samples[start : start + self._block])
        return self._sink.take()

    def finish(self) -> bytes:
        self._encoder.finish()
        return self._sink.take()


class _Sink:
    """A file that cannot be sought, like a pipe: no container goes back to complete its header."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def write(self, data: bytes) -> int:
        self._bytes += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._bytes)
        self._bytes.clear()
        return taken


class _Encoder:
    """Samples in, a container file out."""

    def __init__(
        self, format: AudioFormat, sample_rate: int, bitrate: int | None, file: IO[bytes], *, streaming: bool
    ) -> None:
        import av

        codec = _CODECS[format]
        self._codec = codec
        self._rate = _known_rate((streaming and codec.stream_rates) or codec.rates, sample_rate)
        self._resampler = StreamResampler(sample_rate, self._rate)
        options = {**codec.options, **(codec.stream_options if streaming else {})}
        self._container = av.open(
            file, "w", format=codec.container, options={**options, "flush_packets": "1" if streaming else "0"}
        )
        self._stream = cast(
            "AudioStream",
            self._container.add_stream(
                codec.encoder,
                rate=self._rate,
                layout="mono",
                options={**codec.encoder_options, **(codec.encoder_stream_options if streaming else {})},
            ),
        )
        if codec.bitrate:
            self._stream.bit_rate = min(bitrate or codec.bitrate, codec.highest_bitrate)
        self._context = self._stream.codec_context
        self._context.format = codec.sample_format
        self._container.start_encoding()
        self._beginning = np.zeros(0, np.float32)
        self._drops_priming = codec.drops_silent_priming and (streaming or format == "aac")
        self._position = 0
        self._packets = 0

    def write(self, samples: Samples) -> None:
        self._encode(self._resampler.process(samples))

    def finish(self) -> None:
        self._encode(self._resampler.process(np.zeros(0, np.float32), last=True))
        self._mux(None)
        self._container.close()

    def _encode(self, samples: Samples) -> None:
        if not len(samples):
            return
        if self._drops_priming and len(self._beginning) < self._context.frame_size:
            self._beginning = np.concatenate([self._beginning, samples[: self._context.frame_size]])
        self._mux(samples)

    def _mux(self, samples: Samples | None) -> None:
        packets = self._stream.encode(None if samples is None else self._frame(samples))
        self._packets += len(packets)
        if samples is None and packets and self._codec.delay:
            self._say_padding(packets[-1])
        for packet in packets:
            if self._drops_priming:
                self._drops_priming = False
                if samples is not None and np.abs(self._beginning).max(initial=0.0) < _SILENT:
                    continue
            self._container.mux(packet)

    def _say_padding(self, last: Packet[AudioStream]) -> None:
        """Tell the container how many samples at the end are not sound. FFmpeg says it only up to one frame of them."""
        padding = self._packets * self._context.frame_size - self._codec.delay - self._position
        said = last.get_sidedata("skip_samples")
        said.update(_SKIP_SAMPLES.pack(0, max(0, padding), 0, 0))
        last.set_sidedata(said)

    def _frame(self, samples: Samples) -> av.AudioFrame:
        import av

        if self._codec.sample_format == "s16":
            frame = av.AudioFrame.from_ndarray(_sixteen_bits(samples)[None], format="s16", layout="mono")
        else:
            level = np.ascontiguousarray(samples * np.float32(self._codec.makes_up), dtype=np.float32)
            frame = av.AudioFrame.from_ndarray(level[None], format="fltp", layout="mono")
        frame.sample_rate = self._rate
        frame.pts, frame.time_base = self._position, Fraction(1, self._rate)
        self._position += len(samples)
        return frame


def _known_rate(known: tuple[int, ...], wanted: int) -> int:
    return wanted if not known or wanted in known else _DEFAULT_RATE


def _wav_header(rate: int, size: int | None) -> bytes:
    """The canonical 44 bytes; `size` is that of the samples in bytes, None when it is not known yet."""
    riff, data = (_UNKNOWN_SIZE, _UNKNOWN_SIZE) if size is None else (36 + size, size)
    return _WAV_HEADER.pack(b"RIFF", riff, b"WAVE", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16, b"data", data)


def _pcm(samples: Samples) -> bytes:
    return _sixteen_bits(samples).tobytes()


def _sixteen_bits(samples: Samples) -> NDArray[np.int16]:
    """±1 becomes ±32767; what lies beyond is cut."""
    scaled = np.clip(samples, -1.0, 1.0) * np.float32(32_767)
    whole: NDArray[np.int16] = np.rint(scaled, out=scaled).astype("<i2")
    return whole
