"""Where the guarded client goes, and above all where it does not: the receivers count connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence

import httpcore
import httpx
import pytest

from myna.errors import AddressRefused
from myna.kit.addresses import AddressRule
from myna.media.network import Guard, GuardedBackend, guarded_client, resolve
from tests.fixtures.receivers import Receiver, answer, receiving
from tests.unit.kit.test_addresses import FORBIDDEN, PUBLIC

LOOPBACK = AddressRule.parse("127.0.0.0/8, ::1/128")


class Names:
    """A resolver with answers of its own; the last one of a name stays."""

    def __init__(self, **answers: Sequence[list[str]]) -> None:
        self._answers = {name.replace("_", "."): list(lists) for name, lists in answers.items()}
        self.asked = 0

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        answers = self._answers[host.lower().rstrip(".")]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        if not found:
            raise httpcore.ConnectError("The name has no address.")
        return found


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving(answer(200, body=b"secret")) as receiver:
        yield receiver


async def get(guard: Guard, url: str) -> httpx.Response:
    async with guarded_client(guard, timeout=5) as client:
        return await client.get(url)


async def test_a_refused_name_gets_no_connection(receiver: Receiver) -> None:
    for host in ("127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0"):
        with pytest.raises(AddressRefused):
            await get(Guard(AddressRule()), f"http://{host}:{receiver.port}/")
    with pytest.raises((AddressRefused, httpx.InvalidURL)):
        await get(Guard(AddressRule()), f"http://１２７.0.0.1:{receiver.port}/")
    assert receiver.connections == 0


@pytest.mark.parametrize("host", ["[::1]", "[::ffff:127.0.0.1]", "[::]"])
async def test_a_refused_ipv6_literal_gets_no_connection(receiver: Receiver, host: str) -> None:
    with pytest.raises(AddressRefused):
        await get(Guard(AddressRule()), f"http://{host}:{receiver.port}/")
    assert receiver.connections == 0


@pytest.mark.parametrize("address", FORBIDDEN)
async def test_a_name_with_a_forbidden_address_is_refused(address: str) -> None:
    guard = Guard(AddressRule(), resolver=Names(evil_example=[[address]]))
    with pytest.raises(AddressRefused) as refusal:
        await guard.addresses("evil.example", 80)
    assert address not in refusal.value.message


@pytest.mark.parametrize("address", PUBLIC)
async def test_a_name_with_a_public_address_is_permitted(address: str) -> None:
    guard = Guard(AddressRule(), resolver=Names(good_example=[[address]]))
    assert await guard.addresses("good.example", 80) == [address]


async def test_one_forbidden_address_refuses_the_whole_name(receiver: Receiver) -> None:
    guard = Guard(AddressRule(), resolver=Names(mixed_example=[["8.8.8.8", "127.0.0.1"]]))
    with pytest.raises(AddressRefused):
        await get(guard, f"http://mixed.example:{receiver.port}/")
    assert receiver.connections == 0


async def test_rebinding_leads_nowhere(receiver: Receiver) -> None:
    """Public when it is asked for the first time, loopback afterwards: the checked address is the one connected to."""
    names = Names(evil_example=[["192.0.2.7"], ["127.0.0.1"]])
    guard = Guard(AddressRule.parse("192.0.2.0/24"), resolver=names)
    connected: list[str] = []
    backend = GuardedBackend(guard)

    class Recorder(httpcore.AsyncMockBackend):
        async def connect_tcp(self, host: str, *_: object, **__: object) -> httpcore.AsyncNetworkStream:
            connected.append(host)
            raise httpcore.ConnectError

    backend._backend = Recorder([])
    with pytest.raises(httpcore.ConnectError):
        await backend.connect_tcp("evil.example", receiver.port)
    assert connected == ["192.0.2.7"]
    assert names.asked == 1
    with pytest.raises(AddressRefused):
        await backend.connect_tcp("evil.example", receiver.port)
    assert connected == ["192.0.2.7"]
    assert receiver.connections == 0


async def test_redirects_are_not_followed(receiver: Receiver) -> None:
    async with receiving(answer(302, Location=receiver.url)) as redirecting:
        response = await get(Guard(LOOPBACK), redirecting.url)
    assert response.status_code == 302
    assert receiver.connections == 0


async def test_cookies_are_not_kept() -> None:
    async with (
        receiving(answer(200, Set_Cookie="who=account-1; Path=/")) as receiver,
        guarded_client(Guard(LOOPBACK), timeout=5) as client,
    ):
        for _ in range(2):
            await client.get(receiver.url)
    assert [request.headers.get("cookie") for request in receiver.requests] == [None, None]


async def test_the_host_header_is_the_name_and_not_the_address(receiver: Receiver) -> None:
    guard = Guard(LOOPBACK, resolver=Names(hook_example=[["127.0.0.1"]]))
    assert (await get(guard, f"http://hook.example:{receiver.port}/")).text == "secret"
    [request] = receiver.requests
    assert request.headers["host"] == f"hook.example:{receiver.port}"
    assert request.headers["accept-encoding"] == "identity"


async def test_the_next_address_is_tried_when_one_is_not_reachable(receiver: Receiver) -> None:
    guard = Guard(LOOPBACK, resolver=Names(hook_example=[["::1", "127.0.0.1"]]))
    assert (await get(guard, f"http://hook.example:{receiver.port}/")).status_code == 200


async def test_proxies_of_the_environment_are_not_used(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    async with receiving(answer(200, body=b"proxy")) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{proxy.port}")
        assert (await get(Guard(LOOPBACK), receiver.url)).text == "secret"
    assert proxy.connections == 0


async def test_unix_sockets_are_refused() -> None:
    with pytest.raises(AddressRefused):
        await GuardedBackend(Guard(LOOPBACK)).connect_unix_socket("/run/docker.sock")


async def test_a_name_without_an_address_is_a_connection_error() -> None:
    with pytest.raises(httpcore.ConnectError):
        await resolve("no-such-name.invalid", 80)
    with pytest.raises(httpx.ConnectError):
        await get(Guard(AddressRule()), "http://no-such-name.invalid/")


async def test_the_system_resolver_lists_each_address_once() -> None:
    assert await resolve("127.0.0.1", 80) == ["127.0.0.1"]


class TestOwnAddress:
    def guard(self, url: str, allow: str = "") -> Guard:
        names = Names(
            own_example=[["8.8.8.8"]],
            alias_example=[["8.8.8.8"]],
            other_example=[["1.1.1.1"]],
            gone_example=[[]],
        )
        return Guard(AddressRule.parse(allow), own_url=url, resolver=names)

    @pytest.mark.parametrize("host", ["own.example", "OWN.example", "own.example.", "alias.example"])
    async def test_is_refused_by_name_and_by_address(self, host: str) -> None:
        with pytest.raises(AddressRefused, match="itself"):
            await self.guard("https://own.example").addresses(host, 443)

    async def test_other_ports_and_other_servers_are_not_this_server(self) -> None:
        guard = self.guard("https://own.example")
        assert await guard.addresses("own.example", 8443)
        assert await guard.addresses("other.example", 443)

    async def test_may_be_allowed(self) -> None:
        guard = self.guard("http://own.example:8311", allow="8.8.8.0/24")
        assert await guard.addresses("own.example", 8311)

    async def test_an_own_name_that_cannot_be_resolved_refuses_only_itself(self) -> None:
        guard = self.guard("https://gone.example")
        assert await guard.addresses("other.example", 443)

    @pytest.mark.parametrize("url", ["", "not a url", "ftp://own.example"])
    async def test_without_a_public_url_there_is_none(self, url: str) -> None:
        assert await self.guard(url).addresses("own.example", 443)


async def test_a_slow_name_server_does_not_outlast_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(*_: object, **__: object) -> list[str]:
        await asyncio.sleep(60)
        return []

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await get(Guard(AddressRule(), resolver=slow), "http://slow.example/")
