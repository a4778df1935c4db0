"""The ledger under many callers at once. Sums are exact, nothing is negative, nothing happens twice."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from myna.accounts.service import AccountService
from myna.credits.schemas import Hold
from myna.credits.service import CreditService
from myna.db.session import Database
from myna.db.tables import credits as credit_rows
from myna.db.tables import holds, ledger
from myna.errors import Conflict, InsufficientCredits
from myna.kit import clock

pytestmark = pytest.mark.fault

ACCOUNTS = 5
CALLERS = 32
DUPLICATES = 0.3


class Storm:
    """Operations in a random order, of which some are done twice, from many tasks at once."""

    def __init__(self, credits: CreditService, account_ids: list[str], count: int, seed: int) -> None:
        self.credits = credits
        self.account_ids = account_ids
        self.count = count
        self.random = random.Random(seed)
        self.outcomes: Counter[str] = Counter()
        self.granted: Counter[str] = Counter()
        self._keys: list[tuple[str, int, str]] = []
        self._open: list[Hold] = []

    async def run(self) -> None:
        numbers = iter(range(self.count))

        async def caller() -> None:
            for number in numbers:
                await self._operate(number)

        await asyncio.gather(*(caller() for _ in range(CALLERS)))

    async def _operate(self, number: int) -> None:
        name = self.random.choices(["hold", "settle", "void", "grant", "expire"], [45, 25, 15, 14, 1])[0]
        try:
            await getattr(self, name)(number)
        except (InsufficientCredits, Conflict) as refusal:
            self.outcomes[refusal.code] += 1
        else:
            self.outcomes[name] += 1

    async def hold(self, number: int) -> None:
        if self._keys and self.random.random() < DUPLICATES:
            account_id, amount, key = self.random.choice(self._keys)
        else:
            account_id, amount, key = self.random.choice(self.account_ids), self.random.randrange(500), f"job {number}"
            self._keys.append((account_id, amount, key))
        lasts = timedelta(seconds=self.random.choice([0, 3600]))
        self._open.append(await self.credits.hold(account_id, amount, key=key, expires_at=clock.now() + lasts))

    async def settle(self, number: int) -> None:
        if hold := self._some_hold():
            await self.credits.settle(hold.id, self.random.choice([None, self.random.randrange(500)]))

    async def void(self, number: int) -> None:
        if hold := self._some_hold():
            await self.credits.void(hold.id)

    async def grant(self, number: int) -> None:
        key = str(self.random.randrange(number + 1)) if self.random.random() < DUPLICATES else str(number)
        account_id = self.account_ids[int(key) % ACCOUNTS]
        amount = int(key) % 400
        lasts = timedelta(seconds=self.random.choice([0.2, 3600]))
        await self.credits.grant(account_id, amount, key=key, expires_at=clock.now() + lasts)
        self.granted[key] = amount

    async def expire(self, number: int) -> None:
        await self.credits.expire_holds()
        await self.credits.expire_credits()

    def _some_hold(self) -> Hold | None:
        """Often one that has ended before."""
        if not self._open:
            return None
        position = self.random.randrange(len(self._open))
        return self._open[position] if self.random.random() < DUPLICATES else self._open.pop(position)


async def run_storm(database: Database, count: int) -> None:
    accounts, credits = AccountService(database, b"secret"), CreditService(database)
    account_ids = [(await accounts.create_account(f"account {number}")).id for number in range(ACCOUNTS)]
    for account_id in account_ids:
        await credits.grant(account_id, 5_000)
    storm = Storm(credits, account_ids, count, seed=count)

    await storm.run()

    assert await credits.check() == []
    assert storm.outcomes["hold"] > count / 10
    assert storm.outcomes["conflict"] > 0
    for hold_id in await ids_of_open_holds(database):
        await credits.void(hold_id)
    assert await credits.check() == []
    await check_sums(database, given=ACCOUNTS * 5_000 + storm.granted.total())


async def check_sums(database: Database, given: int) -> None:
    """Every credit that was given was charged, has lapsed, or is left."""
    async with database.reading() as connection:
        statuses = set((await connection.execute(select(holds.c.status).distinct())).scalars())
        counts = (await connection.execute(select(func.count(), func.count(holds.c.key.distinct())))).one()
        settled = (await connection.execute(select(func.sum(holds.c.settled)))).scalar_one()
        left = (await connection.execute(select(func.sum(credit_rows.c.remaining)))).scalar_one()
        lowest = (await connection.execute(select(func.min(credit_rows.c.remaining)))).scalar_one()
        by_kind = select(ledger.c.kind, func.sum(ledger.c.amount)).group_by(ledger.c.kind)
        sums: Counter[str] = Counter({row[0]: int(row[1]) for row in await connection.execute(by_kind)})

    assert statuses == {"settled", "voided", "expired"}
    assert counts[0] == counts[1]
    assert lowest >= 0
    assert sums["grant"] == given
    assert sums["hold"] + sums["refund"] == -settled
    assert left == given - settled + sums["lapse"]
    assert sums["lapse"] < 0


async def ids_of_open_holds(database: Database) -> list[str]:
    async with database.reading() as connection:
        return list((await connection.execute(select(holds.c.id).where(holds.c.status == "held"))).scalars())


async def test_two_thousand_operations_at_once(database: Database) -> None:
    await run_storm(database, 2_000)


@pytest.mark.full
async def test_ten_thousand_operations_at_once(database: Database) -> None:
    await run_storm(database, 10_000)


async def test_a_balance_for_ten_is_spent_ten_times(database: Database) -> None:
    credits = CreditService(database)
    account_id = (await AccountService(database, b"secret").create_account("Ada")).id
    await credits.grant(account_id, 10)

    async def hold(number: int) -> bool:
        try:
            await credits.hold(account_id, 1, key=str(number), expires_at=clock.now() + timedelta(hours=1))
        except InsufficientCredits:
            return False
        return True

    assert sum(await asyncio.gather(*(hold(number) for number in range(100)))) == 10
    assert await credits.balance(account_id) == 0
    assert await credits.check() == []


async def test_nodes_share_one_ledger(database: Database) -> None:
    """Several processes on one database do not see each other's locks in memory."""
    nodes = [Database(database.url) for _ in range(4)]
    account_id = (await AccountService(database, b"secret").create_account("Ada")).id
    await CreditService(database).grant(account_id, 20)

    async def hold(number: int) -> str:
        credits = CreditService(nodes[number % 4])
        try:
            hold = await credits.hold(account_id, 1, key=str(number // 2), expires_at=clock.now() + timedelta(hours=1))
        except InsufficientCredits:
            return ""
        return hold.id

    held = await asyncio.gather(*(hold(number) for number in range(80)))
    assert len(set(held) - {""}) == 20
    assert await CreditService(database).check() == []
    for node in nodes:
        await node.close()
