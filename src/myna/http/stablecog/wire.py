"""JSON as Go's `encoding/json` writes and reads it, which is what Stablecog's clients see."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

import numpy as np

from myna.errors import InvalidRequest

_ESCAPES = {
    **{code: f"\\u{code:04x}" for code in range(0x20)},
    **{ord(character): f"\\u{ord(character):04x}" for character in "<>&\u2028\u2029"},
    ord("\n"): "\\n",
    ord("\r"): "\\r",
    ord("\t"): "\\t",
    ord('"'): '\\"',
    ord("\\"): "\\\\",
}
_SURROGATE = re.compile("[\ud800-\udfff]")
_INT64 = range(-(2**63), 2**63)
_SIMPLE_FOLDS = str.maketrans({"\u017f": "s", "\u212a": "k"})


class Undecodable(InvalidRequest):
    """The body is not JSON of the expected types."""


@dataclass(frozen=True, slots=True)
class Number:
    """A JSON number as it was written: what it may be depends on the field that takes it."""

    text: str


class Pairs(list[tuple[str, Any]]):
    """A JSON object with all its keys, also those that came twice."""


def encode(value: Any) -> bytes:
    """Compact JSON and a line end; numpy's float32 is written with as few digits as tell it apart from the next."""
    return f"{_encode(value)}\n".encode("utf-8", "replace")


def _encode(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value.translate(_ESCAPES)}"'
    if isinstance(value, np.float32):
        return float32_text(value)
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{_encode(key)}:{_encode(item)}" for key, item in value.items()) + "}"
    if isinstance(value, Sequence):
        return "[" + ",".join(_encode(item) for item in value) + "]"
    return json.dumps(value, allow_nan=False)


def float32_text(value: np.float32) -> str:
    """`0.7`, `5.3976874`, `1`; very small and very large ones with an exponent, as in JavaScript."""
    size = abs(value)
    if size != 0 and (size < np.float32(1e-6) or size >= np.float32(1e21)):
        mantissa, exponent = np.format_float_scientific(value, unique=True, trim="-").split("e")
        return f"{mantissa}e{int(exponent):+d}"
    return np.format_float_positional(value, unique=True, trim="-")


def decode(body: bytes) -> Any:
    """The value that `body` is: str, bool, None, list, `Number` or `Pairs`. Raises `Undecodable`."""
    try:
        return json.loads(
            body.decode("utf-8", "replace"),
            object_pairs_hook=_pairs,
            parse_float=Number,
            parse_int=Number,
            parse_constant=_refuse,
        )
    except (ValueError, RecursionError):
        raise Undecodable from None


def _pairs(pairs: list[tuple[str, Any]]) -> Pairs:
    return Pairs(pairs)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def folded(key: str) -> str:
    """A key as it is compared: in any case, and with the two signs that Unicode folds to ASCII letters."""
    return key.translate(_SIMPLE_FOLDS).lower()


def read_text(value: Any) -> str:
    if not isinstance(value, str):
        raise Undecodable
    return _SURROGATE.sub("\ufffd", value)


def read_boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise Undecodable
    return value


def read_integer(value: Any) -> int:
    """A whole number of 64 bits, written without fraction and exponent."""
    if not isinstance(value, Number) or not value.text.lstrip("-").isdigit() or len(value.text) > 20:
        raise Undecodable
    if (number := int(value.text)) not in _INT64:
        raise Undecodable
    return number


def read_float32(value: Any) -> np.float32:
    if not isinstance(value, Number) or math.isinf(number := float(value.text)):
        raise Undecodable
    try:
        return np.float32(struct.unpack("<f", struct.pack("<f", number))[0])
    except OverflowError:
        raise Undecodable from None


def read_uuid(value: Any) -> str:
    """Canonical lower case, of any of the four forms: plain, 32 digits, in braces, or a URN."""
    if not isinstance(value, str):
        raise Undecodable
    return parse_uuid(value)


_HEX = "[0-9a-f]"
_DASHED = f"{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}"
_UUID = re.compile(rf"(?:urn:uuid:)?({_DASHED})|\{{({_DASHED})\}}|({_HEX}{{32}})", re.IGNORECASE | re.ASCII)


def parse_uuid(text: str) -> str:
    match = _UUID.fullmatch(text)
    if match is None:
        raise Undecodable
    digits = "".join(part for part in match.groups() if part).replace("-", "").lower()
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"
