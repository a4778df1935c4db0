"""The ledger against a model of it: whatever is done in whatever order, both agree to the last milli-credit."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from myna.accounts.service import AccountService
from myna.credits.service import CreditService
from myna.db.session import Database
from myna.errors import Conflict, InsufficientCredits
from myna.kit import clock, ids

Result = TypeVar("Result")
AMOUNTS = st.integers(0, 1_000)
LASTS = st.sampled_from([1, 10, 100, None])


@dataclass
class Row:
    """Credits in the model."""

    id: str
    is_refund: bool
    remaining: int
    expires_at: datetime


@dataclass
class HeldPrice:
    """A hold in the model."""

    id: str
    amount: int
    status: str
    settled: int
    expires_at: datetime


class LedgerMachine(RuleBasedStateMachine):
    """Rules for one account. Time passes only when a rule says so."""

    runner: asyncio.Runner
    database: Database
    now = datetime(2026, 1, 1, tzinfo=clock.FOREVER.tzinfo)

    def __init__(self) -> None:
        super().__init__()
        self.credits = CreditService(self.database)
        accounts = AccountService(self.database, b"secret")
        self.account = self.run(accounts.create_account(ids.new_uuid())).id
        self.rows: list[Row] = []
        self.holds: dict[str, HeldPrice] = {}
        self.grants: dict[str, int] = {}
        self.charged = 0

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.runner.run(work)

    def after(self, seconds: int | None) -> datetime:
        return clock.FOREVER if seconds is None else clock.now() + timedelta(seconds=seconds)

    def usable(self) -> list[Row]:
        rows = [row for row in self.rows if row.remaining and row.expires_at > clock.now()]
        return sorted(rows, key=lambda row: (not row.is_refund, row.expires_at))

    def give_back(self, amount: int) -> None:
        if not amount:
            return
        refund = next((row for row in self.rows if row.is_refund), None)
        if refund is None:
            refund = Row("", True, 0, clock.FOREVER)
            self.rows.append(refund)
        refund.remaining += amount

    @rule(amount=AMOUNTS, lasts=LASTS)
    def grant(self, amount: int, lasts: int | None) -> None:
        given = self.run(self.credits.grant(self.account, amount, expires_at=self.after(lasts)))
        self.rows.append(Row(given.id, False, amount, given.expires_at))
        LedgerMachine.now += timedelta(microseconds=1)

    @rule(key=st.sampled_from("abc"), amount=AMOUNTS)
    def grant_once(self, key: str, amount: int) -> None:
        given = self.run(self.credits.grant(self.account, amount, key=key))
        if key not in self.grants:
            self.grants[key] = amount
            self.rows.append(Row(given.id, False, amount, given.expires_at))
        assert given.amount == self.grants[key]
        LedgerMachine.now += timedelta(microseconds=1)

    @rule(key=st.integers(0, 30).map(str), amount=AMOUNTS, lasts=st.sampled_from([1, 10, 1_000]))
    def hold(self, key: str, amount: int, lasts: int) -> None:
        expires_at = self.after(lasts)
        attempt = self.credits.hold(self.account, amount, key=key, expires_at=expires_at)
        earlier = self.holds.get(key)
        if earlier and earlier.amount != amount:
            with pytest.raises(Conflict):
                self.run(attempt)
        elif earlier:
            assert self.run(attempt).status == earlier.status
        elif sum(row.remaining for row in self.usable()) < amount:
            with pytest.raises(InsufficientCredits):
                self.run(attempt)
        else:
            self.holds[key] = HeldPrice(self.run(attempt).id, amount, "held", 0, expires_at)
            for row in self.usable():
                part = min(row.remaining, amount)
                row.remaining -= part
                amount -= part

    @precondition(lambda self: self.holds)
    @rule(data=st.data(), amount=st.none() | AMOUNTS)
    def settle(self, data: st.DataObject, amount: int | None) -> None:
        hold = self.holds[data.draw(st.sampled_from(sorted(self.holds)))]
        if hold.status in ("voided", "expired"):
            with pytest.raises(Conflict):
                self.run(self.credits.settle(hold.id, amount))
            return
        settled = self.run(self.credits.settle(hold.id, amount))
        if hold.status == "held":
            hold.status, hold.settled = "settled", hold.amount if amount is None else min(amount, hold.amount)
            self.charged += hold.settled
            self.give_back(hold.amount - hold.settled)
        assert settled.settled == hold.settled

    @precondition(lambda self: self.holds)
    @rule(data=st.data())
    def void(self, data: st.DataObject) -> None:
        hold = self.holds[data.draw(st.sampled_from(sorted(self.holds)))]
        if hold.status == "settled":
            with pytest.raises(Conflict):
                self.run(self.credits.void(hold.id))
            return
        if hold.status == "held":
            hold.status = "voided"
            self.give_back(hold.amount)
        assert self.run(self.credits.void(hold.id)).status == hold.status

    @rule(seconds=st.sampled_from([1, 5, 50]))
    def pass_time(self, seconds: int) -> None:
        LedgerMachine.now += timedelta(seconds=seconds)

    @rule()
    def expire_holds(self) -> None:
        self.run(self.credits.expire_holds())
        for hold in self.holds.values():
            if hold.status == "held" and hold.expires_at <= clock.now():
                hold.status = "expired"
                self.give_back(hold.amount)

    @rule()
    def expire_credits(self) -> None:
        self.run(self.credits.expire_credits())
        for row in self.rows:
            if row.expires_at <= clock.now():
                row.remaining = 0

    @invariant()
    def both_agree(self) -> None:
        usable = self.usable()
        assert self.run(self.credits.balance(self.account)) == sum(row.remaining for row in usable)
        listed = self.run(self.credits.list_credits(self.account))
        kept = {credit.id: credit.remaining for credit in listed if credit.remaining and credit.type != "Refund"}
        assert kept == {row.id: row.remaining for row in usable if not row.is_refund}
        start = clock.now() - timedelta(days=3_650)
        assert self.run(self.credits.spent(self.account, start, clock.now() + timedelta(days=1))) == self.charged

    def teardown(self) -> None:
        for hold in self.holds.values():
            if hold.status == "held":
                self.run(self.credits.void(hold.id))
        assert self.run(self.credits.check()) == []


def test_the_ledger_agrees_with_its_model(sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: LedgerMachine.now)
    with asyncio.Runner() as runner:
        LedgerMachine.runner, LedgerMachine.database = runner, Database(sqlite_url)
        run_state_machine_as_test(
            LedgerMachine,
            settings=settings(
                max_examples=15,
                stateful_step_count=30,
                deadline=None,
                suppress_health_check=list(HealthCheck),
            ),
        )
        runner.run(LedgerMachine.database.close())
