"""Transcripts and translations that people send."""

from __future__ import annotations

import pytest

from myna.dubbing.schemas import SourceLine
from myna.dubbing.wording import matched, text_lines
from myna.errors import InvalidRequest

SRT = "1\n00:00:01,000 --> 00:00:02,000\nOne\nrow\n\n2\n00:00:04,000 --> 00:00:05,000\nTwo\n"
LINES = [
    SourceLine(number, start, start + 1.5, "speaker-1", f"line {number}")
    for number, start in enumerate((1.0, 4.0, 8.0), 1)
]


def test_plain_lines_are_as_they_stand_without_empty_ones() -> None:
    found = text_lines("\ufeffOne  line\n\n  Two \r\n", field="transcript")
    assert found.lines == ("One line", "Two")
    assert not found.timed


def test_subtitles_are_lines_with_times() -> None:
    found = text_lines(SRT, field="transcript")
    assert found.lines == ("One row", "Two")
    assert [(cue.start, cue.end) for cue in found.cues] == [(1.0, 2.0), (4.0, 5.0)]
    assert found.timed


@pytest.mark.parametrize("text", ["", " \n\t\n", "x" * 2_000_001])
def test_a_text_without_lines_or_too_long_is_refused_with_its_field(text: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        text_lines(text, field="transcript")
    assert refusal.value.field == "transcript"


def test_as_many_plain_lines_go_one_by_one() -> None:
    assert matched(text_lines("uno\ndos\ntres", field="t"), LINES, "es") == ("uno", "dos", "tres")


def test_too_few_plain_lines_are_refused_with_both_numbers() -> None:
    with pytest.raises(InvalidRequest, match="3 lines, the translation into `es` 2"):
        matched(text_lines("uno\ndos", field="t"), LINES, "es")


def test_subtitles_with_other_cues_go_where_they_share_most_time() -> None:
    cues = (
        "1\n00:00:01.000 --> 00:00:01.700\nuno\n\n2\n00:00:01.700 --> 00:00:02.400\nmedio\n\n"
        "3\n00:00:04.200 --> 00:00:05.000\ndos\n\n4\n00:00:09.300 --> 00:00:11.000\ntres\n"
    )
    assert matched(text_lines(cues, field="t"), LINES, "es") == ("uno medio", "dos", "tres")


def test_a_line_for_which_subtitles_say_nothing_is_empty() -> None:
    assert matched(text_lines(SRT, field="t"), LINES, "es") == ("One row", "Two", "")
