"""Pictures of the documentation are drawn by scripts."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from docs import draw_dub

PICTURE = Path(__file__).parents[2] / "docs" / "dub.svg"
SVG = "{http://www.w3.org/2000/svg}"


def line(start: float, **values: Any) -> dict[str, Any]:
    usual = {
        "source_start": start,
        "source_end": start + 2,
        "start": start,
        "end": start + 1.5,
        "rate": 1.0,
        "stretch": 1.0,
        "fit": "natural",
        "source_text": "Day & c.",
        "text": "Día.",
    }
    return {**usual, **values}


def drawn(*lines: dict[str, Any]) -> ElementTree.Element:
    return ElementTree.fromstring(draw_dub.draw(lines))


def widths(picture: ElementTree.Element, colour: str) -> list[float]:
    """Of the boxes of lines, not of the legend."""
    boxes = [box for box in picture.iter(f"{SVG}rect") if box.get("fill") == colour]
    return [float(box.get("width", "")) for box in boxes if box.get("height") == str(draw_dub.BOX)]


def words(picture: ElementTree.Element) -> list[str]:
    return [str(text.text) for text in picture.iter(f"{SVG}text")]


def test_a_line_is_as_wide_as_it_is_long() -> None:
    picture = drawn(line(1.0))
    (source,), (dubbed,) = widths(picture, "#c8c8c8"), widths(picture, draw_dub.COLOURS["natural"])
    assert dubbed / source == pytest.approx(1.5 / 2, abs=0.01)
    assert {"Day & c.", "Día."} <= set(words(picture))


def test_fits_are_coloured_and_faster_lines_say_how_much() -> None:
    picture = drawn(line(1.0), line(5.0, fit="stretched", rate=1.2, stretch=1.1))
    assert len(widths(picture, draw_dub.COLOURS["stretched"])) == 1
    assert {"natural", "stretched", "1.32 ×"} <= set(words(picture))
    assert "paced" not in words(picture)


def test_a_longer_dub_goes_on_below() -> None:
    short, long = drawn(line(1.0)), drawn(line(1.0), line(40.0))
    assert float(long.get("height", "")) > float(short.get("height", ""))
    assert "40" in words(long)


def test_it_reads_what_the_api_answers(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps({"data": [line(1.0)]})))
    draw_dub.main()
    assert "Día." in words(ElementTree.fromstring(capsys.readouterr().out))


def test_the_picture_of_the_page_is_one() -> None:
    picture = ElementTree.fromstring(PICTURE.read_text())
    assert len(widths(picture, "#c8c8c8")) == 8
