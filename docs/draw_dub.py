"""Draws the lines of a dub on an axis of time: docs/dub.svg.

    curl -s "$URL/myna/v1/dubs/$DUB/lines?language=es" -H "Authorization: Bearer $KEY" > lines.json
    python docs/draw_dub.py < lines.json > docs/dub.svg

Above the axis what is said in the source, below it the lines of the dub, coloured by the way in which they were fitted.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

WIDTH, MARGIN = 960, 16
ROW, BOX = 62, 44
TOP = 34
LETTER = 6.0
"""Width of a letter in pixels, roughly."""
COLOURS = {
    "natural": "#5b9bd5",
    "absorbed": "#4fae8a",
    "paced": "#d9a441",
    "stretched": "#d97b41",
    "shortened": "#9a7bd0",
    "overflow": "#c94f4f",
    "failed": "#c94f4f",
}
SECONDS_PER_BAND = 18.0
"""A longer dub goes on in a further band below."""

Line = dict[str, Any]


def main() -> None:
    sys.stdout.write(draw(json.load(sys.stdin)["data"]))


def draw(lines: Sequence[Line]) -> str:
    """An SVG picture of these lines, as `GET /myna/v1/dubs/{id}/lines` gives them; at least one."""
    total = max(max(line["end"], line["source_end"]) for line in lines)
    count = int(total // SECONDS_PER_BAND) + 1
    height = count * _band_height() + TOP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        *_legend(lines),
    ]
    for band in range(count):
        parts += _band(lines, band * SECONDS_PER_BAND, TOP + band * _band_height())
    return "\n".join([*parts, "</svg>"]) + "\n"


def _band_height() -> int:
    return 2 * ROW + 42


def _legend(lines: Sequence[Line]) -> Iterator[str]:
    used = [fit for fit in COLOURS if any(line["fit"] == fit for line in lines)]
    yield _text(MARGIN, 20, "source", "#555555")
    yield _box(MARGIN + 48, 10, 14, 14, "#c8c8c8")
    for place, fit in enumerate(used):
        x = MARGIN + 100 + 110 * place
        yield _box(x, 10, 14, 14, COLOURS[fit])
        yield _text(x + 20, 21, fit, "#555555")


def _band(lines: Sequence[Line], start: float, y: float) -> Iterator[str]:
    axis = y + ROW + 4
    for line in lines:
        if start <= line["source_start"] < start + SECONDS_PER_BAND:
            yield from _line(line["source_start"], line["source_end"], start, y, "#c8c8c8", line["source_text"])
            rate = line["rate"] * line["stretch"]
            yield from _line(line["start"], line["end"], start, axis + 20, COLOURS[line["fit"]], line["text"])
            if rate > 1:
                yield _text(_x(line["start"], start) + 4, axis + 20 + BOX + 11, f"{rate:.2f} ×", "#555555")
    yield f'<line x1="{MARGIN}" y1="{axis}" x2="{WIDTH - MARGIN}" y2="{axis}" stroke="#555555"/>'
    for second in range(int(SECONDS_PER_BAND) + 1):
        x = _x(start + second, start)
        yield f'<line x1="{x:.1f}" y1="{axis}" x2="{x:.1f}" y2="{axis + 4}" stroke="#555555"/>'
        if second % 2 == 0:
            yield _text(x - 5, axis + 15, f"{start + second:g}", "#555555")


def _line(start: float, end: float, band: float, y: float, colour: str, words: str) -> Iterator[str]:
    x = _x(start, band)
    width = min(_x(end, band), WIDTH) - x
    yield _box(x, y, width, BOX, colour)
    for number, row in enumerate(_rows(words, int((width - 6) / LETTER))[:3]):
        yield _text(x + 4, y + 13 + 13 * number, row, "#111111")


def _rows(words: str, letters: int) -> list[str]:
    rows = [""]
    for word in words.split():
        if rows[-1] and len(rows[-1]) + len(word) >= letters:
            rows.append("")
        rows[-1] = f"{rows[-1]} {word}".strip()
    return rows


def _x(seconds: float, band: float) -> float:
    return MARGIN + (seconds - band) / SECONDS_PER_BAND * (WIDTH - 2 * MARGIN)


def _box(x: float, y: float, width: float, height: float, colour: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height}" rx="3" fill="{colour}"/>'


def _text(x: float, y: float, words: str, colour: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}">{escape(words)}</text>'


if __name__ == "__main__":
    main()
