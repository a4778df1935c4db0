"""A track that is copied packet by packet, nothing of it decoded."""

from __future__ import annotations

from collections import deque
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

from myna.errors import UnsupportedMedia

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import OutputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

_KEPT_TAGS = ("hvc1", "hev1")
"""H.265 has two forms in MP4, of which Apple's players show only the first, and FFmpeg writes the second."""
_MOST_REORDERED = 32
"""Pictures that a film may show in another order than it holds them: H.264 and H.265 allow 16, fields count twice."""


class CopiedTrack:
    """Times are kept, counted from where the film begins.

    Matroska does not say when packets are decoded, and only a decoder would know. Its muxer writes when they are
    shown and wants to know nothing else, so any time of decoding does that is in order and not after the showing.
    """

    def __init__(self, output: OutputContainer, source: VideoStream | AudioStream) -> None:
        self.source = source
        self.target = output.add_stream_from_template(source, opaque=True)
        self.target.disposition = source.disposition
        if source.codec_context.codec_tag in _KEPT_TAGS and output.format.name in ("mp4", "mov"):
            self.target.codec_context.codec_tag = source.codec_context.codec_tag
        for name in ("language", "title"):
            if text := source.metadata.get(name):
                self.target.metadata[name] = text
        self.packets = 0
        self._output = output
        self._guesses = output.format.name in ("matroska", "webm")
        self._waiting: deque[Packet[Any]] = deque()
        self._decoded: int | None = None

    def copy(self, packet: Packet[Any], begins: Fraction) -> Fraction:
        """Returns when it is shown, in seconds. Raises `UnsupportedMedia` when it does not say."""
        if packet.pts is None or packet.time_base is None or (packet.dts is None and not self._guesses):
            raise UnsupportedMedia("This file does not say when its pictures are shown.", reason="no times")
        shift = round(begins / packet.time_base)
        packet.pts -= shift
        packet.dts = packet.pts if self._guesses or packet.dts is None else packet.dts - shift
        at = packet.pts * packet.time_base
        self._waiting.append(packet)
        if len(self._waiting) > (_MOST_REORDERED if self._guesses else 0):
            self._write()
        return at

    def finish(self) -> None:
        while self._waiting:
            self._write()

    def _write(self) -> None:
        earliest = min(packet.pts or 0 for packet in self._waiting)
        packet = self._waiting.popleft()
        pts = cast(int, packet.pts)
        if self._guesses:
            packet.dts = min(pts, earliest) if self._decoded is None else max(self._decoded, min(pts, earliest))
        elif self._decoded is not None and cast(int, packet.dts) <= self._decoded:
            packet.dts = self._decoded + 1
        packet.pts = max(pts, cast(int, packet.dts))
        self._decoded = packet.dts
        packet.stream = self.target
        self._output.mux(packet)
        self.packets += 1
