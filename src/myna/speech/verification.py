"""Whether what was spoken is what was to be said: words against words.

Pure: the text and what a recogniser heard go in, a score comes out. Both are brought to one form first: numbers, money
and dates in words of the language, small letters, no accents on Latin letters, no vowel marks on Arabic, no
punctuation. Languages that are written without spaces are compared letter by letter.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from myna.speech.text import normalise, strip_diacritics

VERIFICATION = "verification"
"""Its name among the settings of an output."""
_WITHOUT_SPACES = frozenset({"zh", "cmn", "yue", "ja", "th", "lo", "km", "my"})
_FOR_MACHINES = re.compile(r"(?<!\S)fake:[a-z][a-z-]*(?:=\S+)?")
"""What the engine `fake` is told to do, such as `fake:garble=1`, is not said."""
_APOSTROPHES = re.compile("['’ʼ`´]")
_LETTERS_OF_ONE_NAME = re.compile(r"(?<![^\W\d_])([^\W\d_])\s+(?=[^\W\d_](?![^\W\d_]))")
"""`U S A` is heard for `USA`."""
_ARABIC_SPELLINGS = str.maketrans("أإآٱىة", "اااايه", "ـ")
"""Letters that are often written for each other; the stretching of letters is none."""
_MORE_THAN_ENOUGH = 4
"""Times as many words as were to be said; more are not looked at, as the score is 0 by then."""
_SHOWN = 2_000
"""Characters of what was heard that are kept."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A text and what was heard of it."""

    words: int
    """That were to be said."""
    errors: int
    """Words that are missing, others instead of them, and words too many."""

    @property
    def score(self) -> float:
        """1 when all was heard, 0 when nothing was; one minus the word error rate."""
        return max(0.0, 1.0 - self.errors / self.words) if self.words else 1.0


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of looking at a recording."""

    score: float | None
    """The share of the words that was heard as it was to be said; None when nothing was looked at."""
    attempts: int
    """Of the sentence that was spoken most often; 1 when none was spoken again."""
    heard: str
    """By the recogniser, in its own spelling."""
    recogniser: str = ""
    skipped: str = ""
    """Why nothing, or not everything, was looked at."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def compare(text: str, heard: str, language: str) -> Comparison:
    """What was to be said against what was heard; `language` is a BCP 47 tag."""
    wanted, found = comparable(text, language), comparable(heard, language)
    return Comparison(len(wanted), distance(wanted, found[: _MORE_THAN_ENOUGH * (len(wanted) + 1)]))


def comparable(text: str, language: str) -> list[str]:
    """The words of a text, or its letters, in a form in which both sides can be compared."""
    base = language.split("-")[0].lower()
    said = normalise(_FOR_MACHINES.sub(" ", text), language).casefold()
    said = strip_diacritics(said).translate(_ARABIC_SPELLINGS) if base == "ar" else _without_accents(said)
    said = _LETTERS_OF_ONE_NAME.sub(r"\1", _APOSTROPHES.sub("", said))
    words = "".join(letter if _is_of_a_word(letter) else " " for letter in said).split()
    return list("".join(words)) if base in _WITHOUT_SPACES else words


def distance(wanted: Sequence[str], heard: Sequence[str]) -> int:
    """The fewest words to leave out, to add or to exchange (V. Levenshtein, 1965).

    Two words that were heard as one, or one as two, are right when their letters are: `web site` is `website`.
    """
    number = {word: place for place, word in enumerate({*wanted, *heard})}
    single = np.array([number[word] for word in heard], np.int64)
    double = np.array([number.get(first + second, -1) for first, second in pairwise(heard)], np.int64)
    columns = np.arange(len(heard) + 1)
    before, last = columns, columns
    for row, word in enumerate(wanted, 1):
        now = last + 1
        now[1:] = np.minimum(now[1:], last[:-1] + (single != number[word]))
        if row > 1:
            both = single == number.get(wanted[row - 2] + word, -1)
            now[1:][both] = np.minimum(now[1:], before[:-1])[both]
        split = double == number[word]
        now[2:][split] = np.minimum(now[2:], last[:-2])[split]
        now = np.minimum.accumulate(now - columns) + columns  # words that were added
        before, last = last, now
    return int(last[-1])


def together(parts: Iterable[Comparison]) -> Comparison:
    """Of a whole text, from its sentences."""
    found = list(parts)
    return Comparison(sum(part.words for part in found), sum(part.errors for part in found))


def shortened(heard: Sequence[str]) -> str:
    """What was heard of all sentences, as far as it is kept."""
    text = " ".join(filter(None, heard))
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _is_of_a_word(letter: str) -> bool:
    """Also the marks with which Hindi and others write vowels."""
    return letter.isalnum() or unicodedata.category(letter)[0] == "M"


def _without_accents(text: str) -> str:
    """`café` is `cafe`; marks that are letters of their own in other scripts stay."""
    plain = []
    latin = False
    for letter in unicodedata.normalize("NFD", text):
        if unicodedata.combining(letter) and latin:
            continue
        latin = "LATIN" in unicodedata.name(letter, "")
        plain.append(letter)
    return unicodedata.normalize("NFC", "".join(plain))
