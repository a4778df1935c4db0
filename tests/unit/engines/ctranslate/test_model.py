"""Which of several translations is taken when it shall be short."""

from __future__ import annotations

from myna.engines.ctranslate.model import shortest_adequate, without_circles


def test_the_shortest_of_those_that_are_nearly_as_likely() -> None:
    found = [("It is a very old house.", -0.2), ("It's a very old house.", -0.3), ("It's an old house.", -0.5)]
    assert shortest_adequate(found) == "It's an old house."


def test_what_is_much_less_likely_is_not_taken() -> None:
    assert shortest_adequate([("It is a very old house.", -0.2), ("It's an old house.", -0.6)]).startswith("It is")


def test_what_leaves_out_too_much_is_not_taken() -> None:
    assert shortest_adequate([("It is a very old house.", -0.2), ("House.", -0.2), ("", -0.2)]).startswith("It is")


def test_nothing_stays_nothing() -> None:
    assert shortest_adequate([("", -0.2)]) == ""


def test_what_finds_no_end_says_its_last_words_once() -> None:
    assert "".join(without_circles("abcdcdcdcdcdcdcd", 16)) == "abcd"
    assert "".join(without_circles("ab" + "c" * 20, 12)) == "abc"
    assert "".join(without_circles("abcdefghijkl", 10)) == "abcdefghij"
    assert "".join(without_circles("aaaa", 5)) == "aaaa"
    assert "".join(without_circles("abab", 4)) == "abab"
