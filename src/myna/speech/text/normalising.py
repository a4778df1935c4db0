"""Say numbers, money, dates, addresses and symbols in words, each language in its own."""

from __future__ import annotations

import re
from functools import lru_cache

from myna.kit.tracing import Traced
from myna.speech.text.addresses import address_rules
from myna.speech.text.cleaning import clean, plain_digits, tidy
from myna.speech.text.grammar import Rule
from myna.speech.text.languages import GRAMMARS
from myna.speech.text.rules import SharedRules, abbreviations, counters
from myna.speech.text.splitting import speakable
from myna.speech.text.words import Words, load_words

NORMALISED_LANGUAGES = tuple(sorted(GRAMMARS))
"""Languages whose numbers are said in words. Other texts are only cleaned; the engine reads their digits."""

_SAME_LANGUAGE = {"cmn": "zh", "por": "pt", "eng": "en", "spa": "es"}
_TRADITIONAL = str.maketrans("负点万亿两话题号等于", "負點萬億兩話題號等於")
_DIGIT = re.compile("[0-9½⅓⅔¼¾]")
_MOST_PASSES = 4
"""What one rule writes can, in odd texts, complete a pattern of another; then it is read again."""
_SETTING = re.compile(r"(?<!\S)([A-Za-z]+:[A-Za-z][A-Za-z-]*(?:=\S+)?)")
"""A word such as `name:option=5` is for a machine, and stays as it is."""


def normalise(text: str, language: str) -> str:
    """The text as it is said: numbers and symbols in words, nothing unsayable, in NFC; other words unchanged.

    `language` is a BCP 47 tag; its region decides the order of dates and the decimal mark. A normalised text stays
    as it is when normalised again. Empty when there is nothing to say.
    """
    said = normalised(Traced.unchanged(text), language).text
    return said if speakable(said) else ""


def normalised(text: Traced, language: str) -> Traced:
    """As `normalise`, for a text that remembers where it came from. What cannot be said is not emptied."""
    rules = _rules(language)
    for _ in range(_MOST_PASSES):
        before, text = text, _normalise_once(text, rules)
        if text.text == before.text:
            break
    return text


def _normalise_once(text: Traced, rules: _Rules | None) -> Traced:
    text = clean(text)
    if rules is not None:
        plain, parts, done = plain_digits(text), list[Traced](), 0
        for setting in _SETTING.finditer(plain.text):
            parts += [rules.apply(plain[done : setting.start()]), plain[setting.start() : setting.end()]]
            done = setting.end()
        text = Traced.joined([*parts, rules.apply(plain[done:])])
    return tidy(text)


class _Rules:
    """All rules of one language in their order."""

    def __init__(self, words: Words, traditional: bool, shared: SharedRules) -> None:
        self.words = words
        self.traditional = traditional
        self.always = (*address_rules(words), *counters(words))
        self.with_digits = shared.with_digits
        self.at_last = (*shared.symbols, *abbreviations(words))

    def apply(self, text: Traced) -> Traced:
        for rule in self.always:
            text = self._apply(rule, text)
        if _DIGIT.search(text.text):
            for rule in self.with_digits:
                text = self._apply(rule, text)
        for rule in self.at_last:
            text = self._apply(rule, text)
        return text

    def _apply(self, rule: Rule, text: Traced) -> Traced:
        pattern, say = rule

        def spoken(match: re.Match[str]) -> str | None:
            words = say(match)
            if words is None:
                return None
            if self.traditional:
                words = words.translate(_TRADITIONAL)
            return self._apart(words, match)

        return text.replace(pattern, spoken)

    def _apart(self, words: str, match: re.Match[str]) -> str:
        """With spaces where the words would run into their neighbours."""
        if not self.words.spaced or not words:
            return words
        start, end, text = match.start(), match.end(), match.string
        before = " " if start and text[start - 1].isalnum() and words[0].isalnum() else ""
        if before and text[start - 1] in self.words.prefixes and (start == 1 or not text[start - 2].isalnum()):
            before = ""
        after = " " if end < len(text) and text[end].isalnum() and words[-1].isalnum() else ""
        return f"{before}{words}{after}"


@lru_cache(maxsize=64)
def _rules(tag: str) -> _Rules | None:
    language, *rest = tag.replace("_", "-").split("-")
    language = language.lower()
    language = _SAME_LANGUAGE.get(language, language)
    if language not in GRAMMARS:
        return None
    region = next((part.upper() for part in rest if re.fullmatch("[A-Za-z]{2}|[0-9]{3}", part)), "")
    words = load_words(language, region)
    traditional = language == "zh" and ("hant" in tag.lower() or region in ("TW", "HK", "MO"))
    return _Rules(words, traditional, SharedRules(GRAMMARS[language](words)))
