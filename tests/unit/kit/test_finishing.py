"""Work that goes on without who waited for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from myna.errors import Unavailable
from myna.kit.finishing import all_finished, now_or_later, to_the_end, waited_for


class Work:
    """Ends when it is told to."""

    def __init__(self) -> None:
        self.go_on, self.done = asyncio.Event(), asyncio.Event()

    async def __call__(self, error: Exception | None = None) -> str:
        await self.go_on.wait()
        self.done.set()
        if error:
            raise error
        return "done"


@pytest.mark.parametrize("finishing", [to_the_end, waited_for])
async def test_its_result_and_its_error_come_back(finishing: Callable[..., Any]) -> None:
    async def work(number: int) -> float:
        return 1 / number

    assert await finishing(work(4)) == 0.25
    with pytest.raises(ZeroDivisionError):
        await finishing(work(0))


async def test_it_goes_on_when_its_caller_is_canceled() -> None:
    work = Work()
    caller = asyncio.create_task(to_the_end(work()))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert not work.done.is_set()
    work.go_on.set()
    await asyncio.wait_for(work.done.wait(), timeout=10)


async def test_its_caller_is_canceled_when_it_has_ended() -> None:
    work = Work()
    caller = asyncio.create_task(waited_for(work()))
    for _ in range(3):
        await asyncio.sleep(0)
        caller.cancel()
    assert not (await asyncio.wait({caller}, timeout=0.05))[0]
    work.go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await caller
    assert work.done.is_set()


@pytest.mark.parametrize("finishing", [to_the_end, waited_for])
async def test_an_error_that_nobody_waits_for_is_said(finishing: Callable[..., Any]) -> None:
    work = Work()
    caller = asyncio.create_task(finishing(work(ValueError("the disk is gone"))))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.sleep(0)
    work.go_on.set()
    with capture_logs() as logs:
        with pytest.raises(asyncio.CancelledError):
            await caller
        await all_finished(10)
        await asyncio.sleep(0)
    assert [entry["error"] for entry in logs] == ["the disk is gone"]


async def test_a_server_that_stops_waits_for_it_but_not_for_ever() -> None:
    work, idle = Work(), Work()
    callers = [asyncio.create_task(to_the_end(each())) for each in (work, idle)]
    await asyncio.sleep(0)
    for caller in callers:
        caller.cancel()
    asyncio.get_running_loop().call_later(0.05, work.go_on.set)
    began = time.monotonic()
    with capture_logs() as logs:
        await all_finished(0.3)
    assert work.done.is_set()
    assert 0.25 < time.monotonic() - began < 5
    assert logs == [{"event": "finishing.not_finished", "works": 1, "log_level": "warning"}]
    idle.go_on.set()
    await all_finished(10)
    assert idle.done.is_set()


async def test_what_is_away_is_waited_for_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("myna.kit.finishing.BETWEEN_TRIES", 0.01)
    tries = 0

    async def work() -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise Unavailable

    await now_or_later(work)
    assert tries == 1
    await all_finished(10)
    assert tries == 3
