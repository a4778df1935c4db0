"""Whose turn it is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from myna.engines.waiting import Claim, WaitingRequests
from myna.kit.beneficiary import go_on, work_for
from myna.kit.threads import taking_its_time

QUEUE = 100


def claim(account: str, urgent: bool = True) -> Claim:
    return Claim(account, urgent)


def test_one_account_is_served_in_order() -> None:
    async def order() -> list[int]:
        waiting = WaitingRequests(QUEUE)
        turns = [waiting.add(claim("a")) for _ in range(5)]
        return [turns.index(turn) for turn in iter(waiting.next, None) if turn]

    assert asyncio.run(order()) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("aaaab", "abaaa"),
        ("aaabbbccc", "abcabcabc"),
        ("aaaabcb", "abcabaa"),
        ("AAAb", "bAAA"),  # capitals take their time
        ("AAAbbbb", "bbbAbAA"),
        ("AABBcccccc", "cccAcccBAB"),
    ],
)
def test_accounts_take_turns_and_what_is_waited_for_goes_first(asked: str, expected: str) -> None:
    async def order() -> str:
        waiting = WaitingRequests(QUEUE)
        kept = [waiting.add(claim(letter, letter.islower())) for letter in asked]
        return "".join(asked[kept.index(turn)] for turn in iter(waiting.next, None) if turn)

    assert asyncio.run(order()) == expected


def in_a_loop(work: Callable[[], None]) -> None:
    async def run() -> None:
        work()

    asyncio.run(run())


def test_the_last_quarter_is_for_those_with_few_requests() -> None:
    def work() -> None:
        waiting = WaitingRequests(8)
        while waiting.has_room(claim("a")):
            waiting.add(claim("a"))
        assert len(waiting) == 6
        waiting.add(claim("b"))
        assert not waiting.has_room(claim("b"))
        assert waiting.has_room(claim("c"))
        waiting.add(claim("c", urgent=False))
        assert not waiting.has_room(claim("d"))

    in_a_loop(work)


def test_what_goes_on_is_never_turned_away_and_takes_no_place() -> None:
    def work() -> None:
        waiting, begun = WaitingRequests(2), Claim("a", urgent=True, goes_on=True)
        turns = [waiting.add(begun) for _ in range(5)]
        assert waiting.has_room(claim("a"))
        waiting.add(claim("a"))
        waiting.add(claim("b"))
        assert not waiting.has_room(claim("c"))
        assert waiting.has_room(begun)
        waiting.remove(begun, turns[0])
        assert waiting.next() is turns[1]
        assert not waiting.has_room(claim("c")), "one that goes on has left no place"
        waiting.next()
        assert waiting.has_room(claim("c"))

    in_a_loop(work)


def test_who_gives_up_leaves_no_trace() -> None:
    def work() -> None:
        waiting = WaitingRequests(2)
        first, second = claim("a"), claim("a", urgent=False)
        turn, other = waiting.add(first), waiting.add(second)
        waiting.remove(first, turn)
        waiting.remove(first, turn)
        assert len(waiting) == 1
        assert waiting.next() is other
        assert waiting.next() is None

    in_a_loop(work)


async def test_a_claim_knows_for_whom_its_task_works() -> None:
    assert Claim.of_this_task() == Claim("", True)
    work_for("acc_1")

    async def later() -> Claim:
        await asyncio.sleep(0)
        return Claim.of_this_task()

    with taking_its_time():
        behind = asyncio.create_task(later())
    assert Claim.of_this_task() == Claim("acc_1", True)
    assert await behind == Claim("acc_1", False)


async def test_what_a_task_begins_after_it_was_let_in_goes_on() -> None:
    async def part() -> Claim:
        go_on()
        return Claim.of_this_task()

    assert (await asyncio.create_task(part())).goes_on
    assert not Claim.of_this_task().goes_on, "of others it says nothing"
