"""Whether a text is what is said in a recording: pocketsphinx hears sounds of English, which are laid along the text's.

A recogniser of words guesses what makes sense, and is lost with synthetic or accented voices. So only single sounds
(phones) are recognised, about half of them rightly, and aligned with the pronunciation of the text as biologists align
proteins (S. Needleman and C. Wunsch, 1970): of a right text most words fit where they should, of another one few do.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from myna.audio.hearing import FRAMES_PER_SECOND, PADDING, RATE, to_be_heard
from myna.engines.base import Samples

_LANGUAGE_WEIGHT = 2.0
"""How much the order of sounds that is usual in English counts: little, as the sound decides."""

_SAME, _SIMILAR, _SAME_KIND, _OTHER_KIND, _LEFT_OUT = 1.0, 0.5, -0.3, -1.0, -0.8
_UNHEARD = -0.3
"""What a sound of the text counts that was not heard."""
_NEIGHBOURS = 8
"""Sounds before and after a word that count with it: a few sounds alone may fit by chance."""
_HEARD = 0.25
"""A word is heard when its sounds and those around it score this on average."""
_MORE_SOUNDS = 1.1
"""Sounds that the recogniser may find for each that is spoken."""
_FASTEST = 8.0
"""Words a second; a text for which this is too slow is not what is said."""
_KNOWN, _SURELY_ENGLISH = 0.5, 0.9
"""Shares of the text's words that must be in the dictionary, when it is known to be English and when it is not."""

_VOWELS = "AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW"
_CONSONANTS = "B CH D DH F G HH JH K L M N NG P R S SH T TH V W Y Z ZH"
_PHONES = {name: index for index, name in enumerate(f"{_VOWELS} {_CONSONANTS}".split())}
_ALIKE = (
    "P B, T D DH TH, K G, F V, S Z, SH ZH, CH JH, M N NG, L W R, B V, CH SH, JH ZH, ER R, IY IH Y, UW UH W, AA AO AH, "
    "EH AE, AE AH, EH IH, AH IH, AH UH, AA AY AW, EH EY, AO OW OY"
)
"""Groups of sounds that are taken for each other."""


@dataclass(frozen=True, slots=True)
class HeardText:
    """How a text fits a recording."""

    share: float
    """The share of its words that are heard, 0 to 1; less when much more is said than it has words for."""
    words: tuple[tuple[str, float], ...]
    """Each word as it is written, and the second at which it is spoken, more or less."""

    def between(self, start: float, end: float) -> str:
        """The words that are spoken in this stretch, in seconds."""
        return " ".join(word for word, time in self.words if start <= time < end)


def transcript_match(samples: Samples, rate: int, text: str, language: str | None = None) -> float | None:
    """The share of the text's words that are heard; None when that cannot be told. See `hear`."""
    heard = hear(samples, rate, text, language)
    return heard.share if heard else None


def hear(samples: Samples, rate: int, text: str, language: str | None = None) -> HeardText | None:
    """Look for the words of a text in a recording, in their order.

    None when the language is not English, or, where none is given, the words are not, or too few are in the dictionary.
    Takes about 4 % of the recording's time; safe in threads.
    """
    if language and language.lower().split("-")[0] != "en":
        return None
    tokens = [token for token in text.split() if _spoken(token)]
    if not tokens or not len(samples):
        return None
    if len(tokens) > _FASTEST * (len(samples) / rate + 1):
        return HeardText(0.0, ())
    decoder = _decoder()
    sounds, owners, known = _pronounced(decoder, tokens)
    if not len(sounds) or known < (_KNOWN if language else _SURELY_ENGLISH):
        return None
    heard, times = _sounds_heard(decoder, samples, rate)
    scores, partners = _aligned(sounds, heard)
    share = _share_of_words(scores, owners) * _covered(len(sounds), len(heard))
    return HeardText(share, tuple(zip(tokens, _word_times(owners, partners, times, len(tokens)), strict=True)))


def _spoken(token: str) -> list[str]:
    """The words of a token as a dictionary has them: small letters and apostrophes, numbers in words."""
    from num2words import num2words

    plain = token.lower().replace("’", "'")
    parts = re.findall(r"\d+|[^\W\d_]+(?:'[^\W\d_]+)*", plain)
    words = [num2words(int(part)) if part.isdecimal() and len(part) < 10 else part for part in parts]
    return re.findall(r"[^\W\d_']+(?:'[^\W\d_']+)*", " ".join(words))


def _decoder() -> Any:
    """A recogniser of English sounds: a new one for each recording, as it adapts to what it hears (0.1 s)."""
    from pocketsphinx import Decoder, get_model_path

    model = Path(get_model_path(), "en-us")
    return Decoder(
        hmm=str(model / "en-us"),
        dict=str(model / "cmudict-en-us.dict"),
        allphone=str(model / "en-us-phone.lm.bin"),
        lm=None,
        lw=_LANGUAGE_WEIGHT,
        samprate=RATE,
        loglevel="FATAL",
    )


def _pronounced(decoder: Any, tokens: list[str]) -> tuple[NDArray[np.int64], NDArray[np.int64], float]:
    """The sounds of the text, the token that each belongs to, and the share of words that the dictionary has."""
    sounds: list[int] = []
    owners: list[int] = []
    words = found = 0
    for index, token in enumerate(tokens):
        for word in _spoken(token):
            words += 1
            pronunciation = decoder.lookup_word(word)
            if pronunciation:
                found += 1
                spoken = [_PHONES[phone] for phone in pronunciation.split()]
                sounds += spoken
                owners += [index] * len(spoken)
    return np.array(sounds, np.int64), np.array(owners, np.int64), found / max(1, words)


def _sounds_heard(decoder: Any, samples: Samples, rate: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The sounds that are recognised, and the second at which each begins."""
    decoder.start_utt()
    decoder.process_raw(to_be_heard(samples, rate), full_utt=True)
    decoder.end_utt()
    found = [(_PHONES[part.word], part.start_frame) for part in decoder.seg() or () if part.word in _PHONES]
    sounds = np.array([sound for sound, _ in found], np.int64)
    return sounds, np.array([frame / FRAMES_PER_SECOND - PADDING for _, frame in found])


def _aligned(text: NDArray[np.int64], heard: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """For each sound of the text its score, and the heard sound that it lies on (−1: none).

    What is heard before the text and after it costs nothing.
    """
    fits = _likeness()[np.ix_(text, heard)]
    columns = np.arange(len(heard) + 1)
    best = np.zeros((len(text) + 1, len(heard) + 1))
    for row in range(1, len(text) + 1):
        diagonal = np.concatenate([[-np.inf], best[row - 1, :-1] + fits[row - 1]])
        reached = np.maximum(diagonal, best[row - 1] + _LEFT_OUT)
        skip = _LEFT_OUT if row < len(text) else 0.0
        best[row] = np.maximum.accumulate(reached - skip * columns) + skip * columns
    return _traced(best, fits)


def _traced(best: NDArray[np.float64], fits: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Back through the table of best scores, from its end."""
    row, column = fits.shape
    scores = np.full(row, _UNHEARD)
    partners = np.full(row, -1)
    while row and column:
        if np.isclose(best[row, column], best[row - 1, column - 1] + fits[row - 1, column - 1]):
            row, column = row - 1, column - 1
            scores[row], partners[row] = fits[row, column], column
        elif np.isclose(best[row, column], best[row - 1, column] + _LEFT_OUT):
            row -= 1
        else:
            column -= 1
    return scores, partners


def _share_of_words(scores: NDArray[np.float64], owners: NDArray[np.int64]) -> float:
    return float(np.mean([score >= _HEARD for score in _word_scores(scores, owners)]))


def _word_scores(scores: NDArray[np.float64], owners: NDArray[np.int64]) -> Iterator[float]:
    for owner in np.unique(owners):
        mine = np.flatnonzero(owners == owner)
        yield float(scores[max(0, mine[0] - _NEIGHBOURS) : mine[-1] + 1 + _NEIGHBOURS].mean())


def _covered(written: int, heard: int) -> float:
    """How much of what is said the text has sounds for, at most 1."""
    return min(1.0, written * _MORE_SOUNDS / max(1, heard))


def _word_times(
    owners: NDArray[np.int64], partners: NDArray[np.int64], times: NDArray[np.float64], count: int
) -> list[float]:
    """When each token is spoken; those that were not heard lie between their neighbours."""
    placed = partners >= 0
    if not placed.any():
        return [0.0] * count
    middles = {int(owner): float(np.median(times[partners[placed & (owners == owner)]])) for owner in owners[placed]}
    return [
        float(time) for time in np.interp(np.arange(count), sorted(middles), [middles[key] for key in sorted(middles)])
    ]


@cache
def _likeness() -> NDArray[np.float64]:
    """How well each sound stands for each other: shape `[39, 39]`."""
    kinds = np.arange(len(_PHONES)) < len(_VOWELS.split())
    table = np.where(kinds[:, None] == kinds, _SAME_KIND, _OTHER_KIND)
    for group in _ALIKE.split(", "):
        members = [_PHONES[name] for name in group.split()]
        table[np.ix_(members, members)] = _SIMILAR
    np.fill_diagonal(table, _SAME)
    return table
