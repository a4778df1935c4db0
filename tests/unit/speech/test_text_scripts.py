"""In which language a text is read when nobody says it."""

from __future__ import annotations

import pytest

from myna.speech.text import language_to_read


@pytest.mark.parametrize(
    ("text", "read_in"),
    [
        ("Привет, как дела?", "ru"),
        ("مرحبا، كيف حالك؟", "ar"),
        ("नमस्ते, आप कैसे हैं?", "hi"),
        ("你好，你怎么样？", "zh"),
        ("こんにちは、お元気ですか。", "ja"),
        ("東京都新宿区の天気", "ja"),
        ("안녕하세요", "ko"),
        ("Γειά σου", "el"),
        ("Я купил iPhone вчера.", "ru"),
        ("The word привет means hello.", "en-US"),
        ("Crème brûlée, señor!", "en-US"),
        ("Hello", "en-US"),
        ("12,50 € 😀", "en-US"),
        ("", "en-US"),
    ],
)
def test_an_english_voice(text: str, read_in: str) -> None:
    assert language_to_read(text, "en-US") == read_in


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("uk", "Привіт, як справи?"),
        ("fa", "سلام، حال شما چطور است؟"),
        ("mr", "नमस्कार"),
        ("zh-HK", "你好"),
        ("ja-JP", "東京"),
        ("ru", "Hello there"),
    ],
)
def test_a_voice_of_that_script_keeps_its_language(language: str, text: str) -> None:
    assert language_to_read(text, language) == language


def test_another_script_than_the_voice_s_own_is_told_apart_too() -> None:
    assert language_to_read("こんにちは", "zh-CN") == "ja"
    assert language_to_read("你好", "ru") == "zh"
