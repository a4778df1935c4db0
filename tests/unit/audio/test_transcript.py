from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from myna.audio.transcript import hear, transcript_match
from tests.fixtures.speech import ESPEAK_RATE, Speak

RATE = ESPEAK_RATE
RIGHT = "The birch canoe slid on the smooth planks. Glue the sheet to the dark blue background. It is easy to tell."
WRONG = "A large size in stockings is hard to sell. The boy was there when the sun rose. Kick the ball straight."
VOICES = ["en-us", "en-us+f2", "en-us+klatt", "en-us+m3"]


@pytest.mark.parametrize("voice", VOICES)
def test_the_right_text_is_heard_and_another_is_not(espeak: Speak, voice: str):
    sound = espeak(RIGHT, voice)
    right, wrong = (transcript_match(sound, RATE, text, "en-US") for text in (RIGHT, WRONG))
    assert right is not None
    assert wrong is not None
    assert right > 0.7
    assert wrong < 0.4


def test_half_a_text_is_half_heard(espeak: Speak):
    sound = espeak(RIGHT, "en-us")
    half = RIGHT.split(".")[0] + ". " + WRONG.split(".", 1)[1]
    match = transcript_match(sound, RATE, half, "en")
    assert match is not None
    assert 0.15 < match < 0.7


def test_a_text_for_a_small_part_of_the_sound_is_not_all_that_is_said(espeak: Speak):
    match = transcript_match(espeak(RIGHT + " " + RIGHT, "en-us"), RATE, "The birch canoe", "en")
    assert match is not None
    assert match < 0.3


def test_numbers_and_unknown_names_do_no_harm(espeak: Speak):
    said = "In 1984 the 3 brothers of Xqzvrk sold twenty-one boats near the old harbour."
    match = transcript_match(espeak(said.replace("Xqzvrk", "London"), "en-us"), RATE, said, "en")
    assert match is not None
    assert match > 0.7


@pytest.mark.parametrize("language", ["es", "ar-EG", "enx", "de-DE"])
def test_other_languages_cannot_be_told(espeak: Speak, language: str):
    assert transcript_match(espeak(RIGHT, "en-us"), RATE, RIGHT, language) is None


def test_without_a_language_only_english_words_are_looked_for(espeak: Speak):
    sound = espeak(RIGHT, "en-us")
    assert transcript_match(sound, RATE, RIGHT) is not None
    assert transcript_match(sound, RATE, "El perro corre por la calle mientras los niños juegan.") is None
    assert transcript_match(sound, RATE, "مرحبا بكم في هذا البرنامج", "en") is None


@pytest.mark.parametrize("text", ["", "  ", "… —", "?!"])
def test_a_text_without_words_tells_nothing(text: str):
    assert transcript_match(np.zeros(RATE, np.float32), RATE, text, "en") is None


def test_nothing_is_heard_in_silence_and_in_nothing():
    assert transcript_match(np.zeros(0, np.float32), RATE, RIGHT, "en") is None
    silent = transcript_match(np.zeros(4 * RATE, np.float32), RATE, RIGHT, "en")
    assert silent is not None
    assert silent < 0.4


def test_a_text_far_too_long_is_not_even_looked_for(espeak: Speak):
    assert transcript_match(espeak(RIGHT, "en-us"), RATE, RIGHT * 500, "en") == 0


def test_words_have_times(espeak: Speak):
    first, second = (
        espeak("The birch canoe slid on the smooth planks.", "en-us"),
        espeak("It is easy to tell.", "en-us"),
    )
    pause = np.zeros(RATE, np.float32)
    heard = hear(
        np.concatenate([first, pause, second]),
        RATE,
        "The birch canoe slid on the smooth planks. It is easy to tell.",
        "en",
    )
    assert heard is not None
    assert [word for word, _ in heard.words][:3] == ["The", "birch", "canoe"]
    turn = (len(first) + len(pause) / 2) / RATE
    assert heard.between(0, turn) == "The birch canoe slid on the smooth planks."
    assert heard.between(turn, 99) == "It is easy to tell."


def test_it_is_silent_itself_and_safe_in_threads(espeak: Speak, capfd: pytest.CaptureFixture[str]):
    sounds = [espeak(RIGHT, voice) for voice in VOICES]
    alone = [transcript_match(sound, RATE, RIGHT, "en") for sound in sounds]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda sound: transcript_match(sound, RATE, RIGHT, "en"), sounds)) == alone
    assert capfd.readouterr() == ("", "")
