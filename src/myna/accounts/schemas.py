"""Accounts and API keys."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Role = Literal["user", "admin"]


@dataclass(frozen=True, slots=True)
class Account:
    """Who pays."""

    id: str
    name: str
    role: Role
    """An admin is exempt from request limits."""
    banned: bool
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key belongs to an account, is shown once and stored as a keyed hash."""

    id: str
    account_id: str
    name: str
    hint: str
    """First and last characters, to recognise it by."""
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None
    uses: int
    """Jobs that succeeded."""
    spent: int
    """Milli-credits."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who is asking."""

    account: Account
    key: ApiKey


def owner_of(caller: Caller | Account) -> Account:
    """For whom something is done: the holder of a key, or an account for which the operator acts."""
    return caller.account if isinstance(caller, Caller) else caller


def key_of(caller: Caller | Account) -> str | None:
    """The key whose holder asks; None is the operator, at the command line."""
    return caller.key.id if isinstance(caller, Caller) else None
