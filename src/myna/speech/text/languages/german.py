"""German: `ein Euro`, ordinals before months, years in hundreds, `10:30 Uhr`."""

from __future__ import annotations

import re
from re import Match

from myna.speech.text.grammar import Grammar, Rule, spelled
from myna.speech.text.words import GrammaticalGender

_NOUNS = "Jahrhundert|Platz|Mal|Geburtstag|Stock|Klasse|Kapitel|Tag|Woche|Etage|Auflage|Liga|Jahrestag"
_MONTHS = "Januar|Februar|März|April|Mai|Juni|Juli|August|September|Oktober|November|Dezember"
_ORDINAL = re.compile(
    rf"(\b(?i:am|vom|zum|im|dem|den|der|die|das|bis|ab|seit) )?(?<![\w.,])([0-9]{{1,3}})\. (?={_NOUNS}|{_MONTHS})"
)
_CLOCK = re.compile(r"(?<![\w.,:])([01]?[0-9]|2[0-4])(?:[:.]([0-5][0-9]))? Uhr\b")
_NOMINATIVE = ("der ", "die ", "das ")
_YEAR_CUE = re.compile(r"\b(?:Jahr|Jahre|Jahren|seit|von|bis|um|anno|ab|vor|nach) $", re.IGNORECASE)


class GermanGrammar(Grammar):
    @property
    def rules(self) -> tuple[Rule, ...]:
        return ((_ORDINAL, self._ordinal_before_noun), (_CLOCK, self._clock))

    def cardinal(self, value: int, gender: GrammaticalGender | None = None) -> str:
        if value == 1 and gender:
            return "eine" if gender == "f" else "ein"
        return spelled(value, "de")

    def year(self, value: int) -> str:
        return spelled(value, "de", "year") if 1100 <= value < 2000 else self.cardinal(value)

    def is_year(self, digits: str, before: str) -> bool:
        value = int(digits)
        return 1900 <= value < 2000 or (1100 <= value < 1900 and _YEAR_CUE.search(before) is not None)

    def date(self, year: int, month: int, day: int) -> str:
        return f"{self._ordinal(day, 'r')} {self.words.months[month - 1]} {self.year(year)}"

    def time(self, hour: int, minute: int, second: int | None) -> str:
        parts = ["ein" if hour == 1 else self.cardinal(hour), "Uhr"]
        if minute or second is not None:
            parts.append(self.cardinal(minute))
        if second is not None:
            parts += ["und", self.cardinal(second, "f"), "Sekunde" if second == 1 else "Sekunden"]
        return " ".join(parts)

    def _ordinal(self, value: int, ending: str) -> str:
        return spelled(value, "de", "ordinal") + ending

    def _ordinal_before_noun(self, match: Match[str]) -> str:
        before = match[1] or ""
        ending = "" if before.lower() in _NOMINATIVE else "n" if before else "r"
        return f"{before}{self._ordinal(int(match[2]), ending)} "

    def _clock(self, match: Match[str]) -> str:
        return self.time(int(match[1]), int(match[2] or 0), None)
