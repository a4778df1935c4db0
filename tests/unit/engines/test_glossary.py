"""Where the words of a glossary stand in a text."""

from __future__ import annotations

import re
import unicodedata

import pytest

from myna.engines.glossary import Terms, in_one_form


def replaced(words: dict[str, str], text: str) -> str:
    terms = Terms(words)
    return re.sub(terms.pattern, lambda match: terms.said_for(match[0]), in_one_form(text), flags=re.IGNORECASE)


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("river", "the RIVER flows"),
        ("Straße", "the Straße flows"),
        ("straße", "the STRAẞE flows"),
        ("istanbul", "the İstanbul flows"),
        ("Istanbul", "the ıstanbul flows"),
        ("ſea", "the sea flows"),
        ("ΣΟΦΟΣ", "the σοφος flows"),
        ("old  town", "the old\ttown flows"),
        (unicodedata.normalize("NFD", "Café"), "the café flows"),
        ("café", unicodedata.normalize("NFD", "the café flows")),
    ],
)
def test_a_word_is_found_however_it_is_written(term: str, text: str) -> None:
    assert replaced({term: "X"}, text) == "the X flows"


def test_the_longest_word_wins_and_the_very_word_before_one_in_other_capitals() -> None:
    assert replaced({"gate": "puerta", "gate keeper": "guarda"}, "A gate keeper, a gate.") == "A guarda, a puerta."
    assert replaced({"US": "EE. UU.", "us": "nos"}, "US and us") == "EE. UU. and nos"


def test_parts_of_words_and_what_has_no_letters_are_left_alone() -> None:
    assert replaced({"gate": "X", "…": "Y"}, "gates … investigate") == "gates … investigate"
    assert Terms({"…": "Y"}).pattern == ""
    assert Terms({"gate": "X"}).said_for("a" * 100) == "a" * 100


def test_a_word_may_be_left_out() -> None:
    assert replaced({"well": ""}, "well then") == " then"
