"""Lines as sentences, and words that a model must not touch."""

from __future__ import annotations

import pytest

from myna.engines.ctranslate.text import Glossary, plain, sentences, untranslated


def short(text: str) -> bool:
    return len(text) <= 40


def test_a_line_is_cut_into_sentences() -> None:
    assert sentences("It is cold. Close the door!", "en", short) == ["It is cold.", "Close the door!"]
    assert sentences("天气很好。我们走吧。", "zh-CN", short) == ["天气很好。", "我们走吧。"]


@pytest.mark.parametrize("line", ["", "42", "… — !", "😀"])
def test_a_line_without_words_has_no_sentences(line: str) -> None:
    assert sentences(line, "en", short) == []


def test_what_does_not_fit_is_halved_at_a_comma_or_a_space() -> None:
    line = "We went along the river, and we came home late in the evening"
    assert sentences(line, "en", short) == ["We went along the river,", "and we came home late in the evening"]
    line = "one two three four five six seven eight nine ten eleven"
    parts = sentences(line, "en", short)
    assert " ".join(parts) == line
    assert all(map(short, parts))


def test_a_comma_at_an_end_is_no_place_to_cut() -> None:
    line = "Well, one two three four five six seven eight nine ten eleven twelve thirteen"
    parts = sentences(line, "en", short)
    assert " ".join(parts) == line
    assert all(map(short, parts))


def test_a_word_that_does_not_fit_is_cut() -> None:
    parts = sentences("a" * 130, "en", short)
    assert "".join(parts) == "a" * 130
    assert all(map(short, parts))


def test_what_is_no_text_becomes_a_space() -> None:
    assert plain(" the\0house\n\tis\u2028big \ud800!") == "the house is big !"


def test_words_of_a_glossary_become_names() -> None:
    guarded = Glossary({"river": "río", "the old town": "la ciudad vieja", "Riv": "no"}).guard(
        "The River runs by the old town."
    )
    assert guarded is not None
    assert guarded.text == "The Zq1 runs by Zq2."
    assert guarded.said == {"Zq1": "río", "Zq2": "la ciudad vieja"}
    assert guarded.restored("El Zq1 corre por ZQ2.") == "El río corre por la ciudad vieja."
    assert guarded.parts == ("The", "río", "runs by", "la ciudad vieja", ".")
    assert untranslated(guarded.parts) == ["The", "runs by"]


def test_letters_that_are_one_in_capitals_do_no_harm() -> None:
    guarded = Glossary({"istanbul": "Estambul", "Straße": "calle"}).guard("Die Straße in İstanbul.")
    assert guarded is not None
    assert guarded.said == {"Zq1": "calle", "Zq2": "Estambul"}


def test_a_placeholder_that_is_lost_or_doubled_is_noticed() -> None:
    guarded = Glossary({"river": "río"}).guard("The river.")
    assert guarded is not None
    assert guarded.restored("El rio.") is None
    assert guarded.restored("Zq1 Zq1.") is None
    assert guarded.restored("Zq11.") is None
    assert guarded.restored("Zq1\\1.") == "río\\1."


def test_a_sentence_without_words_of_the_glossary_is_left_alone() -> None:
    assert Glossary({"river": "río"}).guard("The rivers.") is None
    assert Glossary({}).guard("The river.") is None
    assert Glossary({"…": "no"}).guard("The river …") is None


def test_a_script_without_spaces_has_words_anywhere() -> None:
    guarded = Glossary({"北京": "Peking"}).guard("我在北京住。")
    assert guarded is not None
    assert guarded.text == "我在Zq1住。"


def test_a_sentence_that_has_the_placeholder_gets_another_one() -> None:
    guarded = Glossary({"river": "río"}).guard("Zq1 is a river.")
    assert guarded is not None
    assert guarded.text == "Zq1 is a Xq1."
