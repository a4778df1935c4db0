"""From the bytes of a speech server to samples, and what is no speech refused."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator

import numpy as np

from myna.audio.resample import StreamResampler, resample
from myna.engines.base import Samples
from myna.errors import BadAudio

RATE = 24_000
"""Hz of all that the engine returns."""
CHUNK = RATE // 4
"""Samples that are passed on at once, at most."""
MOST_BYTES = 200_000_000
_FULL_SCALE = np.float32(32_768)
_FASTEST, _SLOWEST = 60.0, 0.6
"""Letters a second that nobody speaks, and seconds that nobody takes for a letter."""
_JUDGED_LETTERS = 20
"""Shorter texts say too little about how long they take."""
_BEYOND = 20.0
"""Seconds that a text may always take longer than it should."""
_SOUND_FILES = (b"RIFF", b"RIFX", b"RF64", b"FORM", b"ID3", b"OggS", b"fLaC", b"\x1aE\xdf\xa3")
_BARE = frozenset({"audio/pcm", "audio/l16", "audio/x-pcm", "audio/raw", "audio/basic"})
_SURELY_TEXT = 16
"""Bytes; fewer may look like text by chance."""
_TYPE_RATE = re.compile(r"(?:rate|sample[-_]?rate)\s*=\s*\"?(\d{4,6})")
_TYPE_CHANNELS = re.compile(r"channels\s*=\s*\"?([1-8])\b")
_MPEG_RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""Hz, by the version of MPEG."""
_MPEG_1_BITRATES = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_MPEG_2_BITRATES = (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MOST_CHANNELS = 8
_RATES = range(4_000, 384_001)
"""Hz that a sound file may have."""
_UNKNOWN_SIZE = 0x7FFF_0000
"""Bytes; from here on, and 0, the header of a WAV that was streamed means that nobody knew."""


def is_text(content_type: str, beginning: bytes) -> bool:
    """Whether an answer is a page or a message rather than sound."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind.startswith("text/") or kind.endswith(("json", "xml", "html")):
        return True
    looks_so = beginning.lstrip()[:1] in (b"<", b"{") and beginning.isascii() and b"\0" not in beginning
    return looks_so and len(beginning) >= _SURELY_TEXT


def is_file(asked: str, content_type: str, beginning: bytes) -> bool:
    """Whether an answer is a sound file, which says itself what it is, rather than bare samples."""
    kind = content_type.partition(";")[0].strip().lower()
    if beginning.startswith(_SOUND_FILES) or beginning[4:8] == b"ftyp" or _is_mpeg(beginning):
        return True
    if kind in _BARE:
        return False
    return kind.startswith("audio/") or asked != "pcm"


def _is_mpeg(data: bytes) -> bool:
    """Whether two frames of MP3 or AAC (ADTS) follow each other: one alone may be two loud samples."""
    length = _mpeg_frame(data)
    return 0 < length < len(data) and _mpeg_frame(data[length:]) > 0


def _mpeg_frame(data: bytes) -> int:
    """Bytes of the frame that begins here; 0 when none does. ISO 11172-3 and 13818-3, layer III; ISO 13818-7, ADTS."""
    if len(data) < 6 or data[0] != 0xFF or data[1] & 0xE0 != 0xE0:
        return 0
    if data[1] & 0xF6 == 0xF0:
        return (data[3] & 3) << 11 | data[4] << 3 | data[5] >> 5
    version, layer = data[1] >> 3 & 3, data[1] >> 1 & 3
    bitrate, rate = data[2] >> 4, data[2] >> 2 & 3
    if version == 1 or layer != 1 or bitrate in (0, 15) or rate == 3:
        return 0
    kilobits = (_MPEG_1_BITRATES if version == 3 else _MPEG_2_BITRATES)[bitrate - 1]
    return (144 if version == 3 else 72) * 1_000 * kilobits // _MPEG_RATES[version][rate] + (data[2] >> 1 & 1)


def rate_of(content_type: str, otherwise: int) -> int:
    """Hz that an answer says it has, as in `audio/pcm;rate=16000`."""
    found = _TYPE_RATE.search(content_type.lower())
    return int(found[1]) if found else otherwise


def channels_of(content_type: str) -> int:
    """As an answer says, as in `audio/pcm;rate=48000;channels=2`; else 1."""
    found = _TYPE_CHANNELS.search(content_type.lower())
    return int(found[1]) if found else 1


class PcmReader:
    """Samples of 16 bits, little-endian, as they come: in pieces that need not end with a sample."""

    def __init__(self, rate: int, channels: int = 1) -> None:
        self._rest = b""
        self._channels = channels
        self._resampler = StreamResampler(rate, RATE)

    def read(self, data: bytes) -> Samples:
        """What is ready of it, mono."""
        data = self._rest + data
        whole = len(data) - len(data) % (2 * self._channels)
        self._rest = data[whole:]
        frames = np.frombuffer(data[:whole], "<i2").reshape(-1, self._channels)
        return self._resampler.process(frames.mean(axis=1, dtype=np.float32) / _FULL_SCALE)

    def finish(self) -> Samples:
        """What is left. Raises `BadAudio` when half a sample is."""
        if self._rest:
            raise BadAudio("The speech server's sound ends in the middle of a sample.")
        return self._resampler.process(np.zeros(0, np.float32), last=True)


def read_file(data: bytes, longest: float) -> Samples:
    """A whole sound file at `RATE`, mono; of one that is longer than `longest` seconds no more than a sample beyond.

    Raises `BadAudio` for what is none, and for what its own header says is not all of it.
    """
    import soundfile

    try:
        with soundfile.SoundFile(io.BytesIO(_with_its_length(data))) as file:
            if file.samplerate not in _RATES or file.channels > _MOST_CHANNELS:
                raise BadAudio(f"The speech server's sound has {file.channels} channels at {file.samplerate} Hz.")
            rate, most = file.samplerate, int(longest * file.samplerate) + 1
            samples = file.read(most, dtype="float32", always_2d=True)
            whole = file.format != "FLAC" or len(samples) >= min(most, file.frames)
    except (soundfile.LibsndfileError, RuntimeError, ValueError, TypeError) as error:
        words = getattr(error, "error_string", error)  # of libsndfile, without Python's name of the bytes
        raise BadAudio(f"The speech server's answer is no sound that can be read: {words}") from None
    if not whole:
        raise BadAudio("The sound of the speech server broke off: its header promises more.")
    mono: Samples = samples.mean(axis=1, dtype=np.float32)
    if not np.isfinite(mono).all():
        raise BadAudio("The speech server returned sound that is not a number.")
    return np.clip(resample(mono, rate, RATE), -1.0, 1.0)


def _with_its_length(data: bytes) -> bytes:
    """A WAV file whose header did not know how long it would be, with a header that does; any other as it is.

    Raises `BadAudio` when it says that it has more samples than came.
    """
    if data[:4] != b"RIFF":
        return data
    place = 12
    while place + 8 <= len(data):
        name, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        place += 8
        if name == b"data":
            here = len(data) - place
            if 0 < size < _UNKNOWN_SIZE:
                if size > here:
                    raise BadAudio(f"The sound of the speech server broke off: {here} of {size} bytes came.")
                return data
            lengths = [(place + here - 8).to_bytes(4, "little"), here.to_bytes(4, "little")]
            return data[:4] + lengths[0] + data[8 : place - 4] + lengths[1] + data[place:]
        place += size + size % 2
    return data


def chunks(samples: Samples) -> Iterator[Samples]:
    """The same sound in pieces."""
    for start in range(0, len(samples), CHUNK):
        yield samples[start : start + CHUNK]


def longest(text: str, speed: float) -> float:
    """Seconds that nobody takes for a text."""
    return _BEYOND + _letters(text) * _SLOWEST / speed


def check_length(text: str, speed: float, seconds: float, *, ended: bool) -> None:
    """Raises `BadAudio` for sound that is too long for its text, or, when it has `ended`, too short."""
    letters = _letters(text)
    if seconds > longest(text, speed):
        raise BadAudio(
            f"The speech server said {letters} letters in more than {seconds:.0f} seconds, which is too long."
        )
    if ended and not seconds:
        raise BadAudio("The speech server's answer is empty.")
    if ended and letters >= _JUDGED_LETTERS and seconds < letters / (_FASTEST * speed):
        raise BadAudio(f"The speech server said {letters} letters in {seconds:.2f} seconds: most of them are missing.")


def _letters(text: str) -> int:
    return sum(map(str.isalnum, text))
