"""Pauses that a text asks for: `<break time="500ms"/>`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from myna.errors import InvalidRequest

LONGEST_BREAK = 3.0
"""Seconds of one tag."""
MOST_BREAKS = 20
LONGEST_BREAKS_TOGETHER = 30.0
"""Seconds of all tags of a text."""

_TAG = re.compile(r"<\s*/?\s*break(?![\w-])[^<>]*>?", re.IGNORECASE)
_BREAK = re.compile(
    r"""<break\s+time\s*=\s*(?P<quote>["'])\s*(?P<number>[0-9]{1,9}(?:\.[0-9]{1,9})?|\.[0-9]{1,9})\s*(?P<unit>ms|s)\s*"""
    r"""(?P=quote)\s*/?>""",
    re.IGNORECASE,
)
_USAGE = 'Write it as `<break time="500ms"/>` or `<break time="1.5s"/>`.'
_CLOSING = re.compile(r"\s*</break\s*>", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Break:
    """A tag in a text."""

    start: int
    """Index of its first character."""
    end: int
    """Index after its last one."""
    seconds: float


def find_breaks(text: str) -> list[Break]:
    """The pauses of a text, in order. Raises `InvalidRequest` for a tag that is none, and beyond the limits."""
    breaks: list[Break] = []
    end = 0
    for tag in _TAG.finditer(text):
        if tag.start() >= end:
            breaks.append(_read(text, tag.start()))
            end = breaks[-1].end
    _check_limits(breaks)
    return breaks


def without_breaks(text: str) -> str:
    """The text with a space in place of each tag. Raises as `find_breaks`."""
    parts, end = [], 0
    for found in find_breaks(text):
        parts.append(text[end : found.start])
        end = found.end
    return " ".join([*parts, text[end:]])


def _read(text: str, start: int) -> Break:
    tag = _BREAK.match(text, start)
    if tag is None:
        written = text[start : start + 40]
        raise InvalidRequest(f"This is no pause: `{written}`. {_USAGE}", field="text")
    seconds = float(tag["number"]) * (0.001 if tag["unit"].lower() == "ms" else 1.0)
    closing = None if tag[0].endswith("/>") else _CLOSING.match(text, tag.end())
    return Break(start, closing.end() if closing else tag.end(), seconds)


def _check_limits(breaks: list[Break]) -> None:
    if len(breaks) > MOST_BREAKS:
        raise InvalidRequest(f"The text has {len(breaks)} pauses; it may have {MOST_BREAKS}.", field="text")
    if (longest := max((found.seconds for found in breaks), default=0.0)) > LONGEST_BREAK:
        raise InvalidRequest(f"A pause of {longest:g} s is too long; one may last {LONGEST_BREAK:g} s.", field="text")
    if (total := sum(found.seconds for found in breaks)) > LONGEST_BREAKS_TOGETHER:
        message = f"The pauses last {total:g} s together; they may last {LONGEST_BREAKS_TOGETHER:g} s."
        raise InvalidRequest(message, field="text")
