"""How many servers of speech have passed a request on, so that two that ask each other find out."""

from __future__ import annotations

from contextvars import ContextVar

from myna.errors import InvalidRequest

HEADER = "x-myna-hops"
MOST = 3

_hops: ContextVar[int] = ContextVar("myna_hops", default=0)


def came_by(header: str) -> None:
    """Note what the header of a request says. Raises `InvalidRequest` for one that was passed on too often."""
    hops = int(header) if header.isascii() and header.isdecimal() and len(header) < 4 else 0
    if hops > MOST:
        raise InvalidRequest(
            f"{hops} servers have passed this request on to each other. Does MYNA_REMOTE_URL of one of them lead back?"
        )
    _hops.set(hops)


def hops() -> int:
    """Of the request for which this task works."""
    return _hops.get()
