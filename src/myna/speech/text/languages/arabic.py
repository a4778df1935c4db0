"""Arabic: number words whose gender opposes the noun's from three to ten, the dual, four forms of a noun."""

from __future__ import annotations

from myna.speech.text.grammar import Grammar
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
_DUALS = ("مائتان", "ألفان", "مليونان", "ملياران", "تريليونان")


class ArabicGrammar(Grammar):
    def cardinal(self, value: int, gender: GrammaticalGender | None = None) -> str:
        if value == 0:
            return _WITH_MASCULINE[0]
        parts: list[str] = []
        for size, scale in _SCALES:
            count, value = divmod(value, size)
            if count:
                parts.append(self._scaled(count, scale))
        if value:
            parts.append(_below_thousand(value, gender or "m"))
        return " و".join(parts)

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

    def time(self, hour: int, minute: int, second: int | None) -> str:
        parts = [self.cardinal(hour, "f")]
        if minute or second is not None:
            parts.append(self.counted(Number(minute), Noun(("دقيقة", "دقيقتان", "دقائق", "دقيقة"), "f")))
        if second is not None:
            parts.append(self.counted(Number(second), Noun(("ثانية", "ثانيتان", "ثوان", "ثانية"), "f")))
        return " و".join(parts)

    def _scaled(self, count: int, scale: Noun) -> str:
        if count == 1:
            return scale.form(0)
        if count == 2:
            return scale.form(1)
        words = self.cardinal(count) if count >= 1000 else _below_thousand(count, scale.gender)
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
