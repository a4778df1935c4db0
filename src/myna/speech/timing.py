"""When each character of a text is spoken.

Engines say when a word begins; the rest follows from the text and the sound: a word lasts until the sound falls silent
or the next word begins, and its letters share that time evenly. Where the engine says nothing, all letters of a piece
do. What stands for a number in words shares the time of these words, and what is not said (spaces, marks, tags) has
the time that is left between its neighbours, so that the times have neither gaps nor overlaps.
"""

from __future__ import annotations

import bisect
import itertools
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from myna.engines.base import Samples, Word
from myna.speech.script import Place

_FRAME_SECONDS = 0.005
_AUDIBLE = 0.02
"""Of the piece's peak: 34 dB below it."""
_EARLY_SECONDS = 0.02
"""A word may be heard this long before its engine says that it begins."""

Span = tuple[float, float]
"""From when to when: seconds."""


@dataclass(frozen=True, slots=True)
class Alignment:
    """When the characters of a text, or of a part of it, are spoken: three lists of one length.

    Seconds from the start of the sound. Neither starts nor ends ever fall, and a character ends where the next begins.
    """

    characters: tuple[str, ...] = ()
    starts: tuple[float, ...] = ()
    ends: tuple[float, ...] = ()

    @staticmethod
    def joined(parts: Iterable[Alignment]) -> Alignment:
        """Parts of one text, in order."""
        characters, starts, ends = list[str](), list[float](), list[float]()
        for part in parts:
            characters += part.characters
            starts += part.starts
            ends += part.ends
        return Alignment(tuple(characters), tuple(starts), tuple(ends))


def align(text: str, piece: str, place: Place, letters: Sequence[Span], begin: float, end: float) -> Alignment:
    """The characters of `text` for which a piece answers.

    `letters` says when each character of the piece is spoken, in seconds from the piece's start, as `letter_times`
    makes it. The piece's sound lasts from `begin` to `end`, in seconds of the whole.
    """
    count = place.last - place.first
    spans: list[Span] = []
    for group in [*_groups(piece, place, letters), _Group(place.last, place.last, end - begin, end - begin)]:
        said = spans[-1][1] if spans else 0.0
        # What is not said lies between what was said last and what is said next.
        spans += _shared(place.first + len(spans), group.first, (said, max(said, group.begin)))
        said = spans[-1][1] if spans else 0.0
        spans += _shared(place.first + len(spans), group.last, (said, max(said, group.end)))
    spans = spans[:count]
    return Alignment(
        tuple(text[place.first : place.last]),
        tuple(min(begin + span[0], end) for span in spans),
        tuple(min(begin + span[1], end) for span in spans),
    )


def letter_times(piece: str, words: Sequence[Word], samples: Samples, rate: int, pause_after: float) -> list[Span]:
    """When each character of a piece is spoken, in seconds from the start of its sound.

    `pause_after` seconds at the end are silence that was asked for.
    """
    sound = _Sound(samples, rate, pause_after)
    known = _in_order(words, len(piece))
    if not known or any(_said(letter) for letter in piece[: known[0].text_position]):
        known.insert(0, Word(0, 0, min(sound.begin, known[0].start if known else sound.begin)))
    times: list[Span] = list(_shared(0, known[0].text_position, (0.0, known[0].start)))
    following = [(word.text_position, word.start) for word in known[1:]]
    for word, (last, next_start) in zip(known, [*following, (len(piece), sound.end)], strict=True):
        said = word.text_position + len(piece[word.text_position : last].rstrip(_unsaid(piece)))
        silent_from = sound.end_of_voice(word.start, max(word.start, next_start))
        times += _shared(word.text_position, said, (word.start, silent_from))
        times += _shared(said, last, (silent_from, max(silent_from, next_start)))
    return times


@dataclass(slots=True)
class _Group:
    """Characters of the text that are said together."""

    first: int
    last: int
    begin: float
    end: float


def _groups(piece: str, place: Place, letters: Sequence[Span]) -> Iterator[_Group]:
    """What is said, in order and without overlaps."""
    current: _Group | None = None
    for letter, start, end, (begin, until) in zip(piece, place.starts, place.ends, letters, strict=True):
        if letter.isspace() or end <= start:
            continue
        start, end = max(start, place.first), min(end, place.last)
        if current and start < current.last:
            current.last, current.end = max(current.last, end), until
            continue
        if current:
            yield current
        current = _Group(start, end, begin, until)
    if current:
        yield current


def _shared(first: int, last: int, span: Span) -> list[Span]:
    """The characters from `first` to `last` share a time evenly."""
    begin, end = span
    edges = np.linspace(begin, end, max(0, last - first) + 1)
    return [(float(a), float(b)) for a, b in itertools.pairwise(edges)]


def _in_order(words: Sequence[Word], length: int) -> list[Word]:
    """The words that are where they can be: an engine's events are not trusted to be in order."""
    known: list[Word] = []
    for word in words:
        fits = 0 <= word.text_position < length and word.start >= 0
        if fits and (not known or (word.text_position > known[-1].text_position and word.start >= known[-1].start)):
            known.append(word)
    return known


def _said(letter: str) -> bool:
    return letter.isalnum() or unicodedata.category(letter)[0] == "M"


def _unsaid(piece: str) -> str:
    """The characters of the piece that are neither letters nor digits nor the marks on them."""
    return "".join(letter for letter in set(piece) if not _said(letter))


class _Sound:
    """Where in a piece of sound there is a voice."""

    def __init__(self, samples: Samples, rate: int, pause_after: float) -> None:
        size = max(1, round(_FRAME_SECONDS * rate))
        self._frame = size / rate
        spoken = samples[: max(0, len(samples) - round(pause_after * rate))]
        whole = len(spoken) // size
        peaks = np.abs(spoken[: whole * size]).reshape(whole, size).max(axis=1) if whole else np.zeros(0, np.float32)
        self._audible = np.flatnonzero(peaks > _AUDIBLE * peaks.max(initial=0.0)).tolist()
        self._length = len(spoken) / rate

    @property
    def begin(self) -> float:
        """When it begins, in seconds."""
        return self._audible[0] * self._frame if self._audible else 0.0

    @property
    def end(self) -> float:
        """When the sound ends without the pause that was asked for."""
        return self._length

    def end_of_voice(self, begin: float, end: float) -> float:
        """When the voice falls silent for the last time between two moments; the later one when it does not."""
        last = bisect.bisect_left(self._audible, (end - _EARLY_SECONDS) / self._frame) - 1
        silent_from = (self._audible[last] + 1) * self._frame if last >= 0 else 0.0
        return silent_from if begin < silent_from < end - _EARLY_SECONDS else end
