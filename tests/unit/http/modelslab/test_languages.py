"""The vendor's names of languages."""

from __future__ import annotations

import pytest

from myna.errors import InvalidRequest
from myna.http.modelslab.languages import (
    OUTPUT_LANGUAGES,
    SPOKEN_LANGUAGES,
    language_name,
    named_language,
    output_language,
    spoken_language,
)


def test_both_lists_are_the_same_nine_languages() -> None:
    assert set(OUTPUT_LANGUAGES.values()) == set(SPOKEN_LANGUAGES.values())
    assert len(OUTPUT_LANGUAGES) == 9


@pytest.mark.parametrize(
    ("given", "tag"),
    [("es", "es"), ("PT-BR", "pt-BR"), ("pt_br", "pt-BR"), ("english", "en-US"), ("brazilian  portuguese", "pt-BR")],
)
def test_output_languages(given: str, tag: str) -> None:
    assert output_language(given) == tag


@pytest.mark.parametrize("given", ["de", "german", "klingon", "", "../es"])
def test_into_other_languages_nothing_is_dubbed(given: str) -> None:
    with pytest.raises(InvalidRequest, match="output_lang must be one of: es, fr"):
        output_language(given)


@pytest.mark.parametrize(
    ("given", "tag"),
    [
        (None, "en-US"),
        ("American English", "en-US"),
        ("hindi", "hi"),
        ("german", "de"),
        ("sw", "sw"),
        ("es-mx", "es-MX"),
        ("zh_hant_tw", "zh-Hant-TW"),
    ],
)
def test_spoken_languages(given: str | None, tag: str) -> None:
    assert spoken_language(given) == tag


@pytest.mark.parametrize("given", ["a language of dreams", "e", "english2", "x" * 40, "en-", "en-é", "en-../../x"])
def test_unknown_languages_are_refused_with_the_field(given: str) -> None:
    with pytest.raises(InvalidRequest, match="source_lang must be one of") as refused:
        named_language(given, "source_lang")
    assert refused.value.field == "source_lang"


@pytest.mark.parametrize(
    ("tag", "name"),
    [("en-US", "american english"), ("en", "english"), ("de", "german"), ("xx", "xx"), ("es-MX", "spanish")],
)
def test_names_of_tags(tag: str, name: str) -> None:
    assert language_name(tag) == name
