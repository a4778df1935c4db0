"""Japanese and Chinese, which espeak-ng cannot read as Kokoro has learned them: with misaki, Kokoro's own reader."""

from __future__ import annotations

import re
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from myna.engines.kokoro.reading import AS_SYMBOLS, OPENING, Reading, ReadWord, parts, with_mark

_RUNS = re.compile(r"([A-Za-z](?:[A-Za-z'&. -]*[A-Za-z])?)|[^A-Za-z\s][^A-Za-z]*")
"""What stands in Latin letters, and what does not."""


def read_with_misaki(text: str, tag: str, vocabulary: frozenset[str], read_latin: Callable[[str], str]) -> Reading:
    """A text in `ja-JP` or `zh-CN`; `read_latin` gives the symbols of what stands there in Latin letters, which misaki
    would spell as if they were symbols.
    """
    symbols, words = "", list[ReadWord]()
    for position, part, is_mark in parts(text):
        if is_mark:
            symbols = with_mark(symbols, _known(part.translate(AS_SYMBOLS), vocabulary), text, position)
            continue
        for found in _RUNS.finditer(part):
            said = read_latin(found[0]) if found[1] else _known(_said(found[0], tag), vocabulary)
            if said := " ".join(said.split()):
                symbols += " " if symbols and symbols[-1] not in OPENING else ""
                words += _words(said, len(symbols), position + found.start(), len(found[0].rstrip()))
                symbols += said
    return Reading(symbols, tuple(words))


def _said(text: str, tag: str) -> str:
    """Without the rare characters that misaki cannot read, of which it says so in many ways."""
    read = _reader(tag)
    try:
        return read(text)[0]
    except Exception:
        middle = len(text) // 2
        return f"{_said(text[:middle], tag)} {_said(text[middle:], tag)}" if middle else ""


def _words(said: str, symbol: int, position: int, length: int) -> Iterator[ReadWord]:
    """misaki does not say which symbols say which word: characters are taken to have equally many."""
    starts = [0, *(found.end() for found in re.finditer(" ", said))]
    places = sorted({start * length // len(said): start for start in reversed(starts)}.items())
    ends = [place for place, _ in places[1:]] + [length]
    for (place, start), end in zip(places, ends, strict=True):
        yield ReadWord(symbol + start, position + place, end - place)


def _known(said: str, vocabulary: frozenset[str]) -> str:
    return "".join(symbol for symbol in said if symbol in vocabulary)


@cache
def _reader(tag: str) -> Callable[[str], tuple[str, Any]]:
    """misaki's own choice for the model v1.0. Loaded once: its dictionaries take a second."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of old libraries, about how they are written
        return _japanese() if tag == "ja-JP" else _chinese()


def _japanese() -> Callable[[str], tuple[str, Any]]:
    from misaki import ja

    read: Callable[[str], tuple[str, Any]] = ja.JAG2P()
    return read


def _chinese() -> Callable[[str], tuple[str, Any]]:
    import jieba
    from misaki import zh

    # By itself it would read what anybody has put at a certain place into the folder for temporary files.
    jieba.dt.FREQ, jieba.dt.total = jieba.dt.gen_pfdict(jieba.dt.get_dict_file())
    jieba.dt.initialized = True
    read: Callable[[str], tuple[str, Any]] = zh.ZHG2P()
    return read
