"""Language tags, in and out."""

from __future__ import annotations

from pathlib import Path

import espeakng_loader
import pytest

from myna.engines.espeak.languages import LANGUAGES, find_language


@pytest.mark.parametrize(
    ("tag", "path"),
    [
        ("en-US", "gmw/en-US"),
        ("en", "gmw/en-US"),
        ("en-GB", "gmw/en"),
        ("en-gb", "gmw/en"),
        ("en_GB", "gmw/en"),
        ("en-AU", "gmw/en"),
        ("es", "roa/es"),
        ("es-ES", "roa/es"),
        ("es-MX", "roa/es-419"),
        ("es-419", "roa/es-419"),
        ("es-UY", "roa/es-419"),
        ("fr-CA", "roa/fr"),
        ("fr-CH", "roa/fr-CH"),
        ("pt", "roa/pt-BR"),
        ("pt-PT", "roa/pt"),
        ("hi", "inc/hi"),
        ("ja", "jpx/ja"),
        ("zh", "sit/cmn"),
        ("zh-Hans-CN", "sit/cmn"),
        ("cmn", "sit/cmn"),
        ("zh-HK", "sit/yue"),
        ("yue", "sit/yue"),
        ("ar-EG", "sem/ar"),
        ("de-AT", "gmw/de"),
        ("no", "gmq/nb"),
    ],
)
def test_a_tag_finds_its_language(tag: str, path: str) -> None:
    found = find_language(tag)
    assert found
    assert found.path == path


@pytest.mark.parametrize("tag", ["xx", "", "art-x-nobody", "tlhh", "-"])
def test_unknown_tags_find_none(tag: str) -> None:
    assert find_language(tag) is None


def test_every_language_finds_itself_and_has_a_file() -> None:
    data = Path(espeakng_loader.get_data_path()) / "lang"
    for language in LANGUAGES:
        assert find_language(language.tag) == language
        assert (data / language.path).is_file()


def test_tags_and_paths_are_unique() -> None:
    assert len({language.tag.lower() for language in LANGUAGES}) == len(LANGUAGES) >= 130
    assert len({language.path for language in LANGUAGES}) == len(LANGUAGES)
