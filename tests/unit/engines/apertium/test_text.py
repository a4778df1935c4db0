"""Lines as streams and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myna.engines.apertium.text import LINE_END, decoded, encoded, onward, pieces
from myna.engines.glossary import has_words


@pytest.mark.parametrize(
    ("line", "stream"),
    [
        ("The house.", "The house."),
        ("The house", "The house."),
        ("How are you?", "How are you?"),
        ("a [b] {c} ^x$ @y/z\\ <i>", r"a \[b\] \{c\} \^x\$ \@y\/z\\ \<i\>."),
        ("don’t", "don't."),
        ("one\ntwo\0three\u2028four\ud800", "one two three four."),
        ("e\u0301te", "éte."),
    ],
)
def test_a_line_as_a_stream(line: str, stream: str) -> None:
    assert [encoded(piece, {}) for piece in pieces(line)] == [stream]


def test_words_of_the_glossary_are_put_in_translated() -> None:
    glossary = {"gate": "portón [de] hierro", "Gate keeper": "guarda", " ": "x", "river": "río"}
    assert encoded("The gate keeper opens the GATE, not the gates.", glossary) == (
        r"The [guarda] opens the [portón \[de\] hierro], not the gates."
    )
    assert encoded("Die Straße zur l'eau.", {"Straße": "calle", "l’eau": "agua"}) == "Die [calle] zur [agua]."


def test_a_word_that_is_none_is_not_looked_at() -> None:
    assert encoded(f"hello {'a' * 150} you.", {}) == f"hello [{'a' * 150}] you."


def test_leftovers_of_dictionaries_are_taken_away() -> None:
    assert decoded(onward(rf"hola \<prn\>mi @amigo<n><sg>.{LINE_END}", "x."), "x.") == "hola mi amigo."


def test_tags_of_the_line_itself_stay() -> None:
    piece = "<b>hi</b>"
    assert decoded(onward(encoded(piece, {}) + LINE_END, piece), piece) == piece


def test_a_long_line_is_cut_at_sentences_then_at_words() -> None:
    sentences = pieces("One two three. " * 200)
    assert all(piece.endswith("three.") and len(piece) <= 1_000 for piece in sentences)
    words = pieces("word " * 1_000)
    assert all(set(piece.split()) == {"word"} for piece in words)
    assert [len(piece) for piece in pieces("x" * 2_500)] == [1_000, 1_000, 500]


@pytest.mark.parametrize("line", ["", " ", "42", "—", "\0\n", "😀"])
def test_some_lines_have_no_words(line: str) -> None:
    assert not has_words(line)


@given(st.text(max_size=3_000))
def test_nothing_of_a_line_is_lost_on_the_way(line: str) -> None:
    cut = pieces(line)
    assert all(len(piece) <= 1_000 and "\0" not in piece and "\n" not in piece for piece in cut)
    assert [decoded(onward(encoded(piece, {}) + LINE_END, piece), piece) for piece in cut] == [
        " ".join(piece.split()) for piece in cut
    ]
    assert "".join("".join(cut).split()) == "".join("".join(pieces(" ".join(cut))).split())
