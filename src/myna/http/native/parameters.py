"""What several native routes take."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from myna.http.native.schemas import UtcMoment
from myna.kit.pagination import Cursor

Limit = Annotated[int, Query(ge=1, le=100, description="Items of one page.")]
CursorText = Annotated[str | None, Query(max_length=300, description="`next_cursor` of the page before.")]
Moment = Annotated[UtcMoment, Query(description="ISO 8601; UTC when it names no zone.")]


def position(cursor: str | None) -> Cursor | None:
    """Raises `InvalidRequest` when it is not one of ours."""
    return Cursor.decode(cursor) if cursor else None
