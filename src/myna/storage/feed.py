"""Carries chunks from a source to an upload that pulls them, so that an end of either ends both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

from myna.kit.finishing import set_going, waited_for

_WAITING = 4
"""Chunks between source and upload."""


class SourceEnded(Exception):
    """The source of an upload has failed. The upload must not complete."""


class Feed:
    """An async iterator for the upload.

    The source is read in the caller's task, so its errors and cancellation stay where they belong. The upload is
    never cut off in the middle of a call: it sees its input fail, cleans up, and is waited for.
    """

    def __init__(self) -> None:
        self._chunks: asyncio.Queue[bytes | None] = asyncio.Queue(_WAITING)
        self._failed = False

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        chunk = None if self._failed else await self._chunks.get()
        if self._failed:
            raise SourceEnded
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    async def run(self, source: AsyncIterator[bytes], upload: Callable[[Feed], Coroutine[Any, Any, None]]) -> int:
        """Upload all of `source`. Returns how many bytes that were."""
        uploading = set_going(upload(self))
        size = 0
        try:
            async for chunk in source:
                if chunk:
                    size += len(chunk)
                    await self._offer(bytes(chunk), uploading)
            await self._offer(None, uploading)
            await asyncio.shield(uploading)
        except BaseException:
            await waited_for(self._fail(uploading))
            raise
        return size

    async def _offer(self, chunk: bytes | None, uploading: asyncio.Task[None]) -> None:
        """Hand a chunk over, unless the upload has ended, which it does early only by failing."""
        if not self._chunks.full() and not uploading.done():
            self._chunks.put_nowait(chunk)
            return
        handing = asyncio.ensure_future(self._chunks.put(chunk))
        try:
            await asyncio.wait({handing, uploading}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            handing.cancel()
        if uploading.done() and not handing.done():
            uploading.result()

    async def _fail(self, uploading: asyncio.Task[None]) -> None:
        self._failed = True
        while not self._chunks.empty():
            self._chunks.get_nowait()
        self._chunks.put_nowait(None)
        await asyncio.wait({uploading})
        if not uploading.cancelled():
            uploading.exception()
