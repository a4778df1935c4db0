"""Threads for what somebody waits for, and for what may take its time."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from contextvars import ContextVar

import pytest

from myna.kit.processes import LESS_URGENT
from myna.kit.threads import run_in_thread, taking_its_time

_said: ContextVar[str] = ContextVar("said", default="nothing")


def _niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


async def test_it_gives_what_the_work_gives() -> None:
    assert await run_in_thread(divmod, 7, 2) == (3, 1)
    with taking_its_time():
        assert await run_in_thread(divmod, 7, 2) == (3, 1)
        with pytest.raises(ZeroDivisionError):
            await run_in_thread(divmod, 7, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="niceness is a thread's own on Linux only")
async def test_work_that_takes_its_time_is_less_urgent_and_the_rest_is_not() -> None:
    own = _niceness()
    with taking_its_time():
        assert await run_in_thread(_niceness) == min(19, own + LESS_URGENT)
        assert await asyncio.create_task(run_in_thread(_niceness)) == min(19, own + LESS_URGENT), "tasks inherit it"
    assert await run_in_thread(_niceness) == _niceness() == own


@pytest.mark.parametrize("slow", [False, True])
async def test_the_thread_sees_the_context_of_the_task(slow: bool) -> None:
    token = _said.set("something")
    try:
        if slow:
            with taking_its_time():
                assert await run_in_thread(_said.get) == "something"
        else:
            assert await run_in_thread(_said.get) == "something"
    finally:
        _said.reset(token)


async def test_slow_work_does_not_take_the_places_of_the_rest() -> None:
    over = threading.Event()
    try:
        with taking_its_time():
            slow = [asyncio.create_task(run_in_thread(over.wait, 30)) for _ in range(100)]
        async with asyncio.timeout(10):
            assert await run_in_thread(int, "3") == 3
    finally:
        over.set()
        await asyncio.gather(*slow)
