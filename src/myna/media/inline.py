"""Files inside of requests: base64, alone or in a data URL."""

from __future__ import annotations

import base64
import binascii
import re

from myna.errors import BodyTooLarge, InvalidRequest

_DATA_URL = re.compile(r"data:[^,]{0,200}?(;base64)?,", re.IGNORECASE)
_LOOKED_AT = 256
_WHITE = str.maketrans("", "", " \t\r\n")
_OTHER_LETTERS = str.maketrans("-_", "+/")


def is_data_url(text: str) -> bool:
    return text[:_LOOKED_AT].lstrip()[:5].lower() == "data:"


def decode_base64(text: str, limit: int, *, field: str | None = None) -> bytes:
    """The bytes of base64 or of a data URL. White space, the letters for URLs and missing padding are accepted.

    Raises `BodyTooLarge` for more than `limit` bytes, before they are decoded, and `InvalidRequest` with this field
    for what is no base64, or empty.
    """
    if len(text) * 3 // 4 > 2 * limit + _LOOKED_AT:  # even if a line end follows each letter
        raise _too_large(limit)
    encoded = _payload(text, field).translate(_WHITE).rstrip("=").translate(_OTHER_LETTERS)
    if len(encoded) * 3 // 4 > limit:
        raise _too_large(limit)
    try:
        decoded = base64.b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise _no_base64(field) from None
    if not decoded:
        raise InvalidRequest("This base64 is empty.", field=field)
    return decoded


def _payload(text: str, field: str | None) -> str:
    if not is_data_url(text):
        return text
    start = len(text) - len(text.lstrip())
    found = _DATA_URL.match(text, start)
    if not found:
        raise _no_base64(field)
    if not found[1]:
        raise InvalidRequest("Only data URLs in base64 are read: data:video/mp4;base64,…", field=field)
    return text[found.end() :]


def _no_base64(field: str | None) -> InvalidRequest:
    return InvalidRequest("This is neither base64 nor a data URL in base64.", field=field)


def _too_large(limit: int) -> BodyTooLarge:
    return BodyTooLarge(f"The file in this request is larger than {limit:,} bytes.")
