"""Remove what nobody can say: control characters, invisible marks, emoji, walls of symbols."""

from __future__ import annotations

import re
import unicodedata

from myna.kit.tracing import Traced

_LINE_BREAKS = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_EMOJI = re.compile(
    "[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff\u23e9-\u23fa\u231a\u231b]"
    "[\ufe0e\ufe0f\u200d\u20e3\U0001f3fb-\U0001f3ff\U000e0020-\U000e007f]*"
)
_INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u20e3\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
    "\ud800-\udfff\ue000-\uf8ff\U000f0000-\U0010ffff]"
)
_MANY_MARKS = re.compile(r"[\W_]{31,}")
_WALLS = re.compile(r"([^\w\s.!?…。！？])\1{2,}+")
_SPACES = re.compile(r"[^\S\n]+")
_SPACES_AT_LINE_BREAK = re.compile(r" ?\n ?")
_MANY_LINES = re.compile(r"\n{3,}+")
_OUTER_SPACE = re.compile(r"\A\s+|\s+\Z")
_WORD = re.compile(r"\S+")
_LETTER = re.compile(r"[^\W_][^\w\s!-/:-@\[-`{-~]*")
"""A letter and the marks on it: signs that are neither letter, space nor ASCII."""
_DIGITS = {
    ord(zero) + value: str(value)
    for zero in ("\u0660", "\u06f0", "\u0966", "\uff10")  # Arabic, Persian, Devanagari, full width
    for value in range(10)
}
_LOCAL_FORMS = {
    ord("٫"): ".",
    ord("٬"): ",",
    ord("٪"): "%",
    ord("％"): "%",
    ord("＄"): "$",
    ord("￥"): "¥",
    ord("￦"): "₩",
    ord("￡"): "£",
    ord("＋"): "+",
    ord("＝"): "=",
    ord("＃"): "#",
    ord("＆"): "&",
    ord("＠"): "@",
    ord("−"): "-",
}
_MOST_MARKS = 30
"""Combining marks in a row; Unicode calls text with no more than this stream-safe (UAX #15)."""


def clean(text: Traced) -> Traced:
    """The text in NFC without what cannot be said. Words stay as they are."""
    text = text.replace(_LINE_BREAKS, "\n")
    text = text.replace(_EMOJI, " ")
    text = text.replace(_INVISIBLE, "")
    # Sorting a long run of marks takes quadratic time, so the run is shortened before NFC.
    text = text.replace(_MANY_MARKS, lambda run: _fewer_marks(run[0]))
    return _composed(text).replace(_WALLS, " ")


def plain_digits(text: Traced) -> Traced:
    """Arabic, Persian, Devanagari and full-width digits and signs as ASCII ones."""
    return text if text.text.isascii() else text.translate(_DIGITS | _LOCAL_FORMS)


def tidy(text: Traced) -> Traced:
    """One space between words, one line break between lines, one empty line between paragraphs."""
    text = text.replace(_SPACES, " ").replace(_SPACES_AT_LINE_BREAK, "\n")
    return text.replace(_MANY_LINES, "\n\n").replace(_OUTER_SPACE, "")


def _composed(text: Traced) -> Traced:
    """In NFC."""
    if unicodedata.is_normalized("NFC", text.text):
        return text
    composed = text.replace(_LETTER, lambda letter: unicodedata.normalize("NFC", letter[0]))
    # A few scripts compose what the pattern takes for two letters; then the word is looked at as a whole.
    return composed.replace(_WORD, lambda word: unicodedata.normalize("NFC", word[0]))


def _fewer_marks(run: str) -> str:
    kept: list[str] = []
    marks = 0
    for character in run:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= _MOST_MARKS:
            kept.append(character)
    return "".join(kept)
