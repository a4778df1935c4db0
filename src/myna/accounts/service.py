"""Who may ask, and who pays."""

from __future__ import annotations

import secrets
import string
import zlib
from dataclasses import replace

from myna.accounts.repository import AccountRepository
from myna.accounts.schemas import Account, ApiKey, Caller, Role
from myna.db.session import Database
from myna.errors import Conflict, InvalidRequest, NotFound, Unauthorized
from myna.kit import clock, ids
from myna.kit.signatures import keyed_hash

PREFIX = "myna_"
_RANDOM = 32
_CHECKSUM = 6
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_ALPHABET = frozenset(_BASE62)
_LONGEST_NAME = 200


class AccountService:
    """Accounts and their API keys.

    A key is `myna_`, 32 random characters and 6 characters of checksum, so that a mistyped key is refused without a
    look into the database and scanners recognise a leaked one. Only its keyed hash is stored.
    """

    def __init__(self, database: Database, secret: bytes) -> None:
        self._database = database
        self._secret = secret

    async def create_account(self, name: str, role: Role = "user") -> Account:
        """Raises `InvalidRequest` for an empty or overlong name, `Conflict` when it is taken."""
        account = Account(ids.sortable_uuid(), _checked_name(name), role, banned=False, created_at=clock.now())
        async with self._database.transaction() as connection:
            if not await AccountRepository(connection).insert_account(account):
                raise Conflict(f"There is an account named {account.name} already. Choose another name.")
        return account

    async def get_account(self, account_id: str) -> Account:
        async with self._database.reading() as connection:
            account = await AccountRepository(connection).account(account_id)
        if account is None:
            raise NotFound("There is no such account. `myna keys list` shows what there is.")
        return account

    async def find_account(self, name: str) -> Account | None:
        async with self._database.reading() as connection:
            return await AccountRepository(connection).account_named(name.strip())

    async def list_accounts(self) -> list[Account]:
        """The oldest first."""
        async with self._database.reading() as connection:
            return await AccountRepository(connection).accounts()

    async def set_banned(self, account_id: str, banned: bool) -> Account:
        async with self._database.transaction() as connection:
            await AccountRepository(connection).set_banned(account_id, banned)
            return await self.get_account(account_id)

    async def set_role(self, account_id: str, role: Role) -> Account:
        async with self._database.transaction() as connection:
            await AccountRepository(connection).set_role(account_id, role)
            return await self.get_account(account_id)

    async def create_key(self, account_id: str, name: str) -> tuple[ApiKey, str]:
        """The key and its token, which is shown this once. Raises `NotFound` for an unknown account."""
        token = new_token()
        key = ApiKey(
            id=ids.sortable_uuid(),
            account_id=account_id,
            name=_checked_name(name),
            hint=f"{token[: len(PREFIX) + 4]}…{token[-4:]}",
            created_at=clock.now(),
            last_used_at=None,
            revoked_at=None,
            uses=0,
            spent=0,
        )
        async with self._database.transaction() as connection:
            await self.get_account(account_id)
            await AccountRepository(connection).insert_key(key, self._digest(token))
        return key, token

    async def authenticate(self, token: str) -> Caller:
        """Who holds this token, also of a blocked account. Raises `Unauthorized`.

        Every call asks the database, so a revoked key stops working at once, on all nodes.
        """
        if not is_token(token):
            raise Unauthorized
        async with self._database.reading() as connection:
            caller = await AccountRepository(connection).caller(self._digest(token))
        if caller is None or caller.key.revoked_at is not None:
            raise Unauthorized
        return caller

    async def list_keys(self, account_id: str | None = None) -> list[ApiKey]:
        """The oldest first, also revoked ones; of all accounts when none is named."""
        async with self._database.reading() as connection:
            return await AccountRepository(connection).keys(account_id)

    async def revoke_key(self, key_id: str, account_id: str | None = None) -> ApiKey:
        """From now on the key is refused. Raises `NotFound`, also for the key of another account than `account_id`."""
        async with self._database.transaction() as connection:
            keys = AccountRepository(connection)
            key = await keys.key(key_id)
            if key is None or account_id not in (None, key.account_id):
                raise NotFound("There is no such key. `myna keys list` shows what there is.")
            revoked_at = key.revoked_at or clock.now()
            await keys.revoke(key_id, revoked_at)
            return replace(key, revoked_at=revoked_at)

    async def record_success(self, key_id: str, spent: int) -> None:
        """A job that came with this key succeeded and cost `spent` milli-credits."""
        async with self._database.transaction() as connection:
            await AccountRepository(connection).add_use(key_id, spent, clock.now())

    def _digest(self, token: str) -> str:
        return keyed_hash(self._secret, "api-key", token.encode()).hex()


def new_token() -> str:
    body = PREFIX + "".join(secrets.choice(_BASE62) for _ in range(_RANDOM))
    return body + _checksum(body)


def is_token(token: str) -> bool:
    """Whether the token is well formed: its prefix, its characters and its checksum."""
    body, checksum = token[:-_CHECKSUM], token[-_CHECKSUM:]
    return (
        len(token) == len(PREFIX) + _RANDOM + _CHECKSUM
        and token.startswith(PREFIX)
        and _ALPHABET.issuperset(token[len(PREFIX) :])
        and secrets.compare_digest(checksum, _checksum(body))
    )


def _checksum(body: str) -> str:
    """CRC-32 in base 62, the most significant digit first."""
    value, digits = zlib.crc32(body.encode()), ""
    for _ in range(_CHECKSUM):
        value, digit = divmod(value, len(_BASE62))
        digits = _BASE62[digit] + digits
    return digits


def _checked_name(name: str) -> str:
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise InvalidRequest(f"A name has 1 to {_LONGEST_NAME} printable characters.", field="name")
    return name
