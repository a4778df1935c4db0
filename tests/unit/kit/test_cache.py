"""A small memory of what was made or read lately."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from myna.kit.cache import Cache


def test_what_was_used_last_stays() -> None:
    cache: Cache[str, int] = Cache(entries=2, weight=100)
    cache.put("a", 1)
    cache.put("b", 2)
    assert cache.get("a") == 1
    cache.put("c", 3)
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (1, None, 3)
    assert list(cache) == ["a", "c"]


def test_the_weight_is_bounded() -> None:
    cache: Cache[str, int] = Cache(entries=10, weight=100)
    cache.put("a", 1, 60)
    cache.put("b", 2, 60)
    assert (cache.get("a"), cache.get("b")) == (None, 2)
    cache.put("c", 3, 101)
    assert (cache.get("b"), cache.get("c")) == (2, None)


def test_a_key_is_kept_once() -> None:
    cache: Cache[str, int] = Cache(entries=10, weight=100)
    for value in range(5):
        cache.put("a", value, 40)
    cache.put("b", 1, 60)
    assert (cache.get("a"), cache.get("b")) == (4, 1)
    cache.put("a", 9, 200)
    assert cache.get("a") is None


def test_what_is_old_is_gone() -> None:
    time = [0.0]
    cache: Cache[str, int] = Cache(entries=2, weight=100, seconds=10, now=lambda: time[0])
    cache.put("a", 1, 100)
    time[0] = 9.9
    assert cache.get("a") == 1
    time[0] = 10
    assert cache.get("a") is None
    assert len(cache) == 0


def test_what_is_old_goes_with_the_next_thing() -> None:
    time = [0.0]
    cache: Cache[str, int] = Cache(entries=9, weight=100, seconds=10, now=lambda: time[0])
    cache.put("a", 1)
    time[0] = 5
    cache.put("b", 2)
    time[0] = 11
    cache.put("c", 3)
    assert list(cache) == ["b", "c"]


async def test_what_is_old_goes_though_nobody_asks() -> None:
    cache: Cache[str, int] = Cache(entries=9, weight=100, seconds=0.05)
    for round in range(2):
        cache.put("a", round)
        cache.put("b", round)
        async with asyncio.timeout(60):
            while len(cache):
                await asyncio.sleep(0.01)


def test_forget() -> None:
    cache: Cache[str, int] = Cache(entries=2, weight=100)
    cache.put("a", 1, 100)
    for key in cache:
        cache.forget(key)
    cache.forget("nothing")
    cache.put("b", 2, 100)
    assert (cache.get("a"), cache.get("b")) == (None, 2)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 60), st.booleans())))
def test_it_never_holds_too_much(steps: list[tuple[str, int, bool]]) -> None:
    cache: Cache[str, int] = Cache(entries=3, weight=100)
    for key, weight, forget in steps:
        if forget:
            cache.forget(key)
        else:
            cache.put(key, weight, weight)
        kept = [cache.get(key) for key in cache]
        assert len(kept) <= 3
        assert sum(value for value in kept if value) <= 100
        assert forget or cache.get(key) == weight
