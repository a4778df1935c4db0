"""Which pair of languages serves which request."""

from __future__ import annotations

import pytest

from myna.engines.translation import base_language, fitting_pair

PAIRS = [("en", "es"), ("es", "pt"), ("es", "pt-BR"), ("es", "en-US"), ("zh", "nb")]


@pytest.mark.parametrize(
    ("source", "target", "fitting"),
    [
        ("en", "es", ("en", "es")),
        ("en-GB", "es-MX", ("en", "es")),
        ("en_US", "ES", ("en", "es")),
        ("es", "pt-BR", ("es", "pt-BR")),
        ("es", "pt-br", ("es", "pt-BR")),
        ("es", "pt-PT", ("es", "pt")),
        ("es", "pt", ("es", "pt")),
        ("es", "en", ("es", "en-US")),
        ("es", "en-GB", None),
        ("cmn", "no", ("zh", "nb")),
        ("en", "fr", None),
        ("e", "es", None),
    ],
)
def test_the_nearest_pair_is_taken(source: str, target: str, fitting: tuple[str, str] | None) -> None:
    assert fitting_pair(PAIRS, source, target) == fitting


def test_a_language_without_its_region() -> None:
    assert [base_language(tag) for tag in ("pt-BR", "zh_Hant_TW", "cmn-CN", "EN")] == ["pt", "zh", "zh", "en"]
