"""Lines become sentences for a model and lines again; words of a glossary are kept out of its hands. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import sentencex

from myna.engines.glossary import Terms, has_words, in_one_form
from myna.engines.translation import base_language

_NO_TEXT = ("Cc", "Cs", "Co", "Cn", "Zl", "Zp")
_LETTERS = "ZXQ"
"""Placeholders begin with one of them: `Zq1` looks like a name, and names stay what they are."""


def plain(line: str) -> str:
    """A line without control characters and halves of characters, in one row."""
    kept = (" " if unicodedata.category(character) in _NO_TEXT else character for character in line)
    return in_one_form("".join(kept))


def sentences(line: str, language: str, fits: Callable[[str], bool]) -> list[str]:
    """The sentences of a plain line, halved where they do not fit. A line without words has none."""
    found = sentencex.segment(base_language(language), line) if has_words(line) else []
    return [part for sentence in found if sentence.strip() for part in halved(sentence.strip(), fits)]


def halved(text: str, fits: Callable[[str], bool]) -> Iterator[str]:
    """The text, cut in pauses, else between words, until every part fits."""
    if fits(text) or len(text) < 2:
        yield text
        return
    middle, length = len(text) // 2, len(text)
    for pattern in (r"[,;:–—]\s|[、，；：]", r"\s", ""):
        places = [match.end() for match in re.finditer(pattern, text) if 0.1 * length < match.end() < 0.9 * length]
        if places:
            break
    cut = min(places, key=lambda place: abs(place - middle), default=middle)
    for half in (text[:cut].strip(), text[cut:].strip()):
        if half:
            yield from halved(half, fits)


@dataclass(frozen=True, slots=True)
class Guarded:
    """A sentence with the words of a glossary replaced by placeholders."""

    text: str
    said: Mapping[str, str]
    """What each placeholder stands for, in the other language."""
    parts: tuple[str, ...]
    """The sentence cut at these words: text, what is said, text, what is said … text."""

    def restored(self, translated: str) -> str | None:
        """The translation with the words of the glossary in it; None unless each placeholder came back once."""
        for placeholder, words in self.said.items():
            pattern = re.compile(rf"{placeholder}(?!\d)", re.IGNORECASE)
            if len(pattern.findall(translated)) != 1:
                return None
            translated = pattern.sub(lambda _, words=words: words, translated)  # type: ignore[misc]
        return translated


class Glossary:
    """Words of the source, and how they are always said."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._terms = Terms(words)
        self._pattern = re.compile(f"({self._terms.pattern})", re.IGNORECASE) if self._terms.pattern else None

    def guard(self, sentence: str) -> Guarded | None:
        """None for a sentence that has none of the words."""
        parts = self._pattern.split(sentence) if self._pattern else [sentence]
        if len(parts) == 1:
            return None
        letter = next((letter for letter in _LETTERS if f"{letter}q".lower() not in sentence.lower()), _LETTERS[0])
        said, text = {}, ""
        meanings = []
        for place, part in enumerate(parts):
            if place % 2:
                placeholder = f"{letter}q{place // 2 + 1}"
                said[placeholder] = self._terms.said_for(part)
                meanings.append(said[placeholder])
                text += placeholder
            else:
                meanings.append(part.strip())
                text += part
        return Guarded(text, said, tuple(meanings))


def untranslated(parts: Sequence[str]) -> list[str]:
    """Of the parts of a guarded sentence, those that are still to be translated."""
    return [part for place, part in enumerate(parts) if place % 2 == 0 and has_words(part)]
