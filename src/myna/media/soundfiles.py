"""Long sound on disk, a block at a time: FLAC of 16 bits that Myna itself writes and reads."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np
from numpy.typing import NDArray

from myna.engines.base import Samples
from myna.errors import BadAudio, StorageFull

if TYPE_CHECKING:
    import soundfile

_FULL_SCALE = np.float32(32_768)
_BLOCK_SECONDS = 10.0
_LITTLE_ROOM = 4 * 1024 * 1024
"""Bytes."""
_QUICK = 0.25
"""Of 1: the files are a tenth larger and written three times as fast as at the default."""


class SoundReader:
    """A sound file, open for reading: `[n, channels]` of float32 within ±1.

    Raises `BadAudio` when the file is damaged or none. Not for two threads at once.
    """

    def __init__(self, path: Path) -> None:
        import soundfile

        try:
            self._file = soundfile.SoundFile(path)
        except soundfile.LibsndfileError as error:
            raise _damaged(path, error) from None
        self._path = path
        self.sample_rate: int = self._file.samplerate
        self.channels: int = self._file.channels
        self.frames: int = self._file.frames
        """Samples of each channel."""

    @property
    def seconds(self) -> float:
        return self.frames / self.sample_rate

    def blocks(self, frames: int | None = None, *, start: int = 0) -> Iterator[Samples]:
        """All of it from frame `start` on, in blocks of so many frames, by default ten seconds; the last is shorter."""
        size = frames or round(_BLOCK_SECONDS * self.sample_rate)
        while len(block := self.read(start, size)):
            yield block
            start += len(block)

    def read(self, start: int, count: int) -> Samples:
        """Up to `count` frames from this one on; fewer, or none, at the end."""
        import soundfile

        start = min(max(0, start), self.frames)
        try:
            self._file.seek(start)
            count = max(0, min(count, self.frames - start))
            samples: Samples = self._file.read(count, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise _damaged(self._path, error) from None
        return samples

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class SoundWriter:
    """A FLAC file, written a block at a time. What is read from it again can be written again without any change.

    When it is left with an error, the file is removed. Raises `StorageFull` when there is no room.
    """

    def __init__(self, path: Path, sample_rate: int, channels: int = 1) -> None:
        import soundfile

        self._path = path
        self.sample_rate = sample_rate
        self.channels = channels
        self.frames = 0
        """Samples of each channel, written so far."""
        try:
            self._file: soundfile.SoundFile = soundfile.SoundFile(
                path, "w", sample_rate, channels, "PCM_16", format="FLAC", compression_level=_QUICK
            )
        except soundfile.LibsndfileError as error:
            raise _unwritable(path, error) from None

    @property
    def seconds(self) -> float:
        return self.frames / self.sample_rate

    def write(self, block: Samples | NDArray[np.int16]) -> None:
        """`[n]` or `[n, channels]`; of floats, what lies beyond ±1 is cut."""
        import soundfile

        whole = _sixteen_bits(block)
        try:
            self._file.write(whole)
        except soundfile.LibsndfileError as error:
            raise _unwritable(self._path, error) from None
        self.frames += len(block)

    def close(self) -> None:
        """Complete the file. What did not fit on the disk is noticed here at the latest."""
        import soundfile

        if self._file.closed:
            return
        try:
            self._file.close()
            if self.frames:
                with soundfile.SoundFile(self._path) as written:
                    written.seek(self.frames - 1)
                    complete = len(written.read(1)) == 1
                if not complete:
                    raise _unwritable(self._path, "it ends too early")
        except soundfile.LibsndfileError as error:
            raise _unwritable(self._path, error) from None

    def discard(self) -> None:
        """Close it and remove the file."""
        self._file.close()
        self._path.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
            return
        self.discard()


def read_sound(path: Path) -> tuple[Samples, int]:
    """A short file whole, mixed down to mono (`[n]`), and its sample rate."""
    with SoundReader(path) as reader:
        sound = reader.read(0, reader.frames)
    mono: Samples = sound[:, 0] if sound.shape[1] == 1 else sound.mean(axis=1, dtype=np.float32)
    return mono, reader.sample_rate


def write_sound(path: Path, samples: Samples, sample_rate: int) -> None:
    """A short file at once: `[n]` or `[n, channels]`."""
    with SoundWriter(path, sample_rate, 1 if samples.ndim == 1 else samples.shape[1]) as writer:
        writer.write(samples)


def _sixteen_bits(samples: Samples | NDArray[np.int16]) -> NDArray[np.int16]:
    if samples.dtype == np.int16:
        return samples.astype(np.int16, copy=False)
    within = np.clip(np.nan_to_num(samples.astype(np.float32), posinf=1.0, neginf=-1.0), -1.0, 1.0)
    scaled = np.rint(within * _FULL_SCALE)
    whole: NDArray[np.int16] = np.clip(scaled, -32_768, 32_767).astype(np.int16)
    return whole


def _damaged(path: Path, error: Exception) -> BadAudio:
    return BadAudio(f"A sound file of this work is damaged: {path.name}.", reason=str(error))


def _unwritable(path: Path, error: Exception | str) -> StorageFull | BadAudio:
    """libsndfile does not say why, beyond that it was the system."""
    if "System error" in str(error) or shutil.disk_usage(path.parent).free < _LITTLE_ROOM:
        return StorageFull()
    return BadAudio(f"A sound file of this work cannot be written: {path.name}.", reason=str(error))
