"""The voices of Kokoro and the languages that it speaks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec

from myna.engines.base import StockVoice

ENGINE = "kokoro"
_VOICE = re.compile(r"([abefhijpz])([fm])_([a-z0-9]+)")
"""The first letter of a name is the language, the second the gender."""


@dataclass(frozen=True, slots=True)
class Locale:
    """A language of Kokoro."""

    tag: str
    """BCP 47."""
    letter: str
    name: str
    voice_file: str = ""
    """Of espeak-ng. Empty: misaki reads it."""
    packages: tuple[str, ...] = ()
    """Modules that must be installed for misaki to read it."""


_FOR_JAPANESE = ("fugashi", "jaconv", "mojimoji", "pyopenjtalk", "unidic_lite")
_FOR_CHINESE = ("cn2an", "jieba", "ordered_set", "pypinyin")
LOCALES = (
    Locale("en-US", "a", "American English", "gmw/en-US"),
    Locale("en-GB", "b", "British English", "gmw/en"),
    Locale("es-ES", "e", "Spanish", "roa/es"),
    Locale("fr-FR", "f", "French", "roa/fr"),
    Locale("hi-IN", "h", "Hindi", "inc/hi"),
    Locale("it-IT", "i", "Italian", "roa/it"),
    Locale("pt-BR", "p", "Brazilian Portuguese", "roa/pt-BR"),
    Locale("ja-JP", "j", "Japanese", packages=("misaki", *_FOR_JAPANESE)),
    Locale("zh-CN", "z", "Mandarin Chinese", packages=("misaki", *_FOR_CHINESE)),
)
_BY_LETTER = {locale.letter: locale for locale in LOCALES}


@cache
def spoken_here() -> tuple[Locale, ...]:
    """The languages that can be read on this machine."""
    return tuple(locale for locale in LOCALES if all(find_spec(package) for package in locale.packages))


def stock_voices(names: Iterable[str]) -> tuple[StockVoice, ...]:
    """The voices of these names, in the order of Kokoro's languages; names of another form are no voices of it."""
    known = sorted(names)
    return tuple(voice for locale in spoken_here() for voice in _of_locale(locale, known))


def locale_of(voice: str) -> Locale | None:
    """The language of a voice, by its name."""
    found = _VOICE.fullmatch(voice)
    return _BY_LETTER[found[1]] if found else None


def spoken_locale(language: str, own: Locale | None) -> Locale | None:
    """In which language a text is read by a voice: in its own accent where the language is its own.

    Every voice can speak all languages of Kokoro. None: the language is not among them.
    """
    wanted = _primary(language)
    if own in spoken_here() and wanted in ("", _primary(own.tag if own else "")):
        return own
    fitting = [locale for locale in spoken_here() if _primary(locale.tag) == wanted]
    exact = (locale for locale in fitting if locale.tag.lower() == language.lower())
    return next(exact, fitting[0] if fitting else None)


def _of_locale(locale: Locale, names: list[str]) -> Iterator[StockVoice]:
    for name in names:
        found = _VOICE.fullmatch(name)
        if found and found[1] == locale.letter:
            gender = "female" if found[2] == "f" else "male"
            yield StockVoice(
                id=name,
                name=f"{found[3].capitalize()} ({locale.name})",
                language=locale.tag,
                gender="female" if gender == "female" else "male",
                description=f"{locale.name}, {gender}, the voice {name} of Kokoro-82M.",
                settings={"voice": name},
            )


def _primary(tag: str) -> str:
    return tag.partition("-")[0].lower()
