"""Hindi: a word of its own for every number below a hundred, lakh and crore, years in hundreds."""

from __future__ import annotations

import re

from myna.speech.text.grammar import Grammar, Rule
from myna.speech.text.words import GrammaticalGender

_NAMES = """
    शून्य एक दो तीन चार पाँच छह सात आठ नौ
    दस ग्यारह बारह तेरह चौदह पंद्रह सोलह सत्रह अठारह उन्नीस
    बीस इक्कीस बाईस तेईस चौबीस पच्चीस छब्बीस सत्ताईस अट्ठाईस उनतीस
    तीस इकतीस बत्तीस तैंतीस चौंतीस पैंतीस छत्तीस सैंतीस अड़तीस उनतालीस
    चालीस इकतालीस बयालीस तैंतालीस चौवालीस पैंतालीस छियालीस सैंतालीस अड़तालीस उनचास
    पचास इक्यावन बावन तिरपन चौवन पचपन छप्पन सत्तावन अट्ठावन उनसठ
    साठ इकसठ बासठ तिरसठ चौंसठ पैंसठ छियासठ सड़सठ अड़सठ उनहत्तर
    सत्तर इकहत्तर बहत्तर तिहत्तर चौहत्तर पचहत्तर छिहत्तर सतहत्तर अठहत्तर उनासी
    अस्सी इक्यासी बयासी तिरासी चौरासी पचासी छियासी सत्तासी अट्ठासी नवासी
    नब्बे इक्यानवे बानवे तिरानवे चौरानवे पचानवे छियानवे सत्तानवे अट्ठानवे निन्यानवे
"""
_BELOW_HUNDRED = tuple(_NAMES.split())
_SCALES = ((10**11, "खरब"), (10**9, "अरब"), (10**7, "करोड़"), (10**5, "लाख"), (10**3, "हज़ार"), (100, "सौ"))
_ORDINAL = re.compile(r"(?<![\w.,])([0-9]{1,7})(वाँ|वां|वीं|वें|वी|वे|वा)(?!\w)")


class HindiGrammar(Grammar):
    @property
    def rules(self) -> tuple[Rule, ...]:
        return ((_ORDINAL, lambda match: self.cardinal(int(match[1])) + match[2]),)

    def cardinal(self, value: int, gender: GrammaticalGender | None = None) -> str:
        words: list[str] = []
        for size, scale in _SCALES:
            count, value = divmod(value, size)
            if count:
                words += [self.cardinal(count), scale]
        if value or not words:
            words.append(_BELOW_HUNDRED[value])
        return " ".join(words)

    def year(self, value: int) -> str:
        hundreds, rest = divmod(value, 100)
        if not 1100 <= value < 2000:
            return self.cardinal(value)
        return self.join(_BELOW_HUNDRED[hundreds], "सौ", _BELOW_HUNDRED[rest] if rest else "")

    def is_year(self, digits: str, before: str) -> bool:
        return 1900 <= int(digits) < 2000

    def time(self, hour: int, minute: int, second: int | None) -> str:
        if not minute and second is None:
            return f"{self.cardinal(hour)} बजे"
        spoken = f"{self.cardinal(hour)} बजकर {self.cardinal(minute)} मिनट"
        return spoken if second is None else f"{spoken} {self.cardinal(second)} सेकंड"
