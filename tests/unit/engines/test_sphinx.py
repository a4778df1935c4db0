"""pocketsphinx: what its contract does not say."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from myna.engines.recognition import RecognitionRequest
from myna.engines.sphinx import SphinxEngine, guessed_sounds, spoken_words
from myna.errors import Unsupported
from tests.fixtures.speech import Speak

RATE = 22_050


def test_words_that_are_in_no_dictionary_are_found(espeak: Speak) -> None:
    said = "Old Zaphodina met Brekkig 42 times — near 東京 station."
    engine = SphinxEngine()
    found = engine.recognise(espeak(said, "en-us"), RATE, RecognitionRequest("en", said)).words
    assert [word.text for word in found] == [token for token in said.split() if token != "—"]


@pytest.mark.parametrize("text", ["", "— …", "?!"])
def test_a_text_without_words_has_none(text: str) -> None:
    sound = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    assert SphinxEngine().recognise(sound, RATE, RecognitionRequest("en", text)).words == ()


def test_other_languages_are_refused() -> None:
    with pytest.raises(Unsupported, match="`es-MX`"):
        SphinxEngine().recognise(np.zeros(100, np.float32), RATE, RecognitionRequest("es-MX"))


def test_hush_around_speech_has_no_words(espeak: Speak) -> None:
    speech = espeak("It is easy to tell the depth of a well.", "en-us")
    hush = 0.004 * np.random.default_rng(0).standard_normal(2 * RATE).astype(np.float32)
    words = SphinxEngine().recognise(np.concatenate([hush, speech, hush]), RATE, RecognitionRequest("en")).words
    assert words
    assert words[0].end > 2.0
    assert words[-1].start < 2.0 + len(speech) / RATE


def test_numbers_are_words_and_signs_are_none() -> None:
    assert spoken_words("13") == ["thirteen"]
    assert spoken_words("“Don’t") == ["don't"]
    assert spoken_words("well-known") == ["well", "known"]
    assert spoken_words("—") == []


def test_letters_have_sounds() -> None:
    assert guessed_sounds("shipp") == "SH IH P"
    assert guessed_sounds("aaa") == "AE AE AE"
    assert guessed_sounds("東京") == "AH"


def test_without_its_package_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("myna.engines.sphinx.find_spec", lambda _: None)
    assert importlib.util.find_spec("pocketsphinx")
    usable, reason = SphinxEngine.available()
    assert not usable
    assert "pocketsphinx" in reason
