"""What a file holds, by its packets. Nothing is decoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from myna.errors import UnsupportedMedia
from myna.media.decode import CHANNELS, RATES, TOO_LONG
from myna.media.inside.files import DescriptorFile, opened, pictures_of, sounds_of, time_zero
from myna.media.languages import language_tag

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream

VIDEO_CONTAINERS = frozenset({"mp4", "mov", "mkv", "webm"})
_WEB_PICTURES = frozenset({"vp8", "vp9", "av1"})
_NAMES = {"matroska,webm": "mkv", "mov,mp4,m4a,3gp,3g2,mj2": "mp4"}
"""FFmpeg's names of containers, where they are not one word."""
_CLOSE = 0.05
"""Seconds: a header that says nearly what the packets do knows better what of them is not played."""
_SPARE_SECONDS = 1.0
_SPARE_FRAMES = 240
"""Frames may come in a burst before the limit on their rate is applied."""
_MOST_PACKETS = 20_000_000


@dataclass(slots=True)
class _Track:
    """What was seen of one track. Seconds from where the film begins."""

    packets: int = 0
    first: float = 0.0
    last: float = 0.0
    end: float = 0.0

    def see(self, start: float, duration: float) -> None:
        if not self.packets:
            self.first = self.last = start
        self.packets += 1
        self.first, self.last = min(self.first, start), max(self.last, start)
        self.end = max(self.end, start + duration)

    @property
    def spacing(self) -> float:
        """Seconds from one packet to the next, on average; 0 when there is one only."""
        return (self.last - self.first) / (self.packets - 1) if self.packets > 1 else 0.0

    @property
    def shown_until(self) -> float:
        """The end, also where the last packet does not say how long it is shown."""
        return max(self.end, self.last + self.spacing)


def probe(details: dict[str, Any]) -> dict[str, Any]:
    """What `MediaInfo.from_json` takes. Raises `UnsupportedMedia` for what is beyond the limits."""
    limits: dict[str, Any] = details["limits"]
    with opened(details["source"]) as container:
        name = _container_name(container, details["source"])
        sounds = sounds_of(container)
        _refuse_by_header(container, sounds, name, limits)
        tracks = _read_packets(container, float(time_zero(details["source"])), limits)
        return _description(container, sounds, name, tracks)


def _container_name(container: InputContainer, descriptor: int) -> str:
    name = _NAMES.get(container.format.name, container.format.name)
    if name == "mp4" and container.metadata.get("major_brand", "").startswith("qt"):
        return "mov"
    picture = pictures_of(container)
    fits_the_web = picture is None or _codec(picture) in _WEB_PICTURES
    if name == "mkv" and fits_the_web and b"\x42\x82\x84webm" in DescriptorFile(descriptor).beginning():
        return "webm"
    return name


def _codec(track: Stream) -> str:
    return track.codec_context.codec.canonical_name if track.codec_context else "unknown"


def _refuse_by_header(container: InputContainer, sounds: list[AudioStream], name: str, limits: dict[str, Any]) -> None:
    most = limits["max_sound_tracks"]
    if len(container.streams.audio) > most:
        raise UnsupportedMedia(f"This file has more than {most} sound tracks. Send fewer.", reason="sound tracks")
    most = limits["max_subtitle_tracks"]
    if len(container.streams.subtitles) > most:
        raise UnsupportedMedia(f"This file has more than {most} subtitle tracks. Send fewer.", reason="subtitles")
    if not any(_is_readable(track) for track in sounds):
        raise UnsupportedMedia("There is no sound in this file that Myna can read.", reason="no sound")
    _refuse_pictures(container, name, limits)
    seconds = (container.duration or 0) / 1_000_000
    if seconds > limits["max_seconds"] + _SPARE_SECONDS and not _may_lie(name):
        raise _too_long(limits)


def _may_lie(name: str) -> bool:
    """The length of a FLAC or WAV file is only said, nowhere kept; that of others follows from their tables."""
    return name in ("flac", "wav", "w64", "mp3", "aac")


def _is_readable(track: AudioStream) -> bool:
    return track.codec_context.sample_rate in RATES and track.codec_context.channels in CHANNELS


def _refuse_pictures(container: InputContainer, name: str, limits: dict[str, Any]) -> None:
    picture = pictures_of(container)
    if picture is None:
        return
    if name not in VIDEO_CONTAINERS or picture.codec_context is None:
        raise UnsupportedMedia("Myna dubs video in MP4, MOV, MKV and WebM. Send it as one of these.", reason=name)
    wide, high = limits["max_width"], limits["max_height"]
    sides = sorted((picture.codec_context.width, picture.codec_context.height))
    if sides[0] <= 0:
        raise UnsupportedMedia("This file does not say how large its picture is. Send it with H.264.", reason="picture")
    if sides[1] > wide or sides[0] > high:
        raise UnsupportedMedia(f"The picture is larger than {wide} × {high}. Send a smaller one.", reason="picture")


def _read_packets(container: InputContainer, begins: float, limits: dict[str, Any]) -> dict[int, _Track]:
    picture = pictures_of(container)
    watched = [*container.streams.audio, *([picture] if picture else [])]
    tracks = {track.index: _Track() for track in watched}
    for number, packet in enumerate(container.demux(watched)):
        if (at := _shown_at(packet)) is None:
            continue
        seen = tracks[packet.stream.index]
        seen.see(at - begins, float((packet.duration or 0) * packet.time_base))
        if seen.end - max(0.0, seen.first if picture is None else 0.0) > limits["max_seconds"] + _SPARE_SECONDS:
            raise _too_long(limits)
        if number > _MOST_PACKETS:
            raise UnsupportedMedia("This file has too many packets.", reason="packets")
        if picture is not None and packet.stream is picture:
            _refuse_rate(seen, limits["max_frames_per_second"])
    return tracks


def _shown_at(packet: Packet[Any]) -> float | None:
    """Seconds; None when the packet is empty, as the last one is."""
    ticks = packet.pts if packet.pts is not None else packet.dts
    if ticks is None or packet.time_base is None or not packet.size:
        return None
    return float(ticks * packet.time_base)


def _refuse_rate(seen: _Track, most: float) -> None:
    if seen.packets > most * (seen.last - seen.first + 1) + _SPARE_FRAMES or _rate(seen) > most * 1.01:
        raise UnsupportedMedia(
            f"The picture has more than {most:g} frames a second. Send it with fewer.", reason="frames"
        )


def _rate(seen: _Track) -> float:
    """Frames a second, once there are enough to tell."""
    if seen.packets <= _SPARE_FRAMES or seen.last <= seen.first:
        return 0.0
    return (seen.packets - 1) / (seen.last - seen.first)


def _too_long(limits: dict[str, Any]) -> UnsupportedMedia:
    return UnsupportedMedia(
        f"This file is longer than {limits['max_seconds']:g} seconds. Send a shorter part of it.", reason=TOO_LONG
    )


def _description(
    container: InputContainer, sounds: list[AudioStream], name: str, tracks: dict[int, _Track]
) -> dict[str, Any]:
    sounds = [track for track in sounds if _is_readable(track) and tracks[track.index].packets]
    if not sounds:
        raise UnsupportedMedia("There is no sound in this file.", reason="no sound")
    picture = pictures_of(container)
    return {
        "container": name,
        "duration": _duration(container, tracks, alone=picture is None),
        "video": _picture_description(container, tracks),
        "audio": [_sound_description(track, tracks[track.index], container.metadata) for track in sounds],
        "subtitles": [
            {"index": track.index, "codec": _codec(track), "language": language_tag(track.language or "")}
            for track in container.streams.subtitles
        ],
    }


def _duration(container: InputContainer, tracks: dict[int, _Track], *, alone: bool) -> float:
    """Seconds. Sound alone begins where it begins."""
    seen = [track for track in tracks.values() if track.packets]
    begins = min(track.first for track in seen) if alone else 0.0
    counted = max(track.shown_until for track in seen) - max(0.0, begins)
    said = (container.duration or 0) / 1_000_000
    return said if abs(said - counted) < _CLOSE else counted


def _picture_description(container: InputContainer, tracks: dict[int, _Track]) -> dict[str, Any] | None:
    picture = pictures_of(container)
    if picture is None:
        return None
    seen = tracks[picture.index]
    if not seen.packets:
        raise UnsupportedMedia("The track of pictures in this file is empty.", reason="picture")
    return {
        "codec": _codec(picture),
        "width": picture.codec_context.width,
        "height": picture.codec_context.height,
        "frames_per_second": round(1 / seen.spacing, 3) if seen.spacing else 0.0,
    }


def _sound_description(track: AudioStream, seen: _Track, of_file: Mapping[str, str]) -> dict[str, Any]:
    import av

    words = {name.lower(): text for name, text in of_file.items()}
    return {
        "index": track.index,
        "codec": _codec(track),
        "language": language_tag(track.language or words.get("language", "")),
        "sample_rate": track.codec_context.sample_rate,
        "channels": track.codec_context.channels,
        "duration": seen.end - max(0.0, seen.first),
        "default": bool(track.disposition & av.stream.Disposition.default),
    }
