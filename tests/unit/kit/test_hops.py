"""How often a request was passed on."""

from __future__ import annotations

from contextvars import copy_context

import pytest

from myna.errors import InvalidRequest
from myna.kit.hops import came_by, hops


@pytest.mark.parametrize(
    ("header", "count"), [("", 0), ("0", 0), ("3", 3), ("-1", 0), ("two", 0), ("٢", 0), ("9" * 50, 0)]
)
def test_the_header_says_how_often(header: str, count: int) -> None:
    def counted() -> int:
        came_by(header)
        return hops()

    assert copy_context().run(counted) == count
    assert hops() == 0


def test_what_was_passed_on_too_often_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="4 servers have passed this request on"):
        came_by("4")
