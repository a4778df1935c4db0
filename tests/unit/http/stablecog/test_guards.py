"""How a key is read."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from myna.http.stablecog.guards import read_key


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("Bearer myna_x", "myna_x"),
        ("anything Bearer myna_x", "myna_x"),
        ("Bearer  myna_x", " myna_x"),
        ("Bearer ", ""),
        ("bearer myna_x", None),
        ("Token myna_x", None),
        ("myna_x", None),
        ("Bearer", None),
        ("Bearer Bearer myna_x", None),
        ("", None),
    ],
)
def test_the_key_follows_the_literal_bearer(header: str, key: str | None) -> None:
    headers = [(b"authorization", header.encode())] if header else []
    assert read_key(Request({"type": "http", "headers": headers})) == key
