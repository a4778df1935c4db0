from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from myna.http.ranges import ByteRange, Unsatisfiable, parse_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-9", ByteRange(0, 10)),
        ("bytes=90-", ByteRange(90, 100)),
        ("bytes=90-500", ByteRange(90, 100)),
        ("bytes=-5", ByteRange(95, 100)),
        ("bytes=-500", ByteRange(0, 100)),
        ("bytes=99-99", ByteRange(99, 100)),
        ("Bytes = 0-0", ByteRange(0, 1)),
        (" bytes=1-2 ", ByteRange(1, 3)),
    ],
)
def test_one_range(header, expected):
    assert parse_range(header, 100) == expected


@pytest.mark.parametrize(
    "header",
    [None, "", "bytes=0-1,5-6", "bytes=-", "bytes=9-1", "bytes=a-b", "seconds=0-1", "bytes=1", "bytes=٣-٤", "x" * 9000],
)
def test_the_whole_file(header):
    assert parse_range(header, 100) is None


@pytest.mark.parametrize(
    ("header", "size"), [("bytes=100-", 100), ("bytes=-0", 100), ("bytes=0-0", 0), ("bytes=-1", 0)]
)
def test_nothing_of_the_file(header, size):
    with pytest.raises(Unsatisfiable):
        parse_range(header, size)


def test_content_range():
    assert ByteRange(2, 5).content_range(10) == "bytes 2-4/10"


@given(st.text(max_size=30), st.integers(0, 1000))
def test_never_outside_of_the_file(header, size):
    try:
        part = parse_range(f"bytes={header}", size)
    except Unsatisfiable:
        return
    if part is not None:
        assert 0 <= part.start < part.end <= size
