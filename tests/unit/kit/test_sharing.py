"""Work that several wait for and that is done once."""

from __future__ import annotations

import asyncio

import pytest

from myna.kit.sharing import SharedWork


class Kitchen:
    """Counts what is begun, and ends it when told."""

    def __init__(self) -> None:
        self.shared: SharedWork[str, int] = SharedWork()
        self.begun = self.canceled = 0
        self.ready = asyncio.Event()

    def ask(self, key: str = "soup", *, spoil: bool = False) -> asyncio.Task[int]:
        return asyncio.create_task(self.shared.result(key, lambda: asyncio.create_task(self._cook(spoil))))

    async def _cook(self, spoil: bool) -> int:
        self.begun += 1
        number = self.begun
        try:
            await self.ready.wait()
        except asyncio.CancelledError:
            self.canceled += 1
            raise
        if spoil:
            raise ValueError("burnt")
        return number


async def test_the_same_work_is_done_once() -> None:
    kitchen = Kitchen()
    asked = [kitchen.ask(), kitchen.ask(), kitchen.ask("bread")]
    await asyncio.sleep(0)
    kitchen.ready.set()
    assert await asyncio.gather(*asked) == [1, 1, 2]
    assert kitchen.begun == 2


async def test_later_work_is_new() -> None:
    kitchen = Kitchen()
    kitchen.ready.set()
    assert [await kitchen.ask(), await kitchen.ask()] == [1, 2]


async def test_an_error_reaches_all() -> None:
    kitchen = Kitchen()
    asked = [kitchen.ask(spoil=True), kitchen.ask(spoil=True)]
    await asyncio.sleep(0)
    kitchen.ready.set()
    for task in asked:
        with pytest.raises(ValueError, match="burnt"):
            await task
    kitchen.ready.set()
    assert await kitchen.ask() == 2


async def test_one_who_goes_does_not_end_it_for_the_others() -> None:
    kitchen = Kitchen()
    first, second = kitchen.ask(), kitchen.ask()
    await asyncio.sleep(0.01)
    first.cancel()
    await asyncio.sleep(0.01)
    assert kitchen.canceled == 0
    kitchen.ready.set()
    assert await second == 1


async def test_when_all_go_it_is_canceled_and_nobody_joins_it() -> None:
    kitchen = Kitchen()
    asked = [kitchen.ask(), kitchen.ask()]
    await asyncio.sleep(0.01)
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    kitchen.ready.set()
    assert await kitchen.ask() == 2
    assert kitchen.canceled == 1


async def test_what_cannot_begin_leaves_nothing() -> None:
    shared: SharedWork[str, int] = SharedWork()

    def refuse() -> asyncio.Task[int]:
        raise ValueError("closed")

    for _ in range(2):
        with pytest.raises(ValueError, match="closed"):
            await shared.result("soup", refuse)
