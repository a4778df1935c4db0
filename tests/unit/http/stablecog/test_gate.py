"""Two run, further ones are held, too many are refused."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager

import pytest

from myna.errors import QueueFull
from myna.http.stablecog.gate import Abandoned, Gate


async def never() -> None:
    await asyncio.Event().wait()


class Visitor:
    """A request that stays inside until it is told to go."""

    def __init__(self, gate: Gate, account: str = "a") -> None:
        self.inside = asyncio.Event()
        self.may_leave = asyncio.Event()
        self.departed = asyncio.Event()
        self.task = asyncio.ensure_future(self._visit(gate, account))

    async def _visit(self, gate: Gate, account: str) -> None:
        async with gate.entered(account, self._gone):
            self.inside.set()
            await self.may_leave.wait()

    async def _gone(self) -> None:
        await self.departed.wait()

    async def leave(self) -> None:
        self.may_leave.set()
        await self.task


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


@asynccontextmanager
async def visitors(gate: Gate, number: int) -> AsyncIterator[list[Visitor]]:
    guests = []
    for _ in range(number):
        guests.append(Visitor(gate))
        await settle()
    yield guests
    for guest in guests:
        guest.task.cancel()
    await asyncio.gather(*(guest.task for guest in guests), return_exceptions=True)
    assert gate.running("a") == gate.held("a") == 0


def inside(guests: list[Visitor]) -> list[bool]:
    return [guest.inside.is_set() for guest in guests]


async def test_the_third_is_held_until_one_leaves() -> None:
    gate = Gate()
    async with visitors(gate, 3) as guests:
        assert inside(guests) == [True, True, False]
        await guests[1].leave()
        await settle()
        assert inside(guests) == [True, True, True]


async def test_held_ones_go_in_in_the_order_they_came() -> None:
    gate = Gate()
    async with visitors(gate, 5) as guests:
        for leaving, entering in ((0, 2), (1, 3), (2, 4)):
            assert not guests[entering].inside.is_set()
            await guests[leaving].leave()
            await settle()
            assert guests[entering].inside.is_set()


async def test_51_are_held_and_the_next_is_refused() -> None:
    gate = Gate()
    async with visitors(gate, 53) as guests:
        assert (gate.running("a"), gate.held("a")) == (2, 51)
        with pytest.raises(QueueFull):
            async with gate.entered("a", never):
                raise AssertionError("too many")
        await guests[0].leave()
        await settle()
        assert (gate.running("a"), gate.held("a")) == (2, 50)


async def test_accounts_do_not_wait_for_each_other() -> None:
    gate = Gate()
    async with visitors(gate, 3):
        async with asyncio.timeout(60), gate.entered("b", never):
            assert gate.running("b") == 1
        assert gate.running("b") == 0


async def test_a_client_that_goes_away_leaves_the_line() -> None:
    gate = Gate()
    async with visitors(gate, 4) as guests:
        guests[2].departed.set()
        with pytest.raises(Abandoned):
            await guests[2].task
        assert gate.held("a") == 1
        await guests[0].leave()
        await settle()
        assert inside(guests) == [True, True, False, True]


async def test_a_held_request_that_is_cancelled_leaves_the_line() -> None:
    gate = Gate()
    async with visitors(gate, 4) as guests:
        guests[2].task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await guests[2].task
        await guests[0].leave()
        await settle()
        assert inside(guests) == [True, True, False, True]


async def test_a_request_that_is_cancelled_as_its_turn_comes_gives_the_turn_on() -> None:
    gate = Gate()
    async with visitors(gate, 4) as guests:
        guests[0].may_leave.set()
        await asyncio.sleep(0)
        guests[2].task.cancel()
        await settle()
        assert guests[2].task.cancelled()
        assert inside(guests)[3]


async def test_entries_expire_and_leaving_afterwards_counts_nothing_twice() -> None:
    gate = Gate(entry_seconds=0.01)
    async with visitors(gate, 3) as guests:
        async with asyncio.timeout(60):
            await guests[2].inside.wait()
        while gate.running("a"):
            await asyncio.sleep(0.01)
        for guest in guests:
            await guest.leave()
        assert gate.running("a") == 0


async def test_an_error_inside_frees_the_place() -> None:
    gate = Gate()

    async def fail() -> None:
        async with gate.entered("a", never):
            raise ValueError("inside")

    for _ in range(4):
        failing: Awaitable[None] = fail()
        with pytest.raises(ValueError, match="inside"):
            await failing
    assert gate.running("a") == 0
