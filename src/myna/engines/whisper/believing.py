"""What Whisper writes when nobody speaks, or when it goes round in circles, and how that is told from speech. Pure.

The limits of the model's authors are those of https://github.com/openai/whisper (transcribe.py): a window without
speech has a probability of silence above 0.6 and an average log-probability below -1; a text in circles packs better
than 2.4 to 1.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

LEAST_LOG_PROBABILITY = -1.0
MOST_SILENCE = 0.6
MOST_COMPRESSION = 2.4
_LEAST_LIKELY = -2.0
"""Average log-probability. Ours: what the model itself holds for so unlikely is what was left when nothing else was."""
_MOST_REPEATS = 5
"""How often the same words may come one after the other: `no, no, no, no` is speech."""
_LONGEST_REPEATED = 8
"""Words in what is repeated."""
_LEAST_ECHOED = 3
"""Words of a prompt in a row that nobody says by chance."""


class Passage(Protocol):
    """What faster-whisper tells of some seconds."""

    @property
    def text(self) -> str: ...
    @property
    def avg_logprob(self) -> float: ...
    @property
    def no_speech_prob(self) -> float: ...


def is_believable(passage: Passage, prompt: Sequence[str] = ()) -> bool:
    """Whether somebody is likely to have said it. `prompt`: the words that the model was told to listen for."""
    silent = passage.no_speech_prob > MOST_SILENCE and passage.avg_logprob < LEAST_LOG_PROBABILITY
    unlikely = passage.avg_logprob < _LEAST_LIKELY
    return not (silent or unlikely or goes_in_circles(passage.text) or echoes(passage.text, prompt))


def goes_in_circles(text: str) -> bool:
    """Whether a text says the same over and over."""
    data = text.encode()
    if data and len(data) / len(zlib.compress(data)) > MOST_COMPRESSION:
        return True
    words = _words(text)
    return any(_repeats(words, length) > _MOST_REPEATS for length in range(1, _LONGEST_REPEATED + 1))


def echoes(text: str, prompt: Sequence[str]) -> bool:
    """Whether a text is nothing but a part of the prompt, in its order: what the model says for want of speech."""
    said, given = _words(text), _words(" ".join(prompt))
    if len(said) < _LEAST_ECHOED:
        return False
    return any(given[start : start + len(said)] == said for start in range(len(given) - len(said) + 1))


def _words(text: str) -> list[str]:
    return "".join(letter if letter.isalnum() else " " for letter in text.casefold()).split()


def _repeats(words: Sequence[str], length: int) -> int:
    """How often the same `length` words follow each other, at most."""
    parts = [tuple(words[start : start + length]) for start in range(len(words) - length + 1)]
    most = 1 if parts else 0
    for offset in range(min(length, len(parts))):
        run = 1
        for before, part in pairwise(parts[offset::length]):
            run = run + 1 if part == before else 1
            most = max(most, run)
    return most
