"""Puts a dub to the pictures of a film: their packets are copied as they are, only the new sound is encoded."""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

from myna.media.inside.copying import CopiedTrack
from myna.media.inside.files import DescriptorFile, main_sound, opened, pictures_of, time_zero

if TYPE_CHECKING:
    import av
    from av.audio.stream import AudioStream
    from av.container import InputContainer, OutputContainer

_RATE = 48_000
_MILLISECOND = Fraction(1, 1_000)
_AHEAD = Fraction(1, 2)
"""Seconds that sound and text are written before the pictures they belong to."""
_LONGEST_TEXT = 65_535
"""Bytes that 3GPP timed text can count."""
_KEPT_WORDS = ("title", "artist", "album", "comment", "date", "creation_time", "language")


@dataclass(frozen=True, slots=True)
class Form:
    """How a container is written."""

    muxer: str
    encoder: str
    bitrate: int = 0
    """Bits per second for stereo."""
    subtitles: str = ""
    options: tuple[tuple[str, str], ...] = ()
    """Of the container."""
    encoder_options: tuple[tuple[str, str], ...] = ()


_QUICK_START = (("movflags", "+faststart"),)
_TRUE = (("aac_coder", "fast"),)
"""At this bitrate it is closer to the sound than the usual search, which puts noise for what is hard to hear."""
FORMS = {
    "mp4": Form("mp4", "aac", 192_000, "mov_text", _QUICK_START, _TRUE),
    "mov": Form("mov", "aac", 192_000, "mov_text", _QUICK_START, _TRUE),
    "mkv": Form("matroska", "aac", 192_000, "subrip", encoder_options=_TRUE),
    "webm": Form("webm", "libopus", 128_000, "webvtt"),
    "m4a": Form("ipod", "aac", 192_000, options=_QUICK_START, encoder_options=_TRUE),
    "mp3": Form("mp3", "libmp3lame", 192_000),
    "ogg": Form("ogg", "libopus", 128_000),
    "flac": Form("flac", "flac"),
    "wav": Form("wav", "pcm_s16le"),
}


def mux(details: dict[str, Any]) -> dict[str, Any]:
    """Write the file, and say how many packets of pictures it has. Raises `OSError` when there is no room for it."""
    target = DescriptorFile(details["target"])
    try:
        return _muxed(details, target)
    except Exception:
        if target.failure is not None:
            raise target.failure from None
        raise


def _muxed(details: dict[str, Any], target: DescriptorFile) -> dict[str, Any]:
    source: int | None = details["source"]
    with contextlib.ExitStack() as stack:
        film = None if source is None else stack.enter_context(opened(source))
        dub = stack.enter_context(opened(details["dub"]))
        form = FORMS[details["container"]]
        output = stack.enter_context(_created(target, details["target"], form))
        if film is not None:
            kept = {name: text for name, text in film.metadata.items() if name.lower() in _KEPT_WORDS}
            output.metadata.update(kept)
        return {"packets": _Muxing(output, form, film, dub, details).run()}


def _created(target: DescriptorFile, descriptor: int, form: Form) -> OutputContainer:
    """The muxer may read again what it wrote: to put its table before the rest."""
    import av

    def again(*_: object) -> DescriptorFile:
        return DescriptorFile(descriptor)

    options = dict(form.options) | {"max_interleave_delta": "2000000"}
    return av.open(target, "w", format=form.muxer, options=options, io_open=again)


class _Muxing:
    def __init__(
        self,
        output: OutputContainer,
        form: Form,
        film: InputContainer | None,
        dub: InputContainer,
        details: dict[str, Any],
    ) -> None:
        self._film = film
        self._source: int = details["source"] or 0
        picture = pictures_of(film) if film else None
        self._pictures = CopiedTrack(output, picture) if picture else None
        self._dub = _Dub(output, form, dub, details["dub_language"], details["dub_title"])
        self._original = _original(output, film, details)
        self._texts = [_Text(output, form.subtitles, text) for text in (details["subtitles"] if form.subtitles else [])]

    def run(self) -> int:
        """Packets of all tracks in the order of their time. Returns how many are of pictures."""
        copied = {track.source.index: track for track in (self._pictures, self._original) if track}
        if self._film is not None and copied:
            begins = time_zero(self._source)
            for packet in self._film.demux([track.source for track in copied.values()]):
                if not packet.size:
                    continue
                at = copied[packet.stream.index].copy(packet, begins)
                self._write_until(at + _AHEAD)
        for track in copied.values():
            track.finish()
        self._write_until(None)
        return self._pictures.packets if self._pictures else 0

    def _write_until(self, until: Fraction | None) -> None:
        self._dub.write_until(until)
        for text in self._texts:
            text.write_until(until)


def _original(output: OutputContainer, film: InputContainer | None, details: dict[str, Any]) -> CopiedTrack | None:
    import av

    if film is None or not details["keep_original"] or pictures_of(film) is None:
        return None
    track = CopiedTrack(output, main_sound(film, details["original_index"]))
    track.target.disposition = av.stream.Disposition.original
    track.target.metadata["title"] = details["original_title"]
    if details["original_language"]:
        track.target.metadata["language"] = details["original_language"]
    return track


class _Dub:
    """The new sound, encoded as far as the pictures are."""

    def __init__(self, output: OutputContainer, form: Form, dub: InputContainer, language: str, title: str) -> None:
        import av

        self._output = output
        self._dub = dub
        layout = "mono" if dub.streams.audio[0].codec_context.channels == 1 else "stereo"
        self._stream = cast(
            "AudioStream",
            output.add_stream(form.encoder, rate=_RATE, layout=layout, options=dict(form.encoder_options)),
        )
        context = self._stream.codec_context
        if form.bitrate:
            self._stream.bit_rate = form.bitrate // (2 if layout == "mono" else 1)
        self._stream.metadata["language"] = language
        self._stream.disposition = av.stream.Disposition.default
        if title:
            self._stream.metadata["title"] = title
        if form.muxer in ("mp3", "wav", "flac", "ogg"):
            output.metadata["language"] = language
        format = context.format.name if context.format else "s16"
        self._resampler = av.AudioResampler(format, layout, _RATE)
        self._written = 0
        self._steps: Iterator[None] = self._encode()
        self._finished = False

    def write_until(self, until: Fraction | None) -> None:
        """Seconds; None: to the end."""
        while not self._finished and (until is None or Fraction(self._written, _RATE) < until):
            self._finished = next(self._steps, True) is True

    def _encode(self) -> Iterator[None]:
        for frame in self._dub.decode(audio=0):
            frame.pts = None
            self._mux(self._resampler.resample(frame))
            yield
        self._mux(self._resampler.resample(None))
        self._output.mux(self._stream.encode(None))

    def _mux(self, frames: list[av.AudioFrame]) -> None:
        for frame in frames:
            frame.pts, frame.time_base = self._written, Fraction(1, _RATE)
            self._written += frame.samples
            self._output.mux(self._stream.encode(frame))


class _Text:
    """A subtitle track that can be switched on and off."""

    def __init__(self, output: OutputContainer, codec: str, text: dict[str, Any]) -> None:
        self._output = output
        self._packed: Callable[[bytes], bytes] = _length_first if codec == "mov_text" else bytes
        self._stream = output.add_mux_stream(codec)
        self._stream.time_base = _MILLISECOND
        self._stream.metadata["language"] = text["language"]
        if text["title"]:
            self._stream.metadata["title"] = text["title"]
        self._cues: list[tuple[float, float, str]] = sorted(map(tuple, text["cues"]))
        self._end = 0

    def write_until(self, until: Fraction | None) -> None:
        while self._cues and (until is None or self._cues[0][0] <= until):
            start, end, words = self._cues.pop(0)
            self._write(max(self._end, round(1_000 * start)), round(1_000 * end), words)

    def _write(self, start: int, end: int, words: str) -> None:
        """One text at a time: MP4 knows no two at once."""
        import av

        content = words.strip().encode()
        if not content or end <= start:
            return
        packet = av.Packet(self._packed(content))
        packet.pts = packet.dts = start
        packet.duration, packet.time_base, packet.stream = end - start, _MILLISECOND, self._stream
        packet.is_keyframe = True
        self._output.mux(packet)
        self._end = end


def _length_first(content: bytes) -> bytes:
    """3GPP timed text: two bytes of length before the text."""
    content = content[:_LONGEST_TEXT].decode(errors="ignore").encode()
    return struct.pack(">H", len(content)) + content
