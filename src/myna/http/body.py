"""Request bodies: read up to a limit, kept in memory while small and in a temporary file beyond."""

from __future__ import annotations

import tempfile
from typing import IO

from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from myna.errors import BodyTooLarge, InvalidRequest

_IN_MEMORY = 1_000_000
"""Bytes of a body that are kept in memory."""
_PIECE = 65_536


class ClientGone(Exception):
    """The client closed the connection before it had sent the whole body."""


class Body:
    """The whole body of a request. Use as a context manager; it can be read again and again."""

    def __init__(self, size: int, file: IO[bytes]) -> None:
        self.size = size
        """Bytes."""
        self.file = file

    def __enter__(self) -> Body:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def bytes(self) -> bytes:
        self.file.seek(0)
        return self.file.read()

    def replay(self, receive: Receive) -> Receive:
        """A `receive` that gives this body first, then whatever the connection says next."""
        position = 0
        ended = False
        most = self.size if self.size <= _IN_MEMORY else _PIECE

        async def replayed() -> Message:
            nonlocal position, ended
            if ended:
                return await receive()
            self.file.seek(position)
            piece = self.file.read(most)
            position += len(piece)
            ended = position >= self.size
            return {"type": "http.request", "body": piece, "more_body": not ended}

        return replayed


async def read_body(scope: Scope, receive: Receive, limit: int) -> Body:
    """Read a body of at most `limit` bytes.

    Raises `BodyTooLarge` as soon as that is known (by Content-Length, or by counting), `InvalidRequest` for a
    Content-Length that is no number, and `ClientGone`.
    """
    check_content_length(scope, limit)
    file: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - Body closes it
    size = 0
    try:
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            piece = message.get("body", b"")
            size += len(piece)
            if size > limit:
                raise BodyTooLarge(f"The body is larger than {limit} bytes.")
            file.write(piece)
            more = message.get("more_body", False)
    except BaseException:
        file.close()
        raise
    return Body(size, file)


def check_content_length(scope: Scope, limit: int) -> None:
    """Refuse a body by what its Content-Length announces, before reading any of it."""
    announced = Headers(scope=scope).get("content-length")
    if announced is None:
        return
    if not announced.isdecimal():
        raise InvalidRequest("The Content-Length is not a number.")
    if int(announced) > limit:
        raise BodyTooLarge(f"The body has {announced} bytes; this path takes {limit}.")
