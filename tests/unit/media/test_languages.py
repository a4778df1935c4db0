from __future__ import annotations

import pytest

from myna.media.languages import language_in, language_tag


@pytest.mark.parametrize(
    ("tag", "mp4", "mkv", "mov"),
    [
        ("en", "eng", "eng", "eng"),
        ("pt-BR", "por", "por", "por"),
        ("de", "deu", "ger", "ger"),
        ("fr_FR", "fra", "fre", "fra"),
        ("ZH-cn", "zho", "chi", "chi"),
        ("cmn", "zho", "chi", "chi"),
        ("ar-EG", "ara", "ara", "ara"),
        ("nb", "nob", "nob", "nor"),
        ("hr", "hrv", "hrv", "und"),
        ("ast", "ast", "ast", "und"),
        ("x", "und", "und", "und"),
        ("", "und", "und", "und"),
        ("klingon", "und", "und", "und"),
        ("日本語", "und", "und", "und"),
    ],
)
def test_languages_have_three_letters_in_files(tag: str, mp4: str, mkv: str, mov: str):
    assert language_in("mp4", tag) == language_in("mp3", tag) == mp4
    assert language_in("mkv", tag) == language_in("webm", tag) == mkv
    assert language_in("mov", tag) == mov


@pytest.mark.parametrize(
    ("code", "tag"),
    [("deu", "de"), ("ger", "de"), ("fre", "fr"), ("ENG", "en"), ("en", "en"), ("und", ""), ("", ""), ("mul", ""),
     ("ast", "ast"), (" spa ", "es")],
)  # fmt: skip
def test_and_two_where_people_read_them(code: str, tag: str):
    assert language_tag(code) == tag


def test_every_language_comes_back():
    for tag in ("aa", "es", "fr", "it", "pt", "de", "hi", "ar", "ja", "zh", "ko", "nb", "zu"):
        assert language_tag(language_in("mp4", tag)) == tag
        assert language_tag(language_in("mkv", tag)) == tag
