"""English: years in pairs, ordinals, months with days, decades, am and pm."""

from __future__ import annotations

import re
from re import Match

from myna.speech.text.grammar import Grammar, Rule, spelled
from myna.speech.text.words import GrammaticalGender

_MONTHS = (
    "Jan(?:uary|\\.)?|Feb(?:ruary|\\.)?|Mar(?:ch|\\.)?|Apr(?:il|\\.)?|May|June?|July?|Aug(?:ust|\\.)?"
    "|Sept?(?:ember|\\.)?|Oct(?:ober|\\.)?|Nov(?:ember|\\.)?|Dec(?:ember|\\.)?"
)
_DAY = r"([1-9]|[12][0-9]|3[01])(?:st|nd|rd|th)?"
_MONTH_DAY = re.compile(rf"\b({_MONTHS}) {_DAY}(?![\w:]|[.,][0-9])(?:(,? )([12][0-9]{{3}})(?![\w:.,%]*[0-9]))?")
_DAY_MONTH = re.compile(rf"(?<![\w.,:/-]){_DAY} ({_MONTHS})(?![\w])(?:(,? )([12][0-9]{{3}})(?![\w:.,%]*[0-9]))?")
_ORDINAL = re.compile(r"(?<![\w.,])([0-9]{1,3}(?:,[0-9]{3}){0,3}|[0-9]{1,9})(?:st|nd|rd|th)\b", re.IGNORECASE)
_DECADE = re.compile(r"(?<![\w.,])(1[1-9][0-9]0|20[0-9]0)(?:['’])?s\b")
_SHORT_DECADE = re.compile(r"(?<![\w.,])['’]?([2-9]0)['’]?s\b")
_HALF_DAY = re.compile(
    r"(?<![\w.,:])(1[0-2]|0?[1-9])(?:[:.]([0-5][0-9]))? ?([ap])(?:\.m\.|m)(?!\w)",
    re.IGNORECASE,
)
_SENTENCE_END = re.compile(r"\s{1,4}[A-Z]|\s{0,4}\Z")
_YEAR_CUE = re.compile(r"\b(?:in|since|of|from|until|till|by|year|circa|before|after|around|c\.) $", re.IGNORECASE)
_TENS = ("", "", "twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties")


class EnglishGrammar(Grammar):
    @property
    def rules(self) -> tuple[Rule, ...]:
        return (
            (_MONTH_DAY, self._month_day),
            (_DAY_MONTH, self._day_month),
            (_HALF_DAY, self._half_day),
            (_ORDINAL, lambda match: self.ordinal(int(match[1].replace(",", "")))),
            (_DECADE, lambda match: self._decade(int(match[1]))),
            (_SHORT_DECADE, lambda match: _TENS[int(match[1][0])]),
        )

    def cardinal(self, value: int, gender: GrammaticalGender | None = None) -> str:
        return spelled(value, "en").replace(",", "")

    def ordinal(self, value: int) -> str:
        return spelled(value, "en", "ordinal").replace(",", "")

    def year(self, value: int) -> str:
        return spelled(value, "en", "year").replace(",", "") if 1100 <= value < 2100 else self.cardinal(value)

    def is_year(self, digits: str, before: str) -> bool:
        value = int(digits)
        return 1900 <= value < 2100 or (1100 <= value < 1900 and _YEAR_CUE.search(before) is not None)

    def date(self, year: int, month: int, day: int) -> str:
        name = self.words.months[month - 1]
        if self.words.date_order == "mdy":
            return f"{name} {self.ordinal(day)}, {self.year(year)}"
        return f"{self.ordinal(day)} of {name}, {self.year(year)}"

    def time(self, hour: int, minute: int, second: int | None) -> str:
        if not minute and second is None:
            return f"{self.cardinal(hour)} o'clock" if 1 <= hour <= 12 else f"{self.cardinal(hour)} hundred hours"
        minutes = f"oh {self.cardinal(minute)}" if minute < 10 else self.cardinal(minute)
        spoken = f"{self.cardinal(hour)} {minutes}"
        return spoken if second is None else f"{spoken} and {self.cardinal(second)} seconds"

    def _month_day(self, match: Match[str]) -> str:
        spoken = f"{self._month(match[1])} {self.ordinal(int(match[2]))}"
        return f"{spoken}{match[3]}{self.year(int(match[4]))}" if match[4] else spoken

    def _day_month(self, match: Match[str]) -> str:
        spoken = f"{self.ordinal(int(match[1]))} {self._month(match[2])}"
        return f"{spoken}{match[3]}{self.year(int(match[4]))}" if match[4] else spoken

    def _month(self, written: str) -> str:
        return next(name for name in self.words.months if name.startswith(written[:3]))

    def _half_day(self, match: Match[str]) -> str:
        hour, minute = int(match[1]), int(match[2] or 0)
        spoken = self.time(hour, minute, None) if minute else self.cardinal(hour)
        ends_sentence = match[0].endswith(".") and _SENTENCE_END.match(match.string, match.end())
        return f"{spoken} {match[3].upper()}M{'.' if ends_sentence else ''}"

    def _decade(self, value: int) -> str:
        century, tens = divmod(value, 100)
        if tens >= 20:
            return f"{self.cardinal(century)} {_TENS[tens // 10]}"
        spoken = self.year(value)
        return f"{spoken[:-1]}ies" if spoken.endswith("y") else f"{spoken}s"
