"""The words of a glossary, and where they stand in a text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from myna.kit.scripts import runs_on


class Terms:
    """Words of the source, and how they are always said. They are found whole, in capitals or not."""

    def __init__(self, words: Mapping[str, str]) -> None:
        """Entries without letters are left out."""
        self._said = {in_one_form(term): " ".join(said.split()) for term, said in words.items() if has_words(term)}
        longest_first = sorted(self._said, key=len, reverse=True)
        self._patterns = {term: re.compile(re.escape(term), re.IGNORECASE) for term in longest_first}
        self.pattern = "|".join(map(_bounded, longest_first))
        """Of all of them, without groups, for a text `in_one_form`; empty when there are none."""

    def said_for(self, found: str) -> str:
        """How what the pattern has found is said: the very word, else the same in other capitals. Others stay.

        Which letters are the same only the pattern knows: `İ` is an `i` for it, and `casefold` makes two of `ß`.
        """
        if found in self._said:
            return self._said[found]
        return next((self._said[term] for term, same in self._patterns.items() if same.fullmatch(found)), found)


def has_words(text: str) -> bool:
    return any(character.isalpha() for character in text)


def in_one_form(text: str) -> str:
    """In one row, each letter as one character where there is one for it."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def _bounded(term: str) -> str:
    """The term as a whole word, where its script has spaces between words."""
    before = "" if runs_on(term[0]) else r"(?<!\w)"
    after = "" if runs_on(term[-1]) else r"(?!\w)"
    return before + re.escape(term) + after
