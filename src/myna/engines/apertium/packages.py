"""What Debian has that would join two languages, for advice. No package is ever installed by Myna."""

from __future__ import annotations

_PACKAGES: dict[str, tuple[str, ...]] = {
    "apertium-eng-spa": ("en-es", "es-en"),
    "apertium-eng-cat": ("en-ca", "ca-en"),
    "apertium-en-gl": ("en-gl", "gl-en"),
    "apertium-fr-es": ("fr-es", "es-fr"),
    "apertium-fra-cat": ("fr-ca", "ca-fr"),
    "apertium-es-pt": ("es-pt", "pt-es"),
    "apertium-por-cat": ("pt-ca", "ca-pt"),
    "apertium-pt-gl": ("pt-gl", "gl-pt"),
    "apertium-es-gl": ("es-gl", "gl-es"),
    "apertium-spa-ita": ("es-it", "it-es"),
    "apertium-cat-ita": ("ca-it", "it-ca"),
    "apertium-spa-cat": ("es-ca", "ca-es"),
    "apertium-spa-arg": ("es-an", "an-es"),
    "apertium-es-ro": ("ro-es",),
    "apertium-eu-en": ("eu-en",),
    "apertium-eu-es": ("eu-es",),
    "apertium-isl-eng": ("is-en",),
    "apertium-mkd-eng": ("mk-en",),
    "apertium-afr-nld": ("af-nl", "nl-af"),
    "apertium-swe-dan": ("sv-da", "da-sv"),
    "apertium-swe-nor": ("sv-nb", "nb-sv"),
    "apertium-dan-nor": ("da-nb", "nb-da"),
    "apertium-nno-nob": ("nn-nb", "nb-nn"),
    "apertium-rus-ukr": ("ru-uk", "uk-ru"),
    "apertium-bel-rus": ("be-ru", "ru-be"),
    "apertium-urd-hin": ("ur-hi", "hi-ur"),
    "apertium-ind-zlm": ("id-ms", "ms-id"),
}  # fmt: skip
"""Pairs of Debian 12 and what each translates, by base language."""


def missing_packages(source: str, target: str) -> tuple[str, ...]:
    """The Debian packages that join two languages, directly or by way of one other; empty when there are none."""
    start, end = (tag.partition("-")[0].lower() for tag in (source, target))
    by_pair = {pair: package for package, pairs in _PACKAGES.items() for pair in pairs}
    if direct := by_pair.get(f"{start}-{end}"):
        return (direct,)
    for pair, package in by_pair.items():
        first, middle = pair.split("-")
        if first == start and (second := by_pair.get(f"{middle}-{end}")):
            return package, second
    return ()
