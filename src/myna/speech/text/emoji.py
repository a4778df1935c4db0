"""The names of emoji, for texts that hold nothing else."""

from __future__ import annotations

import unicodedata
from itertools import groupby

_SYMBOLS = frozenset({"So", "Sk"})


def emoji_names(text: str) -> str:
    """`😀😀🚀` → `grinning face, rocket`: Unicode's own names, in English, a run of the same one once."""
    symbols = (character for character in text if unicodedata.category(character) in _SYMBOLS)
    return ", ".join(name for symbol, _ in groupby(symbols) if (name := unicodedata.name(symbol, "").lower()))
