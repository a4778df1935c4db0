"""What is taken for speech and what is not."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from myna.engines.whisper.believing import echoes, goes_in_circles, is_believable


@dataclass
class Passage:
    text: str = "The house is very old."
    avg_logprob: float = -0.3
    no_speech_prob: float = 0.05


def test_plain_speech_is_believed() -> None:
    assert is_believable(Passage())
    assert is_believable(Passage(avg_logprob=-1.4))
    assert is_believable(Passage(no_speech_prob=0.9))


def test_silence_is_not_speech_when_the_words_are_unlikely_too() -> None:
    assert not is_believable(Passage(no_speech_prob=0.7, avg_logprob=-1.1))


def test_what_the_model_holds_for_very_unlikely_is_not_believed() -> None:
    assert not is_believable(Passage(avg_logprob=-2.5))


@pytest.mark.parametrize(
    "text",
    [
        "Thank you. " * 6,
        "la " * 8,
        "so " * 40,
        "and then I went to the shop and then I went to the shop " * 6,
        "I see a dog, a cat, a dog, a cat, a dog, a cat, a dog, a cat, a dog, a cat, a dog, a cat, yes.",
    ],
)
def test_the_same_words_over_and_over_are_not_speech(text: str) -> None:
    assert goes_in_circles(text)
    assert not is_believable(Passage(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "No.",
        "No, no, no, no!",
        "Very, very good.",
        "Row, row, row your boat, gently down the stream. Merrily, merrily, merrily, merrily, life is but a dream.",
        "Work it harder, make it better, do it faster, makes us stronger.",
    ],
)
def test_speech_may_say_things_twice(text: str) -> None:
    assert not goes_in_circles(text)


def test_saying_what_it_was_told_to_listen_for_and_nothing_else_is_an_echo() -> None:
    prompt = ("Myna", "Ada Lovelace", "Babbage")
    assert echoes(" Myna, Ada Lovelace, Babbage", prompt)
    assert echoes("ada lovelace BABBAGE.", prompt)
    assert not is_believable(Passage("Myna, Ada Lovelace"), prompt)
    assert not echoes("Babbage, Myna, Ada", prompt)
    assert not echoes("Ada Lovelace.", prompt)
    assert not echoes("Ada Lovelace met Babbage.", prompt)
    assert not echoes("Myna, Ada Lovelace, Babbage", ())
