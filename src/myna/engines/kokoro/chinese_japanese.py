"""Japanese and Chinese, which espeak-ng cannot read as Kokoro has learned them: with misaki, Kokoro's own reader."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from myna.engines.kokoro.reading import Reading

_LATIN = re.compile(r"([A-Za-z](?:[A-Za-z'&. -]*[A-Za-z])?)")


def read_with_misaki(text: str, tag: str, vocabulary: frozenset[str], read_latin: Callable[[str], str]) -> Reading:
    """A text in `ja-JP` or `zh-CN`; `read_latin` gives the symbols of what stands there in Latin letters, which misaki
    would spell as if they were symbols. misaki does not say which symbols say which word.
    """
    said = " ".join(
        read_latin(part) if number % 2 else _known(_reader(tag)(part)[0], vocabulary)
        for number, part in enumerate(_LATIN.split(text))
        if part.strip()
    )
    return Reading(re.sub(r" (?=[,.!?;:)…])", "", " ".join(said.split())))


def _known(said: str, vocabulary: frozenset[str]) -> str:
    return "".join(symbol for symbol in said if symbol in vocabulary)


@cache
def _reader(tag: str) -> Callable[[str], tuple[str, Any]]:
    """misaki's own choice for the model v1.0. Loaded once: its dictionaries take a second."""
    if tag == "ja-JP":
        from misaki import ja

        made: Callable[[str], tuple[str, Any]] = ja.JAG2P()
        return made
    import jieba
    from misaki import zh

    # By itself it would read what anybody has put at a certain place into the folder for temporary files.
    jieba.dt.FREQ, jieba.dt.total = jieba.dt.gen_pfdict(jieba.dt.get_dict_file())
    jieba.dt.initialized = True
    read: Callable[[str], tuple[str, Any]] = zh.ZHG2P()
    return read
