"""The stock voices: variants that espeak-ng brings along, and synthetic ones made here from numbers alone.

A synthetic voice is a point in a space of eight dimensions (pitch, vocal tract, tilt …). Its number gives the point by
an additive recurrence (M. Roberts, "The Unreasonable Effectiveness of Quasirandom Sequences", 2018), which spreads the
points evenly, so that neighbours differ and no library decides what a voice sounds like. Formants stay within 15 % of
the usual ones and pitch between 70 and 280 Hz, so that all of them can be understood.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from myna.engines.base import Gender, StockVoice
from myna.engines.espeak.languages import LANGUAGES, Language

_STOCK: dict[str, Gender] = {
    "f3": "female",
    "m3": "male",
    "f5": "female",
    "m7": "male",
    "f1": "female",
    "m1": "male",
    "f2": "female",
    "m5": "male",
    "f4": "female",
    "m8": "male",
    "m2": "male",
    "m4": "male",
    "Alex": "male",
    "Alicia": "female",
    "Andrea": "female",
    "Andy": "male",
    "Annie": "female",
    "Denis": "male",
    "Diogo": "male",
    "Gene": "male",
    "Gene2": "male",
    "Hugo": "male",
    "Jacky": "male",
    "Lee": "male",
    "Mario": "male",
    "Michael": "male",
    "Mike": "male",
    "Nguyen": "male",
    "Reed": "male",
    "adam": "male",
    "anika": "female",
    "antonio": "male",
    "belinda": "female",
    "david": "male",
    "ed": "male",
    "edward": "male",
    "iven": "male",
    "john": "male",
    "klatt4": "male",
    "linda": "female",
    "marcelo": "male",
    "mike2": "male",
    "norbert": "male",
    "pablo": "male",
    "paul": "male",
    "quincy": "male",
    "rob": "male",
    "sandro": "male",
    "shelby": "female",
    "steph": "female",
    "travis": "male",
}
"""Variants of espeak-ng that can be understood and told apart, the plainest first."""

_STOCK_ELSEWHERE = 4
_STOCK_IN_MAIN_LANGUAGES = 8
_SYNTHETIC = {"en-US": range(1, 201), "en-GB": range(201, 281)}
"""The numbers of the synthetic voices of a language."""
_SYNTHETIC_IN_MAIN_LANGUAGES = range(301, 313)
_MAIN_LANGUAGES = frozenset(
    {"ar", "de", "es-419", "es-ES", "fr-FR", "hi-IN", "it-IT", "ja-JP", "ko", "nl", "pl", "pt-BR", "pt-PT", "ru", "tr"}
    | {"zh-CN", "zh-HK"}
)

_DIMENSIONS = 8
_ROOT = 1.0850702454914507
"""The root above 1 of x⁹ = x + 1; its powers give the steps of the recurrence in eight dimensions."""
_MOVED = {39: 439, 99: 499, 111: 511, 137: 537, 178: 578}
"""Voices that would sound nearly like another one, and the points that they take instead."""


@cache
def stock_voices() -> tuple[StockVoice, ...]:
    return tuple(voice for language in LANGUAGES for voice in _voices_of(language))


def _voices_of(language: Language) -> Iterator[StockVoice]:
    main = language.tag in _MAIN_LANGUAGES
    numbers = _SYNTHETIC.get(language.tag, _SYNTHETIC_IN_MAIN_LANGUAGES if main else range(0))
    count = _STOCK_IN_MAIN_LANGUAGES if main else _STOCK_ELSEWHERE
    if language.tag == "en-US":
        count = len(_STOCK)
    elif language.tag == "en-GB":
        count = 12
    for variant in list(_STOCK)[:count]:
        yield _stock(language, variant)
    for number in numbers:
        yield _synthetic(language, number)


def _stock(language: Language, variant: str) -> StockVoice:
    return StockVoice(
        id=f"{language.tag.lower()}.{variant.lower()}",
        name=f"{language.name} {variant}",
        language=language.tag,
        gender=_STOCK[variant],
        description=f"{language.name}, {_STOCK[variant]}, the variant {variant} of espeak-ng.",
        settings={"language": language.path, "variant": variant},
    )


def _synthetic(language: Language, number: int) -> StockVoice:
    gender = synthetic_gender(number)
    return StockVoice(
        id=f"{language.tag.lower()}.s{number:03d}",
        name=f"{language.name} {number:03d}",
        language=language.tag,
        gender=gender,
        description=f"{language.name}, {gender}, synthetic voice {number}.",
        settings={"language": language.path, "recipe": recipe(number)},
    )


def synthetic_gender(number: int) -> Gender:
    """Odd numbers are female, even ones male."""
    return "female" if number % 2 else "male"


def recipe(number: int) -> str:
    """The lines of an espeak-ng variant file for a synthetic voice."""
    pitch, tract, tilt, first, second, third, texture, melody = _point(number)
    female = synthetic_gender(number) == "female"
    base = 150 + 100 * pitch if female else 74 + 66 * pitch
    scale = 103 + 11 * tract if female else 88 + 13 * tract
    lines = [
        f"gender {'female' if female else 'male'}",
        f"pitch {base:.0f} {min(280.0, base * (1.25 + 0.35 * melody)):.0f}",
        *_formants(scale, tilt, (first, second, third)),
        *_texture(texture),
        f"intonation {1 + int(melody * 4)}",
    ]
    return "\n".join(lines) + "\n"


def _formants(scale: float, tilt: float, shifts: tuple[float, float, float]) -> Iterator[str]:
    """Frequency, height and width in percent. `tilt` makes the voice darker (0) or brighter (1)."""
    spread = [16 * (shift - 0.5) for shift in shifts]
    for number in range(9):
        shift = spread[number - 1] if 1 <= number <= 3 else 0.0
        frequency = min(115.0, max(85.0, scale + shift))
        height = 100 + (tilt - 0.5) * 28 * (number - 2)
        width = 100 + 60 * (shifts[number % 3] - 0.3)
        yield f"formant {number} {frequency:.0f} {max(25.0, min(180.0, height)):.0f} {width:.0f}"


def _texture(place: float) -> Iterator[str]:
    """A clear, a breathy, a rough or an unsteady voice; `place` also sets how much of it."""
    kind, strength = divmod(place * 4, 1.0)
    yield f"flutter {[2, 1, 3, 4 + 6 * strength][int(kind)]:.0f}"
    yield f"roughness {[0, 1, 2 + 2 * strength, 1][int(kind)]:.0f}"
    yield f"voicing {[100 + 20 * strength, 90 - 20 * strength, 105, 95][int(kind)]:.0f}"
    yield f"consonants {90 + 40 * strength:.0f} {90 + 30 * strength:.0f}"
    if int(kind) == 1:
        breath = 2 + round(4 * strength)
        yield "breath " + " ".join(["0", *[str(breath)] * 7])


def _point(number: int) -> list[float]:
    """Eight numbers from 0 to 1."""
    number = _MOVED.get(number, number)
    return [(0.5 + number * _ROOT ** -(axis + 1)) % 1.0 for axis in range(_DIMENSIONS)]
