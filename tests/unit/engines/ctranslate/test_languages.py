"""Names of languages in models, and tags."""

from __future__ import annotations

import pytest

from myna.engines.ctranslate.languages import is_nllb, language_tokens, stands_before_source, tag_of


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("en", "en"),
        ("pb", "pt-BR"),
        ("zt", "zh-TW"),
        ("eng", "en"),
        ("nob", "nb"),
        ("no", "nb"),
        ("pt_BR", "pt-BR"),
        ("zho_Hant", "zh-TW"),
        ("ceb", "ceb"),
    ],
)
def test_names_become_tags(name: str, tag: str) -> None:
    assert tag_of(name) == tag


def test_each_family_of_models_has_tokens_of_its_own() -> None:
    assert language_tokens(["__en__", "__ns__", "▁en", "<s>"]) == {"en": "__en__", "nso": "__ns__"}
    assert language_tokens([">>ita<<", ">>pt_BR<<"]) == {"it": ">>ita<<", "pt": ">>pt_BR<<"}
    assert language_tokens(["<2es>", "<2zh_Latn>", "<2zh>"]) == {"es": "<2es>", "zh-Latn": "<2zh_Latn>", "zh": "<2zh>"}
    nllb = ["spa_Latn", "zho_Hans", "zho_Hant", "arb_Arab", "arb_Latn", "swh_Latn"]
    assert language_tokens(nllb) == {
        "es": "spa_Latn",
        "zh": "zho_Hans",
        "zh-TW": "zho_Hant",
        "ar": "arb_Arab",
        "ar-Latn": "arb_Latn",
        "sw": "swh_Latn",
    }


def test_where_a_token_stands() -> None:
    assert stands_before_source(">>ita<<")
    assert stands_before_source("<2es>")
    assert not stands_before_source("__es__")
    assert not stands_before_source("spa_Latn")


def test_nllb_is_known_by_its_names() -> None:
    assert is_nllb(["<s>", "spa_Latn"])
    assert not is_nllb(["__es__", ">>ita<<", "<2es>"])
