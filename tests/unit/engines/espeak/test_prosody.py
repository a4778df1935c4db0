"""Where a text is cut, and how each piece is spoken."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myna.engines.base import SynthesisRequest
from myna.engines.espeak.library import Delivery
from myna.engines.espeak.prosody import clauses, deliveries, has_something_to_say, without_commands


def cut(text: str) -> list[str]:
    return [clause.text for clause in clauses(text)]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Hello there, my friend.", ["Hello there,", " my friend."]),
        ("I have met Dr. Smith, e.g. in May.", ["I have met Dr. Smith,", " e.g. in May."]),
        ("It costs 3,450.75 now. Really!", ["It costs 3,450.75 now.", " Really!"]),
        ("He said “yes!” and left; she “no?” too.", ["He said “yes!”", " and left;", " she “no?”", " too."]),
        ("你好，今天天气很好。我们去公园走走吧！", ["你好，今天天气很好。", "我们去公园走走吧！"]),
        ("मौसम अच्छा है। चलो चलें।", ["मौसम अच्छा है।", " चलो चलें।"]),
        ("أهلا بك يا صديقي، كيف حالك؟", ["أهلا بك يا صديقي،", " كيف حالك؟"]),
        ("A, b, c, d.", ["A, b, c,", " d."]),
    ],
)
def test_clauses(text: str, pieces: list[str]) -> None:
    assert cut(text) == pieces


@given(st.text(max_size=2_000))
def test_no_character_is_lost_and_no_clause_is_too_long(text: str) -> None:
    assert "".join(cut(text)) == text
    for clause in clauses(text):
        assert text[clause.position :].startswith(clause.text)
        assert 0 < len(clause.text) <= 400


def test_a_long_run_is_cut_at_a_space() -> None:
    assert all(piece.startswith(" word") for piece in cut("word " * 400)[1:-1])


def ask(**options: float) -> SynthesisRequest:
    return SynthesisRequest("Hello there, my friend.", "en-US", {}, **options)  # type: ignore[arg-type]


def some(**options: float) -> list[Delivery]:
    return list(islice(deliveries(ask(**options)), 50))


def test_temperature_0_is_the_plain_delivery() -> None:
    assert set(some(seed=5)) == {Delivery()}


def test_a_seed_gives_the_same_deliveries_and_another_gives_others() -> None:
    assert some(temperature=0.8, seed=5) == some(temperature=0.8, seed=5)
    assert some(temperature=0.8, seed=5) != some(temperature=0.8, seed=6)


def test_temperature_1_uses_the_whole_range_and_no_more() -> None:
    wild = some(temperature=1.0, seed=1)
    assert min(d.pitch for d in wild) >= 30
    assert max(d.pitch for d in wild) <= 70
    assert max(d.pitch for d in wild) - min(d.pitch for d in wild) > 25
    assert min(d.range for d in wild) >= 30
    assert max(d.range for d in wild) <= 95
    assert some(temperature=9.0, seed=1) == wild


@pytest.mark.parametrize(("speed", "rate"), [(1, 175), (2, 350), (0.5, 88), (0.1, 80), (100, 900)])
def test_speed_is_words_per_minute_within_what_espeak_can_do(speed: float, rate: int) -> None:
    assert some(speed=speed)[0].words_per_minute == rate


def test_slower_than_that_takes_longer_gaps() -> None:
    assert some(speed=0.5)[0].word_gap == 0
    assert 0 < some(speed=0.4)[0].word_gap < some(speed=0.25)[0].word_gap


def test_control_characters_are_blanked_at_their_places() -> None:
    assert without_commands("a\x01b\x7fc\nd🙂") == "a b c d🙂"


@pytest.mark.parametrize("text", ["a", "1", "字", "€", "+", "😀", "50 %"])
def test_something_to_say(text: str) -> None:
    assert has_something_to_say(text)


@pytest.mark.parametrize("text", ["", "...", " - ", "؟!", "\u200b", "()"])
def test_nothing_to_say(text: str) -> None:
    assert not has_something_to_say(text)
