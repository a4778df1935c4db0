"""What would have to be installed."""

from __future__ import annotations

import pytest

from myna.engines.apertium import missing_packages


@pytest.mark.parametrize(
    ("source", "target", "packages"),
    [
        ("en", "es", ("apertium-eng-spa",)),
        ("en-US", "pt-BR", ("apertium-eng-spa", "apertium-es-pt")),
        ("en", "ca", ("apertium-eng-cat",)),
        ("it", "fr", ("apertium-spa-ita", "apertium-fr-es")),
        ("es", "ro", ()),
        ("en", "ja", ()),
        ("xx", "yy", ()),
    ],
)
def test_the_fewest_packages_that_join_two_languages(source: str, target: str, packages: tuple[str, ...]) -> None:
    assert missing_packages(source, target) == packages
