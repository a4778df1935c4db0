"""Work that is not left half done when who waits for it goes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")

_running: set[asyncio.Task[Any]] = set()
"""The event loop alone would forget them."""


async def to_the_end(work: Coroutine[Any, Any, Result]) -> Result:
    """What `work` gives. When the caller is canceled, the work goes on without it."""
    task = asyncio.create_task(work)
    _running.add(task)
    task.add_done_callback(_running.discard)
    return await asyncio.shield(task)
