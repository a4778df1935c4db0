"""For which account work is done, and whether it has begun: what is scarce is shared out by it."""

from __future__ import annotations

from contextvars import ContextVar

_account: ContextVar[str] = ContextVar("myna_account", default="")
_goes_on: ContextVar[bool] = ContextVar("myna_goes_on", default=False)


def work_for(account_id: str, *, on_a_job: bool = False) -> None:
    """From here on, this task and those that it starts work for this account: on a job of it, which was let in."""
    _account.set(account_id)
    if on_a_job:
        go_on()


def worked_for() -> str:
    """The account for which this task works; empty when it is for none in particular."""
    return _account.get()


def go_on() -> None:
    """From here on, this task and those that it starts go on with what was let in: no full queue turns it away."""
    _goes_on.set(True)


def goes_on() -> bool:
    """Whether this task does a further part of what was let in."""
    return _goes_on.get()
