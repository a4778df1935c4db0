"""Voices for speakers: fitting, distinct, always the same."""

from __future__ import annotations

import pytest

from myna.dubbing.casting import cast, gender_of
from myna.dubbing.schemas import DubRequest, Speaker
from myna.voices.schemas import Voice

VOICES = [
    Voice("one:mx", "Mexican man", "one", ("es-MX",), "male"),
    Voice("one:m1", "Man", "one", ("es-ES",), "male"),
    Voice("one:m2", "Other man", "one", ("es-ES",), "male"),
    Voice("one:f1", "Woman", "one", ("es-ES",), "female"),
    Voice("two:f2", "Woman of another engine", "two", ("es-ES",), "female"),
]
REQUEST = DubRequest(("es",))


def speaker(number: int, pitch: float, seconds: float = 10.0, voice_id: str | None = None) -> Speaker:
    return Speaker(f"speaker-{number}", f"Speaker {number}", pitch, seconds, voice_id)


def test_low_voices_get_male_ones_with_the_usual_accent_and_high_ones_female_ones() -> None:
    chosen = cast([speaker(1, 110), speaker(2, 210)], "es", REQUEST, VOICES)
    assert chosen == {"speaker-1": "one:m1", "speaker-2": "one:f1"}


def test_speakers_of_one_gender_get_different_voices_as_long_as_there_are_some() -> None:
    chosen = cast([speaker(number, 110, 10 - number) for number in range(1, 4)], "es", REQUEST, VOICES)
    assert chosen == {"speaker-1": "one:m1", "speaker-2": "one:m2", "speaker-3": "one:mx"}


def test_a_voice_of_another_gender_comes_before_one_that_is_taken() -> None:
    chosen = cast([speaker(number, 110, 10 - number) for number in range(1, 7)], "es", REQUEST, VOICES)
    assert len(set(chosen.values())) == len(VOICES)
    assert set(chosen.values()) == {voice.id for voice in VOICES}


def test_who_speaks_most_chooses_first() -> None:
    chosen = cast([speaker(1, 210, 1.0), speaker(2, 220, 9.0)], "es", REQUEST, VOICES)
    assert chosen == {"speaker-2": "one:f1", "speaker-1": "two:f2"}


def test_the_same_speakers_in_any_order_get_the_same_voices() -> None:
    speakers = [speaker(1, 110), speaker(2, 210), speaker(3, 120)]
    assert cast(speakers, "es", REQUEST, VOICES) == cast(speakers[::-1], "es", REQUEST, VOICES)


def test_what_is_asked_for_comes_first_the_nearest_word_counting_most() -> None:
    request = DubRequest(
        ("es",), voice_id="all", voices={"speaker-2": "two", "es/speaker-3": "three", "fr/speaker-1": "x"}
    )
    speakers = [speaker(1, 110), speaker(2, 110), speaker(3, 110), speaker(4, 110, voice_id="four")]
    chosen = cast(speakers, "es", request, VOICES)
    assert chosen == {"speaker-1": "all", "speaker-2": "two", "speaker-3": "three", "speaker-4": "four"}


def test_clones_speak_for_those_for_whom_no_voice_is_named() -> None:
    request = DubRequest(("es",), voices={"speaker-2": "two"}, clone_speakers=True)
    chosen = cast([speaker(1, 110), speaker(2, 110)], "es", request, VOICES)
    assert chosen == {"speaker-1": "clone:speaker-1", "speaker-2": "two"}


@pytest.mark.parametrize(("pitch", "gender"), [(0.0, "neutral"), (90.0, "male"), (159.0, "male"), (165.0, "female")])
def test_gender_follows_the_pitch(pitch: float, gender: str) -> None:
    assert gender_of(pitch) == gender


def test_a_speaker_without_a_pitch_gets_any_voice_with_the_usual_accent() -> None:
    assert cast([speaker(1, 0.0)], "es", REQUEST, VOICES) == {"speaker-1": "one:m1"}
