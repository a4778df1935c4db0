"""The text of a subtitle track, read from its packets without any decoder of FFmpeg's."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from myna.errors import UnsupportedMedia
from myna.media.inside.files import opened, time_zero

_MOST_CUES = 50_000
_MOST_CHARACTERS = 5_000_000
_DRAWN = re.compile(r"\{[^}]*\}")
"""Of SubStation Alpha: how a text is drawn."""
_TEXT_FIELD = 8
"""In Matroska, SubStation Alpha has eight fields before the text."""


def _plain(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _length_first(content: bytes) -> str:
    """3GPP timed text: two bytes of length, the text, and boxes for its style."""
    length = int.from_bytes(content[:2], "big")
    text = content[2 : 2 + length]
    return text.decode("utf-16" if text[:2] in (b"\xfe\xff", b"\xff\xfe") else "utf-8", "replace")


def _drawn(content: bytes) -> str:
    fields = _plain(content).split(",", _TEXT_FIELD)
    text = _DRAWN.sub("", fields[-1]) if len(fields) > _TEXT_FIELD else ""
    return text.replace("\\N", "\n").replace("\\n", "\n").replace("\\h", " ")


_READERS: dict[str, Callable[[bytes], str]] = {
    "mov_text": _length_first,
    "subrip": _plain,
    "srt": _plain,
    "webvtt": _plain,
    "text": _plain,
    "ass": _drawn,
    "ssa": _drawn,
}


def subtitles(details: dict[str, Any]) -> list[tuple[float, float, str]]:
    """From, to and text of each cue, in order. Raises `UnsupportedMedia` when the track has no text."""
    with opened(details["source"]) as container:
        track = next((track for track in container.streams.subtitles if track.index == details["index"]), None)
        if track is None or track.codec_context is None:
            raise UnsupportedMedia("There is no such subtitle track in this file.", reason="no subtitles")
        codec = track.codec_context.codec.canonical_name
        if codec not in _READERS:
            raise UnsupportedMedia(
                f"This subtitle track ({codec}) has pictures instead of text. Send the text as SRT.", reason="no text"
            )
        read, begins = _READERS[codec], time_zero(details["source"])
        cues, characters = [], 0
        for packet in container.demux(track):
            if not packet.size or packet.pts is None:
                continue
            text = read(bytes(packet)).strip()
            start = float(packet.pts * packet.time_base - begins)
            characters += len(text)
            if text:
                cues.append((start, start + float((packet.duration or 0) * packet.time_base), text))
            if len(cues) > _MOST_CUES or characters > _MOST_CHARACTERS:
                raise UnsupportedMedia("This subtitle track is too long.", reason="subtitles")
    return sorted(cues)
