"""Pieces: every character is kept, and none is too long."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from myna.speech.text import Piece, speakable, split
from myna.speech.text.splitting import CLAUSE_PAUSE, PARAGRAPH_PAUSE


def texts(pieces: list[Piece]) -> list[str]:
    return [piece.text for piece in pieces]


def without_space(text: str) -> str:
    return "".join(text.split())


@pytest.mark.parametrize(
    ("language", "text", "sentences"),
    [
        ("en", "Dr. Smith left. Why? At 5 p.m. he slept.", ["Dr. Smith left.", "Why?", "At 5 p.m. he slept."]),
        ("es", "¿Qué tal? Bien.", ["¿Qué tal?", "Bien."]),
        ("zh-CN", "你好。我是米娜。", ["你好。", "我是米娜。"]),
        ("ja", "今日は。元気です。", ["今日は。", "元気です。"]),
        ("hi", "नमस्ते। कैसे हो?", ["नमस्ते।", "कैसे हो?"]),
        ("ar", "مرحبا. كيف حالك؟ بخير.", ["مرحبا.", "كيف حالك؟", "بخير."]),
        ("xx", "One. Two.", ["One.", "Two."]),
        ("en", "One\nline goes on.", ["One line goes on."]),
    ],
)
def test_sentences(language: str, text: str, sentences: list[str]) -> None:
    assert texts(split(text, language, 1000)) == sentences


def test_pauses() -> None:
    pieces = split("One. Two.\n\nThree.\n \nFour.", "en", 1000)
    assert pieces == [Piece("One."), Piece("Two.", PARAGRAPH_PAUSE), Piece("Three.", PARAGRAPH_PAUSE), Piece("Four.")]


def test_a_long_sentence_is_cut_at_its_clauses() -> None:
    pieces = split("The first part is here, the second part is there; the third is gone.", "en", 40)
    assert texts(pieces) == ["The first part is here,", "the second part is there;", "the third is gone."]
    assert [piece.pause_after for piece in pieces] == [CLAUSE_PAUSE, CLAUSE_PAUSE, None]


def test_without_clauses_it_is_cut_at_a_space() -> None:
    pieces = split("one two three four five six", "en", 10)
    assert texts(pieces) == ["one two", "three", "four five", "six"]
    assert pieces[0].pause_after == 0.0


def test_without_spaces_it_is_cut_anywhere() -> None:
    assert texts(split("字" * 25, "zh", 10)) == ["字" * 10, "字" * 10, "字" * 5]


def test_a_mark_stays_with_its_letter() -> None:
    assert texts(split("abcde\u0323\u0302fgh", "en", 5)) == ["abcd", "e\u0323\u0302fg", "h"]


def test_what_cannot_be_said_alone_stays_with_the_sentence_before() -> None:
    pieces = split('He said: "Yes." ... — Then he left. !!!', "en", 1000)
    assert all(speakable(piece.text) for piece in pieces)
    assert without_space("".join(texts(pieces))) == without_space('He said: "Yes." ... — Then he left. !!!')


def test_eager_cuts_a_long_first_sentence_only() -> None:
    text = "When the long day was over, they all went home along the river and sang until the moon came out. " * 2
    calm, eager = split(text, "en", 1000), split(text, "en", 1000, eager=True)
    assert texts(eager)[0] == "When the long day was over,"
    assert eager[0].pause_after == CLAUSE_PAUSE
    assert eager[2:] == calm[1:]
    assert split("Short, and sweet.", "en", 1000, eager=True) == [Piece("Short, and sweet.")]
    unbroken = "word " * 30
    assert split(unbroken, "en", 1000, eager=True) == [Piece(unbroken.strip())]


@pytest.mark.parametrize("text", ["", "   ", "\n\n\n"])
def test_nothing_gives_no_pieces(text: str) -> None:
    assert split(text, "en", 100) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a", True),
        ("5", True),
        ("字", True),
        ("&", True),
        ("€", True),
        ("...", False),
        ("", False),
        ("😀", False),
        ("«»", False),
    ],
)
def test_speakable(text: str, expected: bool) -> None:
    assert speakable(text) is expected


_PARTS = ["Word", " ", ". ", ", ", "\n", "\n\n", "。", "，", "漢字", "Dr.", "?", '"', "(", "e\u0301", "3.14"]
_TEXTS = st.one_of(st.text(max_size=300), st.lists(st.sampled_from(_PARTS)).map("".join))


@given(_TEXTS, st.sampled_from(["en", "zh", "ar", "xx", "pt-BR"]), st.integers(1, 60), st.booleans())
@settings(max_examples=500, deadline=None)
def test_nothing_is_lost(text: str, language: str, limit: int, eager: bool) -> None:
    pieces = split(text, language, limit, eager=eager)
    assert without_space("".join(texts(pieces))) == without_space(text)
    assert all(0 < len(piece.text) <= limit for piece in pieces)
    assert all(piece.text == piece.text.strip() for piece in pieces)
