"""Who is asking: reading keys from requests, and checking them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog
from starlette.requests import HTTPConnection

from myna.accounts.schemas import Caller
from myna.errors import AccountBanned, Unauthorized
from myna.http.context import context_of
from myna.kit.beneficiary import work_for

if TYPE_CHECKING:
    from myna.http.services import Services

KeyReader = Callable[[HTTPConnection], str | None]
"""Finds the API key in a request the way a vendor's clients send it; None when there is none."""


def bearer(request: HTTPConnection) -> str | None:
    """`Authorization: Bearer KEY` (RFC 6750; the scheme in any case)."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def header(name: str) -> KeyReader:
    """The whole value of a header, such as `x-api-key`."""

    def read(request: HTTPConnection) -> str | None:
        return request.headers.get(name, "").strip() or None

    return read


async def authenticate(request: HTTPConnection, services: Services, read_key: KeyReader = bearer) -> Caller:
    """The caller, also of a blocked account (see `Caller.account.banned`).

    Raises `Unauthorized`; after many wrong keys from one address `RateLimited`.
    """
    context = context_of(request.scope)
    if context.caller is None:
        token = read_key(request)
        if token is None:
            raise Unauthorized("An API key is needed. Send it as `Authorization: Bearer KEY`.")
        context.caller = await _check(token, request, services)
        structlog.contextvars.bind_contextvars(account=context.caller.account.id)
        work_for(context.caller.account.id)
    return context.caller


async def authorize(request: HTTPConnection, services: Services, read_key: KeyReader = bearer) -> Caller:
    """The caller, when the account is not blocked and within its request rate. Asked twice, a request counts once.

    Raises `Unauthorized`, `AccountBanned`, `RateLimited`.
    """
    caller = await authenticate(request, services, read_key)
    if caller.account.banned:
        raise AccountBanned
    context = context_of(request.scope)
    if caller.account.role != "admin" and not context.counted:
        context.counted = True
        services.limiter.count_request(context, caller.key.id)
    return caller


async def _check(token: str, request: HTTPConnection, services: Services) -> Caller:
    address = client_address(request)
    digest = hashlib.sha256(token.encode()).digest()
    services.limiter.refuse_guessing(address, digest)
    try:
        caller = await services.accounts.authenticate(token)
    except Unauthorized:
        services.limiter.count_wrong_key(address, digest)
        raise
    services.limiter.remember_key(digest)
    return caller


def client_address(request: HTTPConnection) -> str:
    """The client's IP address, as the server sees it (proxies: see uvicorn's `forwarded_allow_ips`)."""
    client = request.scope.get("client")
    return str(client[0]) if client else ""
