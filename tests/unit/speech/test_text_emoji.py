"""Texts of nothing but emoji."""

from __future__ import annotations

import pytest

from myna.speech.text import emoji_names, speakable


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("😀", "grinning face"),
        ("😀" * 500, "grinning face"),
        ("😀😀🚀 😀", "grinning face, rocket, grinning face"),
        ("👍🏽", "thumbs up sign, emoji modifier fitzpatrick type-4"),
        ("❤️", "heavy black heart"),
        ("...", ""),
        ("", ""),
    ],
)
def test_each_run_is_said_by_its_name(text: str, names: str) -> None:
    assert emoji_names(text) == names
    assert speakable(names) == bool(names)
