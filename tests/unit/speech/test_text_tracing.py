"""What a normalised text says of the original: nothing is out of order, and unchanged words say themselves."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.speech.text import NORMALISED_LANGUAGES, Traced, normalise, normalised


def said_of(text: str, language: str, words: str) -> str:
    """Which part of the text the words stand for."""
    said = normalised(Traced.unchanged(text), language)
    first = said.text.index(words)
    return text[said.starts[first] : said.ends[first + len(words) - 1]]


@pytest.mark.parametrize(
    ("text", "language", "words", "part"),
    [
        ("I have 25 cats.", "en", "twenty-five", "25"),
        ("I have 25 cats.", "en", "cats", "cats"),
        ("It costs  $3.50   today", "en", "today", "today"),
        ("It costs  $3.50   today", "en", "three dollars and fifty cents", "$3.50"),
        ("😀 Dr. Who at 10:30", "en", "Doctor", "Dr."),
        ("😀 Dr. Who at 10:30", "en", "ten thirty", "10:30"),
        ("عندي ٢٥ كتابا", "ar", "خمسة وعشرون", "٢٥"),
        ("عندي ٢٥ كتابا", "ar", "كتابا", "كتابا"),
        ("عندي ٢ كتابا", "ar", "كتابان", "٢ كتابا"),
        ("يوم 5 يناير 2020 مساء", "ar", "مساء", "مساء"),
        ("a\u200db\u0301c d", "fr", "d", "d"),
        ("e\u0301te\u0301 2 x", "fr", "deux", "2"),
        ("a:b=1 and 7", "en", "seven", "7"),
        ("one\r\n\r\n\r\ntwo", "en", "two", "two"),
    ],
)
def test_words_stand_for_what_was_written(text: str, language: str, words: str, part: str) -> None:
    assert said_of(text, language, words) == part


_PIECES = st.sampled_from(
    ["12", "$5", "5%", "10:30", "2026-11-21", "Dr.", "etc.", "word", "漢字", "-", ".", " ", "  ", "\n\n", "&", "😀",
     "\u200d", "http://a.com/x", "½", "a:b=1", "e\u0301", "ثلاثة", "٣", "=" * 4]
)  # fmt: skip


@given(st.lists(_PIECES, max_size=12).map("".join), st.sampled_from([*NORMALISED_LANGUAGES, "nl"]))
@settings(max_examples=300, deadline=None)
def test_positions_never_fall_and_stay_within_the_text(text: str, language: str) -> None:
    said = normalised(Traced.unchanged(text), language)
    assert len(said.text) == len(said.starts) == len(said.ends)
    assert list(said.starts) == sorted(said.starts)
    assert list(said.ends) == sorted(said.ends)
    assert all(0 <= start <= end <= len(text) for start, end in zip(said.starts, said.ends, strict=True))
    assert normalise(text, language) in (said.text, "")


@pytest.mark.parametrize(
    ("old", "new"),
    [("a b c", "a x c"), ("a a", "a"), ("a", "a a"), ("a b", "a b c"), ("b a", "c b a"), ("a  b", "a b"), (" a", "a"),
     ("a b", ""), ("", "a b"), (" ", "  ")],
)  # fmt: skip
def test_the_words_around_a_change_stand_for_themselves(old: str, new: str) -> None:
    made = Traced.unchanged(f"<{old}>").replace(re.compile(f"(?<=<){re.escape(old)}(?=>)"), new)
    assert made.text == f"<{new}>"
    assert len(made.starts) == len(made.ends) == len(made.text)
    assert list(made.starts) == sorted(made.starts)
    assert (made.starts[0], made.ends[-1]) == (0, len(old) + 2)


def test_changes_add_up() -> None:
    text = Traced.unchanged("one two three").replace(re.compile("two"), "2").replace(re.compile("2 t"), "!")
    assert text.text == "one !hree"
    assert "one two three"[text.starts[4] : text.ends[4]] == "two t"
    inserted = text.replace(re.compile(r"\Z"), "?")
    assert (inserted.text[-1], inserted.starts[-1], inserted.ends[-1]) == ("?", 13, 13)
    assert Traced.joined([text[:4], text[4:]]) == Traced(text.text, list(text.starts), list(text.ends))
    assert text.replace(re.compile("x"), "y") is text
