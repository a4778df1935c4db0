"""A request, ready to be spoken: which pieces, in which order, with which pauses, and what each says of the text."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from myna.engines.base import SynthesisRequest
from myna.errors import InvalidRequest
from myna.speech.schemas import SpeechRequest
from myna.speech.text import Piece, Traced, emoji_names, find_breaks, normalised, speakable, split
from myna.speech.text.diacritics import DIACRITICS


@dataclass(frozen=True, slots=True)
class Place:
    """Which characters of the request's text a piece says."""

    first: int
    """The piece answers for the characters from here …"""
    last: int
    """… up to here, exclusive; those that are not said included. The places of a script cover the text."""
    starts: Sequence[int]
    """For each character of the piece, where what it stands for begins in the text of the request …"""
    ends: Sequence[int]
    """… and ends."""


@dataclass(frozen=True, slots=True)
class Script:
    """A request, ready to be spoken."""

    engine: str
    language: str
    text: str
    """As it was sent."""
    pieces: tuple[Piece, ...]
    places: tuple[Place, ...]
    """Of each piece."""
    requests: tuple[SynthesisRequest, ...]
    """For each piece."""
    sample_rate: int
    """Hz of the engine."""
    pause_before: float = 0.0
    """Seconds of silence before the first piece."""
    diacritise: bool = False
    """Arabic without vowel marks gets them before it is spoken."""
    eager: bool = False
    """Somebody listens already: the first piece is spoken alone, with all the machine for it."""


@dataclass(frozen=True, slots=True)
class _Run:
    """What stands between two breaks."""

    spoken: Traced
    pause_after: float | None


@dataclass(frozen=True, slots=True)
class Cut:
    """A text in pieces."""

    pieces: tuple[Piece, ...]
    places: tuple[Place, ...]
    pause_before: float


def cut(
    request: SpeechRequest, language: str, max_characters: int, *, eager: bool = False, without_diacritics: bool = False
) -> Cut:
    """The pieces of a request. Raises `InvalidRequest` when nothing is to be said, and as `find_breaks`."""
    runs = list(_runs(request))
    spoken = [_prepared(run, request, language) for run in runs]
    if not any(speakable(run.spoken.text) for run in spoken):
        spoken = [_named(run) for run in runs]
    if without_diacritics:
        spoken = [_Run(run.spoken.replace(DIACRITICS, ""), run.pause_after) for run in spoken]
    pieces: list[Piece] = []
    traces: list[Traced] = []
    pause_before = 0.0
    for run in spoken:
        found = _sayable(split(run.spoken.text, language, max_characters, eager=eager and not pieces), run.spoken)
        pieces += [piece for piece, _ in found]
        traces += [trace for _, trace in found]
        if run.pause_after is None:
            continue
        if pieces:
            # The pause of a break takes the place of the one that the sentence or the paragraph would have.
            so_far = 0.0 if found else pieces[-1].pause_after or 0.0
            pieces[-1] = Piece(pieces[-1].text, so_far + run.pause_after)
        else:
            pause_before += run.pause_after
    if not pieces:
        raise InvalidRequest("The text holds nothing that can be spoken.", field="text")
    return Cut(tuple(pieces), tuple(_places(traces, len(request.text))), pause_before)


def _runs(request: SpeechRequest) -> Iterator[_Run]:
    text = Traced.unchanged(request.text)
    done = 0
    for found in find_breaks(request.text) if request.breaks else ():
        yield _Run(text[done : found.start], found.seconds)
        done = found.end
    yield _Run(text[done:], None)


def _prepared(run: _Run, request: SpeechRequest, language: str) -> _Run:
    return _Run(normalised(run.spoken, language) if request.normalise else run.spoken, run.pause_after)


def _named(run: _Run) -> _Run:
    """What stands there is nothing but pictures: their names."""
    text = run.spoken
    names = emoji_names(text.text)
    count = len(names)
    first, last = (text.starts[0], text.ends[-1]) if text.text else (0, 0)
    return _Run(Traced(names, [first] * count, [last] * count), run.pause_after)


def _sayable(pieces: list[Piece], whole: Traced) -> list[tuple[Piece, Traced]]:
    """Without pieces that are nothing but punctuation, unless they are names of signs alone."""
    traced = [(piece, trace) for piece, trace in zip(pieces, _traced(pieces, whole), strict=True)]
    return [pair for pair in traced if speakable(pair[0].text)]


def _traced(pieces: Iterable[Piece], whole: Traced) -> Iterator[Traced]:
    """Where the characters of each piece come from. Pieces differ from the whole in white space alone."""
    place = 0
    for piece in pieces:
        starts, ends = [], []
        for letter in piece.text:
            if not letter.isspace():
                while whole.text[place].isspace():
                    place += 1
                starts.append(whole.starts[place])
                ends.append(whole.ends[place])
                place += 1
            else:
                starts.append(whole.ends[place - 1])
                ends.append(whole.ends[place - 1])
        yield Traced(piece.text, starts, ends)


def _places(traces: Sequence[Traced], length: int) -> Iterator[Place]:
    firsts = [0, *(trace.starts[0] for trace in traces[1:]), length]
    for trace, (first, last) in zip(traces, itertools.pairwise(firsts), strict=True):
        yield Place(first, last, trace.starts, trace.ends)
