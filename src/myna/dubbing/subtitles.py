"""Subtitles: SRT and WebVTT in, SRT and WebVTT out."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from myna.errors import InvalidRequest
from myna.kit.timed_text import TimedText

_ARROW = "-->"
_TIME = re.compile(r"(?:(\d{1,3}):)?(\d{1,2}):(\d{1,2})(?:[.,](\d{1,9}))?\Z")
_MEANT_AS_TIMES = re.compile(r"\s*\d[^\s:]*:\S*\s*-->|[^:]*-->\s*\d[^\s:]*:")
"""A row with an arrow, and something like a clock before or after it."""
_TAG = re.compile(r"</?[a-zA-Z][^<>\n]*>|</?>|<[\d:.]+>|\{\\[^{}\n]*\}")
"""Of HTML and WebVTT, and what SRT takes over from ASS."""
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?[ \t]+([^<>\n]+)>")
_MOST_CHARACTERS = 4_000_000
_MOST_CUES = 50_000
_ROW = 42
"""Characters of a row, and rows of a cue: what Netflix and the BBC ask for, at most."""
_ROWS = 2


@dataclass(frozen=True, slots=True)
class Cue:
    """A subtitle; seconds from the start."""

    start: float
    end: float
    text: str
    speaker: str | None = None
    """WebVTT says it; SRT does not."""


def parse(text: str, *, field: str | None = None) -> tuple[Cue, ...]:
    """The cues of an SRT or WebVTT file, in order of time. Which of the two it is, the text says.

    Tolerant to what files in the wild have: a byte order mark, any line ends, numbers that are missing or wrong,
    settings after the times, notes and styles, tags, cues that overlap. Cues without text are left out.
    Raises `InvalidRequest` (of `field`), naming the line, when a time makes no sense, or when no cue is there.
    """
    if len(text) > _MOST_CHARACTERS:
        raise InvalidRequest(f"The subtitles are longer than {_MOST_CHARACTERS:,} characters.", field=field)
    rows = re.split(r"\r\n|\r|\n", text.removeprefix("\ufeff"))
    webvtt = rows[0].startswith("WEBVTT")
    cues = [cue for cue in _cues(rows, webvtt, field) if cue.text]
    if not cues:
        raise InvalidRequest("There is no cue in these subtitles: they are neither SRT nor WebVTT.", field=field)
    if len(cues) > _MOST_CUES:
        raise InvalidRequest(f"There are more than {_MOST_CUES:,} cues in these subtitles.", field=field)
    return tuple(sorted(cues, key=lambda cue: (cue.start, cue.end)))


def looks_like_subtitles(text: str) -> bool:
    """Whether a transcript is SRT or WebVTT rather than plain lines; also when its times are broken."""
    return text.removeprefix("\ufeff").startswith("WEBVTT") or any(
        _MEANT_AS_TIMES.match(row) for row in text[:20_000].splitlines()
    )


def to_srt(cues: Iterable[Cue]) -> str:
    blocks = (
        f"{number}\n{_clock(cue.start, ',')} {_ARROW} {_clock(cue.end, ',')}\n{_body(cue.text)}\n"
        for number, cue in enumerate(cues, 1)
    )
    return "\n".join(blocks)


def to_vtt(cues: Iterable[Cue]) -> str:
    return "\n".join(["WEBVTT\n", *(_vtt_block(cue) for cue in cues)])


def cues_of(lines: Iterable[TimedText]) -> tuple[Cue, ...]:
    """Readable cues: at most two rows of 42 columns each; a longer line becomes several, which share its time.

    Letters of Chinese, Japanese and Korean take two columns.
    """
    return tuple(cue for line in lines for cue in _split(line))


def _cues(rows: Sequence[str], webvtt: bool, field: str | None) -> Iterator[Cue]:
    places = [at for at, row in enumerate(rows) if _ARROW in row]
    numbers = [_number_before(rows, at) for at in places]
    numbered = not webvtt and len(numbers) < 2 * sum(number is not None for number in numbers)
    ends = [at if number is None or not numbered else number for at, number in zip(places, numbers, strict=True)]
    for at, end in zip(places, [*ends[1:], len(rows)], strict=False):
        times = _times(rows[at])
        if times is None or times[1] < times[0]:
            raise InvalidRequest(f"Line {at + 1} of the subtitles has no good times: {rows[at][:80]!r}.", field=field)
        content = rows[at + 1 : end]
        yield _cue(times, "\n".join(takewhile(str.strip, content) if webvtt else content), webvtt)


def _number_before(rows: Sequence[str], at: int) -> int | None:
    """Where the cue's number is, above the row with its times."""
    for above in range(at - 1, -1, -1):
        if rows[above].strip():
            return above if rows[above].strip().isdecimal() else None
    return None


def _times(row: str) -> tuple[float, float] | None:
    before, _, after = row.partition(_ARROW)
    end = after.split()
    moments = [_seconds(before.strip()), _seconds(end[0]) if end else None]
    return None if moments[0] is None or moments[1] is None else (moments[0], moments[1])


def _seconds(clock: str) -> float | None:
    match = _TIME.match(clock)
    if not match:
        return None
    hours, minutes, seconds, fraction = match.groups()
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + int((fraction or "0")[:3].ljust(3, "0")) / 1000


def _cue(times: tuple[float, float], content: str, webvtt: bool) -> Cue:
    voice = _VOICE.search(content) if webvtt else None
    plain = html.unescape(_TAG.sub("", content))
    rows = (" ".join(row.split()) for row in plain.split("\n"))
    speaker = html.unescape(" ".join(voice[1].split())) if voice else None
    return Cue(*times, "\n".join(row for row in rows if row), speaker)


def _clock(seconds: float, point: str) -> str:
    whole, milliseconds = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}{point}{milliseconds:03}"


def _body(text: str) -> str:
    """Without what would end the cue, or be taken for times."""
    return "\n".join(row for row in text.replace(_ARROW, "→").split("\n") if row.strip())


def _vtt_block(cue: Cue) -> str:
    body = html.escape(_body(cue.text), quote=False)
    voice = f"<v {html.escape(' '.join(cue.speaker.split()), quote=False)}>" if cue.speaker else ""
    return f"{_clock(cue.start, '.')} {_ARROW} {_clock(cue.end, '.')}\n{voice}{body}\n"


def _split(line: TimedText) -> Iterator[Cue]:
    rows = _rows(" ".join(line.text.split()))
    pieces = ["\n".join(rows[at : at + _ROWS]) for at in range(0, len(rows), _ROWS)]
    whole = sum(map(len, pieces))
    start, said = line.start, 0
    for piece in pieces:
        said += len(piece)
        end = line.start + (line.end - line.start) * said / whole
        yield Cue(start, end, piece, getattr(line, "speaker", None))
        start = end


def _rows(text: str) -> list[str]:
    """As few rows as can be, and then as even as can be."""
    rows = _wrapped(text, _ROW)
    narrow = -(-_columns(text) // max(1, len(rows)))
    even = (_wrapped(text, width) for width in range(narrow, _ROW))
    return next((each for each in even if len(each) == len(rows)), rows)


def _wrapped(text: str, width: int) -> list[str]:
    rows: list[str] = []
    row = ""
    for word in _words(text, width):
        if row and _columns(row + word.rstrip()) > width:
            rows.append(row.rstrip())
            row = ""
        row += word
    return [*rows, row.rstrip()] if row.strip() else rows


def _words(text: str, width: int) -> Iterator[str]:
    """What a row may end after: words with the space after them, and parts of words that are longer than a row."""
    for word in re.findall(r"\S+\s*", text):
        part = ""
        for letter in word:
            if part and _columns(part + letter) > width:
                yield part
                part = ""
            part += letter
        yield part


def _columns(text: str) -> int:
    return sum(_width(letter) for letter in text)


def _width(letter: str) -> int:
    if unicodedata.combining(letter):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
