"""What people may say of a voice: checked, trimmed, and in one form."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from urllib.parse import urlsplit

from myna.errors import InvalidRequest
from myna.voices.schemas import NewVoice, VoiceChange

LONGEST_NAME = 100
LONGEST_DESCRIPTION = 500
LONGEST_WORD = 64
"""Of gender and age."""
LONGEST_ADDRESS = 2_048
LONGEST_TRANSCRIPT = 5_000
MOST_TAGS = 20

_LANGUAGE = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_LONGEST_LANGUAGE = 35
_DIALECT = re.compile(r"[a-z0-9-]{1,40}")
CLEARABLE = frozenset({"description", "gender", "age", "avatar_url"})
"""Fields of a voice that may be empty."""


def checked_new(new: NewVoice) -> NewVoice:
    """The same, trimmed. Raises `InvalidRequest` that names the field."""
    return replace(
        new,
        name=checked_name(new.name),
        description=_text(new.description, "description", LONGEST_DESCRIPTION),
        gender=_text(new.gender, "gender", LONGEST_WORD),
        age=_text(new.age, "age", LONGEST_WORD),
        languages=_languages(new.languages),
        dialects=_dialects(new.dialects),
        avatar_url=_address(new.avatar_url),
        stability=checked_share(new.stability, "stability"),
        similarity=None if new.similarity is None else checked_share(new.similarity, "similarity"),
    )


def checked_change(change: VoiceChange) -> dict[str, object]:
    """The new values by field, trimmed. Raises `InvalidRequest` that names the field."""
    if unknown := change.cleared - CLEARABLE:
        raise InvalidRequest("This cannot be empty.", field=min(unknown))
    values: dict[str, object | None] = {
        "name": None if change.name is None else checked_name(change.name),
        "description": _text(change.description, "description", LONGEST_DESCRIPTION),
        "gender": _text(change.gender, "gender", LONGEST_WORD),
        "age": _text(change.age, "age", LONGEST_WORD),
        "languages": None if change.languages is None else list(_languages(change.languages)),
        "dialects": None if change.dialects is None else list(_dialects(change.dialects)),
        "avatar_url": _address(change.avatar_url),
        "stability": None if change.stability is None else checked_share(change.stability, "stability"),
        "similarity": None if change.similarity is None else checked_share(change.similarity, "similarity"),
    }
    return {name: value for name, value in values.items() if value is not None} | dict.fromkeys(change.cleared)


def checked_name(name: str, field: str = "name") -> str:
    """Trimmed: 1 to 100 characters in one line."""
    text = _text(name, field, LONGEST_NAME)
    if text is None:
        raise InvalidRequest("A name is needed.", field=field)
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in text):
        raise InvalidRequest("A name is one line of text.", field=field)
    return text


def checked_language(tag: str, field: str = "language") -> str:
    """A BCP 47 tag, such as `en` or `ar-EG`, by its form."""
    tag = tag.strip()
    if not _LANGUAGE.fullmatch(tag) or len(tag) > _LONGEST_LANGUAGE:
        raise InvalidRequest("A language is a tag such as `en` or `ar-EG`.", field=field)
    return tag


def checked_share(value: float, field: str) -> float:
    if not math.isfinite(value) or not 0 <= value <= 1:
        raise InvalidRequest("This must be a number from 0 to 1.", field=field)
    return float(value)


def checked_transcript(text: str | None) -> str | None:
    """What is said in a recording; None when it is empty."""
    return _text(text, "transcript", LONGEST_TRANSCRIPT)


def _text(text: str | None, field: str, longest: int) -> str | None:
    text = (text or "").strip()
    if len(text) > longest:
        raise InvalidRequest(f"This has {len(text)} characters; it may have {longest}.", field=field)
    if any(character == "\0" or "\ud800" <= character <= "\udfff" for character in text):
        raise InvalidRequest("This has characters that are not text.", field=field)
    return text or None


def _languages(tags: Iterable[str]) -> tuple[str, ...]:
    return _few((checked_language(tag, "languages") for tag in tags if tag.strip()), "languages")


def _dialects(names: Iterable[str]) -> tuple[str, ...]:
    return _few((_dialect(name.strip().lower()) for name in names if name.strip()), "dialects")


def _dialect(name: str) -> str:
    if not _DIALECT.fullmatch(name):
        raise InvalidRequest("A dialect is a word of letters, digits and hyphens, such as `najdi`.", field="dialects")
    return name


def _few(values: Iterable[str], field: str) -> tuple[str, ...]:
    """Each once, in the order given."""
    different = tuple(dict.fromkeys(values))
    if len(different) > MOST_TAGS:
        raise InvalidRequest(f"There may be {MOST_TAGS} of these.", field=field)
    return different


def _address(url: str | None) -> str | None:
    """It is kept and given back, never fetched."""
    text = _text(url, "avatar_url", LONGEST_ADDRESS)
    if text is None:
        return None
    try:
        parts = urlsplit(text)
        plain = parts.scheme == "https" and parts.hostname and "@" not in parts.netloc and text.isprintable()
    except ValueError:
        plain = False
    if not plain or " " in text:
        raise InvalidRequest("This must be an https address without a user name.", field="avatar_url")
    return text
