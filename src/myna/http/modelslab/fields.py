"""Reading a body as leniently as the vendor does: numbers and booleans as text, null is absent, unknown fields are."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from myna.errors import InvalidRequest

Scalar = str | int | float | bool

_TRUE = frozenset({"true", "1", "1.0", "yes", "on", "y"})
_FALSE = frozenset({"false", "0", "0.0", "no", "off", "n", ""})
_HALVES = re.compile("[\ud800-\udfff]")
"""Of characters; JSON can hold them."""


class Fields:
    """The fields of one body."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def has(self, name: str) -> bool:
        return self._values.get(name) is not None

    def text(self, *names: str) -> str | None:
        """The first of these that is there, as text; None when all are absent or empty."""
        for name in names:
            value = self._values.get(name)
            if isinstance(value, dict | list):
                raise InvalidRequest(f"{name} must be a string", field=name)
            if value is not None and str(value).strip():
                return _checked(str(value), name)
        return None

    def required(self, *names: str) -> str:
        """Raises `InvalidRequest` in the vendor's words."""
        found = self.text(*names)
        if found is None:
            raise InvalidRequest(f"{names[0]} is required", field=names[0])
        return found

    def number(self, name: str, default: float, *, least: float, most: float) -> float:
        value = self._values.get(name)
        if value is None or value == "":
            return default
        try:
            number = float(value)
        except (TypeError, ValueError, OverflowError):
            raise InvalidRequest(f"{name} must be a number", field=name) from None
        if not math.isfinite(number) or not least <= number <= most:
            raise InvalidRequest(f"{name} must be between {least:g} and {most:g}", field=name)
        return number

    def whole(self, name: str) -> int:
        """0 when absent."""
        return int(self.number(name, 0, least=-(2**53), most=2**53))

    def hint(self, name: str, most: int) -> int | None:
        """A whole number from 1 to `most`; None for anything else, as of a field that the vendor does not know."""
        try:
            number = self.number(name, 0, least=1, most=most)
        except InvalidRequest:
            return None
        return int(number) or None

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self._values.get(name)
        if value is None:
            return default
        word = str(value).strip().lower()
        if word in _TRUE:
            return True
        if word in _FALSE:
            return False
        raise InvalidRequest(f"{name} must be true or false", field=name)

    def scalar(self, name: str) -> Scalar | None:
        """As it was sent, to be sent back."""
        value = self._values.get(name)
        if isinstance(value, dict | list):
            raise InvalidRequest(f"{name} must be a string or a number", field=name)
        if isinstance(value, float) and not math.isfinite(value):
            raise InvalidRequest(f"{name} must be a number", field=name)
        return _checked(value, name, 500) if isinstance(value, str) else value


def _checked(text: str, name: str, most: int | None = None) -> str:
    if "\0" in text or (not text.isascii() and _HALVES.search(text)):
        raise InvalidRequest(f"{name} has characters that are not text", field=name)
    if most is not None and len(text) > most:
        raise InvalidRequest(f"{name} may have at most {most} characters", field=name)
    return text
