"""Threads of two priorities: what somebody waits for, and what may take its time."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from functools import cache, partial
from typing import ParamSpec, TypeVar

from myna.kit.processes import LESS_URGENT

_takes_its_time: ContextVar[bool] = ContextVar("myna_takes_its_time", default=False)

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


@contextmanager
def taking_its_time() -> Iterator[None]:
    """What runs in threads for this block, also for tasks that it starts, is of low priority."""
    token = _takes_its_time.set(True)
    try:
        yield
    finally:
        _takes_its_time.reset(token)


async def run_in_thread(
    work: Callable[Parameters, Result], /, *args: Parameters.args, **kwargs: Parameters.kwargs
) -> Result:
    """What `work` gives, as `asyncio.to_thread`. Work that takes its time has threads of its own, so that it takes
    neither the places of the rest nor, on Linux, the processor from it.
    """
    if not _takes_its_time.get():
        return await asyncio.to_thread(work, *args, **kwargs)
    call = partial(copy_context().run, work, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(_slow_threads(), call)


@cache
def _slow_threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(thread_name_prefix="slow", initializer=_be_less_urgent)


def _be_less_urgent() -> None:
    """On Linux niceness is a thread's own; elsewhere it is that of the whole process, and stays as it is."""
    if sys.platform == "linux":
        thread = threading.get_native_id()
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, thread, os.getpriority(os.PRIO_PROCESS, thread) + LESS_URGENT)
