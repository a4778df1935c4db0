"""For whom a voice is made: the holder of a key, or an account for which the operator acts."""

from __future__ import annotations

from myna.accounts.schemas import Account, Caller


def owner_of(caller: Caller | Account) -> Account:
    return caller.account if isinstance(caller, Caller) else caller


def affirmed_by(caller: Caller | Account) -> str | None:
    """The key whose holder gives their word; None is the operator, at the command line."""
    return caller.key.id if isinstance(caller, Caller) else None
