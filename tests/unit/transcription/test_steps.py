"""What a transcription writes, and what it costs."""

from __future__ import annotations

import json

import pytest

from myna.errors import EngineFailed
from myna.settings import Settings
from myna.transcription.schemas import TimedWord
from myna.transcription.steps import failure, price_of, written

WORDS = (
    TimedWord("good", 0.5, 0.8),
    TimedWord("day", 0.8, 1.2004),
    TimedWord("how", 3.0, 3.2),
    TimedWord("nice", 3.2, 3.6),
)


def test_plain_text_has_a_line_for_each_sentence() -> None:
    assert written(WORDS, None) == "Good day.\nHow nice.\n"
    assert written((), None) == ""


def test_words_have_their_times() -> None:
    words = json.loads(written(WORDS, "word"))
    assert words[1] == {"text": "day", "start": 0.8, "end": 1.2}
    assert [word["text"] for word in words] == ["good", "day", "how", "nice"]


def test_sentences_have_their_times() -> None:
    assert json.loads(written(WORDS, "sentence")) == [
        {"text": "Good day.", "start": 0.5, "end": 1.2},
        {"text": "How nice.", "start": 3.0, "end": 3.6},
    ]


@pytest.mark.parametrize(("seconds", "price"), [(60.0, 600), (0.01, 1), (0.0, 0)])
def test_each_second_has_its_price(seconds: float, price: int) -> None:
    assert price_of(seconds, Settings(transcription_millicredits_per_second=10)) == price
    assert price_of(seconds, Settings(prices="off")) == 0


def test_a_failure_keeps_its_words_and_hides_surprises() -> None:
    assert failure(EngineFailed("It broke.")) == ("engine_failed", "It broke.")
    assert failure(KeyError("secret")) == (
        "internal_error",
        "Something unexpected went wrong. The server's log says what.",
    )
