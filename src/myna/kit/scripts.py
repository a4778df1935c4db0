"""Which scripts put no spaces between words, so that texts in them are neither cut nor joined at spaces."""

from __future__ import annotations

from collections.abc import Iterable

_RUNNING_ON = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x2E80, 0x30FF),  # Han radicals, CJK punctuation, Hiragana, Katakana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0xFF00, 0xFFEF),
    (0x20000, 0x3FFFF),
)
"""First and last code point of each block."""


def runs_on(character: str) -> bool:
    """Whether words in the script of this character follow each other without a space."""
    return any(first <= ord(character) <= last for first, last in _RUNNING_ON)


def joined(parts: Iterable[str]) -> str:
    """Words or sentences in a row, with a space between two unless their script has none."""
    text = ""
    for part in parts:
        together = not text or not part or (runs_on(text[-1]) and runs_on(part[0]))
        text += part if together else f" {part}"
    return text
