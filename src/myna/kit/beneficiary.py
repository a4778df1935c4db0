"""For which account work is done: what is scarce is shared out among accounts by it."""

from __future__ import annotations

from contextvars import ContextVar

_account: ContextVar[str] = ContextVar("myna_account", default="")


def work_for(account_id: str) -> None:
    """From here on, this task and those that it starts work for this account."""
    _account.set(account_id)


def worked_for() -> str:
    """The account for which this task works; empty when it is for none in particular."""
    return _account.get()
