"""Keyset pages: a cursor names the last row that was seen, so a page costs the same at any depth."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, TypeVar

from myna.errors import InvalidRequest

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The position after a row: newest first, ties broken by id."""

    created_at: datetime
    id: str

    def encode(self) -> str:
        text = json.dumps([self.created_at.isoformat(), self.id], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decode(cls, text: str) -> Cursor:
        try:
            created_at, row_id = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
            moment = datetime.fromisoformat(created_at)
            if moment.tzinfo is not None:
                moment = moment.astimezone(UTC)
        except (ValueError, TypeError, OverflowError, RecursionError):
            raise InvalidRequest("The cursor is not one that this server gave out.", field="cursor") from None
        if moment.tzinfo is None or not isinstance(row_id, str):
            raise InvalidRequest("The cursor is not one that this server gave out.", field="cursor")
        return cls(moment, row_id)


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items, and whether more follow."""

    items: list[Item]
    has_more: bool
