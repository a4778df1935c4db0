"""Files as descriptors that were handed over, and containers that are opened from them."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING

from myna.errors import UnsupportedMedia
from myna.media.decode import DECODERS, OPEN_OPTIONS

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.video.stream import VideoStream

_LONGEST_BEGINNING = 4_096
_FILM_OPTIONS = {**OPEN_OPTIONS, "codec_whitelist": f"{OPEN_OPTIONS['codec_whitelist']},mpeg4"}
_FIRST_PACKETS = 500
"""Among these is the first of each track that begins the film."""
_NO_FILM = (
    "This file is not video or sound that Myna reads, or it is damaged. "
    "Send MP4, MOV, MKV, WebM, or sound as MP3, WAV or M4A."
)


class DescriptorFile:
    """A file with its own position in it, also when others use the same descriptor."""

    name = ""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._position = 0
        self.failure: OSError | None = None
        """Why writing failed. FFmpeg only knows that it did."""

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            raise ValueError("Whole files are not read at once.")
        data = os.pread(self._descriptor, size, self._position)
        self._position += len(data)
        return data

    def write(self, data: bytes) -> int:
        rest = memoryview(data)
        while rest:
            try:
                written = os.pwrite(self._descriptor, rest, self._position)
            except OSError as error:
                self.failure = error
                raise
            self._position += written
            rest = rest[written:]
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_SET:
            self._position = offset
        elif whence == os.SEEK_CUR:
            self._position += offset
        else:
            self._position = os.lseek(self._descriptor, 0, os.SEEK_END) + offset
        return self._position

    def tell(self) -> int:
        return self._position

    def beginning(self) -> bytes:
        return os.pread(self._descriptor, _LONGEST_BEGINNING, 0)


@contextlib.contextmanager
def opened(descriptor: int) -> Iterator[InputContainer]:
    """Raises `UnsupportedMedia` for anything that is not a sound or video file of the known kinds.

    Decoders of pictures are not allowed, so none is ever started, but MPEG-4's for its first picture: it alone says
    how large that is.
    """
    import av

    try:
        file = DescriptorFile(descriptor)
        with av.open(file, "r", options=_FILM_OPTIONS, metadata_errors="ignore") as container:
            yield container
    except (av.FFmpegError, ValueError, OverflowError) as error:
        raise UnsupportedMedia(_NO_FILM, reason=str(error)) from None


def pictures_of(container: InputContainer) -> VideoStream | None:
    """The first track of moving pictures; a cover is none."""
    import av

    still = av.stream.Disposition.attached_pic | av.stream.Disposition.still_image
    return next((track for track in container.streams.video if not track.disposition & still), None)


def sounds_of(container: InputContainer) -> list[AudioStream]:
    """The sound tracks that Myna decodes."""
    return [track for track in container.streams.audio if _is_decoded(track)]


def _is_decoded(track: AudioStream) -> bool:
    context = track.codec_context  # None when FFmpeg has no decoder for it.
    return context is not None and context.name in DECODERS


def main_sound(container: InputContainer, index: int | None = None) -> AudioStream:
    """The track with this number in the file; else the one that players choose. Raises `UnsupportedMedia`."""
    import av

    tracks = sounds_of(container)
    if index is not None:
        tracks = [track for track in tracks if track.index == index]
    if not tracks:
        raise UnsupportedMedia("There is no sound in this file that Myna can read.", reason="no sound")
    return next((track for track in tracks if track.disposition & av.stream.Disposition.default), tracks[0])


def time_zero(descriptor: int) -> Fraction:
    """Seconds: where the time of a film begins. A film whose first track begins later than 0 begins there.

    Everything that reads a film counts from here, so what is put together from it fits. FFmpeg's own answer is not
    asked for: where only a decoder could order the pictures, it overlooks them.
    """
    starts: list[Fraction] = []
    with opened(descriptor) as container:
        picture = pictures_of(container)
        watched = [*container.streams.audio, *([picture] if picture else [])]
        for packet in itertools.islice(container.demux(watched), _FIRST_PACKETS):
            if packet.size and packet.pts is not None and packet.time_base is not None:
                starts.append(packet.pts * packet.time_base)
                if starts[-1] <= 0:
                    break
    return max(Fraction(0), min(starts, default=Fraction(0)))
