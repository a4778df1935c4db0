"""Accounts and keys."""

from __future__ import annotations

import pytest

from myna.accounts.service import AccountService, is_token, new_token
from myna.db.session import Database
from myna.errors import Conflict, InvalidRequest, NotFound, Unauthorized

SECRET = b"secret of the tests"


@pytest.fixture
def accounts(database: Database) -> AccountService:
    return AccountService(database, SECRET)


async def test_a_new_account_is_found_by_id_and_by_name(accounts: AccountService) -> None:
    account = await accounts.create_account("  Ada ", role="admin")

    assert (account.name, account.role, account.banned) == ("Ada", "admin", False)
    assert await accounts.get_account(account.id) == account
    assert await accounts.find_account("Ada") == account
    assert await accounts.find_account("Grace") is None
    assert await accounts.list_accounts() == [account]


async def test_a_name_is_used_once(accounts: AccountService) -> None:
    await accounts.create_account("Ada")
    with pytest.raises(Conflict, match="Ada"):
        await accounts.create_account("Ada")


@pytest.mark.parametrize("name", ["", "   ", "x" * 201, "two\nlines", "nul\x00"])
async def test_a_name_must_be_readable(accounts: AccountService, name: str) -> None:
    with pytest.raises(InvalidRequest):
        await accounts.create_account(name)


async def test_unknown_accounts_are_not_found(accounts: AccountService) -> None:
    with pytest.raises(NotFound):
        await accounts.get_account("nobody")
    with pytest.raises(NotFound):
        await accounts.create_key("nobody", "key")
    with pytest.raises(NotFound):
        await accounts.set_banned("nobody", True)


async def test_a_ban_shows_at_the_next_request(accounts: AccountService) -> None:
    account = await accounts.create_account("Ada")
    _, token = await accounts.create_key(account.id, "laptop")

    assert (await accounts.set_banned(account.id, True)).banned
    assert (await accounts.authenticate(token)).account.banned
    await accounts.set_banned(account.id, False)
    assert not (await accounts.authenticate(token)).account.banned


async def test_a_key_tells_who_asks(accounts: AccountService) -> None:
    account = await accounts.create_account("Ada")
    key, token = await accounts.create_key(account.id, "laptop")

    caller = await accounts.authenticate(token)

    assert caller.account == account
    assert caller.key == key
    assert key.hint.startswith("myna_")
    assert key.hint.endswith(token[-4:])


async def test_a_token_is_stored_nowhere(accounts: AccountService, database: Database) -> None:
    account = await accounts.create_account("Ada")
    _, token = await accounts.create_key(account.id, "laptop")

    async with database.reading() as connection:
        rows = (await connection.exec_driver_sql("SELECT * FROM api_keys")).all()

    assert len(rows) == 1
    assert token not in str(rows)
    assert token[5:37] not in str(rows)


async def test_another_secret_makes_all_keys_void(accounts: AccountService, database: Database) -> None:
    account = await accounts.create_account("Ada")
    _, token = await accounts.create_key(account.id, "laptop")
    with pytest.raises(Unauthorized):
        await AccountService(database, b"another").authenticate(token)


async def test_a_mistyped_key_costs_no_query() -> None:
    class NoDatabase:
        def reading(self) -> None:
            raise AssertionError("the database was asked")

    accounts = AccountService(NoDatabase(), SECRET)  # type: ignore[arg-type]
    token = new_token()
    flipped = "B" if token[10] != "B" else "C"
    for wrong in ("", "myna_", "sk-123", token[:-1], token + "0", token[:10] + flipped + token[11:], "é" * 43, "\x00"):
        with pytest.raises(Unauthorized):
            await accounts.authenticate(wrong)


async def test_an_unknown_key_is_refused(accounts: AccountService) -> None:
    with pytest.raises(Unauthorized):
        await accounts.authenticate(new_token())


async def test_a_revoked_key_is_refused_at_once(accounts: AccountService) -> None:
    account = await accounts.create_account("Ada")
    key, token = await accounts.create_key(account.id, "laptop")
    _, other = await accounts.create_key(account.id, "phone")

    revoked = await accounts.revoke_key(key.id)

    with pytest.raises(Unauthorized):
        await accounts.authenticate(token)
    assert (await accounts.authenticate(other)).account == account
    assert revoked.revoked_at is not None
    assert await accounts.revoke_key(key.id) == revoked


async def test_nobody_revokes_the_keys_of_others(accounts: AccountService) -> None:
    ada, grace = await accounts.create_account("Ada"), await accounts.create_account("Grace")
    key, token = await accounts.create_key(ada.id, "laptop")

    for key_id in (key.id, "unknown"):
        with pytest.raises(NotFound):
            await accounts.revoke_key(key_id, grace.id)

    await accounts.authenticate(token)
    assert (await accounts.revoke_key(key.id, ada.id)).id == key.id


async def test_keys_are_listed_by_account(accounts: AccountService) -> None:
    ada, grace = await accounts.create_account("Ada"), await accounts.create_account("Grace")
    first, _ = await accounts.create_key(ada.id, "laptop")
    second, _ = await accounts.create_key(grace.id, "laptop")
    await accounts.revoke_key(first.id)

    assert [key.id for key in await accounts.list_keys()] == [first.id, second.id]
    assert [key.id for key in await accounts.list_keys(grace.id)] == [second.id]
    assert (await accounts.list_keys(ada.id))[0].revoked_at is not None


async def test_a_key_counts_what_it_is_used_for(accounts: AccountService) -> None:
    account = await accounts.create_account("Ada")
    key, token = await accounts.create_key(account.id, "laptop")
    assert (key.uses, key.spent, key.last_used_at) == (0, 0, None)

    await accounts.record_success(key.id, 1_500)
    await accounts.record_success(key.id, 500)

    used = (await accounts.authenticate(token)).key
    assert (used.uses, used.spent) == (2, 2_000)
    assert used.last_used_at is not None


def test_tokens_are_unlike_each_other_and_well_formed() -> None:
    tokens = {new_token() for _ in range(1_000)}
    assert len(tokens) == 1_000
    assert all(is_token(token) and len(token) == 43 for token in tokens)
