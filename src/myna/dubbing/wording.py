"""Texts that people send with a dub: what is said, and what it means in other languages. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from myna.dubbing.schemas import SourceLine
from myna.dubbing.subtitles import Cue, looks_like_subtitles, parse
from myna.errors import InvalidRequest

_MOST_CHARACTERS = 2_000_000


@dataclass(frozen=True, slots=True)
class TextLines:
    """A transcript or a translation, line by line."""

    lines: tuple[str, ...]
    cues: tuple[Cue, ...] = ()
    """With their times, when it came as subtitles; as many as lines."""

    @property
    def timed(self) -> bool:
        return bool(self.cues)

    @property
    def names(self) -> tuple[str, ...]:
        """Who speaks, as WebVTT says it (`<v Ada>`), in the order of the first words."""
        return tuple(dict.fromkeys(cue.speaker for cue in self.cues if cue.speaker))


def text_lines(text: str, *, field: str) -> TextLines:
    """Plain lines, SRT or WebVTT. Empty lines do not count. Raises `InvalidRequest`."""
    if looks_like_subtitles(text):
        cues = parse(text, field=field)
        return TextLines(tuple(_one_row(cue.text) for cue in cues), cues)
    if len(text) > _MOST_CHARACTERS:
        raise InvalidRequest(f"The text is longer than {_MOST_CHARACTERS:,} characters.", field=field)
    lines = tuple(_one_row(line) for line in text.removeprefix("\ufeff").splitlines() if line.strip())
    if not lines:
        raise InvalidRequest("The text has no lines.", field=field)
    return TextLines(lines)


def matched(
    translation: TextLines, lines: Sequence[SourceLine], language: str, *, field: str = "translations"
) -> tuple[str, ...]:
    """The text of each source line in another language; empty where a subtitled translation says nothing.

    Plain lines, and as many cues as lines, go one by one; other cues go to the line with which they share most time.
    Raises `InvalidRequest` when the numbers of plain lines differ.
    """
    if len(translation.lines) == len(lines):
        return translation.lines
    if not translation.timed:
        raise InvalidRequest(
            f"The source has {len(lines)} lines, the translation into `{language}` {len(translation.lines)}. Look at "
            "the lines of the dub, and send a script with as many lines, or subtitles with times; then dub anew.",
            field=field,
        )
    texts: list[list[str]] = [[] for _ in lines]
    for cue, text in zip(translation.cues, translation.lines, strict=True):
        texts[max(range(len(lines)), key=lambda place: _nearness(cue, lines[place]))].append(text)
    return tuple(" ".join(parts) for parts in texts)


def _nearness(cue: Cue, line: SourceLine) -> float:
    """Seconds that both share; negative when they are apart."""
    return min(cue.end, line.end) - max(cue.start, line.start)


def _one_row(text: str) -> str:
    return " ".join(text.split())
