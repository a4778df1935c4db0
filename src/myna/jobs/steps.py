"""How durable steps are tried, and what a job that fails keeps of the error."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import structlog
from dbos import DBOS
from dbos import error as durable_error

from myna.errors import MynaError, Unavailable

log = structlog.get_logger()

Given = ParamSpec("Given")
Result = TypeVar("Result")

MAX_STARTS = 10
"""A job in whose work the process died this often is parked and fails. More than a clumsy series of restarts needs."""


def working(name: str) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """A step that works: tried again while something that it needs is unavailable, and at no other error."""
    return DBOS.step(
        name=name, retries_allowed=True, max_attempts=5, interval_seconds=0.5, should_retry=_worth_another_try
    )


def _worth_another_try(error: BaseException) -> bool:
    return isinstance(error, Unavailable)


def settling(name: str) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """A step that writes down how a job ended, which is not left undone easily."""
    return DBOS.step(name=name, retries_allowed=True, max_attempts=10, interval_seconds=0.5)


def announcing(name: str) -> Callable[[Callable[Given, Result]], Callable[Given, Result]]:
    """A step that tells those who want to know. They are found later as well."""
    return DBOS.step(name=name, retries_allowed=True, max_attempts=3)


def failure(error: Exception) -> tuple[str, str]:
    """The code and the words that a job keeps of an error: of a step that was tried in vain, of its last attempt."""
    if isinstance(error, durable_error.DBOSMaxStepRetriesExceeded) and error.errors:
        error = error.errors[-1]
    if isinstance(error, MynaError):
        return error.code, error.message
    log.exception("jobs.unexpected", exc_info=error)
    return MynaError.code, "Something unexpected went wrong. The server's log says what."
