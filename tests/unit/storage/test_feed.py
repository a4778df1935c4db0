"""Chunks on their way from a source to an upload."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from myna.storage.feed import Feed, SourceEnded


async def numbered(count: int) -> AsyncIterator[bytes]:
    for number in range(count):
        yield bytes([number])


async def test_all_chunks_arrive_in_order() -> None:
    arrived: list[bytes] = []

    async def upload(feed: Feed) -> None:
        async for chunk in feed:
            await asyncio.sleep(0)
            arrived.append(chunk)

    assert await Feed().run(numbered(50), upload) == 50
    assert arrived == [bytes([number]) for number in range(50)]


async def test_a_fast_source_waits_for_a_slow_upload() -> None:
    ahead = taken = 0

    async def counted() -> AsyncIterator[bytes]:
        nonlocal ahead
        async for chunk in numbered(50):
            ahead = max(ahead, chunk[0] - taken)
            yield chunk

    async def upload(feed: Feed) -> None:
        nonlocal taken
        async for _ in feed:
            taken += 1
            await asyncio.sleep(0.001)

    await Feed().run(counted(), upload)
    assert ahead <= 8


async def test_the_upload_learns_that_the_source_failed() -> None:
    told: list[BaseException] = []

    async def source() -> AsyncIterator[bytes]:
        yield b"1"
        raise KeyError("gone")

    async def upload(feed: Feed) -> None:
        try:
            async for _ in feed:
                pass
        except SourceEnded as error:
            told.append(error)
            await asyncio.sleep(0.01)
            told.append(error)
            raise

    with pytest.raises(KeyError):
        await Feed().run(source(), upload)
    assert len(told) == 2


@pytest.mark.parametrize("wanted", [0, 1, 3])
async def test_the_source_ends_when_the_upload_fails(wanted: int) -> None:
    async def upload(feed: Feed) -> None:
        for _ in range(wanted):
            await anext(feed)
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        await Feed().run(numbered(200), upload)


async def test_cancelling_ends_a_source_that_says_nothing() -> None:
    ended = asyncio.Event()

    async def silent() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    async def upload(feed: Feed) -> None:
        try:
            await anext(feed)
        finally:
            ended.set()

    task = asyncio.create_task(Feed().run(silent(), upload))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended.is_set()


async def test_the_upload_has_ended_however_often_its_caller_is_canceled() -> None:
    began, ended = asyncio.Event(), asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"1"
        await asyncio.Event().wait()

    async def upload(feed: Feed) -> None:
        try:
            async for _ in feed:
                began.set()
        finally:
            await asyncio.sleep(0.05)
            ended.set()

    running = asyncio.create_task(Feed().run(endless(), upload))
    await began.wait()
    while not running.done():
        running.cancel()
        await asyncio.sleep(0.01)
    assert ended.is_set()
