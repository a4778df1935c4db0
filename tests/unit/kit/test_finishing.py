"""Work that goes on without who waited for it."""

from __future__ import annotations

import asyncio

import pytest

from myna.kit.finishing import to_the_end


async def test_its_result_and_its_error_come_back() -> None:
    async def work(number: int) -> float:
        return 1 / number

    assert await to_the_end(work(4)) == 0.25
    with pytest.raises(ZeroDivisionError):
        await to_the_end(work(0))


async def test_it_goes_on_when_its_caller_is_canceled() -> None:
    go_on, done = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        await go_on.wait()
        done.set()

    caller = asyncio.create_task(to_the_end(work()))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go_on.set()
    await asyncio.wait_for(done.wait(), timeout=10)
