"""The credits of an account: given, held, settled, given back, expired."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import text, update

from myna.accounts.service import AccountService
from myna.credits.service import CreditService
from myna.db.session import Database
from myna.db.tables import credits as credit_rows
from myna.db.tables import holds as hold_rows
from myna.errors import Conflict, InsufficientCredits, InvalidRequest, NotFound
from myna.kit import clock
from myna.kit.pagination import Cursor

HOUR = timedelta(hours=1)


@pytest.fixture
def credits(database: Database) -> CreditService:
    return CreditService(database)


@pytest.fixture
async def account(database: Database) -> str:
    return (await AccountService(database, b"secret").create_account("Ada")).id


def soon():
    return clock.now() + HOUR


async def left(credits: CreditService, account: str) -> dict[str, int]:
    return {credit.type: credit.remaining for credit in await credits.list_credits(account)}


async def pass_time(database: Database, table, hold_or_credit_id: str, by: timedelta = timedelta(hours=2)) -> None:
    """As if the row had been made, and had expired, earlier."""
    async with database.transaction() as connection:
        await connection.execute(
            update(table).where(table.c.id == hold_or_credit_id).values(expires_at=clock.now() - by)
        )


async def test_what_is_granted_can_be_spent(credits: CreditService, account: str) -> None:
    assert await credits.balance(account) == 0
    granted = await credits.grant(account, 5_000)
    assert (granted.type, granted.amount, granted.remaining) == ("Granted", 5_000, 5_000)
    assert granted.expires_at == clock.FOREVER

    assert await credits.balance(account) == 5_000
    assert await credits.list_credits(account) == [granted]
    assert await credits.check() == []


async def test_a_grant_with_a_key_is_given_once(credits: CreditService, account: str, database: Database) -> None:
    other = (await AccountService(database, b"secret").create_account("Grace")).id
    first = await credits.grant(account, 5_000, type="Free", key="november")
    again = await credits.grant(account, 5_000, type="Free", key="november")
    await credits.grant(account, 5_000, type="Free", key="december")
    await credits.grant(other, 7_000, type="Free", key="november")

    assert again == first
    assert await credits.balance(account) == 10_000
    assert await credits.balance(other) == 7_000


async def test_negative_amounts_are_refused(credits: CreditService, account: str) -> None:
    hold = await credits.hold(account, 0, key="job", expires_at=soon())
    for attempt in (
        credits.grant(account, -1),
        credits.hold(account, -1, key="negative", expires_at=soon()),
        credits.settle(hold.id, -1),
    ):
        with pytest.raises(InvalidRequest):
            await attempt
    assert await credits.entries(account) == await credits.entries(account, before=None, limit=1)


async def test_an_unknown_account_or_hold_is_not_found(credits: CreditService) -> None:
    for attempt in (
        credits.grant("nobody", 1),
        credits.hold("nobody", 1, key="job", expires_at=soon()),
        credits.settle("nothing"),
        credits.void("nothing"),
    ):
        with pytest.raises(NotFound):
            await attempt


async def test_a_hold_takes_and_a_settlement_keeps(credits: CreditService, account: str) -> None:
    await credits.grant(account, 5_000)

    hold = await credits.hold(account, 3_000, key="job", expires_at=soon())
    assert (hold.status, hold.amount, hold.settled) == ("held", 3_000, 0)
    assert await credits.balance(account) == 2_000

    settled = await credits.settle(hold.id)
    assert (settled.status, settled.settled) == ("settled", 3_000)
    assert await credits.balance(account) == 2_000
    assert await credits.check() == []


async def test_what_was_not_used_is_refunded(credits: CreditService, account: str) -> None:
    await credits.grant(account, 5_000)
    hold = await credits.hold(account, 3_000, key="job", expires_at=soon())

    settled = await credits.settle(hold.id, 1_200)

    assert settled.settled == 1_200
    assert await left(credits, account) == {"Granted": 2_000, "Refund": 1_800}
    assert await credits.check() == []


async def test_a_settlement_never_exceeds_its_hold(credits: CreditService, account: str) -> None:
    await credits.grant(account, 5_000)
    hold = await credits.hold(account, 3_000, key="job", expires_at=soon())
    assert (await credits.settle(hold.id, 9_999)).settled == 3_000
    assert await credits.balance(account) == 2_000


async def test_a_void_hold_gives_all_back_to_one_row(credits: CreditService, account: str) -> None:
    await credits.grant(account, 5_000)
    for number in range(3):
        hold = await credits.hold(account, 2_000, key=f"job {number}", expires_at=soon())
        assert (await credits.void(hold.id)).status == "voided"

    rows = await credits.list_credits(account)
    assert {row.type: (row.amount, row.remaining) for row in rows} == {
        "Granted": (5_000, 3_000),
        "Refund": (6_000, 2_000),
    }
    refund = next(row for row in rows if row.type == "Refund")
    assert refund.expires_at == clock.FOREVER
    assert await credits.balance(account) == 5_000
    assert await credits.check() == []


async def test_everything_may_be_repeated(credits: CreditService, account: str) -> None:
    await credits.grant(account, 5_000)
    first = await credits.hold(account, 1_000, key="a", expires_at=soon())
    assert await credits.hold(account, 1_000, key="a", expires_at=soon()) == first
    assert await credits.settle(first.id, 600) == await credits.settle(first.id, 600) == await credits.settle(first.id)

    second = await credits.hold(account, 1_000, key="b", expires_at=soon())
    assert await credits.void(second.id) == await credits.void(second.id)

    assert (await credits.hold(account, 1_000, key="b", expires_at=soon())).status == "voided"
    assert await credits.balance(account) == 4_400
    assert await credits.check() == []


async def test_an_end_is_final(credits: CreditService, account: str) -> None:
    await credits.grant(account, 5_000)
    settled = await credits.hold(account, 1_000, key="a", expires_at=soon())
    voided = await credits.hold(account, 1_000, key="b", expires_at=soon())
    await credits.settle(settled.id)
    await credits.void(voided.id)

    with pytest.raises(Conflict):
        await credits.void(settled.id)
    with pytest.raises(Conflict):
        await credits.settle(voided.id)
    with pytest.raises(Conflict, match="1 credit"):
        await credits.hold(account, 2_000, key="a", expires_at=soon())
    assert await credits.balance(account) == 4_000


async def test_a_price_beyond_the_balance_is_refused_with_the_figures(credits: CreditService, account: str) -> None:
    await credits.grant(account, 1_500)
    with pytest.raises(InsufficientCredits, match=r"costs 2\.25 credits, and the balance is 1\.5") as refused:
        await credits.hold(account, 2_250, key="job", expires_at=soon())

    assert refused.value.details == {"needed": 2_250, "balance": 1_500}
    assert await credits.balance(account) == 1_500
    await credits.grant(account, 1_000)
    assert (await credits.hold(account, 2_250, key="job", expires_at=soon())).status == "held"


async def test_free_work_needs_no_credits(credits: CreditService, account: str) -> None:
    hold = await credits.hold(account, 0, key="job", expires_at=soon())
    assert (await credits.settle(hold.id)).settled == 0
    other = await credits.hold(account, 0, key="other", expires_at=soon())
    await credits.void(other.id)

    assert await credits.list_credits(account) == []
    assert (await credits.entries(account)).items == []
    assert await credits.check() == []


async def test_refunds_are_spent_first_then_what_expires_earliest(credits: CreditService, account: str) -> None:
    now = clock.now()
    await credits.grant(account, 1_000, type="never")
    await credits.grant(account, 1_000, type="late", expires_at=now + 3 * HOUR)
    await credits.grant(account, 1_000, type="early", expires_at=now + HOUR)
    hold = await credits.hold(account, 500, key="given back", expires_at=soon())
    await credits.void(hold.id)
    assert await left(credits, account) == {"early": 500, "late": 1_000, "never": 1_000, "Refund": 500}

    await credits.hold(account, 1_700, key="job", expires_at=soon())

    assert await left(credits, account) == {"early": 0, "late": 300, "never": 1_000, "Refund": 0}
    page = await credits.entries(account)
    taken = sorted(entry.amount for entry in page.items if entry.kind == "hold")
    assert taken == [-700, -500, -500, -500]


async def test_expired_credits_cannot_be_spent_and_are_written_off(
    credits: CreditService, account: str, database: Database
) -> None:
    await credits.grant(account, 1_000)
    gone = await credits.grant(account, 4_000, type="Free", expires_at=soon())
    await credits.hold(account, 500, key="job", expires_at=soon())
    await pass_time(database, credit_rows, gone.id)

    assert await credits.balance(account) == 1_000
    assert await left(credits, account) == {"Granted": 1_000}
    with pytest.raises(InsufficientCredits):
        await credits.hold(account, 1_001, key="more", expires_at=soon())

    assert await credits.expire_credits() == 1
    assert await credits.expire_credits() == 0
    lapse = (await credits.entries(account)).items[0]
    assert (lapse.kind, lapse.amount, lapse.credit_id) == ("lapse", -3_500, gone.id)
    assert await credits.balance(account) == 1_000
    assert await credits.check() == []


async def test_a_forgotten_hold_expires(credits: CreditService, account: str, database: Database) -> None:
    await credits.grant(account, 5_000)
    kept = await credits.hold(account, 1_000, key="a", expires_at=soon())
    forgotten = await credits.hold(account, 2_000, key="b", expires_at=soon())
    await pass_time(database, hold_rows, forgotten.id)
    assert await credits.check() == [f"hold {forgotten.id} should have expired more than an hour ago"]

    assert await credits.expire_holds() == 1
    assert await credits.expire_holds() == 0

    assert await left(credits, account) == {"Granted": 2_000, "Refund": 2_000}
    with pytest.raises(Conflict, match="expired"):
        await credits.settle(forgotten.id)
    assert (await credits.void(forgotten.id)).status == "expired"
    assert (await credits.settle(kept.id)).status == "settled"
    assert await credits.check() == []


async def test_many_forgotten_holds_expire(credits: CreditService, account: str, monkeypatch) -> None:
    monkeypatch.setattr("myna.credits.service._AT_ONCE", 4)
    await credits.grant(account, 20)
    for number in range(10):
        await credits.hold(account, 2, key=str(number), expires_at=clock.now())
    assert await credits.balance(account) == 0
    assert await credits.expire_holds() == 10
    assert await credits.balance(account) == 20


async def test_entries_tell_the_whole_story_page_by_page(credits: CreditService, account: str) -> None:
    await credits.grant(account, 5_000)
    for number in range(4):
        hold = await credits.hold(account, 1_000, key=str(number), expires_at=soon())
        await credits.settle(hold.id, 250 * number)

    pages, before = [], None
    while not pages or pages[-1].has_more:
        pages.append(await credits.entries(account, before=before, limit=2))
        last = pages[-1].items[-1]
        before = Cursor(last.created_at, last.id)

    entries = [entry for page in pages for entry in page.items]
    # One grant; four holds, of which the later two take from the refund and the grant; four refunds.
    assert len({entry.id for entry in entries}) == len(entries) == 1 + 2 + 2 + 3 + 3
    assert [entry.created_at for entry in entries] == sorted((entry.created_at for entry in entries), reverse=True)
    assert sum(entry.amount for entry in entries) == await credits.balance(account) == 5_000 - 1_500
    assert all(len(page.items) == 2 for page in pages[:-1])


async def test_what_was_spent_is_counted_by_time(credits: CreditService, account: str) -> None:
    start = clock.now()
    await credits.grant(account, 5_000)
    for key, charge in (("a", 1_000), ("b", 300)):
        await credits.settle((await credits.hold(account, 1_000, key=key, expires_at=soon())).id, charge)
    await credits.void((await credits.hold(account, 1_000, key="c", expires_at=soon())).id)
    await credits.hold(account, 1_000, key="d", expires_at=soon())

    assert await credits.spent(account, start, clock.now()) == 1_300
    assert await credits.spent(account, start - HOUR, start) == 0
    assert await credits.spent("nobody", start, clock.now()) == 0


async def test_a_hold_belongs_to_the_transaction_around_it(
    credits: CreditService, account: str, database: Database
) -> None:
    await credits.grant(account, 1_000)
    with pytest.raises(ValueError, match="undo"):
        async with database.transaction():
            await credits.hold(account, 1_000, key="job", expires_at=soon())
            assert await credits.balance(account) == 0
            raise ValueError("undo")
    assert await credits.balance(account) == 1_000

    async with database.transaction():
        with pytest.raises(InsufficientCredits):
            await credits.hold(account, 2_000, key="job", expires_at=soon())
        await credits.hold(account, 400, key="job", expires_at=soon())
    assert await credits.balance(account) == 600
    assert await credits.check() == []


async def test_one_hold_ends_one_way_however_many_try(credits: CreditService, account: str) -> None:
    await credits.grant(account, 10_000)
    for number in range(10):
        hold = await credits.hold(account, 1_000, key=str(number), expires_at=soon())
        ends = await asyncio.gather(
            credits.settle(hold.id, 400),
            credits.void(hold.id),
            credits.settle(hold.id),
            credits.void(hold.id),
            return_exceptions=True,
        )
        ended = {(end.status, end.settled) for end in ends if not isinstance(end, BaseException)}
        assert len(ended) == 1
        assert all(isinstance(end, Conflict) for end in ends if isinstance(end, BaseException))
    assert await credits.check() == []


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        ("UPDATE credits SET remaining = remaining + 1", "add up"),
        ("UPDATE holds SET settled = 999 WHERE status = 'settled'", "should have taken 999"),
        ("UPDATE holds SET status = 'voided' WHERE status = 'held'", "should have taken 0"),
        ("DELETE FROM ledger WHERE kind = 'refund'", "add up"),
        ("UPDATE ledger SET account_id = (SELECT id FROM accounts WHERE name = 'Grace')", "mixes two accounts"),
    ],
)
async def test_damage_is_found(
    credits: CreditService, account: str, database: Database, damage: str, finding: str
) -> None:
    await AccountService(database, b"secret").create_account("Grace")
    await credits.grant(account, 5_000)
    await credits.settle((await credits.hold(account, 1_000, key="a", expires_at=soon())).id, 200)
    await credits.hold(account, 1_000, key="b", expires_at=soon())
    assert await credits.check() == []

    async with database.transaction() as connection:
        await connection.execute(text(damage))

    assert finding in " ".join(await credits.check())


async def test_the_database_itself_refuses_a_negative_rest(
    credits: CreditService, account: str, database: Database
) -> None:
    await credits.grant(account, 5_000)
    with pytest.raises(Exception, match="remaining_not_negative"):
        async with database.transaction() as connection:
            await connection.execute(update(credit_rows).values(remaining=-1))
