"""Kanji become kana, and their places are remembered."""

from __future__ import annotations

import pytest

from myna.engines.espeak import japanese
from myna.errors import EngineFailed

with_dictionary = pytest.mark.skipif(not japanese.can_read_kanji(), reason="myna[japanese] is not installed")


@pytest.fixture
def _no_dictionary(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(japanese, "can_read_kanji", lambda: False)


@pytest.mark.usefixtures("_no_dictionary")
def test_kana_need_no_dictionary() -> None:
    reading = japanese.read("きょうは、いいてんきです。")
    assert reading.text == "きょうは、いいてんきです。"
    assert reading.starts == tuple(range(13))


@pytest.mark.usefixtures("_no_dictionary")
@pytest.mark.parametrize("text", ["今日は", "々", "﨑"])
def test_kanji_without_a_dictionary_are_an_error_that_says_what_to_do(text: str) -> None:
    with pytest.raises(EngineFailed, match=r"myna\[japanese\]"):
        japanese.read(text)


@with_dictionary
def test_kanji_are_read() -> None:
    text = "今日はとても天気がいいです。"
    reading = japanese.read(text)
    assert reading.text.startswith("キョーワ トテモ テンキガ")
    place = reading.text.index("テンキ")
    assert text[reading.starts[place] : reading.ends[place]] == "天気"


@with_dictionary
@pytest.mark.parametrize("text", ["2026年に東京へ行きました!Hello", "ABC", "、", "今日 は\n晴れ", "😀が好き"])
def test_each_character_has_a_place_in_the_text(text: str) -> None:
    reading = japanese.read(text)
    assert len(reading.text) == len(reading.starts) == len(reading.ends)
    assert list(reading.starts) == sorted(reading.starts)
    assert all(0 <= start < end <= len(text) for start, end in zip(reading.starts, reading.ends, strict=True))
