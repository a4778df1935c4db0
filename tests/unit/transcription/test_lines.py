"""Words become lines."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from myna.audio.turns import Turn
from myna.transcription.lines import lines_of, split_lines
from myna.transcription.schemas import TimedWord


def said(text: str, start: float = 0.0, word: float = 0.3, gap: float = 0.02) -> list[TimedWord]:
    return [
        TimedWord(token, start + place * (word + gap), start + place * (word + gap) + word)
        for place, token in enumerate(text.split())
    ]


def test_a_pause_ends_a_line_and_bare_words_become_sentences() -> None:
    lines = split_lines([*said("good day to you all"), *said("I'm glad to be here", 3.0)], ())
    assert [line.text for line in lines] == ["Good day to you all.", "I'm glad to be here."]
    assert [(line.number, line.speaker) for line in lines] == [(1, "speaker-1"), (2, "speaker-1")]
    assert (lines[1].start, lines[1].words[0].text) == (3.0, "I'm")


def test_a_full_stop_ends_a_line_with_a_short_pause_only() -> None:
    with_pause = [*said("This is the first one."), *said("This is the second one.", 1.8)]
    assert [line.text for line in split_lines(with_pause, ())] == ["This is the first one.", "This is the second one."]
    without = said("This is the first one. This is the second one.")
    assert len(split_lines(without, ())) == 1


def test_another_speaker_begins_a_line_in_the_pause_that_is_near() -> None:
    words = [*said("how are you today", gap=0.0), *said("fine thanks and you too", 1.4, gap=0.0)]
    lines = split_lines(words, (Turn(0.0, 1.0, 1), Turn(1.0, 3.0, 2)))
    assert [(line.speaker, line.text) for line in lines] == [
        ("speaker-1", "How are you today."),
        ("speaker-2", "Fine thanks and you too."),
    ]


def test_a_short_word_goes_with_its_nearer_neighbour_of_the_same_speaker() -> None:
    words = [*said("so"), *said("we went all the way", 0.9), *said("no", 4.0)]
    assert [line.text for line in split_lines(words, ())] == ["So we went all the way.", "No."]
    other = split_lines(words, (Turn(0.0, 0.5, 1), Turn(0.9, 4.5, 2)))
    assert [line.speaker for line in other] == ["speaker-1", "speaker-2", "speaker-2"]


def test_a_long_line_is_cut_at_its_longest_pause() -> None:
    first, second = said("one two three four five six seven eight nine ten eleven twelve thirteen fourteen"), None
    second = said("and then all of it again from the very start to the very end", first[-1].end + 0.3)
    lines = split_lines([*first, *second], ())
    assert [line.words[0].text for line in lines] == ["one", "and"]


def test_no_words_are_no_lines() -> None:
    assert split_lines((), (Turn(0.0, 1.0, 1),)) == ()


def test_lines_of_a_known_text_stay_as_they_are() -> None:
    given_lines = [said("Good day!"), said("And good night. Sleep well.", 3.0), [TimedWord("…", 9.0, 9.0)]]
    lines = lines_of(given_lines, (Turn(0.0, 2.0, 1), Turn(3.2, 6.0, 2)))
    assert [line.text for line in lines] == ["Good day!", "And good night. Sleep well.", "…"]
    assert [line.speaker for line in lines] == ["speaker-1", "speaker-2", "speaker-2"]
    assert [line.number for line in lines] == [1, 2, 3]


GAPS = st.lists(st.tuples(st.floats(0.05, 1.0), st.floats(0.0, 2.0), st.sampled_from(["word", "end.", "so,"])))


@given(GAPS, st.lists(st.integers(1, 3), min_size=1, max_size=6))
def test_no_word_is_lost_and_no_line_runs_into_another(
    parts: list[tuple[float, float, str]], speakers: list[int]
) -> None:
    words, at = [], 0.0
    for length, gap, text in parts:
        words.append(TimedWord(text, at, at + length))
        at += length + gap
    turns = [Turn(place * 3.0, place * 3.0 + 3.0, speaker) for place, speaker in enumerate(speakers)]
    lines = split_lines(words, turns)
    assert [word for line in lines for word in line.words] == words
    assert [line.number for line in lines] == list(range(1, len(lines) + 1))
    for line in lines:
        assert line.end - line.start <= 8.0 or len(line.words) == 1
        assert line.text
