"""Spaces between words, and none."""

from __future__ import annotations

from myna.kit.scripts import joined, runs_on


def test_words_are_joined_as_their_script_wants() -> None:
    assert joined(["The", "old", "house."]) == "The old house."
    assert joined(["你", "好", "。", "我们", "走", "吧"]) == "你好。我们走吧"
    assert joined(["きょう", "は", "OK", "です"]) == "きょうは OK です"
    assert joined(["สวัสดี", "ครับ"]) == "สวัสดีครับ"
    assert joined(["안녕", "하세요"]) == "안녕 하세요"
    assert joined([]) == ""
    assert joined(["", "a", "", "b"]) == "a b"


def test_scripts_without_spaces() -> None:
    assert all(map(runs_on, "你かカย。"))
    assert not any(map(runs_on, "aяب한9."))
