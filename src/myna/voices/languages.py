"""Language tags as people use them: `en` means any English, and first of all the usual one."""

from __future__ import annotations

from collections.abc import Sequence

from myna.voices.schemas import Voice

_USUAL_REGIONS = {
    "en": ("en-us", "en-gb"),
    "es": ("es-es", "es-419"),
    "pt": ("pt-br", "pt-pt"),
    "zh": ("zh-cn",),
    "fr": ("fr-fr",),
}
_SAME_LANGUAGE = {"cmn": "zh", "yue": "zh-hk"}


def normal_tag(tag: str) -> str:
    """Lower case, with hyphens, Mandarin as `zh`."""
    language, hyphen, rest = tag.replace("_", "-").lower().partition("-")
    return _SAME_LANGUAGE.get(language, language) + hyphen + rest


def base_language(tag: str) -> str:
    return normal_tag(tag).split("-")[0]


def speaks(voice: Voice, tag: str) -> bool:
    """Whether `tag` names one of the voice's languages: `en` fits `en-GB`, `en-GB` does not fit `en-US`."""
    wanted = normal_tag(tag)
    return any(f"{normal_tag(language)}-".startswith(f"{wanted}-") for language in voice.languages)


def usual_first(voices: Sequence[Voice], tag: str) -> list[Voice]:
    """Of some voices, those with the usual accents of a language; all when there is none."""
    regions = (normal_tag(tag), *_USUAL_REGIONS.get(base_language(tag), ()))
    return [voice for voice in voices if normal_tag(voice.language) in regions] or list(voices)


def usual_rank(voice: Voice) -> int:
    """0 for the most usual accent of its language, and so on."""
    return rank_of_accent(voice.language)


def rank_of_accent(language: str) -> int:
    """As `usual_rank`, for a tag."""
    tag, regions = normal_tag(language), _USUAL_REGIONS.get(base_language(language), ())
    return regions.index(tag) if tag in regions else len(regions) if "-" in tag else 0
