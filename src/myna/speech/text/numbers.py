"""Read a number as people write it: thousands separators, decimal marks, Indian grouping."""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST_NUMBER = 15
"""Digits; a longer number is read digit by digit."""

DIGITS = r"[0-9]++(?:[.,'’\u00a0\u202f][0-9]++){0,20}+"
"""Matches whatever may be one number; `read_number` decides."""

_SPACES = re.compile("['’\u00a0\u202f]")
_THOUSANDS = re.compile(r"[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,2}(?:,[0-9]{2})+,[0-9]{3}")
_MARKED = re.compile(r"([0-9]*)(?:\.([0-9]+))?")


@dataclass(frozen=True, slots=True)
class Number:
    whole: int
    fraction: str = ""
    """The digits after the decimal mark."""
    negative: bool = False


def read_number(text: str, decimal_mark: str, *, negative: bool = False) -> Number | None:
    """The number that a text of `DIGITS` writes, or None when it is none (a version, a list, a telephone number).

    Both marks: the last one is the decimal mark. One mark, repeated: thousands. One mark, once: the language decides,
    but what cannot be thousands is a fraction.
    """
    parts = _SPACES.split(text)
    if len(parts) > 1 and not all(len(part.split(".")[0].split(",")[0]) == 3 for part in parts[1:]):
        return None
    plain = _with_point("".join(parts), decimal_mark)
    match = _MARKED.fullmatch(plain) if plain is not None else None
    if match is None or len(match[1]) > LONGEST_NUMBER or len(match[2] or "") > LONGEST_NUMBER:
        return None
    return Number(int(match[1]), match[2] or "", negative)


def _with_point(text: str, decimal_mark: str) -> str | None:
    """The same number with `.` as its decimal mark and without thousands separators."""
    points, commas = text.count("."), text.count(",")
    if points and commas:
        mark = "." if text.rfind(".") > text.rfind(",") else ","
        whole, _, fraction = text.rpartition(mark)
        whole = _without_thousands(whole, "," if mark == "." else ".")
        return f"{whole}.{fraction}" if whole else None
    if not points and not commas:
        return text
    mark = "." if points else ","
    if points + commas > 1:
        return _without_thousands(text, mark) or None
    if mark == decimal_mark:
        return text.replace(mark, ".")
    # "1,5" in English is a list; "1.5" where the comma is the decimal mark can only be a fraction.
    return _without_thousands(text, mark) or (text if mark == "." else None)


def _without_thousands(text: str, mark: str) -> str:
    """Empty when the groups are not those of thousands."""
    plain = text.replace(mark, ",")
    if not plain.isdigit() and (not _THOUSANDS.fullmatch(plain) or plain.startswith("0")):
        return ""
    return plain.replace(",", "")
