"""How often an engine is asked again when its process failed in the middle of the work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from myna.errors import EngineCrashed, EngineFailed, EngineKilled
from myna.kit.beneficiary import go_on

_TIMES = {EngineKilled: 5, EngineCrashed: 2, EngineFailed: 1}
"""Work may be the cause of a crash, but not of a kill, of which it may meet several. What ends one process often ends
those at rest too, and the next one lent may be dying: hence twice."""

Result = TypeVar("Result")

log = structlog.get_logger()


class Forgiveness:
    """Of one piece of work."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._failures = dict.fromkeys(_TIMES, 0)

    def forgives(self, error: EngineFailed) -> bool:
        """Whether the work is worth another try after this error."""
        if not error.retryable:
            return False
        kind = next(kind for kind in _TIMES if isinstance(error, kind))
        self._failures[kind] += 1
        if self._failures[kind] > _TIMES[kind]:
            return False
        log.warning("engine.asked_again", engine=self._engine, code=error.code)
        return True


async def forgiving(engine: str, work: Callable[[], Awaitable[Result]]) -> Result:
    """What `work` gives, tried again as often as its failures are forgiven, also when the queue is full by then. Raises
    what it raises at last.
    """
    forgiveness = Forgiveness(engine)
    while True:
        try:
            return await work()
        except EngineFailed as error:
            if not forgiveness.forgives(error):
                raise
            go_on()
