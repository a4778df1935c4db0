"""Cut a text into pieces that an engine can speak one by one, without losing a character."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

import sentencex

PARAGRAPH_PAUSE = 0.5
"""Seconds after a paragraph."""
CLAUSE_PAUSE = 0.15
"""Seconds where a long sentence was cut at a comma."""
EAGER_CHARACTERS = 80
"""A first sentence longer than this is cut at a clause when the listener waits for it."""
_SHORTEST_CLAUSE = 20

_PARAGRAPHS = re.compile(r"\n\s*\n")
_CLAUSE = re.compile(r"[,;:—–)\]](?=\s)|[、，；：،؛।]|\s(?=[—–(\[])")
_SPACE = re.compile(r"\s")
_SAYABLE_SIGNS = frozenset("&@#%+=°×÷±§")


@dataclass(frozen=True, slots=True)
class Piece:
    """A text to speak in one go, usually a sentence."""

    text: str
    pause_after: float | None = None
    """Seconds of silence after it; None leaves the pause of a sentence to the engine."""


def speakable(text: str) -> bool:
    """Whether there is anything to say: a letter, a digit, or a sign that has a name."""
    return any(_sayable(character) for character in text)


def split(text: str, language: str, max_characters: int, *, eager: bool = False) -> list[Piece]:
    """The sentences of the text, each of at most `max_characters`.

    Longer ones are cut at a clause, else at a space, else in the middle of a word. `eager` also cuts a long first
    sentence at its first clause, so that its sound comes sooner. What cannot be said by itself (dots, quotes) stays
    with the sentence before. Joined without white space, the pieces are the text without white space.
    """
    pieces: list[Piece] = []
    for paragraph in _PARAGRAPHS.split(text):
        sentences = _sentences(paragraph, language)
        for index, sentence in enumerate(sentences):
            last = index == len(sentences) - 1
            pieces += _within(sentence, max_characters, PARAGRAPH_PAUSE if last else None)
    if pieces:
        pieces[-1] = Piece(pieces[-1].text)
    return _with_short_start(pieces) if eager else pieces


def _sayable(character: str) -> bool:
    return character.isalnum() or character in _SAYABLE_SIGNS or unicodedata.category(character) in ("Sc", "Mc", "Nl")


def _sentences(paragraph: str, language: str) -> list[str]:
    found = sentencex.segment(_language(language), paragraph)
    sentences = [stripped for sentence in found if (stripped := " ".join(sentence.split()))]
    return list(_merged(sentences))


def _language(tag: str) -> str:
    primary = tag.replace("_", "-").split("-")[0].lower()
    return {"cmn": "zh"}.get(primary, primary)


def _merged(sentences: list[str]) -> Iterator[str]:
    """What cannot be said by itself joins the sentence before, or the first one after."""
    current = ""
    for sentence in sentences:
        if current and speakable(current) and speakable(sentence):
            yield current
            current = sentence
        else:
            current = f"{current} {sentence}".strip()
    if current:
        yield current


def _within(sentence: str, limit: int, pause: float | None) -> Iterator[Piece]:
    start = 0
    while len(sentence) - start > limit:
        end, cut_pause = _cut(sentence, start, limit)
        if piece := sentence[start:end].strip():
            yield Piece(piece, cut_pause)
        start = end
    if piece := sentence[start:].strip():
        yield Piece(piece, pause)


def _cut(sentence: str, start: int, limit: int) -> tuple[int, float]:
    """Where the piece ends that begins at `start`, and how long to pause there."""
    window = sentence[start : start + limit]
    if clauses := [match.end() for match in _CLAUSE.finditer(window) if match.end() > limit // 4]:
        return start + clauses[-1], CLAUSE_PAUSE
    if spaces := [match.end() for match in _SPACE.finditer(window)]:
        return start + spaces[-1], 0.0
    end = start + limit
    while end > start + 1 and unicodedata.category(sentence[end]).startswith("M"):
        end -= 1
    return (end if end > start + 1 else start + limit), 0.0


def _with_short_start(pieces: list[Piece]) -> list[Piece]:
    if not pieces or len(pieces[0].text) <= EAGER_CHARACTERS:
        return pieces
    first = pieces[0]
    for match in _CLAUSE.finditer(first.text, _SHORTEST_CLAUSE):
        start, rest = first.text[: match.end()].strip(), first.text[match.end() :].strip()
        if speakable(rest):
            return [Piece(start, CLAUSE_PAUSE), Piece(rest, first.pause_after), *pieces[1:]]
    return pieces
