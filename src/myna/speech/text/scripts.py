"""In which language a text is read: what no voice of another script could read but letter by letter."""

from __future__ import annotations

import unicodedata
from collections import Counter

_WRITTEN_IN = {
    "CYRILLIC": ("ru", "uk", "be", "bg", "mk", "sr", "kk", "ky", "tt", "ba", "cv", "nog", "uz", "mn"),
    "ARABIC": ("ar", "fa", "ur", "sd", "ug", "ku"),
    "DEVANAGARI": ("hi", "mr", "ne", "kok"),
    "BENGALI": ("bn", "as", "bpy"),
    "CJK": ("zh", "cmn", "yue", "hak", "ja", "ko"),
    "HIRAGANA": ("ja",),
    "HANGUL": ("ko",),
    "GREEK": ("el", "grc"),
    "HEBREW": ("he", "yi"),
    "THAI": ("th",),
    "TAMIL": ("ta",),
    "TELUGU": ("te",),
    "KANNADA": ("kn",),
    "MALAYALAM": ("ml",),
    "GUJARATI": ("gu",),
    "GURMUKHI": ("pa",),
    "ORIYA": ("or",),
    "SINHALA": ("si",),
    "MYANMAR": ("my", "shn"),
    "ARMENIAN": ("hy", "hyw"),
    "GEORGIAN": ("ka",),
    "ETHIOPIC": ("am", "ti", "om"),
}
"""The first word of the Unicode names of a script's letters, and the languages written in it, the most usual first."""


def language_to_read(text: str, language: str) -> str:
    """`language`, unless most letters belong to a script that it does not use: then the usual language of that script.

    A voice of English reads «Привет» in Russian. Languages of one script are not told apart.
    """
    scripts = _letters_by_script(text)
    if not scripts:
        return language
    script, count = scripts.most_common(1)[0]
    readers = _WRITTEN_IN.get(script, (language,))
    is_foreign = language.partition("-")[0].lower() not in readers and 2 * count > scripts.total()
    return readers[0] if is_foreign else language


def _letters_by_script(text: str) -> Counter[str]:
    """How many letters of each script. Chinese characters among kana are Japanese."""
    scripts: Counter[str] = Counter()
    if text.isascii():
        return scripts
    for letter, count in Counter(filter(str.isalpha, text)).items():
        scripts[unicodedata.name(letter, "").partition(" ")[0]] += count
    if kana := scripts.pop("HIRAGANA", 0) + scripts.pop("KATAKANA", 0):
        scripts["HIRAGANA"] = kana + scripts.pop("CJK", 0)
    return scripts
