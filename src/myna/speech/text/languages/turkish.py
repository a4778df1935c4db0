"""Turkish: number words apart (num2words runs them together), ordinals by vowel harmony, `yüzde` before the number."""

from __future__ import annotations

import re

from myna.speech.text.grammar import Grammar, Rule
from myna.speech.text.numbers import Number
from myna.speech.text.words import GrammaticalGender

_ONES = ("", "bir", "iki", "üç", "dört", "beş", "altı", "yedi", "sekiz", "dokuz")
_TENS = ("", "on", "yirmi", "otuz", "kırk", "elli", "altmış", "yetmiş", "seksen", "doksan")
_SCALES = ("", "bin", "milyon", "milyar", "trilyon")
_ORDINALS = {
    "sıfır": "sıfırıncı", "bir": "birinci", "iki": "ikinci", "üç": "üçüncü", "dört": "dördüncü", "beş": "beşinci",
    "altı": "altıncı", "yedi": "yedinci", "sekiz": "sekizinci", "dokuz": "dokuzuncu", "on": "onuncu",
    "yirmi": "yirminci", "otuz": "otuzuncu", "kırk": "kırkıncı", "elli": "ellinci", "altmış": "altmışıncı",
    "yetmiş": "yetmişinci", "seksen": "sekseninci", "doksan": "doksanıncı", "yüz": "yüzüncü", "bin": "bininci",
    "milyon": "milyonuncu", "milyar": "milyarıncı",
}  # fmt: skip
_ORDINAL = re.compile(r"(?<![\w.,])([0-9]{1,9})(?:\.(?= [a-zçğıöşü])|['’]?(?:[iıuü]?nc[iıuü])\b)")


class TurkishGrammar(Grammar):
    @property
    def rules(self) -> tuple[Rule, ...]:
        return ((_ORDINAL, lambda match: self.ordinal(int(match[1]))),)

    def cardinal(self, value: int, gender: GrammaticalGender | None = None) -> str:
        if value == 0:
            return "sıfır"
        groups: list[str] = []
        for scale in _SCALES:
            value, group = divmod(value, 1000)
            if group:
                # bin, not "bir bin"
                words = "" if scale == "bin" and group == 1 else _below_thousand(group)
                groups.insert(0, self.join(words, scale))
        return " ".join(groups)

    def ordinal(self, value: int) -> str:
        *before, last = self.cardinal(value).split(" ")
        return " ".join([*before, _ORDINALS[last]])

    def percent(self, number: Number) -> str:
        return f"{self.words.percent} {self.number(number)}"


def _below_thousand(value: int) -> str:
    hundreds, rest = divmod(value, 100)
    words = [] if hundreds < 2 else [_ONES[hundreds]]
    if hundreds:
        words.append("yüz")
    return " ".join(word for word in (*words, _TENS[rest // 10], _ONES[rest % 10]) if word)
