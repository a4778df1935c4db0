"""The words of a language: what a number, a unit, a currency or a symbol is called. Read from `data/*.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

GrammaticalGender = Literal["m", "f", "n"]


@dataclass(frozen=True, slots=True)
class Noun:
    """Something that can be counted."""

    forms: tuple[str, ...]
    """One form, or singular and plural, or as many as the language's grammar tells apart."""
    gender: GrammaticalGender = "m"

    @classmethod
    def read(cls, text: str) -> Noun:
        """From `f:libra|libras`; without a prefix it is masculine."""
        genders: dict[str, GrammaticalGender] = {"m": "m", "f": "f", "n": "n"}
        prefix, colon, rest = text.partition(":")
        forms = tuple((rest if colon else text).split("|"))
        return cls(forms, genders[prefix] if colon else "m")

    def form(self, index: int) -> str:
        return self.forms[min(index, len(self.forms) - 1)]


@dataclass(frozen=True, slots=True)
class Currency:
    main: Noun
    hundredth: Noun | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """One language, in one region."""

    number_words: str
    """The language's name in num2words; empty when Myna has its own number words."""
    decimal_mark: Literal[".", ","]
    date_order: Literal["mdy", "dmy", "ymd"]
    """How a date of numbers is read when it does not start with the year; `ymd` reads it as `mdy`."""
    minus: str
    point: str
    percent: str
    range: str
    """The word of `10-20`."""
    hashtag: str
    money_joiner: str
    months: tuple[str, ...]
    symbols: Mapping[str, str]
    address: Mapping[str, str]
    """What the signs of a URL or an e-mail address are called."""
    fractions: Mapping[str, str]
    magnitudes: Mapping[str, Noun]
    """What may stand between a number and its currency: `$3.5 million`, `€2bn`."""
    currencies: Mapping[str, Currency]
    units: Mapping[str, Noun]
    counters: Mapping[str, str]
    """Abbreviations that are such only before a number: `No. 5`."""
    titles: Mapping[str, str]
    """Abbreviations that never end a sentence."""
    abbreviations: Mapping[str, str]
    """Abbreviations that may end a sentence, and then keep its full stop."""
    nouns: Mapping[str, Noun] = field(default_factory=dict)
    """Words, in each of their forms, that agree with the number before them."""
    prefixes: str = ""
    """Letters that are words of their own, and written onto the next one."""
    currency_symbols: Mapping[str, str] = field(default_factory=dict)
    """Signs that mean another currency here."""
    magnitude_joiner: str = " "
    """Between a round million and its noun: `un millón de euros`."""
    fraction_as_number: bool = False
    """3,14 is read `tres coma catorce` rather than digit by digit."""
    space_groups: bool = False
    """Plain spaces separate thousands."""
    spaced: bool = True
    """Words are separated by spaces."""


@lru_cache(maxsize=64)
def load_words(language: str, region: str = "") -> Words:
    """The words of a language such as `pt` as said in a region such as `BR`."""
    data = tomllib.loads((files(__package__) / "data" / f"{language}.toml").read_text(encoding="utf-8"))
    regions = data.pop("regions", {})
    changes = regions.get(region, regions.get("default", {}) if region else {})
    return _words(_merged(data, changes))


def _merged(data: dict[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(data)
    for name, change in changes.items():
        merged[name] = {**data[name], **change} if isinstance(change, dict) else change
    return merged


def _words(data: dict[str, Any]) -> Words:
    data["months"] = tuple(data["months"])
    for kind in ("units", "magnitudes"):
        data[kind] = {symbol: Noun.read(noun) for symbol, noun in data[kind].items()}
    nouns = [Noun.read(noun) for noun in data.get("nouns", ())]
    data["nouns"] = {form: noun for noun in nouns for form in noun.forms}
    data["currencies"] = {code: Currency(*map(Noun.read, nouns)) for code, nouns in data["currencies"].items()}
    return Words(**data)
