"""Mandarin: groups of four digits, 两 before measure words, years digit by digit; traditional characters on request."""

from __future__ import annotations

import re
from re import Match

from myna.speech.text.grammar import Grammar, Rule
from myna.speech.text.numbers import Number
from myna.speech.text.words import Currency, GrammaticalGender, Noun

_DIGITS = "零一二三四五六七八九"
_PLACES = ("", "十", "百", "千")
_GROUPS = ("", "万", "亿", "万亿")
_YEAR = re.compile(r"(?<![0-9.,])([0-9]{4})(?=年)")
_TWO = re.compile(r"(?<![0-9.,])2(?=[个個位名只隻本件次天张張条條辆輛家台杯瓶块塊斤倍岁歲层層周年种種])")
_TWO_BEFORE = ("米", "公里", "厘米", "毫米", "公斤", "克", "毫克", "升", "毫升", "小时", "分钟", "秒")


class ChineseGrammar(Grammar):
    @property
    def rules(self) -> tuple[Rule, ...]:
        return ((_YEAR, lambda match: self.year(int(match[1]))), (_TWO, self._two))

    def cardinal(self, value: int, gender: GrammaticalGender | None = None) -> str:
        if value == 0:
            return _DIGITS[0]
        spoken, gap = "", False
        for index in range(len(_GROUPS) - 1, -1, -1):
            group = value // 10_000**index % 10_000
            if not group:
                gap = bool(spoken)
                continue
            if spoken and (gap or group < 1000):
                spoken += "零"
            spoken += _two_before_scale(_below_ten_thousand(group), _GROUPS[index]) + _GROUPS[index]
            gap = False
        return spoken.removeprefix("一") if spoken.startswith("一十") else spoken

    def year(self, value: int) -> str:
        return self.digits(f"{value:04d}")

    def is_year(self, digits: str, before: str) -> bool:
        return False

    def fraction(self, digits: str) -> str:
        return self.digits(digits)

    def form(self, number: Number, noun: Noun) -> str:
        return noun.form(0)

    def counted(self, number: Number, noun: Noun) -> str:
        if number == Number(2) and noun.form(0) in _TWO_BEFORE:
            return f"两{noun.form(0)}"
        return super().counted(number, noun)

    def percent(self, number: Number) -> str:
        sign = self.words.minus if number.negative else ""
        return sign + self.words.percent + self.number(Number(number.whole, number.fraction))

    def money(self, number: Number, currency: Currency, magnitude: Noun | None = None) -> str:
        number = Number(number.whole, number.fraction.rstrip("0"), number.negative)
        return self.number(number) + (magnitude.form(0) if magnitude else "") + currency.main.form(0)

    def date(self, year: int, month: int, day: int) -> str:
        return f"{self.year(year)}年{self.cardinal(month)}月{self.cardinal(day)}日"

    def time(self, hour: int, minute: int, second: int | None) -> str:
        spoken = f"{'两' if hour == 2 else self.cardinal(hour)}点"
        if minute or second is not None:
            spoken += f"{'零' if 0 < minute < 10 else ''}{self.cardinal(minute)}分"
        return spoken if second is None else f"{spoken}{self.cardinal(second)}秒"

    def _two(self, match: Match[str]) -> str:
        return "两"


def _below_ten_thousand(value: int) -> str:
    spoken, gap = "", False
    for place in range(3, -1, -1):
        digit = value // 10**place % 10
        if not digit:
            gap = bool(spoken)
            continue
        spoken += ("零" if gap else "") + ("两" if digit == 2 and place == 3 else _DIGITS[digit]) + _PLACES[place]
        gap = False
    return spoken


def _two_before_scale(words: str, scale: str) -> str:
    return "两" if words == "二" and scale else words
