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
_SOUND_FILES = (b"RIFF", b"ID3", b"OggS", b"fLaC")
_SURELY_TEXT = 16
"""Bytes; fewer may look like text by chance."""
_TYPE_RATE = re.compile(r"(?:rate|sample[-_]?rate)\s*=\s*\"?(\d{4,6})")


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
    if beginning.startswith(_SOUND_FILES):
        return True
    if kind.startswith("audio/") and kind not in ("audio/pcm", "audio/l16", "audio/x-pcm", "audio/raw", "audio/basic"):
        return True
    return asked != "pcm"


def rate_of(content_type: str, otherwise: int) -> int:
    """Hz that an answer says it has, as in `audio/pcm;rate=16000`."""
    found = _TYPE_RATE.search(content_type.lower())
    return int(found[1]) if found else otherwise


class PcmReader:
    """Samples of 16 bits, little-endian, mono, as they come: in pieces that need not end with a sample."""

    def __init__(self, rate: int) -> None:
        self._rest = b""
        self._resampler = StreamResampler(rate, RATE)

    def read(self, data: bytes) -> Samples:
        data = self._rest + data
        whole = len(data) // 2 * 2
        self._rest = data[whole:]
        samples = np.frombuffer(data[:whole], "<i2").astype(np.float32) / _FULL_SCALE
        return self._resampler.process(samples)

    def finish(self) -> Samples:
        """What is left. Raises `BadAudio` when half a sample is."""
        if self._rest:
            raise BadAudio("The speech server's sound ends in the middle of a sample.")
        return self._resampler.process(np.zeros(0, np.float32), last=True)


def read_file(data: bytes) -> Samples:
    """A whole sound file at `RATE`, mono. Raises `BadAudio` for what is none."""
    import soundfile

    try:
        samples, rate = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError) as error:
        raise BadAudio(f"The speech server's answer is no sound that can be read: {error}") from None
    mono: Samples = samples.mean(axis=1, dtype=np.float32)
    if not np.isfinite(mono).all():
        raise BadAudio("The speech server returned sound that is not a number.")
    return np.clip(resample(mono, int(rate), RATE), -1.0, 1.0)


def chunks(samples: Samples) -> Iterator[Samples]:
    """The same sound in pieces."""
    for start in range(0, len(samples), CHUNK):
        yield samples[start : start + CHUNK]


def check_length(text: str, speed: float, seconds: float, *, ended: bool) -> None:
    """Raises `BadAudio` for sound that is too long for its text, or, when it has `ended`, too short."""
    letters = sum(map(str.isalnum, text))
    if seconds > _BEYOND + letters * _SLOWEST / speed:
        raise BadAudio(
            f"The speech server said {letters} letters in more than {seconds:.0f} seconds, which is too long."
        )
    if ended and not seconds:
        raise BadAudio("The speech server's answer is empty.")
    if ended and letters >= _JUDGED_LETTERS and seconds < letters / (_FASTEST * speed):
        raise BadAudio(f"The speech server said {letters} letters in {seconds:.2f} seconds: most of them are missing.")
