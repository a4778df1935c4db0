"""Words with the time in which they are said or shown."""

from __future__ import annotations

from typing import Protocol


class TimedText(Protocol):
    """Seconds from the start of a sound or film, and a text: a line, a cue of subtitles."""

    @property
    def start(self) -> float: ...

    @property
    def end(self) -> float: ...

    @property
    def text(self) -> str: ...
