"""The languages of Whisper: its codes and the tags that others use for them."""

from __future__ import annotations

from myna.engines.translation import base_language

CODES = (
    "af", "am", "ar", "as", "az", "ba", "be", "bg", "bn", "bo", "br", "bs", "ca", "cs", "cy", "da", "de", "el", "en",
    "es", "et", "eu", "fa", "fi", "fo", "fr", "gl", "gu", "ha", "haw", "he", "hi", "hr", "ht", "hu", "hy", "id", "is",
    "it", "ja", "jw", "ka", "kk", "km", "kn", "ko", "la", "lb", "ln", "lo", "lt", "lv", "mg", "mi", "mk", "ml", "mn",
    "mr", "ms", "mt", "my", "ne", "nl", "nn", "no", "oc", "pa", "pl", "ps", "pt", "ro", "ru", "sa", "sd", "si", "sk",
    "sl", "sn", "so", "sq", "sr", "su", "sv", "sw", "ta", "te", "tg", "th", "tk", "tl", "tr", "tt", "uk", "ur", "uz",
    "vi", "yi", "yo", "zh", "yue",
)  # fmt: skip
"""What faster-whisper accepts. Not every model has all of them."""
_TAGS = {"jw": "jv", "no": "nb"}
"""Codes of Whisper that are not what BCP 47 recommends."""
_CODES = {tag: code for code, tag in _TAGS.items()} | {"fil": "tl"}

LANGUAGES = tuple(_TAGS.get(code, code) for code in CODES)
"""BCP 47 tags of all of them."""


def code_of(tag: str) -> str | None:
    """Whisper's code for a BCP 47 tag, whatever its region; None when it knows no such language."""
    base = base_language(tag)
    code = _CODES.get(base, base)
    return code if code in CODES else None


def tag_of(code: str) -> str:
    """The BCP 47 tag of Whisper's code."""
    return _TAGS.get(code, code)
