"""Russian: three forms of a noun, ordinals in cases for dates and years, fractions as `целых` and `сотых`."""

from __future__ import annotations

import re
from re import Match

from myna.speech.text.grammar import Grammar, Rule, spelled
from myna.speech.text.numbers import Number
from myna.speech.text.words import GrammaticalGender, Noun

_MONTHS = "января|февраля|марта|апреля|мая|июня|июля|августа|сентября|октября|ноября|декабря"
_DAY = re.compile(rf"(?<![\w.,])(3[01]|[12][0-9]|0?[1-9]) (?={_MONTHS})")
_YEAR = re.compile(r"(?<![\w.,])([12][0-9]{3}) ?(года|году|годом|год|г\.)(?!\w)")
_YEAR_CASES = {"год": "n", "года": "g", "году": "p", "годом": "i"}
_ORDINAL = re.compile(r"(?<![\w.,])([0-9]{1,4})-(го|му|ый|ий|ой|ая|ое|й|я|е|м|ю)\b")
_ENDINGS = {
    **dict.fromkeys(("ый", "ий", "ой", "й"), ("n", "m")),
    **dict.fromkeys(("ая", "я"), ("n", "f")),
    **dict.fromkeys(("ое", "е"), ("n", "n")),
    "го": ("g", "m"),
    "му": ("d", "m"),
    "м": ("p", "m"),
    "ю": ("a", "f"),
}
_PARTS = {1: ("десятая", "десятых"), 2: ("сотая", "сотых"), 3: ("тысячная", "тысячных")}


class RussianGrammar(Grammar):
    @property
    def rules(self) -> tuple[Rule, ...]:
        return (
            (_YEAR, self._year),
            (_DAY, lambda match: f"{_ordinal(int(match[1]), 'g', 'n')} "),
            (_ORDINAL, self._ordinal),
        )

    def cardinal(self, value: int, gender: GrammaticalGender | None = None) -> str:
        return spelled(value, "ru", gender=gender or "m")

    def number(self, number: Number, gender: GrammaticalGender | None = None) -> str:
        if not 1 <= len(number.fraction) <= 3:
            return super().number(number, gender)
        sign = self.words.minus if number.negative else ""
        part = _PARTS[len(number.fraction)][not _ends_with_one(int(number.fraction))]
        whole = "целая" if _ends_with_one(number.whole) else "целых"
        return self.join(sign, self.cardinal(number.whole, "f"), whole, self.cardinal(int(number.fraction), "f"), part)

    def form(self, number: Number, noun: Noun) -> str:
        if number.fraction:
            return noun.form(1)
        if _ends_with_one(number.whole):
            return noun.form(0)
        few = number.whole % 10 in (2, 3, 4) and number.whole % 100 not in (12, 13, 14)
        return noun.form(1 if few else 2)

    def percent(self, number: Number) -> str:
        return self.counted(number, Noun.read(self.words.percent))

    def date(self, year: int, month: int, day: int) -> str:
        return f"{_ordinal(day, 'g', 'n')} {self.words.months[month - 1]} {_ordinal(year, 'g', 'm')} года"

    def _year(self, match: Match[str]) -> str:
        word = "года" if match[2] == "г." and self._after_month(match) else match[2].replace("г.", "год")
        return f"{_ordinal(int(match[1]), _YEAR_CASES[word], 'm')} {word}"

    def _after_month(self, match: Match[str]) -> bool:
        return re.search(rf"(?:{_MONTHS}) $", match.string[max(0, match.start() - 12) : match.start()]) is not None

    def _ordinal(self, match: Match[str]) -> str:
        return _ordinal(int(match[1]), *_ENDINGS[match[2]])


def _ordinal(value: int, case: str, gender: str) -> str:
    return spelled(value, "ru", "ordinal", case=case, gender=gender)


def _ends_with_one(value: int) -> bool:
    return value % 10 == 1 and value % 100 != 11
