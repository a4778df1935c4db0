"""The guarded way out: connections to addresses that users name.

A name is resolved here, all its addresses are checked, and the connection goes to one that was checked. A name that
is public when it is checked and private when it is used (DNS rebinding) therefore leads nowhere.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable
from functools import cache
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

from myna.errors import AddressRefused
from myna.kit.addresses import AddressRule, parse_address
from myna.settings import Settings

Resolver = Callable[[str, int], Awaitable[list[str]]]

_DEFAULT_PORTS = {"http": 80, "https": 443}


async def resolve(host: str, port: int) -> list[str]:
    """All addresses of a name, as the system resolves it. Raises `httpcore.ConnectError` when there is none."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise httpcore.ConnectError("The name has no address.") from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Guard:
    """Decides which addresses a connection to a name may use."""

    def __init__(self, rule: AddressRule, *, own_url: str = "", resolver: Resolver = resolve) -> None:
        self._rule = rule
        self._own = _host_and_port(own_url)
        self._resolver = resolver

    @classmethod
    def from_settings(cls, settings: Settings) -> Guard:
        return cls(AddressRule.parse(settings.fetch_allow), own_url=settings.public_url)

    async def addresses(self, host: str, port: int) -> list[str]:
        """The addresses to try. One refused address refuses the whole name: raises `AddressRefused`."""
        found = await self._resolver(host, port)
        if not found or not all(self._rule.permits(address) for address in found):
            raise AddressRefused
        if await self._is_this_server(host, port, found):
            raise AddressRefused("This address is this server itself.")
        return found

    async def _is_this_server(self, host: str, port: int, found: list[str]) -> bool:
        if self._own is None or port != self._own[1]:
            return False
        if all(self._rule.allows(address) for address in found):
            return False
        if host.rstrip(".").lower() == self._own[0]:
            return True
        try:
            own = await self._resolver(*self._own)
        except httpcore.ConnectError:
            return False
        return not {parse_address(address) for address in own}.isdisjoint(parse_address(address) for address in found)


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Connects only where the guard permits. TLS still verifies the name, since that happens after connecting."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._guard.addresses(host, port)
        for address in addresses[:-1]:
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return await self._backend.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise AddressRefused

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


@cache
def _certificates() -> ssl.SSLContext:
    """Those that httpx trusts. To read them takes longer than all else that a client begins with."""
    return httpx.create_ssl_context(trust_env=False)


class GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx over the guarded backend: no proxy, no settings from the environment, no connection is kept open."""

    def __init__(self, guard: Guard) -> None:
        super().__init__(verify=_certificates(), trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=_certificates(),
            max_connections=None,
            max_keepalive_connections=0,
            network_backend=GuardedBackend(guard),
        )


def guarded_client(guard: Guard, *, timeout: float) -> httpx.AsyncClient:
    """A client for addresses from users: no redirects, no cookies, and bodies as they are, not compressed."""
    client = httpx.AsyncClient(
        transport=GuardedTransport(guard),
        timeout=timeout,
        follow_redirects=False,
        trust_env=False,
        headers={"Accept-Encoding": "identity"},
    )
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return client


def _host_and_port(url: str) -> tuple[str, int] | None:
    if not url:
        return None
    parts = urlsplit(url)
    port = parts.port or _DEFAULT_PORTS.get(parts.scheme)
    if parts.hostname is None or port is None:
        return None
    return parts.hostname.rstrip(".").lower(), port
