"""Chinese and Japanese with misaki, where it is installed: the extra brings it for every Python that misaki knows."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from myna.engines.kokoro.chinese_japanese import read_with_misaki
from myna.engines.kokoro.voices import LOCALES, locale_of, spoken_here, stock_voices
from myna.voices.slots import slots

pytestmark = pytest.mark.skipif(find_spec("misaki") is None, reason="misaki is not installed (the extra kokoro)")
VOCABULARY = frozenset("abcdefghijklmnopqrstuvwxyzɕɡɨʂɾɯʥʨʰɴŋɛəɤʲːβ↓→↗↘AIOWY ,.!?")


def read(text: str, tag: str) -> str:
    return read_with_misaki(text, tag, VOCABULARY, lambda latin: f"<{latin}>").symbols


def test_all_54_voices_speak_in_nine_languages() -> None:
    keys = {slot.key for slot in slots() if slot.api == "modelslab"}
    voices = stock_voices(key for key in keys if locale_of(key))
    assert len(voices) == 54
    assert {voice.language for voice in voices} == {locale.tag for locale in LOCALES}
    assert spoken_here() == LOCALES


def test_chinese_is_read_with_its_tones() -> None:
    assert read("今天天气非常好，我有5个朋友。", "zh-CN").startswith("ʨi→ntʰjɛ→ntʰjɛ→nʨʰi↘ fei→")
    assert read("我有5个朋友。", "zh-CN").endswith("pʰə↗ŋjou↓.")


def test_a_character_that_misaki_cannot_read_is_left_out() -> None:
    assert read("我有瓰朋友。", "zh-CN") == "wo↓ jou↓ pʰə↗ŋjou↓."
    assert read("瓰", "zh-CN") == ""


def test_japanese_is_read_in_sounds() -> None:
    assert read("東京へ行きました。", "ja-JP") == "toːkʲoː e ikʲi maɕita."


def test_what_stands_in_latin_letters_is_read_as_english() -> None:
    assert read("我有 iPhone Pro，和 a。", "zh-CN") == "wo↓ jou↓ <iPhone Pro>, xɤ↗ <a>."
    assert read("これは iPhone です。", "ja-JP").startswith("koɾe βa <iPhone> desɨ")


@pytest.mark.parametrize(
    ("tag", "text"), [("zh-CN", "今天天气非常好，我的 iPhone 很贵。"), ("ja-JP", "「東京」へ、電車で行きました。")]
)
def test_words_are_where_they_stand(tag: str, text: str) -> None:
    reading = read_with_misaki(text, tag, VOCABULARY, lambda latin: latin.lower())
    places = [(word.symbol, word.position) for word in reading.words]
    assert len(places) >= 4
    assert places == sorted(set(places))
    assert len({position for _, position in places}) == len(places)
    for word in reading.words:
        assert text[word.position : word.position + word.length].strip()
        assert reading.symbols[word.symbol] != " "
        assert word.symbol == 0 or reading.symbols[word.symbol - 1] in ' (“"'
    if tag == "zh-CN":
        said = {text[word.position : word.position + word.length].strip(): word for word in reading.words}
        assert reading.symbols[said["iPhone"].symbol :].startswith("iphone")
        assert any(word.position == text.index("我") for word in reading.words)


@pytest.mark.parametrize("tag", ["zh-CN", "ja-JP"])
@pytest.mark.parametrize("text", ["", " ", "😀", "\u200b", "…", "a\u0301", "\U00020000", "مرحبا 안녕"])
def test_odd_texts_are_read_somehow(tag: str, text: str) -> None:
    assert "<" not in read(text, tag).replace("<a>", "")
