"""From what espeak-ng says in the International Phonetic Alphabet to the symbols that Kokoro has learned.

Kokoro writes a diphthong or an affricate with one symbol (`A` in "hey", `I` in "high", `ʤ` in "jump"), and American
English without the length marks of espeak-ng. Source: the lists of phonemes of misaki, Kokoro's own reader
(`EN_PHONES.md`; Apache-2.0), and the vocabulary in the configuration of the model.
"""

from __future__ import annotations

import re

from myna.engines.espeak.library import TIE

_SHARED = {"a^ɪ": "I", "a^ʊ": "W", "e^ɪ": "A", "ɔ^ɪ": "Y", "d^ʒ": "ʤ", "t^ʃ": "ʧ"}
_ELSEWHERE = _SHARED | {"o^ʊ": "O", "ə^ʊ": "Q", "d^z": "ʣ", "t^s": "ʦ", "s^s": "S", "-": ""}
_ENGLISH = _SHARED | {
    "ə^l": "ᵊl", "ʔˌn\u0329": "tᵊn", "ʔn\u0329": "tᵊn", "ʔn": "tᵊn", "ʔ": "t",  # little, button
    "r": "ɹ", "x": "k", "ç": "k", "ɬ": "l", "ɐ": "ə", "ɚ": "əɹ", "e": "A", "ʲ": "", "\u0303": "",
}  # fmt: skip
_AMERICAN = _ENGLISH | {"o^ʊ": "O", "ɜːɹ": "ɜɹ", "ɜː": "ɜɹ", "ɪ^ə": "iə", "ː": ""}
_BRITISH = _ENGLISH | {"ə^ʊ": "Q", "e^ə": "ɛː", "i^ə": "ɪə"}
_TABLES = {"en-US": _AMERICAN, "en-GB": _BRITISH}
_PATTERNS = {
    tag: re.compile("|".join(re.escape(sound) for sound in sorted(table, key=len, reverse=True)))
    for tag, table in {**_TABLES, "": _ELSEWHERE}.items()
}
_OTHER_LANGUAGE = re.compile(r"\([a-z-]+\)")
"""espeak-ng names the language of a foreign word in brackets."""
_SYLLABIC = re.compile("(.)\u0329")


def in_symbols(ipa: str, tag: str) -> str:
    """The phonemes of a word, as espeak-ng writes them with ties, in Kokoro's symbols for this language."""
    table = _TABLES.get(tag, _ELSEWHERE)
    pattern = _PATTERNS[tag if tag in _TABLES else ""]
    said = pattern.sub(lambda sound: table[sound[0]], _OTHER_LANGUAGE.sub("", ipa))
    if tag in _TABLES:
        said = _SYLLABIC.sub(r"ᵊ\1", said).replace("o", "ɔ")
    return said.replace(TIE, "")
