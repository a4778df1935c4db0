"""What a film holds, before anything of it is decoded, and whether it is within the limits."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from myna.media.sandbox import Limits, film_sandbox
from myna.media.sniff import refuse_what_is_no_film
from myna.settings import Settings

_PROBE_SECONDS = 120.0
_LOOKED_AT = 4_096


@dataclass(frozen=True, slots=True)
class MediaLimits:
    """What a film may be."""

    max_seconds: float = 7_200.0
    max_width: int = 3_840
    """Of the longer side of the picture."""
    max_height: int = 2_160
    """Of the shorter side."""
    max_frames_per_second: float = 120.0
    max_sound_tracks: int = 8
    max_subtitle_tracks: int = 32

    @classmethod
    def from_settings(cls, settings: Settings) -> MediaLimits:
        return cls(
            max_seconds=settings.max_dub_seconds,
            max_width=settings.max_video_width,
            max_height=settings.max_video_height,
            max_frames_per_second=settings.max_frames_per_second,
            max_sound_tracks=settings.max_sound_tracks,
        )


@dataclass(frozen=True, slots=True)
class VideoTrack:
    codec: str
    """`h264`, `hevc`, `vp9`, `av1` …"""
    width: int
    height: int
    frames_per_second: float


@dataclass(frozen=True, slots=True)
class AudioTrack:
    index: int
    """Of the track in the file, counted from 0 over tracks of all kinds."""
    codec: str
    language: str
    """`en`, `pt` …; empty when the file does not say."""
    sample_rate: int
    channels: int
    duration: float
    """Seconds."""
    default: bool = False
    """The one that players choose."""


@dataclass(frozen=True, slots=True)
class SubtitleTrack:
    index: int
    """As for `AudioTrack`."""
    codec: str
    """`mov_text`, `subrip`, `webvtt`, `ass`; other kinds have no text that could be read."""
    language: str


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """A film, or a sound without pictures."""

    container: str
    """`mp4`, `mov`, `mkv`, `webm`; without pictures also `mp3`, `wav`, `flac`, `ogg`, `aac` …"""
    duration: float
    """Seconds from where the first track begins to where the last one of pictures or sound ends."""
    video: VideoTrack | None
    audio: tuple[AudioTrack, ...]
    """Those that Myna reads, at least one."""
    subtitles: tuple[SubtitleTrack, ...]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> MediaInfo:
        video = document["video"]
        return cls(
            container=document["container"],
            duration=document["duration"],
            video=VideoTrack(**video) if video else None,
            audio=tuple(AudioTrack(**track) for track in document["audio"]),
            subtitles=tuple(SubtitleTrack(**track) for track in document["subtitles"]),
        )

    @property
    def result_container(self) -> str:
        """In what a dub of this comes back: as it came, where Myna writes that."""
        if self.video:
            return self.container
        return _SOUND_RESULTS.get(self.container, "m4a")


_SOUND_RESULTS = {
    "mp3": "mp3", "flac": "flac", "ogg": "ogg", "webm": "ogg",
    "wav": "wav", "w64": "wav", "aiff": "wav", "caf": "wav",
}  # fmt: skip


async def probe_untrusted(path: Path, *, limits: MediaLimits = MediaLimits()) -> MediaInfo:
    """Read the packets of a file in a process of its own, and decode none.

    Lengths are those of the packets, whatever the header says. Raises `UnsupportedMedia` for anything that is no
    film or sound of the known kinds, has no sound, or is beyond the limits; its `reason` is one word or two.
    """
    return MediaInfo.from_json(await _ask("probe", path, {"limits": asdict(limits)}))


@dataclass(frozen=True, slots=True)
class PacketDigest:
    """Which pictures a file holds, and when they are shown."""

    hash: str
    """SHA-256 over the contents of all packets of the first track of pictures, in their order."""
    packets: int
    first: float
    """Seconds: when the first picture is shown."""
    last: float


async def packet_hash(path: Path) -> PacketDigest:
    """Raises `UnsupportedMedia` when the file has no pictures."""
    return PacketDigest(**await _ask("digest", path, {}))


async def _ask(task: str, path: Path, details: dict[str, Any]) -> dict[str, Any]:
    await asyncio.to_thread(refuse_other_files, path)
    with open_descriptor(path) as descriptor:
        return await film_sandbox().run(
            task,
            {"source": descriptor, **details},
            descriptors=(descriptor,),
            timeout=_PROBE_SECONDS,
            limits=Limits(),
        )


def refuse_other_files(path: Path) -> None:
    """Raises `UnsupportedMedia` when the file surely is neither film nor sound."""
    with path.open("rb") as file:
        refuse_what_is_no_film(file.read(_LOOKED_AT))


@contextmanager
def open_descriptor(path: Path, flags: int = os.O_RDONLY) -> Iterator[int]:
    descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0), 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
