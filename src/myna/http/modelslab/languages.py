"""The vendor's names of languages, and ours. Pure."""

from __future__ import annotations

import re

from myna.errors import InvalidRequest

OUTPUT_LANGUAGES = {
    "es": "es",
    "fr": "fr",
    "hi": "hi",
    "it": "it",
    "pt-br": "pt-BR",
    "en-us": "en-US",
    "en-gb": "en-GB",
    "ja": "ja",
    "zh": "zh",
}
"""`output_lang` of a dub, and our tag."""

SPOKEN_LANGUAGES = {
    "american english": "en-US",
    "british english": "en-GB",
    "spanish": "es",
    "japanese": "ja",
    "mandarin chinese": "zh",
    "french": "fr",
    "brazilian portuguese": "pt-BR",
    "hindi": "hi",
    "italian": "it",
}
"""`language` of `text_to_speech`, and our tag."""

_OTHER_NAMES = {
    "english": "en-US",
    "en": "en-US",
    "chinese": "zh",
    "mandarin": "zh",
    "zh-cn": "zh",
    "portuguese": "pt-BR",
    "pt": "pt-BR",
    "fr-fr": "fr",
    "arabic": "ar",
    "armenian": "hy",
    "bulgarian": "bg",
    "catalan": "ca",
    "croatian": "hr",
    "czech": "cs",
    "danish": "da",
    "dutch": "nl",
    "estonian": "et",
    "finnish": "fi",
    "german": "de",
    "greek": "el",
    "hebrew": "he",
    "hungarian": "hu",
    "icelandic": "is",
    "indonesian": "id",
    "korean": "ko",
    "latvian": "lv",
    "lithuanian": "lt",
    "macedonian": "mk",
    "malay": "ms",
    "marathi": "mr",
    "nepali": "ne",
    "norwegian": "nb",
    "persian": "fa",
    "polish": "pl",
    "romanian": "ro",
    "russian": "ru",
    "serbian": "sr",
    "slovak": "sk",
    "slovenian": "sl",
    "swahili": "sw",
    "swedish": "sv",
    "tamil": "ta",
    "thai": "th",
    "turkish": "tr",
    "ukrainian": "uk",
    "urdu": "ur",
    "vietnamese": "vi",
    "welsh": "cy",
}
"""What clients also send."""
_NAMES = (
    {tag: name for name, tag in _OTHER_NAMES.items() if len(name) > 2 and "-" not in name}
    | {"en": "english", "pt": "portuguese"}
    | {tag: name for name, tag in SPOKEN_LANGUAGES.items()}
)
_TAG = re.compile(r"(?P<code>[a-z]{2,3})(-(?P<script>[a-z]{4}))?(-(?P<region>[a-z]{2}|[0-9]{3}))?")


def output_language(given: str) -> str:
    """Our tag of an `output_lang`; its full name and other codes are taken too. Raises `InvalidRequest`."""
    word = _word(given)
    found = OUTPUT_LANGUAGES.get(word) or SPOKEN_LANGUAGES.get(word) or _OTHER_NAMES.get(word)
    if found not in OUTPUT_LANGUAGES.values():
        known = ", ".join(OUTPUT_LANGUAGES)
        raise InvalidRequest(f"output_lang must be one of: {known}", field="output_lang")
    return str(found)


def spoken_language(given: str | None) -> str:
    """Our tag of a `language`: by its name in any case, or by its code. Raises `InvalidRequest`."""
    if given is None:
        return SPOKEN_LANGUAGES["american english"]
    return named_language(given, "language")


def named_language(given: str, field: str) -> str:
    """Our tag of a name or a code. Raises `InvalidRequest`."""
    word = _word(given)
    for names in (SPOKEN_LANGUAGES, _OTHER_NAMES, OUTPUT_LANGUAGES):
        if found := names.get(word):
            return found
    tag = _TAG.fullmatch(word)
    if tag is None:
        known = ", ".join(SPOKEN_LANGUAGES)
        raise InvalidRequest(f"{field} must be one of: {known}; or the code of a language", field=field)
    return "-".join(filter(None, (tag["code"], (tag["script"] or "").title(), (tag["region"] or "").upper())))


def language_name(tag: str) -> str:
    """The vendor's name of a language, else its tag."""
    return _NAMES.get(tag) or _NAMES.get(tag.partition("-")[0]) or tag


def _word(given: str) -> str:
    return " ".join(given.replace("_", "-").lower().split())
