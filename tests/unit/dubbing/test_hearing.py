"""When lines begin, by the speech that was found in the sound."""

from __future__ import annotations

import pytest

from myna.audio.activity import Segment
from myna.dubbing.schemas import SourceLine, TimedWord
from myna.dubbing.stages.hearing import _begun

SEGMENTS = [Segment(1.0, 2.4), Segment(5.0, 9.0)]


def line(start: float, end: float = 0.0) -> SourceLine:
    words = (TimedWord("Hello", start, end or start + 0.3), TimedWord("there.", start + 0.3, start + 0.8))
    return SourceLine(1, start, start + 0.8, "speaker-1", "Hello there.", words)


@pytest.mark.parametrize(
    ("found", "begins"),
    [(1.0, 1.04), (0.999, 1.04), (0.97, 1.04), (1.03, 1.04), (1.05, 1.05), (5.0, 5.04), (6.0, 6.0), (0.2, 0.2)],
)
def test_a_line_begins_where_something_is_heard_not_in_the_quiet_before_it(found: float, begins: float) -> None:
    (moved,) = _begun([line(found)], SEGMENTS)
    assert moved.start == moved.words[0].start == pytest.approx(begins)
    assert (moved.end, moved.words[1]) == (line(found).end, line(found).words[1])


def test_a_word_that_is_over_by_then_stays() -> None:
    short = line(1.0, end=1.03)
    assert _begun([short], SEGMENTS) == [short]


def test_without_speech_nothing_moves() -> None:
    assert _begun([line(1.0)], []) == [line(1.0)]
