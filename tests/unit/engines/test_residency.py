"""Which engines are in memory at the same time."""

from __future__ import annotations

import asyncio

import pytest

from myna.engines.residency import Residency
from myna.errors import Unavailable


class Pool:
    """Notes when it is asked to go, and goes when it is told."""

    def __init__(self, *, at_once: bool = True) -> None:
        self.asked = 0
        self.gone = asyncio.Event()
        if at_once:
            self.gone.set()

    async def let_all_go(self) -> None:
        self.asked += 1
        await self.gone.wait()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_without_a_bound_everyone_is_in() -> None:
    residency, pools = Residency(0), [Pool() for _ in range(5)]
    for pool in pools:
        await residency.admit(pool)
        residency.left(pool)
    assert not any(pool.asked for pool in pools)


async def test_the_one_that_was_not_used_for_the_longest_time_goes() -> None:
    residency, first, second, third = Residency(2), Pool(), Pool(), Pool()
    for pool in (first, second, first):
        await residency.admit(pool)
        residency.left(pool)
    await residency.admit(third)
    assert (first.asked, second.asked, third.asked) == (0, 1, 0)


async def test_the_next_comes_when_the_other_has_gone() -> None:
    residency, first, second = Residency(1), Pool(at_once=False), Pool()
    await residency.admit(first)
    coming = asyncio.create_task(residency.admit(second))
    await settle()
    assert not first.asked
    residency.left(first)
    await settle()
    assert first.asked == 1
    assert not coming.done()
    first.gone.set()
    await coming


async def test_an_engine_with_work_without_end_has_to_go_after_a_while() -> None:
    residency, busy, other = Residency(1, patience=0.05), Pool(), Pool()
    await residency.admit(busy)
    coming = asyncio.create_task(residency.admit(other))
    while not coming.done():
        more = asyncio.create_task(residency.admit(busy))  # it is never without a request
        await asyncio.sleep(0.01)
        residency.left(busy)
        if not more.done():
            break
    await coming
    assert busy.asked == 1
    residency.left(other)
    await more
    assert other.asked == 1


async def test_while_nobody_else_waits_everyone_of_an_engine_is_in() -> None:
    residency, busy, other = Residency(1, patience=0.01), Pool(), Pool()
    await residency.admit(busy)
    coming = asyncio.create_task(residency.admit(other))
    await asyncio.sleep(0.05)  # it is to leave now
    waiting = asyncio.create_task(residency.admit(busy))
    await settle()
    assert not waiting.done()
    coming.cancel()
    await settle()
    assert waiting.done()
    assert not busy.asked


async def test_who_gives_up_when_it_was_let_in_leaves_no_request_behind() -> None:
    residency, first, second, third = Residency(1), Pool(), Pool(), Pool()
    await residency.admit(first)
    coming = asyncio.create_task(residency.admit(second))
    await settle()
    first_let_go = first.gone
    assert first_let_go.is_set()
    residency.left(first)
    while not second_is_in(residency, second):
        await asyncio.sleep(0)
    coming.cancel()
    with pytest.raises(asyncio.CancelledError):
        await coming
    await residency.admit(third)
    assert second.asked == 1


def second_is_in(residency: Residency, pool: Pool) -> bool:
    return pool in residency._residents


async def test_closing_refuses_whoever_waits() -> None:
    residency, first, second = Residency(1), Pool(), Pool()
    await residency.admit(first)
    coming = asyncio.create_task(residency.admit(second))
    await settle()
    await residency.close()
    with pytest.raises(Unavailable):
        await coming
