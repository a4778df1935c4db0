"""What is said in words in every language, each by its own grammar: dates, times, money, units, numbers, symbols."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from re import Match, Pattern

from myna.speech.text.grammar import Grammar, Rule
from myna.speech.text.numbers import DIGITS, Number, read_number
from myna.speech.text.words import Words

_SYMBOL_CURRENCIES = {
    "US$": "USD",
    "R$": "BRL",
    "$": "USD",
    "€": "EUR",
    "£": "GBP",
    "¥": "JPY",
    "₹": "INR",
    "Rs.": "INR",
    "Rs": "INR",
    "₽": "RUB",
    "₺": "TRY",
    "₩": "KRW",
    "CHF": "CHF",
}
_FRACTION_SIGNS = {"½": "1/2", "⅓": "1/3", "⅔": "2/3", "¼": "1/4", "¾": "3/4"}
_OTHER_MARK = {".": ",", ",": "."}
_SPELLED_AS = {"m²": ("m2", "m^2"), "km²": ("km2", "km^2"), "m³": ("m3", "m^3")}
_BEFORE = r"(?<![0-9A-Za-z.,:/])"
"""Where a number may begin that belongs to something larger."""
_SIGN = r"((?<![\w.,)\]])-)?"

_ISO_DATE = re.compile(
    _BEFORE + r"([12][0-9]{3})([-/.])(0?[1-9]|1[0-2])\2(3[01]|[12][0-9]|0?[1-9])(?:(T)(?=[0-9])|(?![\w/-]|\.[0-9]))"
)
_DATE = re.compile(_BEFORE + r"([0-9]{1,2})([-/.])([0-9]{1,2})\2([12][0-9]{3}|(?<=/)[0-9]{2})(?![\w/-]|\.[0-9])")
_TIME = re.compile(_BEFORE + r"([01]?[0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9])(?:\.[0-9]{1,9})?)?(?![0-9:])(Z\b)?")
_PERCENT = re.compile(rf"{_SIGN}(?<![0-9A-Za-z.,])({DIGITS})[ \u00a0\u202f]?%")
_PERCENT_FIRST = re.compile(rf"(?<![\w%])%({DIGITS})")
_RANGE = re.compile(r"(?<![\w.,:/-])([0-9]{1,4})[-–]([0-9]{1,4})(?![\w:/-]|[.,][0-9])")
_PHONE = re.compile(r"(?<![\w.,])\+?\(?[0-9]{1,4}\)?(?:[ \u00a0.-]\(?[0-9]{2,4}\)?){2,6}(?![\w-]|[.,][0-9])")
_SHORT_PHONE = re.compile(r"(?<![\w.,-])[0-9]{3}-[0-9]{4}(?![\w-]|[.,][0-9])")
_INTERNATIONAL = re.compile(r"(?<![\w.,])\+([0-9]{8,15})(?![\w]|[.,][0-9])")
_FRACTION = re.compile(r"(?<![\w.,/])(?:([0-9]{1,4}) )?([1-9]/[1-9])(?![\w/]|[.,][0-9])|([0-9]{1,4})?([½⅓⅔¼¾])")
_NUMBER = re.compile(rf"{_SIGN}({DIGITS})")
_SPACED_THOUSANDS = re.compile(r"(?<![0-9\u202f.,])[0-9]{1,3}(?: [0-9]{3}){1,4}+(?![0-9])")
_NUMBER_SIGN = re.compile(r"(?<!\w)#(?=[0-9])")
_HASHTAG = re.compile(r"(?<![\w&])#(?=[^\W\d_])")


class SharedRules:
    """The rules of one language, compiled once."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.words = grammar.words
        self._symbols_of_currencies = _SYMBOL_CURRENCIES | dict(self.words.currency_symbols)
        self.with_digits: tuple[Rule, ...] = (
            *self._spaced_thousands(),
            *self._money(),
            *grammar.rules,
            (_NUMBER_SIGN, lambda match: self.words.symbols["#"]),
            (_ISO_DATE, self._iso_date),
            (_DATE, self._date),
            (_TIME, self._time),
            (_PERCENT, lambda match: self._percent(match[2], match[1])),
            (_PERCENT_FIRST, lambda match: self._percent(match[1], None)),
            self._units(),
            (_FRACTION, self._fraction),
            (_INTERNATIONAL, lambda match: self.grammar.join(self.words.symbols["+"], self.grammar.digits(match[1]))),
            (_PHONE, self._phone),
            (_SHORT_PHONE, self._phone),
            (_RANGE, self._range),
            (_NUMBER, self._number),
        )
        self.symbols: tuple[Rule, ...] = (
            (_HASHTAG, lambda match: self.words.hashtag),
            (_any_of(self.words.symbols), lambda match: grammar.join(*map(self.words.symbols.__getitem__, match[0]))),
            self._currency_signs(),
        )

    def _spaced_thousands(self) -> tuple[Rule, ...]:
        if not self.words.space_groups:
            return ()
        return ((_SPACED_THOUSANDS, lambda match: match[0].replace(" ", "\u202f")),)

    def _read(self, digits: str, sign: str | None = None) -> Number | None:
        return read_number(digits, self.words.decimal_mark, negative=bool(sign))

    def _iso_date(self, match: Match[str]) -> str | None:
        spoken = self._spoken_date(int(match[1]), int(match[3]), int(match[4]))
        return f"{spoken}, " if spoken and match[5] else spoken

    def _date(self, match: Match[str]) -> str | None:
        first, second, year = int(match[1]), int(match[3]), int(match[4])
        if len(match[4]) == 2:
            year += 2000 if year < 70 else 1900
        day, month = (first, second) if self.words.date_order == "dmy" else (second, first)
        return self._spoken_date(year, month, day) or self._spoken_date(year, day, month)

    def _spoken_date(self, year: int, month: int, day: int) -> str | None:
        try:
            date(year, month, day)
        except ValueError:
            return None
        return self.grammar.date(year, month, day)

    def _time(self, match: Match[str]) -> str:
        return self.grammar.time(int(match[1]), int(match[2]), int(match[3]) if match[3] else None)

    def _money(self) -> tuple[Rule, ...]:
        codes = {code: code for code in self.words.currencies}
        symbols = self._symbols_of_currencies | codes
        signs = _alternatives(name for name, code in symbols.items() if code in self.words.currencies)
        magnitudes = _alternatives(self.words.magnitudes)
        magnitude = rf"(?:[ \u00a0]?({magnitudes})(?![A-Za-zÀ-ÿ]))?"
        space = "[ \u00a0\u202f]"
        first = rf"(-)?(?<![0-9A-Za-z])(?<![0-9]{space})({signs})%s(-)?({DIGITS}){magnitude}"
        last = re.compile(rf"{_SIGN}(?<![0-9A-Za-z.,])({DIGITS}){magnitude}{space}?({signs})(?![A-Za-z0-9])")

        def with_sign_first(match: Match[str]) -> str | None:
            return self._amount(match[4], match[1] or match[3], symbols[match[2]], match[5])

        def with_sign_last(match: Match[str]) -> str | None:
            return self._amount(match[2], match[1], symbols[match[4]], match[3])

        # A sign that touches its number belongs to it, so "$2 $11" and "2 € 11 €" both come out right.
        touching = first.replace(rf"(?<![0-9]{space})", "") % ""
        return (
            (re.compile(touching), with_sign_first),
            (last, with_sign_last),
            (re.compile(first % space), with_sign_first),
        )

    def _amount(self, digits: str, sign: str | None, code: str, magnitude: str | None) -> str | None:
        # "€12,50" stands in English texts too: what is no number here may be one elsewhere.
        number = self._read(digits, sign) or read_number(
            digits, _OTHER_MARK[self.words.decimal_mark], negative=bool(sign)
        )
        if number is None:
            return None
        named = self.words.magnitudes.get(magnitude or "")
        return self.grammar.money(number, self.words.currencies[code], named)

    def _percent(self, digits: str, sign: str | None) -> str | None:
        number = self._read(digits, sign)
        return None if number is None else self.grammar.percent(number)

    def _units(self) -> Rule:
        units = dict(self.words.nouns) | dict(self.words.units)
        for unit, others in _SPELLED_AS.items():
            units |= {other: units[unit] for other in others if unit in units}
        pattern = (
            rf"{_SIGN}(?<![0-9A-Za-z.,])({DIGITS})[ \u00a0\u202f]?({_alternatives(units)})(?![\w'’²³^]|/\w|-[^\W\d_])"
        )

        def spoken(match: Match[str]) -> str | None:
            number = self._read(match[2], match[1])
            return None if number is None else self.grammar.counted(number, units[match[3]])

        return re.compile(pattern if self.words.spaced else pattern.replace(r"[\w'", r"[A-Za-z0-9'")), spoken

    def _fraction(self, match: Match[str]) -> str | None:
        fraction = self.words.fractions.get(match[2] or _FRACTION_SIGNS.get(match[4] or "", ""))
        whole = match[1] or match[3]
        if fraction is None or whole is None:
            return fraction
        return self.grammar.join(self.grammar.cardinal(int(whole)), self.words.fractions["and"], fraction)

    def _phone(self, match: Match[str]) -> str | None:
        groups = re.findall("[0-9]+", match[0])
        if not 7 <= sum(map(len, groups)) <= 15 or self._read(match[0]) is not None:
            return None
        if match[0][0] not in "+(0" and re.search("[ \u00a0]", match[0]):
            return None
        plus = self.words.symbols["+"] if match[0].startswith("+") else ""
        # The comma makes the pause that people make between the groups.
        return self.grammar.join(plus, ", ".join(self.grammar.digits(group) for group in groups))

    def _range(self, match: Match[str]) -> str | None:
        first, last = match[1], match[2]
        if int(first) >= int(last) or first.startswith("0"):
            return None
        before = match.string[max(0, match.start() - 12) : match.start()]
        return self.grammar.join(self._whole(first, before), self.words.range, self._whole(last, before))

    def _number(self, match: Match[str]) -> str:
        digits, sign = match[2], match[1] or ""
        before = match.string[max(0, match.start() - 12) : match.start()]
        number = self._read(digits)
        if number is None and not digits.isdigit():
            return sign + self._pieces(digits)
        if number is None or digits.isdigit():
            return self.grammar.join(self.words.minus if sign else "", self._whole(digits, before))
        return self.grammar.number(Number(number.whole, number.fraction, bool(sign)))

    def _pieces(self, digits: str) -> str:
        """Several numbers with their separators, as in `2.0.1` and `1,2,3`."""
        groups = [self._whole(group, "") if group.isdigit() else group for group in re.split(r"([^0-9])", digits)]
        if not re.fullmatch(r"[0-9]++(?:\.[0-9]++){2,}+", digits):
            return "".join(groups)
        point = self.words.point if self.words.decimal_mark == "." else self.words.address["."]
        return self.grammar.join(*(point if group == "." else group for group in groups))

    def _whole(self, digits: str, before: str) -> str:
        long = len(digits) >= 10 and not digits.endswith("000")
        if long or len(digits) > 15 or (digits.startswith("0") and len(digits) > 1):
            return self.grammar.digits(digits)
        if len(digits) == 4 and self.grammar.is_year(digits, before):
            return self.grammar.year(int(digits))
        return self.grammar.cardinal(int(digits))

    def _currency_signs(self) -> Rule:
        names = {
            sign: self.grammar.of_many(self.words.currencies[code].main)
            for sign, code in self._symbols_of_currencies.items()
            if len(sign) == 1 and code in self.words.currencies
        }
        return _any_of(names), lambda match: self.grammar.join(*map(names.__getitem__, match[0]))


def abbreviations(words: Words) -> tuple[Rule, ...]:
    """Abbreviations in full. A name that is both a title and not (`St.`) is the title before a capital letter."""
    return tuple(rule for rule in (_titles(words), _endings(words)) if rule)


def counters(words: Words) -> tuple[Rule, ...]:
    """Abbreviations that are such only before a number."""
    pattern = rf"(?<![\w.])({_alternatives(words.counters)})(?=[ \u00a0\u202f]?[0-9])"
    return ((re.compile(pattern), lambda match: words.counters[match[1]]),) if words.counters else ()


def _titles(words: Words) -> Rule | None:
    if not words.titles:
        return None

    def spoken(match: Match[str]) -> str | None:
        return None if match[1] in words.abbreviations and match[2].islower() else words.titles[match[1]]

    return re.compile(rf"(?<![\w.])({_alternatives(words.titles)})(?=\s(\S))"), spoken


def _endings(words: Words) -> Rule | None:
    if not words.abbreviations:
        return None

    def spoken(match: Match[str]) -> str:
        # Before a small letter or a comma the sentence goes on; else the full stop also ended it.
        goes_on = match[2] and (match[2][-1].islower() or match[2] in ",;:)")
        return words.abbreviations[match[1]] + ("." if match[1].endswith(".") and not goes_on else "")

    return re.compile(rf"(?<![\w.])({_alternatives(words.abbreviations)})(?!\w)(?=(\s\S|[,;:)])?)"), spoken


def _alternatives(names: Iterable[str]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))


def _any_of(names: Iterable[str]) -> Pattern[str]:
    return re.compile("[" + "".join(re.escape(name) for name in names) + "]++")
