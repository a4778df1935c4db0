"""A sentence for each language, to hear what a voice sounds like."""

from __future__ import annotations

_SENTENCES = {
    "ar": "مَرْحَبًا، هَذَا صَوْتِي.",
    "de": "Guten Tag, so klingt meine Stimme.",
    "en": "Hello, this is what my voice sounds like.",
    "es": "Hola, así suena mi voz.",
    "fr": "Bonjour, voici le son de ma voix.",
    "hi": "नमस्ते, मेरी आवाज़ ऐसी है।",
    "it": "Buongiorno, questa è la mia voce.",
    "ja": "こんにちは、これがわたしのこえです。",
    "ko": "안녕하세요, 제 목소리입니다.",
    "nl": "Hallo, zo klinkt mijn stem.",
    "pl": "Dzień dobry, tak brzmi mój głos.",
    "pt": "Olá, é assim que soa a minha voz.",
    "ru": "Здравствуйте, вот так звучит мой голос.",
    "tr": "Merhaba, benim sesim böyle.",
    "uk": "Добрий день, ось так звучить мій голос.",
    "zh": "你好，这就是我的声音。",
}
_COUNTING = "1, 2, 3, 4, 5."
"""For all other languages: numbers are read in the language of the voice."""


def sample_text(language: str) -> str:
    """What a voice of this language (BCP 47) says to introduce itself."""
    base = language.split("-")[0].lower()
    return _SENTENCES.get({"cmn": "zh"}.get(base, base), _COUNTING)
