"""Spanish, French, Italian and Portuguese: agreement with the noun, `de` after a round million, ordinals with º."""

from __future__ import annotations

import re
from re import Match

from myna.speech.text.grammar import Grammar, Rule, spelled
from myna.speech.text.numbers import Number
from myna.speech.text.words import Currency, GrammaticalGender, Noun

_RAISED_ORDINAL = re.compile(r"(?<![\w.,])([0-9]{1,4})\.?([ºª])(?!C)")
_SPANISH_ORDINAL = re.compile(r"(?<![\w.,])([0-9]{1,2})\.?(?:er|r[oa]|d[oa]|t[oa]|m[oa]|v[oa]|n[oa])\b")
_FRENCH_ORDINAL = re.compile(r"(?<![\w.,])([0-9]{1,4})(ère|ere|er|re|ème|eme|nde|nd|e)\b")
_FRENCH_HOURS = re.compile(r"(?<![\w.,:])([01]?[0-9]|2[0-4]) ?h ?([0-5][0-9])(?![\w])")


class RomanceGrammar(Grammar):
    def first_day(self) -> str:
        """What the first day of a month is called."""
        return self.cardinal(1)

    def counted(self, number: Number, noun: Noun) -> str:
        words, form = self.number(number, noun.gender), self.form(number, noun)
        round_million = number.whole >= 1_000_000 and number.whole % 1_000_000 == 0 and not number.fraction
        return f"{words}{self.words.magnitude_joiner}{form}" if round_million else f"{words} {form}"

    def day(self, day: int) -> str:
        return self.first_day() if day == 1 else self.cardinal(day)


class SpanishGrammar(RomanceGrammar):
    @property
    def rules(self) -> tuple[Rule, ...]:
        return ((_RAISED_ORDINAL, self._ordinal), (_SPANISH_ORDINAL, self._ordinal))

    def cardinal(self, value: int, gender: GrammaticalGender | None = None) -> str:
        words = spelled(value, "es")
        if gender == "f":
            return re.sub(r"cientos\b", "cientas", re.sub(r"uno\b", "una", words))
        if gender and words.endswith("veintiuno"):
            return words[:-3] + "ún"
        return words[:-1] if gender and words.endswith("uno") else words

    def date(self, year: int, month: int, day: int) -> str:
        return f"{self.day(day)} de {self.words.months[month - 1]} de {self.year(year)}"

    def _ordinal(self, match: Match[str]) -> str | None:
        value, mark = int(match[1]), match[0][len(match[1]) :].lstrip(".")
        if not 1 <= value <= 20:
            return self.cardinal(value)
        words = spelled(value, "es", "ordinal")
        if mark == "er":
            return words[:-1]
        return re.sub(r"o\b", "a", words) if mark == "ª" or mark.endswith("a") else words


class FrenchGrammar(RomanceGrammar):
    def first_day(self) -> str:
        return "premier"

    @property
    def rules(self) -> tuple[Rule, ...]:
        return ((_FRENCH_ORDINAL, self._ordinal), (_FRENCH_HOURS, self._hours))

    def cardinal(self, value: int, gender: GrammaticalGender | None = None) -> str:
        words = spelled(value, self.words.number_words)
        return f"{words}e" if gender == "f" and re.search(r"\bun$", words) else words

    def form(self, number: Number, noun: Noun) -> str:
        return noun.form(0 if number.whole < 2 else 1)

    def counted(self, number: Number, noun: Noun) -> str:
        return _elided(super().counted(number, noun))

    def money(self, number: Number, currency: Currency, magnitude: Noun | None = None) -> str:
        return _elided(super().money(number, currency, magnitude))

    def date(self, year: int, month: int, day: int) -> str:
        return f"{self.day(day)} {self.words.months[month - 1]} {self.year(year)}"

    def time(self, hour: int, minute: int, second: int | None) -> str:
        parts = [self.cardinal(hour, "f"), "heure" if hour < 2 else "heures"]
        if minute or second is not None:
            parts.append(self.cardinal(minute, "f"))
        if second is not None:
            parts += ["et", self.cardinal(second, "f"), "seconde" if second < 2 else "secondes"]
        return " ".join(parts)

    def _hours(self, match: Match[str]) -> str:
        return self.time(int(match[1]), int(match[2]), None)

    def _ordinal(self, match: Match[str]) -> str:
        value, mark = int(match[1]), match[2]
        if value == 1:
            return "première" if mark in ("re", "ère", "ere") else "premier"
        if mark in ("nd", "nde") and value == 2:
            return "second" if mark == "nd" else "seconde"
        return spelled(value, self.words.number_words, "ordinal")


class ItalianGrammar(RomanceGrammar):
    def first_day(self) -> str:
        return "primo"

    @property
    def rules(self) -> tuple[Rule, ...]:
        return ((_RAISED_ORDINAL, self._ordinal),)

    def cardinal(self, value: int, gender: GrammaticalGender | None = None) -> str:
        if value == 1 and gender:
            return "una" if gender == "f" else "un"
        return spelled(value, "it")

    def date(self, year: int, month: int, day: int) -> str:
        return f"{self.day(day)} {self.words.months[month - 1]} {self.year(year)}"

    def time(self, hour: int, minute: int, second: int | None) -> str:
        return super().time(hour, minute, second).replace(" ", " e ")

    def _ordinal(self, match: Match[str]) -> str:
        words = spelled(int(match[1]), "it", "ordinal")
        return f"{words[:-1]}a" if match[2] == "ª" and words.endswith("o") else words


class PortugueseGrammar(RomanceGrammar):
    @property
    def rules(self) -> tuple[Rule, ...]:
        return ((_RAISED_ORDINAL, self._ordinal),)

    def first_day(self) -> str:
        return "primeiro" if self.words.number_words == "pt_BR" else "um"

    def cardinal(self, value: int, gender: GrammaticalGender | None = None) -> str:
        words = spelled(value, self.words.number_words).replace(",", "")
        if gender != "f":
            return words
        words = re.sub(r"\bum$", "uma", re.sub(r"\bdois$", "duas", words))
        return re.sub(r"(zent|cent|hent)os\b", r"\1as", words)

    def form(self, number: Number, noun: Noun) -> str:
        return noun.form(0 if number.whole == 1 and not number.fraction else 1)

    def date(self, year: int, month: int, day: int) -> str:
        return f"{self.day(day)} de {self.words.months[month - 1]} de {self.year(year)}"

    def time(self, hour: int, minute: int, second: int | None) -> str:
        hours = f"{self.cardinal(hour, 'f')} {'hora' if hour == 1 else 'horas'}"
        parts = [hours]
        if minute or second is not None:
            parts.append(f"{self.cardinal(minute)} {'minuto' if minute == 1 else 'minutos'}")
        if second is not None:
            parts.append(f"{self.cardinal(second)} {'segundo' if second == 1 else 'segundos'}")
        return " e ".join(parts)

    def _ordinal(self, match: Match[str]) -> str | None:
        if int(match[1]) == 0:
            return None
        words = spelled(int(match[1]), self.words.number_words, "ordinal")
        return re.sub(r"o\b", "a", words) if match[2] == "ª" else words


def _elided(text: str) -> str:
    return re.sub(r"\bde (?=[aeiouyéè])(?!yen|yuan)", "d'", text)
