"""Arabic: number words whose gender opposes the noun's from three to ten, the dual, four forms of a noun."""

from __future__ import annotations

import re
from re import Match

from myna.speech.text.grammar import Grammar, Rule
from myna.speech.text.languages.arabic_calendar import HALVES_OF_DAY, HIJRI_MONTHS, MONTHS, RANKED
from myna.speech.text.numbers import Number
from myna.speech.text.words import GrammaticalGender, Noun

_WITH_MASCULINE = ("صفر", "واحد", "اثنان", "ثلاثة", "أربعة", "خمسة", "ستة", "سبعة", "ثمانية", "تسعة", "عشرة")
_WITH_FEMININE = ("صفر", "واحدة", "اثنتان", "ثلاث", "أربع", "خمس", "ست", "سبع", "ثماني", "تسع", "عشر")
_TENS = ("", "", "عشرون", "ثلاثون", "أربعون", "خمسون", "ستون", "سبعون", "ثمانون", "تسعون")
_HUNDREDS = ("", "مائة", "مائتان", "ثلاثمائة", "أربعمائة", "خمسمائة", "ستمائة", "سبعمائة", "ثمانمائة", "تسعمائة")
_SCALES = (
    (10**12, Noun(("تريليون", "تريليونان", "تريليونات", "تريليونا"))),
    (10**9, Noun(("مليار", "ملياران", "مليارات", "مليارا"))),
    (10**6, Noun(("مليون", "مليونان", "ملايين", "مليونا"))),
    (10**3, Noun(("ألف", "ألفان", "آلاف", "ألفا"))),
)
_ORDINALS = ("الأول", "الثاني", "الثالث", "الرابع", "الخامس", "السادس", "السابع", "الثامن", "التاسع", "العاشر")
_ORDINALS_FEMININE = ("الأولى", *(f"{ordinal}ة" for ordinal in _ORDINALS[1:]))
_OBLIQUE = {
    **{ten: f"{ten[:-2]}ين" for ten in _TENS if ten},
    **{dual: f"{dual[:-2]}ين" for dual in ("مائتان", "ألفان", "مليونان", "اثنان", "اثنتان")},
    "اثنا": "اثني",
    "اثنتا": "اثنتي",
}
_NUMBER_ENDS = r"(?!\w|[.,:/-][0-9])"
_BEGIN = r"(?<![\w.,:/-])"
_DAY = "(3[01]|[12][0-9]|0?[1-9])"
_ERA = "(?:[ \u00a0]?(م|هـ|ه)(?!\\w))?"
_HALF = rf"(?:[ \u00a0]?({'|'.join(HALVES_OF_DAY)})(?!\w))"
_WRITTEN_DATE = re.compile(
    rf"{_BEGIN}([وفبلك]?){_DAY}[ \u00a0](?:من )?({'|'.join(sorted((*MONTHS, *HIJRI_MONTHS), key=len, reverse=True))})"
    rf"(?!\w)(?:[،,]?[ \u00a0](?:عام |سنة )?([12][0-9]{{3}})(?![.,:/-]?[0-9]){_ERA}(?!\w))?"
)
_DATE_OF_ERA = re.compile(rf"{_BEGIN}([0-9]{{1,4}})([/-])([0-9]{{1,2}})\2([0-9]{{1,4}})[ \u00a0]?(م|هـ|ه)(?!\w)")
_YEAR = re.compile(
    rf"(?<!\w)([وفبلك]?(?:ال|لل)?)(عام|سنة)[ \u00a0]([1-9][0-9]{{2,3}})(?![0-9]|[.,:/-][0-9]){_ERA}(?!\w)"
)
_YEAR_OF_ERA = re.compile(
    rf"{_BEGIN}(1[0-9]{{3}}|20[0-9]{{2}}|[1-9][0-9]{{2}}(?=[ \u00a0]?ه))(?:(م)|[ \u00a0]?(هـ|ه))(?!\w)"
)
_TIME = re.compile(rf"{_BEGIN}([01]?[0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9])(?:\.[0-9]{{1,9}})?)?(?![0-9:]){_HALF}?")
_FULL_HOUR = re.compile(rf"(?<!\w)([وفبلك]?الساعة)[ \u00a0](1[0-2]|0?[1-9])(?![0-9]|[.:/-][0-9]){_HALF}?(?!\w)")
_HOUR_OF_HALF = re.compile(rf"{_BEGIN}(1[0-2]|0?[1-9])[ \u00a0]?(ص|صباح[اً]*|مساء[اً]*)(?!\w)")
_RANK = re.compile(rf"(?<!\w)([وفبك]?(?:ال|لل))({'|'.join(RANKED)})[ \u00a0]([1-9][0-9]?){_NUMBER_ENDS}")
_WITH_ARTICLE = re.compile(rf"(?<!\w)([وفبك]?)الـ?[ \u00a0]?([1-9][0-9]?){_NUMBER_ENDS}")
_DUALS = ("مائتان", "ألفان", "مليونان", "ملياران", "تريليونان")


class ArabicGrammar(Grammar):
    @property
    def rules(self) -> tuple[Rule, ...]:
        known = "|".join(map(re.escape, (*self.words.nouns, *self.words.units)))
        feminine_plural = re.compile(rf"{_BEGIN}([3-9]|10)(?=[ \u00a0](?!(?:{known})(?!\w))\w{{2,}}ات(?!\w))")
        return (
            (_DATE_OF_ERA, self._date_of_era),
            (_WRITTEN_DATE, self._written_date),
            (_YEAR, self._year_by_name),
            (_YEAR_OF_ERA, lambda match: f"{_year(match[1], 'f')} {'ميلادية' if match[2] else 'هجرية'}"),
            (_TIME, self._time_of_day),
            (_FULL_HOUR, lambda match: f"{match[1]} {_hour(int(match[2]))}{_half(match[3])}"),
            (_HOUR_OF_HALF, lambda match: f"{_hour(int(match[1]))}{_half(match[2])}"),
            (_RANK, lambda match: f"{match[1]}{match[2]} {_ordinal(int(match[3]), RANKED[match[2]])}"),
            (_WITH_ARTICLE, lambda match: f"{match[1]}{_ordinal(int(match[2]), 'm')}"),
            (feminine_plural, lambda match: self.cardinal(int(match[1]), "f")),
        )

    def join(self, *parts: str) -> str:
        return super().join(*parts).replace(" و ", " و")

    def cardinal(self, value: int, gender: GrammaticalGender | None = None) -> str:
        return _cardinal(value, gender or "m")

    def counted(self, number: Number, noun: Noun) -> str:
        if number.fraction:
            return self.join(self.number(number), noun.form(0))
        sign = self.words.minus if number.negative else ""
        if number.whole == 1:
            return self.join(sign, noun.form(0), "واحدة" if noun.gender == "f" else "واحد")
        if number.whole == 2:
            return self.join(sign, noun.form(1))
        return self.join(sign, _before_noun(self.cardinal(number.whole, noun.gender)), _form(number.whole, noun))

    def of_many(self, noun: Noun) -> str:
        return noun.form(0)

    def date(self, year: int, month: int, day: int) -> str:
        return _date(day, self.words.months[month - 1], str(year))

    def time(self, hour: int, minute: int, second: int | None) -> str:
        parts = [_hour(hour)]
        if quarter := {15: "الربع", 30: "النصف"}.get(minute if second is None else 0):
            parts.append(quarter)
        elif minute or second is not None:
            parts.append(self.counted(Number(minute), Noun(("دقيقة", "دقيقتان", "دقائق", "دقيقة"), "f")))
        if second is not None:
            parts.append(self.counted(Number(second), Noun(("ثانية", "ثانيتان", "ثوان", "ثانية"), "f")))
        return " و".join(parts)

    def _time_of_day(self, match: Match[str]) -> str:
        hour = int(match[1])
        half = _half(match[4]) if match[4] else _half_of(hour)
        return f"{self.time(hour, int(match[2]), int(match[3]) if match[3] else None)}{half}"

    def _written_date(self, match: Match[str]) -> str:
        date = _date(int(match[2]), match[3], match[4], match[5])
        return f"لل{date[2:]}" if match[1] == "ل" else f"{match[1]}{date}"

    def _date_of_era(self, match: Match[str]) -> str | None:
        first, month, last = match[1], int(match[3]), match[4]
        year, day = (first, last) if len(first) > 2 else (last, first)
        if not 1 <= month <= 12 or not 1 <= int(day) <= 31 or len(year) < 3:
            return None
        months = self.words.months if match[5] == "م" else HIJRI_MONTHS
        return _date(int(day), months[month - 1], year, match[5])

    def _year_by_name(self, match: Match[str]) -> str:
        gender: GrammaticalGender = "f" if match[2] == "سنة" else "m"
        return f"{match[1]}{match[2]} {_year(match[3], gender)}{_era(match[4], gender)}"


def _cardinal(value: int, gender: GrammaticalGender) -> str:
    if value == 0:
        return _WITH_MASCULINE[0]
    parts: list[str] = []
    for size, scale in _SCALES:
        count, value = divmod(value, size)
        if count:
            parts.append(_scaled(count, scale))
    if value:
        parts.append(_below_thousand(value, gender))
    return " و".join(parts)


def _scaled(count: int, scale: Noun) -> str:
    if count <= 2:
        return scale.form(count - 1)
    words = _cardinal(count, "m") if count >= 1000 else _below_thousand(count, scale.gender)
    return f"{_before_noun(words)} {_form(count, scale)}"


def _form(value: int, noun: Noun) -> str:
    last = value % 100
    return noun.form(2 if 3 <= last <= 10 else 3 if last > 10 else 0)


def _before_noun(words: str) -> str:
    """A dual loses its last letter before the noun that it counts."""
    return words[:-1] if words.endswith(_DUALS) else words


def _below_thousand(value: int, gender: GrammaticalGender) -> str:
    hundreds, rest = divmod(value, 100)
    return " و".join(part for part in (_HUNDREDS[hundreds], _below_hundred(rest, gender)) if part)


def _below_hundred(value: int, gender: GrammaticalGender) -> str:
    ones = _WITH_FEMININE if gender == "f" else _WITH_MASCULINE
    if value == 0:
        return ""
    if value <= 10:
        return ones[value]
    if value < 20:
        return _teen(value - 10, gender)
    tens, rest = divmod(value, 10)
    return f"{ones[rest]} و{_TENS[tens]}" if rest else _TENS[tens]


def _teen(ones: int, gender: GrammaticalGender) -> str:
    if gender == "f":
        return f"{('', 'إحدى', 'اثنتا', *_WITH_FEMININE[3:])[ones]} عشرة"
    return f"{('', 'أحد', 'اثنا', *_WITH_MASCULINE[3:])[ones]} عشر"


def _oblique(words: str) -> str:
    """Number words in the case that stands after a preposition and in a date."""
    return re.sub(r"(?<!\w)(و?)(\w+)", lambda word: word[1] + _OBLIQUE.get(word[2], word[2]), words)


def _year(digits: str, gender: GrammaticalGender) -> str:
    return _oblique(_cardinal(int(digits), gender))


def _era(letter: str | None, gender: GrammaticalGender) -> str:
    if not letter:
        return ""
    return f" {'ميلادي' if letter == 'م' else 'هجري'}{'ة' if gender == 'f' else ''}"


def _date(day: int, month: str, year: str | None, era: str | None = None) -> str:
    return f"{_ordinal(day, 'm')} من {month}" + (f" عام {_year(year, 'm')}{_era(era, 'm')}" if year else "")


def _ordinal(value: int, gender: GrammaticalGender) -> str:
    """With the article, up to 99, as after a preposition: `الحادي والعشرين`."""
    tens, ones = divmod(value, 10)
    single = _ORDINALS_FEMININE if gender == "f" else _ORDINALS
    eleventh = "الحادية" if gender == "f" else "الحادي"
    if value <= 10:
        return single[value - 1]
    first = eleventh if ones == 1 else single[ones - 1]
    if value < 20:
        return f"{first} {'عشرة' if gender == 'f' else 'عشر'}"
    ten = f"ال{_OBLIQUE[_TENS[tens]]}"
    return f"{first} و{ten}" if ones else ten


def _hour(hour: int) -> str:
    """The hour of a clock with twelve of them: `الواحدة`."""
    on_the_clock = (hour - 1) % 12 + 1
    return "الواحدة" if on_the_clock == 1 else _ordinal(on_the_clock, "f")


def _half(written: str | None) -> str:
    return f" {HALVES_OF_DAY.get(written, written)}" if written else ""


def _half_of(hour: int) -> str:
    """What makes an hour of the clock one of the day, for those that only a clock of twenty-four hours has."""
    if hour in (0, 24):
        return " بعد منتصف الليل"
    return " مساء" if hour > 12 else ""
