"""Money: what an account may spend, what is set aside, and what was charged.

Two phases, as in TigerBeetle: a price is held when work is accepted, and settled, voided or expired when it ends.
The ledger is append-only, and its entries always add up to what the credits have left.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from myna.credits.repository import CreditRepository
from myna.credits.schemas import Credit, EntryKind, Hold, HoldStatus, LedgerEntry
from myna.db.session import Database
from myna.errors import Conflict, InsufficientCredits, InvalidRequest, NotFound
from myna.kit import clock, ids
from myna.kit.pagination import Cursor, Page

log = structlog.get_logger()

REFUND = "Refund"
"""What a hold gives back goes into one row of this type per account, which never expires and is spent first."""
_AT_ONCE = 500
_FORGOTTEN = timedelta(hours=1)


class CreditService:
    """The credits of all accounts, in milli-credits. No balance is ever negative."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def grant(
        self,
        account_id: str,
        amount: int,
        *,
        type: str = "Granted",
        expires_at: datetime = clock.FOREVER,
        key: str | None = None,
    ) -> Credit:
        """Give credits. A second grant to the account with the same `key` changes nothing and returns the first."""
        _check_amount(amount)
        credit = Credit(ids.sortable_uuid(), account_id, type, amount, amount, expires_at, clock.now())
        full_key = None if key is None else f"grant:{account_id}:{key}"
        async with self._database.transaction() as connection:
            repository = CreditRepository(connection)
            await _lock(repository, account_id)
            if full_key and (earlier := await repository.credit_with_key(full_key)):
                return earlier
            await repository.insert_credit(credit, full_key)
            await repository.record([_entry(credit, "grant", amount)])
        return credit

    async def balance(self, account_id: str) -> int:
        """What can be spent now."""
        async with self._database.reading() as connection:
            return await CreditRepository(connection).balance(account_id, clock.now())

    async def list_credits(self, account_id: str) -> list[Credit]:
        """Unexpired credits, also those with nothing left; what expires first comes first."""
        async with self._database.reading() as connection:
            return await CreditRepository(connection).unexpired_credits(account_id, clock.now())

    async def hold(self, account_id: str, amount: int, *, key: str, expires_at: datetime) -> Hold:
        """Set a price aside. A second hold of the account with the same `key` returns the first.

        Raises `InsufficientCredits` (`needed` and `balance` in its details), and `Conflict` when the first hold with
        this key was for another amount.
        """
        _check_amount(amount)
        async with self._database.transaction() as connection:
            repository = CreditRepository(connection)
            await _lock(repository, account_id)
            if earlier := await repository.hold_with_key(account_id, key):
                return _same(earlier, amount)
            hold = Hold(ids.sortable_uuid(), account_id, amount, 0, "held", clock.now(), expires_at)
            entries = await self._plan(repository, hold) if amount else []
            await repository.insert_hold(hold, key)
            await repository.take(entries)
        return hold

    async def settle(self, hold_id: str, amount: int | None = None) -> Hold:
        """Charge `amount` (all of the hold when None, and never more than it) and give the rest back.

        Settling again changes nothing. Raises `Conflict` when the hold was given back before.
        """
        if amount is not None:
            _check_amount(amount)
        async with self._database.transaction() as connection:
            repository = CreditRepository(connection)
            hold = await _locked(repository, hold_id)
            if hold.status == "settled":
                return hold
            if hold.status != "held":
                raise Conflict(f"The hold was {hold.status} before; nothing was charged.")
            charge = hold.amount if amount is None else min(amount, hold.amount)
            return await self._finish(repository, hold, "settled", charge)

    async def void(self, hold_id: str) -> Hold:
        """Give all of it back. Doing so again changes nothing. Raises `Conflict` when it was charged before."""
        return await self._give_back(hold_id, "voided")

    async def expire_holds(self) -> int:
        """Give back the holds whose work is gone. Returns how many."""
        count = 0
        while True:
            async with self._database.reading() as connection:
                stale = await CreditRepository(connection).stale_holds(clock.now(), _AT_ONCE)
            for hold_id in stale:
                try:
                    count += (await self._give_back(hold_id, "expired")).status == "expired"
                except Conflict:
                    log.info("credits.hold_settled_while_expiring", hold=hold_id)
            if len(stale) < _AT_ONCE:
                return count

    async def expire_credits(self) -> int:
        """Write off what is left of expired credits. Returns how many there were."""
        now, count = clock.now(), 0
        async with self._database.reading(long=True) as connection:
            account_ids = await CreditRepository(connection).accounts_with_expired_credits(now)
        for account_id in account_ids:
            async with self._database.transaction() as connection:
                repository = CreditRepository(connection)
                await _lock(repository, account_id)
                expired = await repository.expired_credits(account_id, now)
                await repository.take([_entry(credit, "lapse", -credit.remaining) for credit in expired])
            count += len(expired)
        return count

    async def entries(self, account_id: str, *, before: Cursor | None = None, limit: int = 50) -> Page[LedgerEntry]:
        """The newest first."""
        async with self._database.reading() as connection:
            found = await CreditRepository(connection).entries(account_id, before, limit + 1)
        return Page(found[:limit], has_more=len(found) > limit)

    async def spent(self, account_id: str, since: datetime, until: datetime) -> int:
        """What was charged from `since` up to, not including, `until`."""
        async with self._database.reading() as connection:
            return await CreditRepository(connection).settled(account_id, since, until)

    async def check(self) -> list[str]:
        """What is wrong with the ledger, in words; nothing when it is exact. Reads all of it."""
        async with self._database.reading(long=True) as connection:
            repository = CreditRepository(connection)
            wrong = [
                f"credit {id} has {left} left, but its entries add up to {total}"
                for id, left, total in await repository.credits_that_differ()
            ]
            wrong += [
                f"hold {id} is {status} and should have taken {-expected}, but its entries took {-total}"
                for id, status, expected, total in await repository.holds_that_differ()
            ]
            wrong += [f"entry {id} mixes two accounts" for id in await repository.misplaced_entries()]
            stale = await repository.stale_holds(clock.now() - _FORGOTTEN, _AT_ONCE)
            return wrong + [f"hold {id} should have expired more than an hour ago" for id in stale]

    async def _plan(self, repository: CreditRepository, hold: Hold) -> list[LedgerEntry]:
        """From which credits the hold is taken."""
        missing, entries = hold.amount, []
        usable = await repository.usable_credits(hold.account_id, hold.created_at, REFUND)
        for credit in usable:
            part = min(credit.remaining, missing)
            entries.append(_entry(credit, "hold", -part, hold.id))
            missing -= part
            if not missing:
                return entries
        balance = hold.amount - missing
        raise InsufficientCredits(
            f"This costs {_credits(hold.amount)} credits, and the balance is {_credits(balance)}. "
            "Ask the operator for credits: `myna credits grant`.",
            needed=hold.amount,
            balance=balance,
        )

    async def _give_back(self, hold_id: str, status: HoldStatus) -> Hold:
        async with self._database.transaction() as connection:
            repository = CreditRepository(connection)
            hold = await _locked(repository, hold_id)
            if hold.status == "settled":
                raise Conflict("The hold was charged before.")
            if hold.status != "held":
                return hold
            return await self._finish(repository, hold, status, 0)

    async def _finish(self, repository: CreditRepository, hold: Hold, status: HoldStatus, charge: int) -> Hold:
        now = clock.now()
        await repository.finish_hold(hold.id, status, charge, now)
        rest = hold.amount - charge
        if rest:
            refund = Credit(ids.sortable_uuid(), hold.account_id, REFUND, rest, rest, clock.FOREVER, now)
            row_id = await repository.add_to_refund(refund, f"refund:{hold.account_id}")
            await repository.record([_entry(replace(refund, id=row_id), "refund", rest, hold.id)])
        return replace(hold, status=status, settled=charge)


def _entry(credit: Credit, kind: EntryKind, amount: int, hold_id: str | None = None) -> LedgerEntry:
    return LedgerEntry(ids.sortable_uuid(), credit.account_id, credit.id, hold_id, kind, amount, clock.now())


def _check_amount(amount: int) -> None:
    if amount < 0:
        raise InvalidRequest("An amount of credits cannot be negative.", field="amount")


def _same(hold: Hold, amount: int) -> Hold:
    if hold.amount != amount:
        raise Conflict(f"There is a hold of {_credits(hold.amount)} credits for the same work already.")
    return hold


def _credits(milli: int) -> str:
    return f"{milli / 1_000:.3f}".rstrip("0").rstrip(".")


async def _lock(repository: CreditRepository, account_id: str) -> None:
    if not await repository.lock_account(account_id):
        raise NotFound("There is no such account. `myna keys list` shows what there is.")


async def _locked(repository: CreditRepository, hold_id: str) -> Hold:
    hold = await repository.locked_hold(hold_id)
    if hold is None:
        raise NotFound("There is no such hold.")
    return hold
