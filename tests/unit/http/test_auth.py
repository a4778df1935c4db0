from __future__ import annotations

from types import SimpleNamespace

import pytest
from starlette.requests import Request

from myna.accounts.service import AccountService, new_token
from myna.errors import AccountBanned, RateLimited, Unauthorized
from myna.http.auth import authenticate, authorize, bearer, client_address, header
from myna.http.context import context_of
from myna.http.limits import RequestLimiter
from myna.settings import Settings
from tests.fixtures.asgi import http_scope


def request(address="192.0.2.1", **headers):
    return Request({**http_scope(headers=headers), "client": (address, 1)})


@pytest.mark.parametrize(
    ("sent", "key"),
    [
        ("Bearer abc", "abc"),
        ("bearer abc", "abc"),
        ("BEARER  abc ", "abc"),
        ("Bearer", None),
        ("Bearer ", None),
        ("Basic abc", None),
        ("abc", None),
        ("", None),
    ],
)
def test_bearer(sent, key):
    assert bearer(request(authorization=sent)) == key


def test_no_header():
    assert bearer(request()) is None


def test_a_key_in_its_own_header():
    read = header("x-api-key")
    assert read(request(**{"X-API-Key": " abc "})) == "abc"
    assert read(request(**{"X-API-Key": " "})) is None
    assert read(request()) is None


def test_client_address():
    assert client_address(request()) == "192.0.2.1"
    assert client_address(Request({**http_scope(), "client": None})) == ""


@pytest.fixture
def database_url(sqlite_url):
    """Who a key belongs to is tested on both databases elsewhere."""
    return sqlite_url


@pytest.fixture
def services(database):
    settings = Settings(wrong_keys_per_minute=3, requests_per_minute=2)
    return SimpleNamespace(accounts=AccountService(database, b"secret"), limiter=RequestLimiter(settings))


@pytest.fixture
async def account(services):
    return await services.accounts.create_account("somebody")


@pytest.fixture
async def token(services, account):
    return (await services.accounts.create_key(account.id, "key"))[1]


def with_key(token, address="192.0.2.1"):
    return request(address, authorization=f"Bearer {token}")


async def test_the_caller_is_remembered(services, account, token):
    asking = with_key(token)
    caller = await authenticate(asking, services)
    assert caller.account.id == account.id
    assert context_of(asking.scope).caller is caller
    assert await authenticate(asking, services) is caller


@pytest.mark.parametrize("sent", [{}, {"authorization": "Bearer nonsense"}, {"authorization": "Basic x"}])
async def test_without_a_right_key(services, sent):
    with pytest.raises(Unauthorized):
        await authenticate(request(**sent), services)


async def test_a_blocked_account_is_known_but_not_let_in(services, account, token):
    await services.accounts.set_banned(account.id, True)
    assert (await authenticate(with_key(token), services)).account.banned
    with pytest.raises(AccountBanned):
        await authorize(with_key(token), services)


async def test_a_revoked_key_is_refused_at_once(services, token):
    key = (await authorize(with_key(token), services)).key
    await services.accounts.revoke_key(key.id)
    with pytest.raises(Unauthorized):
        await authorize(with_key(token), services)


async def test_requests_of_a_key_are_counted(services, token):
    for _ in range(2):
        await authorize(with_key(token), services)
    with pytest.raises(RateLimited):
        await authorize(with_key(token), services)
    await authenticate(with_key(token), services)


async def test_a_request_that_is_looked_at_twice_counts_once(services, token):
    for _ in range(2):
        asking = with_key(token)
        for _ in range(3):
            await authorize(asking, services)
    with pytest.raises(RateLimited):
        await authorize(with_key(token), services)


async def test_an_admin_is_not_counted(services):
    admin = await services.accounts.create_account("root", role="admin")
    _, token = await services.accounts.create_key(admin.id, "key")
    for _ in range(5):
        await authorize(with_key(token), services)


async def test_wrong_keys_are_refused_after_a_while_but_right_ones_are_not(services, token):
    await authenticate(with_key(token), services)
    for _ in range(3):
        with pytest.raises(Unauthorized):
            await authenticate(with_key(new_token()), services)
    with pytest.raises(RateLimited):
        await authenticate(with_key(new_token()), services)
    await authenticate(with_key(token), services)
    with pytest.raises(Unauthorized):
        await authenticate(with_key(new_token(), "198.51.100.1"), services)


async def test_no_key_at_all_is_no_guess(services):
    for _ in range(10):
        with pytest.raises(Unauthorized):
            await authenticate(request(), services)
