"""Reads Japanese: espeak-ng knows kana only, so kanji are turned into kana by `pyopenjtalk-plus` when it is installed.

The package `pyopenjtalk` of the same import name is not used: it downloads its dictionary when it is first asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version

from myna.errors import EngineFailed

_KANJI = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff々]")
_SYMBOL = "記号"


@dataclass(frozen=True, slots=True)
class Reading:
    """What is spoken in place of a text."""

    text: str
    starts: tuple[int, ...]
    """For each character of `text`, where that of the original begins which it stands for: an index."""
    ends: tuple[int, ...]
    """And where it ends."""


def read(text: str) -> Reading:
    """Kana, with a space before each accent phrase. Raises `EngineFailed` when there is no way to read the kanji."""
    if can_read_kanji():
        return _with_dictionary(text)
    if _KANJI.search(text):
        raise EngineFailed(
            "This text has kanji, which the engine `espeak` cannot read by itself. "
            "Write it in kana, or install `myna[japanese]`; `myna doctor` names the command."
        )
    return unchanged(text)


def unchanged(text: str) -> Reading:
    return Reading(text, tuple(range(len(text))), tuple(range(1, len(text) + 1)))


@cache
def can_read_kanji() -> bool:
    try:
        return bool(version("pyopenjtalk-plus"))
    except PackageNotFoundError:
        return False


def _with_dictionary(text: str) -> Reading:
    import pyopenjtalk

    spoken, starts, ends, place = "", list[int](), list[int](), 0
    for token in pyopenjtalk.run_frontend(text):
        surface = token["string"]
        found = text.find(surface, place)
        place = found if found >= 0 else place
        sound = surface if token["pos"] == _SYMBOL else token["pron"].replace("’", "")
        if spoken and token["pos"] != _SYMBOL and token["chain_flag"] != 1:
            sound = " " + sound
        spoken += sound
        end = place + len(surface) if found >= 0 else min(place + 1, len(text))
        starts += [place] * len(sound)
        ends += [end] * len(sound)
        place = end if found >= 0 else place
    return Reading(spoken, tuple(starts), tuple(ends))
