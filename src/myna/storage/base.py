"""The object storage port: what Myna asks of a place that keeps files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class StoredObject:
    """What is known of a stored file without reading it."""

    key: str
    size: int
    """Bytes."""
    modified_at: datetime


class ObjectStorage(Protocol):
    """Files by key. A key is a relative path with `/`; no half-written file is ever visible under it."""

    async def put(self, key: str, data: bytes | AsyncIterator[bytes]) -> int:
        """Store `data` whole and return its size in bytes. An earlier file under the key is replaced."""
        ...

    async def get(self, key: str) -> bytes:
        """The whole file. Raises `NotFound`."""
        ...

    def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        """The bytes from `start` up to, not including, `end`. Raises `NotFound` on the first step."""
        ...

    async def head(self, key: str) -> StoredObject:
        """Raises `NotFound`."""
        ...

    async def delete(self, *keys: str) -> None:
        """Remove files. A file that is not there is no error."""
        ...

    def list(self, prefix: str) -> AsyncIterator[StoredObject]:
        """All files whose key starts with the folder `prefix`."""
        ...

    async def check(self) -> None:
        """Write, read and remove a small file. Raises `Unavailable` when that fails."""
        ...
