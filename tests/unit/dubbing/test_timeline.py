from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.dubbing.schemas import Placement
from myna.dubbing.timeline import LineToPlace, Options, pace, place, rooms, too_long

GOLDEN = sorted((Path(__file__).parent / "golden").glob("*.json"))


def golden_line(data: dict[str, Any]) -> LineToPlace:
    kept = data.pop("kept", None)
    return LineToPlace(**data, kept=Placement(**kept) if kept else None)


def as_spoken(line: LineToPlace, rate: float) -> LineToPlace:
    """By a voice that does exactly what is asked of it."""
    seconds = line.seconds if line.spoken_rate else round(line.seconds / rate, 4)
    return replace(line, rate=rate, seconds=seconds)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_golden(path: Path):
    golden = json.loads(path.read_text())
    options = Options(**golden["options"])
    lines = [golden_line(data) for data in golden["lines"]]
    assert {str(number): room for number, room in rooms(lines, options).items()} == golden["rooms"]
    rates = pace(lines, options)
    assert {str(number): rate for number, rate in rates.items()} == golden["rates"]
    placements = place([as_spoken(line, rates[line.number]) for line in lines], options)
    assert [asdict(placement) for placement in placements] == golden["placements"]
    assert list(too_long(placements)) == golden["too_long"]


def test_there_are_golden_files_for_every_fit():
    fits = {placement["fit"] for path in GOLDEN for placement in json.loads(path.read_text())["placements"]}
    assert fits == {"natural", "absorbed", "paced", "stretched", "shortened", "overflow", "failed"}


@st.composite
def hostile_lines(draw: st.DrawFn) -> list[LineToPlace]:
    """Anything: lines over each other, past the end, of no length, endless, moved, of voices of one rate."""
    moments = st.floats(0, 21).map(lambda moment: round(moment, 3))
    lines = []
    for number in range(1, draw(st.integers(0, 9)) + 1):
        start = draw(moments)
        line = LineToPlace(
            number=number,
            speaker=draw(st.sampled_from("ab")),
            start=start,
            end=start + draw(st.floats(0, 5)),
            seconds=draw(st.sampled_from([0.0, 0.01, 1.0, 300.0]) | st.floats(0.05, 6)),
            rate=draw(st.none() | st.floats(0.7, 1.5)),
            fixed_start=draw(st.none() | st.none() | moments),
            can_speed=draw(st.booleans()),
            shortened=draw(st.booleans()),
        )
        lines.append(line)
    return lines


@st.composite
def speech(draw: st.DrawFn) -> list[LineToPlace]:
    """People who take turns, as they do."""
    lines: list[LineToPlace] = []
    moment = draw(st.floats(0, 2))
    for number in range(1, draw(st.integers(1, 12)) + 1):
        length = draw(st.floats(0.6, 6))
        seconds = length * draw(st.floats(0.5, 2.2))
        lines.append(LineToPlace(number, draw(st.sampled_from("ab")), moment, moment + length, seconds))
        moment += length + draw(st.floats(0.1, 3))
    return lines


hostile_options = st.builds(
    Options,
    total=st.sampled_from([5.0, 20.0]),
    speed=st.sampled_from([0.8, 1.0, 1.2]),
    most_stretch=st.sampled_from([1.0, 1.25, 1.5]),
    least_gap=st.sampled_from([0.0, 0.08]),
)


def assert_apart(placements: tuple[Placement, ...], options: Options) -> None:
    spoken = [placement for placement in placements if placement.fit != "failed"]
    assert all(before.end <= after.start for before, after in pairwise(spoken))
    assert all(0 <= each.start <= each.end <= options.total for each in placements)


@settings(deadline=None)
@given(lines=hostile_lines(), options=hostile_options)
def test_never_an_overlap_and_never_past_the_end(lines: list[LineToPlace], options: Options):
    placements = place(lines, options)
    assert_apart(placements, options)
    assert sorted(placement.number for placement in placements) == [line.number for line in lines]
    by_number = {line.number: line for line in lines}
    for placement in placements:
        line = by_number[placement.number]
        assert 1.0 <= placement.stretch <= options.most_stretch
        assert placement.rate == (line.rate or 1.0)
        assert placement.start >= min(line.begin, options.total) - 1e-4
        assert (placement.fit == "failed") == (line.seconds <= 0)
        missing = line.seconds / placement.stretch - (placement.end - placement.start)
        assert (placement.fit == "overflow") == (missing > 3e-4) or abs(missing) < 3e-4


@settings(deadline=None)
@given(lines=hostile_lines(), options=hostile_options, data=st.data())
def test_the_order_of_the_lines_does_not_matter(lines: list[LineToPlace], options: Options, data: st.DataObject):
    mixed = data.draw(st.permutations(lines))
    assert place(mixed, options) == place(lines, options)
    assert pace(mixed, options) == pace(lines, options)
    assert rooms(mixed, options) == rooms(lines, options)


@settings(deadline=None)
@given(lines=hostile_lines(), options=hostile_options)
def test_rates_stay_within_limits(lines: list[LineToPlace], options: Options):
    rates = pace(lines, options)
    assert rates.keys() == {line.number for line in lines}
    for line in lines:
        rate = rates[line.number]
        if line.rate is not None:
            assert rate == line.rate
        elif line.can_speed:
            assert options.speed <= rate <= max(options.most_rate, 1.2 * options.speed)
        else:
            assert rate == (1.0 if line.seconds > 0 else options.speed)


@settings(deadline=None)
@given(lines=hostile_lines(), options=hostile_options, data=st.data())
def test_one_changed_line_moves_no_other(lines: list[LineToPlace], options: Options, data: st.DataObject):
    before = {placement.number: placement for placement in place(lines, options)}
    spoken = [line for line in lines if line.seconds > 0]
    if not spoken:
        return
    changed = data.draw(st.sampled_from(spoken))
    seconds = data.draw(st.floats(0.1, 8))
    moved = data.draw(st.none() | st.floats(0, 21))
    again = [
        replace(line, seconds=seconds, rate=1.0, fixed_start=moved)
        if line is changed
        else replace(line, kept=before[line.number])
        for line in lines
    ]
    after = place(again, options)
    assert_apart(after, options)
    assert all(each == before[each.number] for each in after if each.number != changed.number)


@settings(deadline=None)
@given(lines=speech())
def test_people_who_take_turns_stay_in_time(lines: list[LineToPlace]):
    options = Options(total=lines[-1].end + 1)
    rates = pace(lines, options)
    placements = place([as_spoken(line, rates[line.number]) for line in lines], options)
    for line, placement in zip(lines, placements, strict=True):
        assert -1e-4 <= placement.start - line.start <= options.most_delay + 1e-4
        assert placement.rate * placement.stretch <= 1.35 * 1.25 + 1e-6
    for placement, following in pairwise(placements):
        late = following.start > following.source_start + 2e-4
        assert not late or placement.stretch == options.most_stretch
    for placement in placements:
        if placement.fit == "overflow":
            assert (placement.rate, placement.stretch) == (1.35, 1.25)


@settings(deadline=None)
@given(lines=speech())
def test_neighbours_share_a_pace(lines: list[LineToPlace]):
    """The slower of two lines is a tenth slower at most, or has been made faster by as much as is good."""
    rates = pace(lines, Options(total=lines[-1].end + 1))
    for speaker in "ab":
        spoken = [line for line in lines if line.speaker == speaker]
        for one, other in pairwise(spoken):
            allowed = 1.1 * 1.05 ** max(0.0, other.start - one.end)
            slower, faster = sorted([rates[one.number], rates[other.number]])
            assert slower >= min(1.2, faster / allowed) - 0.011


@settings(deadline=None)
@given(lines=speech())
def test_nothing_is_changed_without_need(lines: list[LineToPlace]):
    short = [replace(line, seconds=min(line.seconds, line.end - line.start)) for line in lines]
    options = Options(total=lines[-1].end + 1)
    assert set(pace(short, options).values()) == {1.0}
    assert {placement.fit for placement in place(short, options)} == {"natural"}
    assert [placement.start for placement in place(short, options)] == [round(line.start, 4) for line in lines]


def test_rooms_are_what_a_line_can_take():
    lines = [LineToPlace(1, "a", 1, 3, 2), LineToPlace(2, "b", 5, 6, 1)]
    options = Options(total=10)
    found = rooms(lines, options)
    assert found == {1: 3.92, 2: 5.0}
    fitting = [replace(line, seconds=found[line.number]) for line in lines]
    assert [placement.stretch for placement in place(fitting, options)] == [1.0, 1.0]


def test_a_voice_that_misses_its_rate_is_stretched():
    lines = [LineToPlace(1, "a", 0, 2, 2.4), LineToPlace(2, "b", 2.1, 4, 1)]
    options = Options(total=4)
    rates = pace(lines, options)
    assert rates[1] == 1.19
    placement = place([replace(lines[0], rate=1.19, seconds=2.2), replace(lines[1], rate=1.0)], options)[0]
    assert placement.fit == "stretched"
    assert placement.end == pytest.approx(2.02, abs=1e-3)


def test_a_line_that_is_hardly_too_long_is_not_spoken_anew():
    lines = [LineToPlace(1, "a", 0, 2, 2.05), LineToPlace(2, "b", 2.1, 4, 1)]
    assert pace(lines, Options(total=4)) == {1: 1.0, 2: 1.0}


def test_nothing_to_place():
    assert place([], Options(total=5)) == ()
    assert pace([], Options(total=5)) == {}
    assert rooms([], Options(total=0)) == {}


def test_drift_does_not_add_up():
    """A thousand lines that are all too long: the last one is as near to its source as the first."""
    lines = [LineToPlace(index + 1, "a", 3.0 * index, 3.0 * index + 2.9, 9.0) for index in range(1000)]
    placements = place(lines, Options(total=3000))
    late = [placement.start - placement.source_start for placement in placements]
    assert max(late) <= 0.08 + 1e-6
    assert math.isclose(placements[-1].end, 3000)
