"""Credits. All amounts are integers, in milli-credits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

HoldStatus = Literal["held", "settled", "voided", "expired"]
EntryKind = Literal["grant", "hold", "refund", "lapse"]

MILLI = 1_000
"""Milli-credits in a credit."""


@dataclass(frozen=True, slots=True)
class Credit:
    """A row of credits that were given at once: they are spent and expire together."""

    id: str
    account_id: str
    type: str
    """`Granted`, `Free`, `Refund` or the operator's own word."""
    amount: int
    remaining: int
    expires_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Hold:
    """A price that is set aside while the work runs."""

    id: str
    account_id: str
    amount: int
    settled: int
    """What was charged in the end; 0 until then."""
    status: HoldStatus
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class LedgerEntry:
    """One line of the append-only ledger. The entries of an account add up to what its credits have left."""

    id: str
    account_id: str
    credit_id: str
    hold_id: str | None
    kind: EntryKind
    amount: int
    """Positive gives, negative takes."""
    created_at: datetime
