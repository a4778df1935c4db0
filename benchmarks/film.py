"""A film to measure with: two people who talk, music under them, a picture that moves; of any length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from myna.audio.resample import resample
from myna.engines.base import Engine, Samples, SynthesisRequest
from myna.engines.espeak import EspeakEngine
from myna.engines.flite import FliteEngine

RATE = 48_000
MINUTE = 60 * RATE
FRAMES_PER_SECOND = 25
_SIZE = (1_280, 720)
_PAUSES = (0.5, 0.8, 0.4, 1.1)
"""Seconds between two lines, over and over."""
_MUSIC = ((220.0, 0.3), (277.2, 0.5), (329.6, 0.7))
"""Hz, and how far to the right, from 0 to 1."""
_PICTURE = {"preset": "ultrafast", "tune": "zerolatency", "g": str(2 * FRAMES_PER_SECOND)}
Voice = tuple[Engine, dict[str, Any]]


@dataclass(frozen=True)
class Film:
    path: Path
    minutes: int


def make_film(path: Path, minutes: int, sentences: Iterator[str]) -> Film:
    """An MP4 (H.264 of 720 lines, AAC) in which the same minute is seen again and again, and new sentences are said."""
    minute = path.with_suffix(".minute.mp4")
    _write_pictures(minute)
    with av.open(str(minute)) as pictures, av.open(str(path), "w") as output:
        picture = output.add_stream_from_template(pictures.streams.video[0])
        packets = list(_packets_of(pictures))
        track = output.add_stream("aac", rate=RATE, layout="stereo")
        track.metadata["language"] = "eng"
        for number, sound in zip(range(minutes), _minutes_of_sound(sentences), strict=False):
            for data, place, is_keyframe in packets:
                output.mux(_packet(data, place + number * 60 * FRAMES_PER_SECOND, is_keyframe, picture))
            for second in range(60):
                _encode(output, track, sound[:, second * RATE : (second + 1) * RATE], number * MINUTE + second * RATE)
        output.mux(track.encode(None))
    minute.unlink()
    return Film(path, minutes)


def _minutes_of_sound(sentences: Iterator[str]) -> Iterator[np.ndarray[Any, np.dtype[np.float32]]]:
    """Stereo, shape `[2, MINUTE]`, one after the other; they end with the sentences."""
    voices, time = _voices(), np.arange(MINUTE) / RATE
    music = np.zeros((2, MINUTE))
    for frequency, right in _MUSIC:
        music += np.array([[1 - right], [right]]) * (0.01 * np.sin(2 * np.pi * frequency * time))
    speech, at = np.zeros(MINUTE, np.float32), round(0.6 * RATE)
    for number, sentence in enumerate(sentences):
        spoken = _said(*voices[number // 2 % 2], sentence)
        if at + len(spoken) > MINUTE - RATE:
            yield (speech + music).astype(np.float32)
            speech, at = np.zeros(MINUTE, np.float32), round(0.6 * RATE)
        speech[at : at + len(spoken)] = spoken
        at += len(spoken) + round(_PAUSES[number % len(_PAUSES)] * RATE)


def _voices() -> tuple[Voice, Voice]:
    """A man and a woman; recorded ones where they are installed, as those are understood best."""
    if FliteEngine.available()[0]:
        voices = {voice.id: voice.settings for voice in FliteEngine.voices()}
        if {"rms", "slt"} <= voices.keys():
            flite = FliteEngine()
            return (flite, dict(voices["rms"])), (flite, dict(voices["slt"]))
    espeak, stock = EspeakEngine(), {voice.id: dict(voice.settings) for voice in EspeakEngine.voices()}
    return (espeak, stock["en-us.m3"]), (espeak, stock["en-us.f3"])


def _said(engine: Engine, settings: dict[str, Any], text: str) -> Samples:
    chunks = list(engine.synthesize(SynthesisRequest(text, "en-US", settings)))
    return resample(np.concatenate([chunk.samples for chunk in chunks]), chunks[0].sample_rate, RATE)


def _write_pictures(path: Path) -> None:
    with av.open(str(path), "w") as output:
        picture = output.add_stream("libx264", rate=FRAMES_PER_SECOND, options=_PICTURE)
        picture.width, picture.height, picture.pix_fmt = *_SIZE, "yuv420p"
        slope = np.tile(np.linspace(40, 160, _SIZE[1], dtype=np.uint8)[:, None], (1, _SIZE[0]))
        for number in range(60 * FRAMES_PER_SECOND):
            image, place = slope.copy(), 7 * number % _SIZE[0]
            image[:, place : place + 90] = 230
            frame = av.VideoFrame.from_ndarray(image, format="gray").reformat(format="yuv420p")
            output.mux(picture.encode(frame))
        output.mux(picture.encode(None))


def _packets_of(pictures: Any) -> Iterator[tuple[bytes, int, bool]]:
    """The bytes of each, the number of the picture, and whether it stands alone."""
    for packet in pictures.demux(pictures.streams.video[0]):
        if packet.pts is not None:
            yield bytes(packet), round(packet.pts * packet.time_base * FRAMES_PER_SECOND), packet.is_keyframe


def _packet(data: bytes, place: int, is_keyframe: bool, stream: Any) -> Any:
    packet: Any = av.Packet(data)
    packet.stream, packet.time_base = stream, Fraction(1, FRAMES_PER_SECOND)
    packet.pts = packet.dts = place
    packet.duration, packet.is_keyframe = 1, is_keyframe
    return packet


def _encode(output: Any, track: Any, sound: Any, at: int) -> None:
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound), format="fltp", layout="stereo")
    frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
    output.mux(track.encode(frame))
