"""Reads Arabic with vowel marks, written as espeak-ng says it right.

espeak-ng 1.52 forgets a vowel that comes before the shadda of its letter, which is the order of Unicode's normal form.
It says letters that are only written (the alif of `ذَهَبُوا`, `بِالطَّائِرَة`, `وَاسْتَمَرَّ`), and doubles a sun letter twice.
"""

from __future__ import annotations

import re
from re import Pattern

from myna.kit.tracing import Traced

_MARK = "\u064b-\u0652\u0670"
_LETTER = "\u0621-\u063a\u0641-\u064a"
_FATHA, _DAMMA, _KASRA, _SHADDA, _SUKUN, _DAGGER = "\u064e", "\u064f", "\u0650", "\u0651", "\u0652", "\u0670"
_SUN = "تثدذرزسشصضطظلن"
_BEGIN = rf"(?<![{_LETTER}{_MARK}])"
_END = rf"(?![{_LETTER}{_MARK}])"
_HE = rf"(?=ه[{_MARK}]*(?:{_END}|م))"
_MARKED = re.compile(f"[{_MARK}]")

_RULES: tuple[tuple[Pattern[str], str], ...] = tuple(
    (re.compile(pattern), written)
    for pattern, written in (
        # The shadda before its vowel.
        (f"([\u064b-\u0650]){_SHADDA}", rf"{_SHADDA}\1"),
        # God's name has a long a that is not written; after an article that is spoken, one l is enough.
        (f"({_BEGIN}ا{_FATHA}?لل)({_SHADDA}?){_FATHA}?{_DAGGER}?{_HE}", rf"\1{_DAGGER}"),
        (f"(?<=[{_FATHA}{_KASRA}])الل{_SHADDA}{_FATHA}?{_DAGGER}?{_HE}", f"ل{_SHADDA}{_DAGGER}"),
        (f"({_BEGIN}ل{_KASRA}ل{_SHADDA}){_FATHA}?{_DAGGER}?{_HE}", rf"\1{_DAGGER}"),
        # A small alif makes the a long by itself.
        (f"{_FATHA}{_DAGGER}", _DAGGER),
        # After i and u an alif is silent, and so is the l of the article before a sun letter.
        (f"(?<=[{_KASRA}{_DAMMA}])ال(?=[{_SUN}]{_SHADDA})", ""),
        (f"(?<=[{_KASRA}{_DAMMA}])ا(?=[{_LETTER}])", ""),
        (f"({_BEGIN}[وف]{_FATHA})ا(?=[{_LETTER}]{_SUKUN}[{_LETTER}])(?!ل)", r"\1"),
        (f"(?<={_DAMMA}و)ا{_END}", ""),
        # espeak-ng doubles a sun letter after the article by itself.
        (f"({_BEGIN}ال[{_SUN}]){_SHADDA}", r"\1"),
        # A doubled y or w between vowels is two of them.
        (f"([يو]){_SHADDA}(?=[{_FATHA}{_DAMMA}{_KASRA}])", rf"\1{_SUKUN}\1"),
    )
)  # fmt: skip


def spoken(text: str) -> Traced:
    """The text as espeak-ng says it right, and where each character comes from. Without marks it stays as it is."""
    traced = Traced.unchanged(text)
    if _MARKED.search(text):
        for pattern, written in _RULES:
            traced = traced.replace(pattern, lambda match, written=written: match.expand(written))  # type: ignore[misc]
    return traced
