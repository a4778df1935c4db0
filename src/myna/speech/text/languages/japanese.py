"""Japanese, in kana, which every engine reads aright. Counters bring their sound changes (いっぷん, さんぼん)."""

from __future__ import annotations

import re
from re import Match

from myna.speech.text.grammar import Grammar, Rule
from myna.speech.text.numbers import Number
from myna.speech.text.words import Currency, GrammaticalGender, Noun

_ONES = ("", "いち", "に", "さん", "よん", "ご", "ろく", "なな", "はち", "きゅう")
_HUNDREDS = (
    "",
    "ひゃく",
    "にひゃく",
    "さんびゃく",
    "よんひゃく",
    "ごひゃく",
    "ろっぴゃく",
    "ななひゃく",
    "はっぴゃく",
    "きゅうひゃく",
)
_THOUSANDS = ("", "せん", "にせん", "さんぜん", "よんせん", "ごせん", "ろくせん", "ななせん", "はっせん", "きゅうせん")
_SCALES = ((10**12, "ちょう"), (10**8, "おく"), (10**4, "まん"))
_DAYS = {
    1: "ついたち", 2: "ふつか", 3: "みっか", 4: "よっか", 5: "いつか", 6: "むいか", 7: "なのか", 8: "ようか",
    9: "ここのか", 10: "とおか", 14: "じゅうよっか", 20: "はつか", 24: "にじゅうよっか",
}  # fmt: skip
_HOURS = {4: "よ", 7: "しち", 9: "く"}
_THINGS = ("", "ひとつ", "ふたつ", "みっつ", "よっつ", "いつつ", "むっつ", "ななつ", "やっつ", "ここのつ")

_SOFT_K, _SOFT_S, _SOFT_H = "168", "18", "168"
_COUNTERS = {
    # counter: (reading, reading after a small っ, digits that take it, reading after さん)
    "円": ("えん", "", "", "えん"),
    "人": ("にん", "", "", "にん"),
    "名": ("めい", "", "", "めい"),
    "歳": ("さい", "さい", _SOFT_S, "さい"),
    "才": ("さい", "さい", _SOFT_S, "さい"),
    "冊": ("さつ", "さつ", _SOFT_S, "さつ"),
    "回": ("かい", "かい", _SOFT_K, "かい"),
    "階": ("かい", "かい", _SOFT_K, "がい"),
    "個": ("こ", "こ", _SOFT_K, "こ"),
    "本": ("ほん", "ぽん", _SOFT_H, "ぼん"),
    "匹": ("ひき", "ぴき", _SOFT_H, "びき"),
    "杯": ("はい", "ぱい", _SOFT_H, "ばい"),
    "分": ("ふん", "ぷん", _SOFT_H, "ぷん"),
    "週間": ("しゅうかん", "しゅうかん", _SOFT_S, "しゅうかん"),
    "枚": ("まい", "", "", "まい"),
    "台": ("だい", "", "", "だい"),
    "番": ("ばん", "", "", "ばん"),
    "度": ("ど", "", "", "ど"),
    "秒": ("びょう", "", "", "びょう"),
    "倍": ("ばい", "", "", "ばい"),
    "年": ("ねん", "", "", "ねん"),
}
_SMALL_TSU = {"1": ("いち", "いっ"), "6": ("ろく", "ろっ"), "8": ("はち", "はっ"), "0": ("じゅう", "じゅっ")}
_COUNTED = re.compile(r"(?<![0-9.,])([0-9]{1,9}|[0-9]{1,3}(?:,[0-9]{3}){1,3})(万|億|兆)?(" + "|".join(_COUNTERS) + ")")
_LARGE = re.compile(r"(?<![0-9.,])([0-9]{1,9}|[0-9]{1,3}(?:,[0-9]{3}){1,3})(万|億|兆)")
_MONTH = re.compile(r"(?<![0-9.,])(0?[1-9]|1[0-2])月")
_DAY = re.compile(r"(?<![0-9.,])(0?[1-9]|[12][0-9]|3[01])日(間)?")
_HOUR = re.compile(r"(?<![0-9.,])([01]?[0-9]|2[0-4])時")
_THING = re.compile(r"(?<![0-9.,])([1-9])つ")


class JapaneseGrammar(Grammar):
    @property
    def rules(self) -> tuple[Rule, ...]:
        return (
            (_COUNTED, self._counted),
            (_LARGE, lambda match: self._large(match[1], match[2])),
            (_MONTH, lambda match: self.words.months[int(match[1]) - 1]),
            (_DAY, lambda match: self.day(int(match[1])) + ("かん" if match[2] else "")),
            (_HOUR, lambda match: self.hour(int(match[1]))),
            (_THING, lambda match: _THINGS[int(match[1])]),
        )

    def cardinal(self, value: int, gender: GrammaticalGender | None = None) -> str:
        if value == 0:
            return "ゼロ"
        spoken = ""
        for size, scale in _SCALES:
            count, value = divmod(value, size)
            if count:
                words = _below_ten_thousand(count)
                spoken += (_small_tsu(words, count) if scale == "ちょう" else words) + scale
        return spoken + _below_ten_thousand(value)

    def form(self, number: Number, noun: Noun) -> str:
        return noun.form(0)

    def counted(self, number: Number, noun: Noun) -> str:
        if noun.form(0) == "えん" and not number.fraction:
            return (self.words.minus if number.negative else "") + self._with_counter(number.whole, "円")
        return super().counted(number, noun)

    def money(self, number: Number, currency: Currency, magnitude: Noun | None = None) -> str:
        number = Number(number.whole, number.fraction.rstrip("0"), number.negative)
        if magnitude:
            return self.counted(number, magnitude) + currency.main.form(0)
        return self.counted(number, currency.main)

    def date(self, year: int, month: int, day: int) -> str:
        return self._with_counter(year, "年") + self.words.months[month - 1] + self.day(day)

    def time(self, hour: int, minute: int, second: int | None) -> str:
        spoken = self.hour(hour)
        if minute or second is not None:
            spoken += self._with_counter(minute, "分")
        return spoken if second is None else spoken + self._with_counter(second, "秒")

    def day(self, day: int) -> str:
        return _DAYS.get(day) or f"{self.cardinal(day)}にち"

    def hour(self, hour: int) -> str:
        last = _HOURS.get(hour % 10)
        if last is None:
            return ("れい" if hour == 0 else self.cardinal(hour)) + "じ"
        return (self.cardinal(hour - hour % 10) if hour > 10 else "") + f"{last}じ"

    def _counted(self, match: Match[str]) -> str | None:
        value = int(match[1].replace(",", ""))
        if match[2]:
            return self._large(match[1], match[2]) + _COUNTERS[match[3]][0]
        return self._with_counter(value, match[3])

    def _large(self, digits: str, scale: str) -> str:
        return self.cardinal(int(digits.replace(",", ""))) + self.words.magnitudes[scale].form(0)

    def _with_counter(self, value: int, counter: str) -> str:
        if counter in ("歳", "才") and value == 20:
            return "はたち"
        if counter == "人" and value in (1, 2):
            return "ひとり" if value == 1 else "ふたり"
        reading, soft, soft_digits, after_three = _COUNTERS[counter]
        words, last = self.cardinal(value), str(value)[-1]
        if counter in ("円", "人", "年") and last == "4":
            return f"{words.removesuffix('よん')}よ{reading}"
        if soft and (last in soft_digits or (last == "0" and value % 100)):
            return _small_tsu(words, value) + soft
        return words + (after_three if last == "3" else reading)


def _below_ten_thousand(value: int) -> str:
    if value >= 10_000:
        return "".join(_ONES[int(digit)] or "ゼロ" for digit in str(value))
    tens = value // 10 % 10
    ten = ("" if tens < 2 else _ONES[tens]) + ("じゅう" if tens else "")
    return _THOUSANDS[value // 1000] + _HUNDREDS[value // 100 % 10] + ten + _ONES[value % 10]


def _small_tsu(words: str, value: int) -> str:
    full, short = _SMALL_TSU.get(str(value)[-1], ("", ""))
    return words.removesuffix(full) + short if full and words.endswith(full) else words
