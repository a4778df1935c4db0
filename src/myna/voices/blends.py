"""Blends: voices that lie between others of one engine, named by what is in them, such as `af_heart(2)+am_adam(1)`."""

from __future__ import annotations

import re
from collections.abc import Mapping

MOST_PARTS = 8
_PART = re.compile(r"\s*([\w.-]+)\s*(?:\(\s*(\d{1,4}(?:\.\d{1,4})?)\s*\))?\s*")


def parts_of(name: str) -> Mapping[str, float] | None:
    """Voice → weight, of `af_heart(2)+am_adam` or `af_heart,am_adam`; a weight that is not named is 1.

    None when it is not a blend: fewer than two parts or too many, a weight of 0, the same voice twice.
    """
    parts: dict[str, float] = {}
    pieces = re.split(r"[+,]", name)
    for piece in pieces:
        found = _PART.fullmatch(piece)
        if found is None:
            return None
        parts[found[1]] = float(found[2] or 1)
    if not 2 <= len(parts) <= MOST_PARTS or len(parts) != len(pieces) or min(parts.values()) <= 0:
        return None
    return parts


def name_of(parts: Mapping[str, float]) -> str:
    """The usual way to write a blend: with `+`, and all weights."""
    return "+".join(f"{voice}({weight:g})" for voice, weight in parts.items())
