"""Words against words: what was to be said, and what was heard."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.speech.verification import Comparison, comparable, compare, distance, shortened, together


@pytest.mark.parametrize(
    ("text", "heard", "language"),
    [
        ("Hello, world!", "hello world", "en-US"),
        ("It costs $25.", "it costs twenty five dollars", "en-US"),
        ("It costs twenty-five dollars.", "It costs $25", "en-US"),
        ("Call at 10:30.", "call at ten thirty", "en-US"),
        ("Don’t stop.", "don't stop", "en-GB"),
        ("The website is down.", "the web site is down", "en"),
        ("The web site is down.", "the website is down", "en"),
        ("The USA and NASA.", "the U S A and nasa", "en"),
        ("Café Zoë, naïve.", "cafe zoe naive", "en"),
        ("Señor Núñez cumplió 22 años.", "señor nuñez cumplió veintidós años", "es-ES"),
        ("Straße 5", "strasse fünf", "de-DE"),
        ("اَلطَّقْسُ جَيِّدٌ", "الطقس جيد", "ar"),
        ("أَحْمَدُ إِلَى مَدْرَسَةٍ", "احمد الي مدرسه", "ar-SA"),
        ("今天天气非常好。", "今天 天气 非常好", "zh-CN"),
        ("きょうは、とてもてんきがいい。", "きょうはとてもてんきがいい", "ja-JP"),
        ("नमस्ते, मेरी आवाज़", "नमस्ते मेरी आवाज़", "hi-IN"),
        ("fake:garble=1 One word.", "one word", "en-US"),
        ("Warning:danger at Re:invent.", "warning danger at reinvent", "en-US"),
    ],
)
def test_what_sounds_alike_is_alike(text: str, heard: str, language: str) -> None:
    found = compare(text, heard, language)
    assert (found.errors, found.score) == (0, 1.0), (comparable(text, language), comparable(heard, language))
    assert found.words > 0


@pytest.mark.parametrize(
    ("text", "heard", "score"),
    [
        ("one two three four", "one two three", 0.75),
        ("one two three four", "one two tree four", 0.75),
        ("one two three four", "one two oh three four", 0.75),
        ("one two three four", "", 0.0),
        ("one", "and now for something completely different", 0.0),
        ("one two three four", "four three two one", 0.0),
        ("...", "", 1.0),
    ],
)
def test_the_score_is_the_share_of_words_that_were_heard(text: str, heard: str, score: float) -> None:
    assert compare(text, heard, "en").score == pytest.approx(score)


def test_in_languages_without_spaces_letters_count() -> None:
    assert compare("今天天气好", "今天天气", "zh-CN") == Comparison(5, 1)


def test_marks_that_are_letters_stay() -> None:
    assert comparable("मेरी आवाज़", "hi") == ["मेरी", "आवाज़"]


def test_a_text_is_the_sum_of_its_sentences() -> None:
    whole = together([Comparison(8, 0), Comparison(2, 1), Comparison(0, 0)])
    assert whole == Comparison(10, 1)
    assert whole.score == pytest.approx(0.9)


def test_no_more_is_kept_than_is_of_use() -> None:
    assert shortened(["a", "", "b"]) == "a b"
    assert len(shortened(["word " * 1_000])) == 2_001


def test_a_recogniser_that_babbles_costs_little_time_and_scores_nothing() -> None:
    assert compare("one two", "babble " * 200_000, "en").score == 0.0
    began = time.process_time()
    assert compare("好" * 2_000, "天" * 1_000 + "好" * 1_000, "zh-CN") == Comparison(2_000, 1_000)
    assert time.process_time() - began < 10, "not a step of Python for each pair of letters"


words = st.lists(st.sampled_from(["a", "b", "ab", "c"]), max_size=8)


@settings(max_examples=200, deadline=None)
@given(words, words)
def test_the_distance_is_fair(one: list[str], other: list[str]) -> None:
    found = distance(one, other)
    assert found == distance(other, one)
    assert found <= max(len(one), len(other))
    assert distance(one, one) == 0
    assert (found == 0) <= ("".join(one) == "".join(other))
