"""A dub and the pictures of its source into one file, and a look at whether it became what it should be."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from myna.errors import BrokenResult, UnsupportedMedia
from myna.kit.timed_text import TimedText
from myna.media.languages import language_in, language_tag
from myna.media.probe import (
    AudioTrack,
    MediaInfo,
    MediaLimits,
    PacketDigest,
    SubtitleTrack,
    open_descriptor,
    packet_hash,
    probe_untrusted,
)
from myna.media.sandbox import Limits, film_sandbox

MUX_SECONDS = 1_800.0
_CPU_SECONDS = 900
_SPARE_BYTES = 512 * 1024 * 1024
"""Two hours of sound and all texts, besides what is copied."""
_ALIKE_SECONDS = 0.1
"""A frame of sound at the end, and what headers and packets may differ by."""
_PICTURE_SECONDS = 0.002
"""Matroska rounds to a thousandth."""


@dataclass(frozen=True, slots=True)
class SubtitleText:
    language: str
    """A tag such as `pt-BR`."""
    cues: Sequence[TimedText]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Mux:
    """What to make."""

    source: Path | None
    """Its pictures are taken; None, or a source without pictures, makes sound alone."""
    target: Path
    container: str
    """`mp4`, `mov`, `mkv`, `webm` as the source is; for sound alone `m4a`, `mp3`, `ogg`, `flac`, `wav`."""
    dub: Path
    """FLAC."""
    dub_language: str
    """A tag such as `es` or `pt-BR`."""
    dub_title: str = ""
    keep_original: bool = False
    """The source's own sound as a second track, copied. Sound alone has one track only."""
    original_language: str = ""
    original_title: str = "Original"
    original_index: int | None = None
    """Of the source's track; None: the one that players choose."""
    subtitles: tuple[SubtitleText, ...] = ()
    """Soft tracks; left out where the container has none."""


async def mux(work: Mux, *, timeout: float = MUX_SECONDS) -> None:
    """Write `work.target`. The source's packets of pictures are copied as they are; the sound becomes AAC or Opus.

    Time 0 of the dub is where the film begins, so nothing is shifted against the picture. Memory: a second or two of
    packets. Raises `UnsupportedMedia` when the source cannot be read or its pictures do not fit the container,
    `StorageFull`; then nothing is left on disk.
    """
    size = work.source.stat().st_size if work.source else 0
    limits = Limits(cpu_seconds=_CPU_SECONDS, written_bytes=size + work.dub.stat().st_size * 2 + _SPARE_BYTES)
    try:
        with (
            open_descriptor(work.dub) as dub,
            open_descriptor(work.target, os.O_RDWR | os.O_CREAT | os.O_TRUNC) as target,
        ):
            if work.source is None:
                await _run(work, None, dub, target, limits, timeout)
                return
            with open_descriptor(work.source) as source:
                await _run(work, source, dub, target, limits, timeout)
    except BaseException:
        work.target.unlink(missing_ok=True)
        raise


async def _run(work: Mux, source: int | None, dub: int, target: int, limits: Limits, timeout: float) -> None:
    details: dict[str, Any] = {
        "source": source,
        "dub": dub,
        "target": target,
        "container": work.container,
        "dub_language": language_in(work.container, work.dub_language),
        "dub_title": work.dub_title,
        "keep_original": work.keep_original,
        "original_title": work.original_title,
        "original_index": work.original_index,
        "original_language": work.original_language and language_in(work.container, work.original_language),
        "subtitles": [
            {
                "language": language_in(work.container, text.language),
                "title": text.title,
                "cues": [(cue.start, cue.end, cue.text) for cue in text.cues],
            }
            for text in work.subtitles
        ],
    }
    descriptors = tuple(descriptor for descriptor in (source, dub, target) if descriptor is not None)
    await film_sandbox().run("mux", details, descriptors=descriptors, timeout=timeout, limits=limits)


@dataclass(frozen=True, slots=True)
class Expected:
    """What a finished file should hold."""

    seconds: float
    languages: tuple[str, ...]
    """Of the sound tracks, in order; tags such as `pt-BR`, empty for one that is not known."""
    subtitle_languages: tuple[str, ...] = ()
    pictures: PacketDigest | None = None
    """`packet_hash` of the source; None for sound alone."""


async def verify(path: Path, expected: Expected) -> MediaInfo:
    """Read a finished file back. Raises `BrokenResult` that names what is not as it should be.

    Its pictures must be the source's to the bit, and be shown when the source shows them.
    """
    try:
        info = await probe_untrusted(path, limits=_ANY)
        pictures = await packet_hash(path) if info.video else None
    except UnsupportedMedia as error:
        raise BrokenResult("The finished file cannot be read back.", reason=error.message) from None
    found = [
        ("length", abs(info.duration - expected.seconds) <= _ALIKE_SECONDS),
        ("sound tracks", _same_languages(info.audio, expected.languages, info.container)),
        ("subtitles", _same_languages(info.subtitles, expected.subtitle_languages, info.container)),
        ("pictures", _same_pictures(pictures, expected.pictures)),
    ]
    wrong = [name for name, right in found if not right]
    if wrong:
        raise BrokenResult(f"The finished file is not what it should be: {', '.join(wrong)}.", reason=", ".join(wrong))
    return info


_ANY = MediaLimits(
    max_seconds=1e6,
    max_width=100_000,
    max_height=100_000,
    max_frames_per_second=1e6,
    max_sound_tracks=64,
    max_subtitle_tracks=64,
)


def _same_languages(found: Sequence[AudioTrack | SubtitleTrack], expected: Sequence[str], container: str) -> bool:
    return [track.language for track in found] == [language_tag(language_in(container, tag)) for tag in expected]


def _same_pictures(found: PacketDigest | None, expected: PacketDigest | None) -> bool:
    if found is None or expected is None:
        return found is expected
    return (
        (found.hash, found.packets) == (expected.hash, expected.packets)
        and abs(found.first - expected.first) <= _PICTURE_SECONDS
        and abs(found.last - expected.last) <= _PICTURE_SECONDS
    )
