"""What is said for a text, in Kokoro's symbols, and which symbols say which word."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from myna.engines.espeak.library import Delivery, Library, SpokenWord
from myna.engines.espeak.prosody import clauses, without_commands
from myna.engines.kokoro.notation import in_symbols

_MARKS = re.compile(
    r"[\"“”„«»()\[\]{}¿¡।॥。、！？；：，…—–]+"
    r"|[.,;:!?؟؛،]+(?=[\s\"“”’»)\]}]|$)"  # within a word or a number they are no marks
)
AS_SYMBOLS = str.maketrans(
    {"„": "“", "«": "“", "»": "”", "[": "(", "{": "(", "]": ")", "}": ")", "–": "—", "¿": "", "¡": ""}
    | dict.fromkeys("।॥。", ".")
    | {"、": ",", "，": ",", "،": ",", "؛": ";", "；": ";", "：": ":", "！": "!", "？": "?", "؟": "?"}
)
OPENING = "(“"
_FASTEST = Delivery(words_per_minute=450)
"""Only where words begin is asked; the sound is thrown away."""


@dataclass(frozen=True, slots=True)
class ReadWord:
    """A word of the text, or a few that are said as one."""

    symbol: int
    """Index of its first symbol."""
    position: int
    """Index of its first character in the text."""
    length: int


@dataclass(frozen=True, slots=True)
class Reading:
    """What is said."""

    symbols: str
    words: tuple[ReadWord, ...] = ()
    """In order. Empty where it is not known which symbols say which word."""


class Reader:
    """Reads text with espeak-ng. GPL-3: only in the process of an engine."""

    def __init__(self, vocabulary: frozenset[str]) -> None:
        """`vocabulary`: the symbols of the model; what it does not know is left out."""
        self._vocabulary = vocabulary
        self._library = Library()

    def read(self, text: str, tag: str, voice_file: str) -> Reading:
        """A text in the language `tag`, read with this voice file of espeak-ng. Without symbols: nothing to say."""
        self._library.select(voice_file)
        symbols, words = "", list[ReadWord]()
        free = 0
        for position, part, is_mark in parts(without_commands(text)):
            if is_mark:
                symbols = with_mark(symbols, self._known(part.translate(AS_SYMBOLS)), text, position)
                continue
            apart = position > 0 and text[position - 1].isspace()
            for said, word in self._words(part, tag):
                if not said:
                    continue
                symbols += " " if symbols and apart else ""
                apart, first = True, position + word.position
                if first >= free:  # a number has several words, and one place
                    free = first + max(1, word.length)
                    words.append(ReadWord(len(symbols), first, min(free, len(text)) - first))
                symbols += said
        return Reading(symbols, tuple(words))

    def close(self) -> None:
        self._library.close()

    def _words(self, part: str, tag: str) -> Iterator[tuple[str, SpokenWord]]:
        """What is said for each word, and where it stands. Both come from espeak-ng, which goes by the same words."""
        said = self._library.phonemes(part).split()
        events = self._library.speak(part, _FASTEST, end_pause=False).words
        for number, phonemes in enumerate(said):
            if not events:
                event = SpokenWord(0, len(part), 0)
            elif len(events) == len(said):
                event = events[number]
            else:
                event = events[number * len(events) // len(said)]
            yield self._known(in_symbols(phonemes, tag)), event

    def _known(self, symbols: str) -> str:
        return "".join(symbol for symbol in symbols if symbol in self._vocabulary)


def parts(text: str) -> Iterator[tuple[int, str, bool]]:
    """What lies between marks, and the marks: where it begins, what it is, whether it is marks."""
    for clause in clauses(text):
        done = 0
        for found in _MARKS.finditer(clause.text):
            yield from _run(clause.position + done, clause.text[done : found.start()])
            yield clause.position + found.start(), found[0], True
            done = found.end()
        yield from _run(clause.position + done, clause.text[done:])


def _run(position: int, text: str) -> Iterator[tuple[int, str, bool]]:
    if text.strip():
        yield position + len(text) - len(text.lstrip()), text.strip(), False


def with_mark(symbols: str, marks: str, text: str, position: int) -> str:
    """Opening marks stand apart from the word before, closing ones do not."""
    if not marks or (not symbols and marks[0] not in f'{OPENING}"'):
        return symbols
    apart = position > 0 and text[position - 1].isspace() and (marks[0] in f'{OPENING}"—')
    return f"{symbols} {marks}" if apart and symbols else symbols + marks
