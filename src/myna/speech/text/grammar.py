"""How a language counts: the parts that most share. Those that differ are in `languages/`."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from re import Match, Pattern
from typing import Any, cast

from num2words import num2words

from myna.speech.text.numbers import Number
from myna.speech.text.words import Currency, GrammaticalGender, Noun, Words

Rule = tuple[Pattern[str], Callable[[Match[str]], str | None]]
"""A pattern, and what to say for it; None leaves the match to later rules."""


@lru_cache(maxsize=8192)
def spelled(value: int, language: str, form: str = "cardinal", **inflection: Any) -> str:
    """What num2words says."""
    return cast(str, num2words(value, lang=language, to=form, **inflection))


class Grammar:
    """Number words, counted things, dates and times of one language."""

    def __init__(self, words: Words) -> None:
        self.words = words

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Patterns that only this language has; tried before the shared ones."""
        return ()

    def cardinal(self, value: int, gender: GrammaticalGender | None = None) -> str:
        """`value` in words; with a gender, as it stands before a noun of that gender."""
        return spelled(value, self.words.number_words)

    def year(self, value: int) -> str:
        return self.cardinal(value)

    def is_year(self, digits: str, before: str) -> bool:
        """Whether four digits are read as a year, given the text before them. Only where that sounds different."""
        return False

    def digits(self, digits: str) -> str:
        """Each digit by itself."""
        return self.join(*(self.cardinal(int(digit)) for digit in digits))

    def join(self, *parts: str) -> str:
        return (" " if self.words.spaced else "").join(part for part in parts if part)

    def number(self, number: Number, gender: GrammaticalGender | None = None) -> str:
        sign = self.words.minus if number.negative else ""
        if not number.fraction:
            return self.join(sign, self.cardinal(number.whole, gender))
        return self.join(sign, self.cardinal(number.whole), self.words.point, self.fraction(number.fraction))

    def fraction(self, digits: str) -> str:
        """The digits after the decimal mark."""
        if self.words.fraction_as_number and len(digits) <= 2 and not digits.startswith("0"):
            return self.cardinal(int(digits))
        return self.digits(digits)

    def form(self, number: Number, noun: Noun) -> str:
        """The noun as it stands after the number."""
        return noun.form(0 if number.whole == 1 and not number.fraction else 1)

    def counted(self, number: Number, noun: Noun) -> str:
        return self.join(self.number(number, noun.gender), self.form(number, noun))

    def of_many(self, noun: Noun) -> str:
        """The noun after a million, or by itself."""
        return noun.forms[-1]

    def percent(self, number: Number) -> str:
        return self.join(self.number(number), self.words.percent)

    def money(self, number: Number, currency: Currency, magnitude: Noun | None = None) -> str:
        """An amount; `magnitude` is the million that stood between number and currency."""
        if magnitude:
            return f"{self.counted(number, magnitude)}{self.words.magnitude_joiner}{self.of_many(currency.main)}"
        cents = number.fraction.ljust(2, "0")
        if not currency.hundredth or len(cents) > 2:
            return self.counted(number, currency.main)
        parts = self.parts_of_money(Number(number.whole, negative=number.negative), int(cents), currency)
        return self.words.money_joiner.join(parts)

    def parts_of_money(self, whole: Number, cents: int, currency: Currency) -> list[str]:
        """The whole and the hundredths in words, without the one that is zero."""
        if not cents or not currency.hundredth:
            return [self.counted(whole, currency.main)]
        if whole.whole:
            return [self.counted(whole, currency.main), self.counted(Number(cents), currency.hundredth)]
        return [self.counted(Number(cents, negative=whole.negative), currency.hundredth)]

    def date(self, year: int, month: int, day: int) -> str:
        return self.join(self.cardinal(day), self.words.months[month - 1], self.year(year))

    def time(self, hour: int, minute: int, second: int | None) -> str:
        """A time of day of 24 hours, or of 12 when the text says which half of the day elsewhere."""
        parts = [self.cardinal(hour)]
        if minute or second is not None:
            parts.append(self.cardinal(minute))
        if second is not None:
            parts.append(self.cardinal(second))
        return self.join(*parts)
