"""Changing single lines and speakers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from myna.dubbing.editing import changed_line, revoiced
from myna.dubbing.schemas import DubbedLine, DubTarget, LineEdit, Speaker
from myna.errors import InvalidRequest, NotFound, TextTooLong
from tests.fixtures.dubs import example_dub


def line(number: int, speaker: str = "speaker-1", voice_id: str = "v1") -> DubbedLine:
    start = 3.0 * number
    return DubbedLine(
        number, speaker, voice_id, f"source {number}", f"text {number}", start, start + 2, start, start + 1.8
    )


TARGET = DubTarget("es", (line(1), line(2), line(3, "speaker-2", "v2")), {}, None)
DUB = replace(
    example_dub(20.0),
    targets=(TARGET,),
    speakers=(
        Speaker("speaker-1", "Ann", 200.0, 4.0),
        Speaker("speaker-2", "Bob", 100.0, 2.0),
        Speaker("speaker-3", "Eve", 0, 0),
    ),
)


def change(number: int = 1, **values: object) -> DubbedLine:
    return changed_line(DUB, TARGET, number, LineEdit(**values), 100)  # type: ignore[arg-type]


def test_a_new_text_is_put_into_one_row_and_marks_the_line() -> None:
    assert change(text=" Hola,\n  mundo ") == replace(line(1), text="Hola, mundo", edited=True)


def test_what_changes_nothing_marks_nothing() -> None:
    assert change(text="text 1", speaker="speaker-1") == line(1)


def test_another_speaker_brings_the_voice_of_their_other_lines() -> None:
    assert change(speaker="speaker-2") == replace(line(1), speaker="speaker-2", voice_id="v2", edited=True)


def test_a_speaker_without_lines_gets_a_voice_when_the_line_is_spoken() -> None:
    assert change(speaker="speaker-3").voice_id == ""


def test_a_moved_start_takes_the_end_with_it() -> None:
    moved = change(start=4.5)
    assert (moved.source_start, moved.source_end, moved.edited) == (4.5, 6.5, True)


def test_an_error_is_forgotten_with_a_change() -> None:
    failed = replace(line(1), fit="failed", error="no")
    changed = changed_line(DUB, replace(TARGET, lines=(failed,)), 1, LineEdit(text="new"), 100)
    assert changed.error is None


@pytest.mark.parametrize(
    "values",
    [
        {"text": "  "},
        {"text": "a\0b"},
        {"speaker": "nobody"},
        {"start": -1.0},
        {"start": 19.5},
        {"end": 2.0},
        {"end": 3.05},
        {"end": 40.0},
        {"start": float("nan")},
    ],
)
def test_what_makes_no_sense_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest):
        change(**values)


def test_too_long_a_text_is_refused() -> None:
    with pytest.raises(TextTooLong):
        change(text="x" * 101)


def test_an_unknown_line_is_not_found() -> None:
    with pytest.raises(NotFound):
        change(number=9, text="x")


def test_a_speaker_gets_a_name_and_another_voice_in_all_their_lines() -> None:
    changed = revoiced(DUB, "speaker-1", "Anna", "v9")
    assert changed.speakers[0] == replace(DUB.speakers[0], name="Anna", voice_id="v9")
    assert [(each.voice_id, each.edited) for each in changed.targets[0].lines] == [
        ("v9", True),
        ("v9", True),
        ("v2", False),
    ]


def test_a_name_alone_changes_no_line() -> None:
    assert revoiced(DUB, "speaker-1", "Anna", None).targets == DUB.targets


def test_an_unknown_speaker_is_not_found() -> None:
    with pytest.raises(NotFound):
        revoiced(DUB, "speaker-9", "Anna", None)
