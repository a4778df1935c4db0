"""Where a text may be cut into clauses, and how each clause is spoken."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from myna.engines.base import SynthesisRequest
from myna.engines.espeak.library import Delivery

_WORDS_PER_MINUTE = 175
_SLOWEST, _FASTEST = 80, 900
_SECONDS_PER_WORD = 0.25
"""Of ordinary text at 175 words per minute, pauses left out, as measured."""
_GAP_SECONDS = 0.034
"""How long a unit of the word gap lasts at 80 words per minute, as measured."""
_CLAUSE_END = re.compile(
    r"(?:[,;:!?…،؛؟।॥]+[\"'”’»)\]]*(?=\s)"  # a mark, perhaps a closing quote, then a space
    r"|(?<=\w{3})[.]+[\"'”’»)\]]*(?=\s+[^\W\d_a-z])"  # a full stop, but not the one of an abbreviation
    r"|[、，。；：！？]+[」』”’]*)"  # these need no space
)
_NAMED = ("Sc", "Sm", "So")
_SHORTEST = 8
"""Characters of a clause. Shorter ones stay with the next."""
_MOST_PHONEMES = 800
"""espeak-ng forgets what a clause has beyond 1,000 phonemes …"""
_LONGEST_WORD = 120
"""… and what a word has beyond 160 bytes of UTF-8."""
_PHONEMES_OF_CHARACTER = 2
"""At most, in words; more for what is said by name, or as a number."""
_PHONEMES_OF_CAPITAL = 6
_PHONEMES_OF_DIGIT = 10
_PHONEMES_OF_IDEOGRAPH = 9
_PHONEMES_OF_SYMBOL = 25


@dataclass(frozen=True, slots=True)
class Clause:
    text: str
    position: int
    """Index of its first character in the whole text."""


def without_commands(text: str) -> str:
    """The text with blanks in place of control characters, which espeak-ng would take for commands."""
    return "".join(" " if letter < " " or letter == "\x7f" else letter for letter in text)


def has_something_to_say(text: str) -> bool:
    """Whether there is a letter, a digit, or a sign or picture that has a name, such as `$`, `+` or a smiling face."""
    return any(letter.isalnum() or letter in "%&@" or unicodedata.category(letter) in _NAMED for letter in text)


def clauses(text: str) -> Iterator[Clause]:
    """The text in pieces that together are the whole of it. espeak-ng makes the same pauses between them by itself."""
    start = 0
    for match in _CLAUSE_END.finditer(text):
        if match.end() - start >= _SHORTEST:
            yield from _not_too_long(text, start, match.end())
            start = match.end()
    if start < len(text):
        yield from _not_too_long(text, start, len(text))


def deliveries(request: SynthesisRequest) -> Iterator[Delivery]:
    """How to speak one clause after the other: always the same at temperature 0, livelier the higher it is.

    The chances come from the seed and the text alone. At temperature 1 the pitch of a clause moves by up to ±20 of
    espeak-ng's 100 steps (a step is about 1 %), its range from 30 to 95 steps and its pace by up to ±10 %.
    """
    chance = random.Random(f"{request.seed}/{request.text}")
    temperature = min(1.0, max(0.0, request.temperature))
    while True:
        pitch, liveliness, pace = (2 * chance.random() - 1 for _ in range(3))
        speed = request.speed * (1 + 0.1 * pace * temperature)
        yield Delivery(
            words_per_minute=round(min(_FASTEST, max(_SLOWEST, _WORDS_PER_MINUTE * speed))),
            pitch=round(50 + 20 * pitch * temperature),
            range=round(50 + (12.5 + 32.5 * liveliness) * temperature),
            word_gap=_word_gap(speed),
        )


def _word_gap(speed: float) -> int:
    """Silence between words for speeds below what espeak-ng can do, so that the whole lasts as long as asked."""
    slowest = _SLOWEST / _WORDS_PER_MINUTE
    missing = _SECONDS_PER_WORD * (1 / max(speed, 0.1) - 1 / slowest)
    return max(0, round(missing / _GAP_SECONDS))


def _not_too_long(text: str, start: int, end: int) -> Iterator[Clause]:
    while (cut := _end_of_what_fits(text, start, end)) < end:
        yield Clause(text[start:cut], start)
        start = cut
    yield Clause(text[start:end], start)


def _end_of_what_fits(text: str, start: int, end: int) -> int:
    """Where a clause that begins at `start` must end for espeak-ng to speak all of it: at a space, if there is one."""
    phonemes = word = space = 0
    for index in range(start, end):
        letter = text[index]
        phonemes += _phonemes(letter)
        word = 0 if letter.isspace() or _is_ideograph(letter) else word + len(letter.encode("utf-8", "replace"))
        if letter.isspace():
            space = index
        if word > _LONGEST_WORD:
            return _before_marks(text, start, index)
        if phonemes > _MOST_PHONEMES:
            return space if space > start else _before_marks(text, start, index)
    return end


def _before_marks(text: str, start: int, cut: int) -> int:
    """A cut that leaves accents and vowel signs with their letter, where it can."""
    end = cut
    while end > start + 1 and unicodedata.category(text[end]).startswith("M"):
        end -= 1
    return end if end > start + 1 else cut


def _phonemes(letter: str) -> int:
    if letter.isdigit():
        return _PHONEMES_OF_DIGIT
    if letter.isupper():
        return _PHONEMES_OF_CAPITAL
    if _is_ideograph(letter):
        return _PHONEMES_OF_IDEOGRAPH
    return _PHONEMES_OF_SYMBOL if unicodedata.category(letter) in _NAMED else _PHONEMES_OF_CHARACTER


def _is_ideograph(letter: str) -> bool:
    return "\u3400" <= letter <= "\u9fff" or "\U00020000" <= letter <= "\U0003ffff"
