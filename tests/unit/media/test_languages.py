from __future__ import annotations

import pytest

from myna.media.languages import language_tag, three_letters


@pytest.mark.parametrize(
    ("tag", "terminologic", "bibliographic"),
    [
        ("en", "eng", "eng"),
        ("pt-BR", "por", "por"),
        ("de", "deu", "ger"),
        ("fr_FR", "fra", "fre"),
        ("ZH-cn", "zho", "chi"),
        ("cmn", "zho", "chi"),
        ("ar-EG", "ara", "ara"),
        ("ast", "ast", "ast"),
        ("x", "und", "und"),
        ("", "und", "und"),
        ("klingon", "und", "und"),
        ("日本語", "und", "und"),
    ],
)
def test_languages_have_three_letters_in_files(tag: str, terminologic: str, bibliographic: str):
    assert three_letters(tag) == terminologic
    assert three_letters(tag, bibliographic=True) == bibliographic


@pytest.mark.parametrize(
    ("code", "tag"),
    [("deu", "de"), ("ger", "de"), ("fre", "fr"), ("ENG", "en"), ("en", "en"), ("und", ""), ("", ""), ("mul", ""),
     ("ast", "ast"), (" spa ", "es")],
)  # fmt: skip
def test_and_two_where_people_read_them(code: str, tag: str):
    assert language_tag(code) == tag


def test_every_language_comes_back():
    for tag in ("aa", "es", "fr", "it", "pt", "de", "hi", "ar", "ja", "zh", "ko", "nb", "zu"):
        assert language_tag(three_letters(tag)) == tag
        assert language_tag(three_letters(tag, bibliographic=True)) == tag
