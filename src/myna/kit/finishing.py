"""Work that is not left half done when who waits for it goes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from typing import Any, TypeVar

import structlog

from myna.errors import Unavailable

Result = TypeVar("Result")

log = structlog.get_logger()

BETWEEN_TRIES = 5.0
"""Seconds between two tries of work that needs what is away."""
_running: set[asyncio.Task[Any]] = set()
"""The event loop alone would forget them."""


def set_going(work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
    """A task that goes on whoever waits for it."""
    task = asyncio.create_task(work)
    _running.add(task)
    task.add_done_callback(_running.discard)
    return task


async def to_the_end(work: Coroutine[Any, Any, Result]) -> Result:
    """What `work` gives. When the caller is canceled, the work goes on without it."""
    return await end_of(set_going(work))


async def end_of(task: asyncio.Task[Result]) -> Result:
    """What a task that was set going gives. When the caller is canceled, the task is not."""
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        task.add_done_callback(_say_if_it_failed)
        raise


async def waited_for(work: Coroutine[Any, Any, Result]) -> Result:
    """What `work` gives. A caller that is canceled, however often, is told so once the work has ended: for what is
    short, and must be over before anybody tidies up after it."""
    task = set_going(work)
    canceled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as error:
            canceled = error
    if canceled:
        _say_if_it_failed(task)
        raise canceled
    return task.result()


async def now_or_later(work: Callable[[], Awaitable[object]]) -> None:
    """Do what must be done in the end: at once, or when what it needs is back and it raises `Unavailable` no more."""
    try:
        await work()
    except Unavailable as error:
        log.warning("finishing.put_off", reason=error.message)
        set_going(_later(work))


async def all_finished(seconds: float) -> None:
    """Wait for what still goes on in this event loop, at most so long."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while going := {task for task in _running if task.get_loop() is loop and not task.done()}:
        if loop.time() >= deadline:
            log.warning("finishing.not_finished", works=len(going))
            return
        await asyncio.wait(going, timeout=deadline - loop.time())


async def _later(work: Callable[[], Awaitable[object]]) -> None:
    while True:
        await asyncio.sleep(BETWEEN_TRIES)
        with suppress(Unavailable):
            await work()
            return


def _say_if_it_failed(task: asyncio.Task[Any]) -> None:
    """Nobody else looks at its error any more."""
    if not task.cancelled() and (error := task.exception()):
        log.warning("finishing.failed", error=str(error), exc_info=error)
