from __future__ import annotations

import pytest

from myna.speech.samples import sample_text
from myna.speech.text import normalise, speakable


@pytest.mark.parametrize(
    ("language", "beginning"),
    [("en-US", "Hello"), ("EN", "Hello"), ("pt-BR", "Olá"), ("cmn", "你好"), ("zh-CN", "你好"), ("sw", "1, 2")],
)
def test_each_language_says_its_own_sentence(language, beginning):
    assert sample_text(language).startswith(beginning)


@pytest.mark.parametrize(
    "language", ["ar", "de", "en", "es", "fr", "hi", "it", "ja", "ko", "pt", "ru", "tr", "zh", "sw"]
)
def test_every_sample_can_be_spoken(language):
    assert speakable(normalise(sample_text(language), language))
