"""Japanese and Chinese, which espeak-ng cannot read as Kokoro has learned them: with misaki, where it is installed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from myna.engines.kokoro.reading import Reading


def read_with_misaki(text: str, tag: str, vocabulary: frozenset[str]) -> Reading:
    """A text in `ja-JP` or `zh-CN`. misaki does not say which symbols say which word."""
    said, _ = _reader(tag)(text)
    known = "".join(symbol for symbol in said if symbol in vocabulary)
    return Reading(" ".join(known.split()))


@cache
def _reader(tag: str) -> Callable[[str], tuple[str, Any]]:
    """misaki's own choice for the model v1.0. Loaded once: its dictionaries take a second."""
    if tag == "ja-JP":
        from misaki import ja

        made: Callable[[str], tuple[str, Any]] = ja.JAG2P()
        return made
    from misaki import zh

    read: Callable[[str], tuple[str, Any]] = zh.ZHG2P()
    return read
