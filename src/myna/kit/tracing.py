"""Changes to a text that remember where each character came from."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from re import Match, Pattern
from typing import Self

_Edit = tuple[int, int, str]
"""From where to where, and what stands there then."""


@dataclass(frozen=True, slots=True)
class Traced:
    """A text that was made from another one.

    Its character `i` stands for the characters `starts[i]` to `ends[i]` (exclusive) of the original. Both never fall.
    """

    text: str
    starts: Sequence[int]
    ends: Sequence[int]

    @classmethod
    def unchanged(cls, text: str) -> Self:
        return cls(text, range(len(text)), range(1, len(text) + 1))

    def replace(self, pattern: Pattern[str], say: str | Callable[[Match[str]], str | None]) -> Traced:
        """As `pattern.sub`; None leaves a match as it is. What replaces a match stands for all of it, except for whole
        words at its ends that stay the same."""
        edits = list[_Edit]()
        for match in pattern.finditer(self.text):
            new = say if isinstance(say, str) else say(match)
            if new is not None and new != match[0]:
                edits.append(_narrowed(match.start(), match[0], new))
        return self._edited(edits)

    def translate(self, table: dict[int, str]) -> Traced:
        """As `str.translate`, for tables that put one character in place of one."""
        return Traced(self.text.translate(table), self.starts, self.ends)

    def __getitem__(self, place: slice) -> Traced:
        return Traced(self.text[place], self.starts[place], self.ends[place])

    @staticmethod
    def joined(parts: Iterable[Traced]) -> Traced:
        """Parts of one original, in order."""
        text, starts, ends = [], list[int](), list[int]()
        for part in parts:
            text.append(part.text)
            starts += part.starts
            ends += part.ends
        return Traced("".join(text), starts, ends)

    def _edited(self, edits: Sequence[_Edit]) -> Traced:
        """With the characters from the first to the second index replaced, for each edit in order."""
        if not edits:
            return self
        text, starts, ends, done = [], list[int](), list[int](), 0
        for start, end, new in edits:
            text += [self.text[done:start], new]
            starts += self.starts[done:start]
            ends += self.ends[done:start]
            first, last = self._span(start, end)
            starts += [first] * len(new)
            ends += [last] * len(new)
            done = end
        text.append(self.text[done:])
        return Traced("".join(text), [*starts, *self.starts[done:]], [*ends, *self.ends[done:]])

    def _span(self, start: int, end: int) -> tuple[int, int]:
        """What the characters from `start` to `end` stand for; a place between two characters for nothing."""
        if start < end:
            return self.starts[start], self.ends[end - 1]
        place = self.ends[start - 1] if start else 0
        return place, place


def _narrowed(start: int, old: str, new: str) -> _Edit:
    """The edit that puts `new` in place of `old`, without the words that both begin or end with."""
    same = _length_of_same(old, new)
    first = max(old.rfind(" ", 0, same), new.rfind(" ", 0, same)) + 1
    same = _length_of_same(reversed(old[first:]), reversed(new[first:]))
    tail = new[len(new) - same :]
    kept = len(tail) - tail.index(" ") if " " in tail else 0
    return start + first, start + len(old) - kept, new[first : len(new) - kept]


def _length_of_same(one: Iterable[str], other: Iterable[str]) -> int:
    """With how many equal characters both begin."""
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))
