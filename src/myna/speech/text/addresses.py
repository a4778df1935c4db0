"""URLs and e-mail addresses, said as people read them out."""

from __future__ import annotations

import re
from re import Match

from myna.speech.text.grammar import Rule
from myna.speech.text.words import Words

_URL = re.compile(r"(?<![\w@])(?:(?:https?|ftp)://|www\.)[!#-;=?-~]{1,2000}", re.IGNORECASE)
_EMAIL = re.compile(r"(?<![\w.+%-])[A-Za-z0-9.+_%-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}")
_DOMAIN = re.compile(
    r"(?<![\w.@-])(?:[A-Za-z0-9][A-Za-z0-9-]{0,62}\.){1,3}(?:com|org|net|io|dev|edu|gov|ai|app)(?![\w@-]|\.\w)"
    r"(?:/[!#-;=?-~]{0,500})?"
)
_SCHEME = re.compile(r"^(?:https?|ftp)://", re.IGNORECASE)
_NOT_AT_END = ".,;:!?)]}'\"*"
_SIGN = re.compile("[^A-Za-z0-9]")


def address_rules(words: Words) -> tuple[Rule, ...]:
    """A sign without a name in the language is left for the symbols, or makes a pause."""
    names = dict(words.symbols) | dict(words.address)
    space = " " if words.spaced else ""

    def spoken(match: Match[str]) -> str:
        written = match[0]
        address = written.rstrip(_NOT_AT_END)
        rest = written[len(address) :]
        address = _SCHEME.sub("", address).rstrip("/")
        return _SIGN.sub(lambda sign: f"{space}{names.get(sign[0], sign[0])}{space}", address) + rest

    return ((_URL, spoken), (_EMAIL, spoken), (_DOMAIN, spoken))
