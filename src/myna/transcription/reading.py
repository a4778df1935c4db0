"""A synthetic reading of a text, whose words have known times, laid along the real one (the way of `aeneas`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from myna.audio.activity import Segment
from myna.audio.alignment import FRAMES_PER_SECOND, Cepstra, cepstra, warp
from myna.engines.base import StockVoice, SynthesisRequest
from myna.engines.host import EngineHost
from myna.engines.registry import EngineRegistry
from myna.engines.translation import base_language
from myna.errors import EngineFailed
from myna.kit.threads import run_in_thread
from myna.transcription.schemas import ReadSound, TimedWord

_MOST_CHARACTERS = 400
"""Of what is read in one piece."""
_AUDIBLE = 0.003
_PAUSE = 0.1
"""Seconds of silence before and after each piece: what was found to be speech has a little of it, too."""


@dataclass(frozen=True, slots=True)
class Reader:
    """A voice of an engine that says when it says what."""

    engine: str
    voice: StockVoice


@dataclass(frozen=True, slots=True)
class _Piece:
    """Words of one line that are read together: their sound, and when each begins in it, and the end."""

    features: Cepstra
    starts: NDArray[np.float64]


def reader_for(registry: EngineRegistry, language: str) -> Reader | None:
    """Whoever can read the language aloud with the times of words; the very tag before another region."""
    able = [name for name in registry.names if registry.describe(name).word_timestamps]
    voices = [Reader(name, voice) for name in able for voice in registry.voices(name)]
    near = [reader for reader in voices if base_language(reader.voice.language) == base_language(language)]
    return next((reader for reader in near if reader.voice.language == language), near[0] if near else None)


async def read_along(
    engines: EngineHost,
    reader: Reader,
    lines: Sequence[Sequence[str]],
    read: ReadSound,
    rate: int,
    segments: Sequence[Segment],
) -> list[list[TimedWord]]:
    """The words of each line, found in the speech of these segments. Every word gets a time; all rise."""
    pieces = [await _piece(engines, reader, tokens) for tokens in _pieces(lines)]
    times = await run_in_thread(_times, pieces, read, rate, segments)
    if not times:
        return shared_out(lines, segments)
    words = iter(times)
    return [[TimedWord(token, *next(words)) for token in tokens] for tokens in lines]


def _pieces(lines: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    for tokens in lines:
        piece: list[str] = []
        for token in tokens:
            if piece and sum(len(each) + 1 for each in piece) + len(token) > _MOST_CHARACTERS:
                yield piece
                piece = []
            piece.append(token)
        yield piece


async def _piece(engines: EngineHost, reader: Reader, tokens: Sequence[str]) -> _Piece:
    """Read some words. What nobody can read takes no time."""
    text = " ".join(tokens)[: 2 * _MOST_CHARACTERS]
    if not any(letter.isalnum() for letter in text):
        return _Piece(cepstra(np.zeros(0, np.float32), 1), np.zeros(len(tokens) + 1))
    request = SynthesisRequest(text, reader.voice.language, reader.voice.settings, pause_after=0.0)
    try:
        chunks = await engines.synthesize(reader.engine, request)
    except EngineFailed:
        return _Piece(cepstra(np.zeros(0, np.float32), 1), np.zeros(len(tokens) + 1))
    rate = chunks[0].sample_rate
    sound = np.concatenate([chunk.samples for chunk in chunks])
    loud = np.flatnonzero(np.abs(sound) > _AUDIBLE)
    sound = sound[: loud[-1] + 1] if len(loud) else sound
    said = {word.text_position: word.start for chunk in chunks for word in chunk.words}
    features = await run_in_thread(cepstra, np.pad(sound, round(_PAUSE * rate)), rate)
    return _Piece(features, _PAUSE + _starts(tokens, said, len(sound) / rate))


def _starts(tokens: Sequence[str], said: dict[int, float], seconds: float) -> NDArray[np.float64]:
    """When each token begins, and the end; those that were not announced lie between their neighbours."""
    positions = np.cumsum([0, *(len(token) + 1 for token in tokens)])
    known = sorted({0: 0.0, **said, int(positions[-1]): seconds}.items())
    times = np.interp(positions, [place for place, _ in known], [time for _, time in known])
    return np.asarray(np.maximum.accumulate(np.minimum(times, seconds)), np.float64)


def _times(
    pieces: Sequence[_Piece], read: ReadSound, rate: int, segments: Sequence[Segment]
) -> list[tuple[float, float]]:
    """Start and end of each word of all pieces, in seconds of the source; nothing when there is nothing to compare."""
    spoken, moments = _speech(read, rate, segments)
    reading = np.concatenate([piece.features for piece in pieces])
    if not len(spoken) or not len(reading):
        return []
    earliest, latest = warp(reading, spoken)
    pauses = np.flatnonzero(np.diff(moments) > 1.5 / FRAMES_PER_SECOND) + 1
    found: list[tuple[float, float]] = []
    first = 0
    for piece in pieces:
        frames = first + np.round(piece.starts * FRAMES_PER_SECOND).astype(np.int64)
        starts = latest[np.minimum(frames[:-1], len(reading) - 1)]
        ends = earliest[np.clip(frames[1:] - 1, 0, len(reading) - 1)]
        for start, end in zip(starts, ends, strict=True):
            begins, stops = _on_one_side(int(start), int(max(start, end)), pauses)
            found.append((float(moments[begins]), float(moments[stops]) + 1 / FRAMES_PER_SECOND))
        first += len(piece.features)
    return found


def _on_one_side(start: int, end: int, pauses: NDArray[np.int64]) -> tuple[int, int]:
    """The first and the last frame of a word, which never has a pause within: the longer side of it counts."""
    inside = pauses[(pauses > start) & (pauses <= end)]
    edges = [start, *(int(pause) for pause in inside), end + 1]
    begins, after = max(pairwise(edges), key=lambda side: side[1] - side[0])
    return begins, after - 1


def _speech(read: ReadSound, rate: int, segments: Sequence[Segment]) -> tuple[Cepstra, NDArray[np.float64]]:
    """What is heard in the segments, and the second of the source for each frame of it."""
    features = [cepstra(read(segment.start, segment.end), rate) for segment in segments]
    moments = [
        segment.start + np.arange(len(heard)) / FRAMES_PER_SECOND
        for segment, heard in zip(segments, features, strict=True)
    ]
    return np.concatenate([cepstra(np.zeros(0, np.float32), 1), *features]), np.concatenate([np.zeros(0), *moments])


def shared_out(lines: Sequence[Sequence[str]], segments: Sequence[Segment]) -> list[list[TimedWord]]:
    """The words of each line, each with as much of the speech as it has letters: what can be told without a voice."""
    edges = np.cumsum([0.0, *(len(token) + 1.0 for tokens in lines for token in tokens)])
    lengths = np.array([segment.duration for segment in segments])
    offsets = np.concatenate([[0.0], np.cumsum(lengths)])
    places = edges / max(edges[-1], 1.0) * offsets[-1]

    def moment(place: float, side: str) -> float:
        index = int(np.clip(np.searchsorted(offsets, place, side) - 1, 0, len(segments) - 1))  # type: ignore[call-overload]
        return float(segments[index].start + place - offsets[index])

    spans = iter([(moment(start, "right"), moment(end, "left")) for start, end in pairwise(places)])
    return [[TimedWord(token, *next(spans)) for token in tokens] for tokens in lines]
