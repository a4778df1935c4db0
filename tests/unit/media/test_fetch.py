"""What is fetched from addresses of users, and what is not: the receivers count connections."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from myna.errors import (
    AddressRefused,
    BodyTooLarge,
    InvalidRequest,
    MynaError,
    StorageFull,
    Unavailable,
    UnsupportedMedia,
)
from myna.kit.addresses import AddressRule
from myna.media import fetch as fetching
from myna.media.fetch import Fetcher
from myna.media.network import Guard
from tests.fixtures.receivers import Behave, Received, Receiver, answer, endless, never_answer, receiving
from tests.unit.kit.test_addresses import FORBIDDEN
from tests.unit.media.test_network import Names

LOOPBACK = AddressRule.parse("127.0.0.0/8, ::1/128")
FILE = b"a recording, or so"


def fetcher(*, max_bytes: int = 1_000_000, seconds: float = 5.0, guard: Guard | None = None) -> Fetcher:
    return Fetcher(guard or Guard(LOOPBACK), max_bytes=max_bytes, seconds=seconds)


def saying(*parts: bytes, pause: float = 0.0) -> Behave:
    """These bytes as they are, and the end of the connection."""

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: Received) -> None:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(pause)

    return behave


def leading(*targets: str) -> Behave:
    """Redirect the first request to the first target, the second to the second, and then give the file."""
    left = list(targets)

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Received) -> None:
        given = answer(302, Location=left.pop(0)) if left else answer(200, body=FILE)
        await given(reader, writer, request)

    return behave


@pytest.fixture
async def private() -> AsyncIterator[Receiver]:
    """A server that nobody outside may reach."""
    async with receiving(answer(200, body=b"secret")) as receiver:
        yield receiver


async def test_a_file_comes_whole() -> None:
    async with receiving(answer(200, body=FILE)) as receiver:
        assert await fetcher().fetch(f" {receiver.url}?signature=1#part\n") == FILE
    [request] = receiver.requests
    assert request.path == "/hook?signature=1"
    assert request.headers["accept-encoding"] == "identity"
    assert not {"cookie", "authorization", "referer"} & set(request.headers)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("", "begin with https"),
        ("voice.wav", "begin with https"),
        ("file:///etc/passwd", "begin with https"),
        ("ftp://example.org/voice.wav", "begin with https"),
        ("gopher://127.0.0.1:70/_x", "begin with https"),
        ("data:audio/wav;base64,UklGRg==", "begin with https"),
        ("unix:///run/docker.sock", "begin with https"),
        ("http://", "begin with https"),
        ("http:///voice.wav", "begin with https"),
        ("http://user:word@example.org/voice.wav", "password"),
        ("https://user@example.org/voice.wav", "password"),
        ("http://example.org:99999/", "not an address"),
        ("http://127.0.0.1:99999/", "not an address"),
        ("http://[::1/", "not an address"),
        ("http://exa mple.org/", "not an address"),
        ("http://example.org/\0.wav", "not an address"),
        ("http://example.org/" + "a" * 9_000, "8,192 characters"),
    ],
)
async def test_what_is_no_address_is_refused(url: str, words: str) -> None:
    with pytest.raises(InvalidRequest, match=words) as refusal:
        await fetcher().fetch(url, field="assets.audio_file_path")
    assert refusal.value.field == "assets.audio_file_path"
    assert refusal.value.status == 400


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0",
        "0.0.0.0",
        "127.0.0.1.",
        "１２７.0.0.1",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[0:0:0:0:0:ffff:7f00:1]",
    ],
)
async def test_no_form_of_a_private_address_gets_a_connection(host: str, private: Receiver) -> None:
    with pytest.raises(InvalidRequest):
        await fetcher(guard=Guard(AddressRule())).fetch(f"http://{host}:{private.port}/")
    assert private.connections == 0


@pytest.mark.parametrize("address", FORBIDDEN)
async def test_a_name_with_a_forbidden_address_is_refused(address: str) -> None:
    guard = Guard(AddressRule(), resolver=Names(evil_example=[[address]]))
    with pytest.raises(AddressRefused) as refusal:
        await fetcher(guard=guard).fetch("http://evil.example/voice.wav")
    assert refusal.value.field == "url"
    assert address not in refusal.value.message


async def test_a_name_that_changes_its_address_leads_nowhere(private: Receiver) -> None:
    """Public when it is asked for the first time, loopback for the redirect to itself."""
    names = Names(evil_example=[["127.0.0.2"], ["127.0.0.1"]])
    guard = Guard(AddressRule.parse("127.0.0.2/32"), resolver=names)
    async with receiving(leading("/again")) as evil:
        server = await asyncio.start_server(evil.serve, "127.0.0.2", private.port)
        async with server:
            with pytest.raises(AddressRefused):
                await fetcher(guard=guard).fetch(f"http://evil.example:{private.port}/")
    assert names.asked == 2
    assert (evil.connections, private.connections) == (1, 0)


async def test_a_mixed_set_of_addresses_is_refused(private: Receiver) -> None:
    guard = Guard(AddressRule(), resolver=Names(mixed_example=[["8.8.8.8", "127.0.0.1"]]))
    with pytest.raises(AddressRefused):
        await fetcher(guard=guard).fetch(f"http://mixed.example:{private.port}/")
    assert private.connections == 0


class TestRedirects:
    async def test_three_are_followed(self) -> None:
        async with receiving(leading()) as receiver:
            receiver.behave = leading("/a", "b?c=1", f"//127.0.0.1:{receiver.port}/d")
            assert await fetcher().fetch(receiver.url) == FILE
        assert [request.path for request in receiver.requests] == ["/hook", "/a", "/b?c=1", "/d"]

    async def test_no_more_than_three_are_followed(self) -> None:
        async with receiving(answer(302, Location="/again")) as receiver:
            with pytest.raises(InvalidRequest, match="more than 3 times"):
                await fetcher().fetch(receiver.url)
        assert receiver.connections == 4

    @pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
    async def test_to_a_private_address_is_refused(self, status: int, private: Receiver) -> None:
        guard = Guard(AddressRule.parse("127.0.0.2/32"))
        for host in ("127.0.0.1", "localhost", "2130706433", "[::1]", "0"):
            public = Receiver(answer(status, Location=f"http://{host}:{private.port}/secret"))
            server = await asyncio.start_server(public.serve, "127.0.0.2", 0)
            port = server.sockets[0].getsockname()[1]
            async with server:
                with pytest.raises(AddressRefused) as refusal:
                    await fetcher(guard=guard).fetch(f"http://127.0.0.2:{port}/voice.wav")
            assert "secret" not in refusal.value.message
            assert public.connections == 1
        assert private.connections == 0

    @pytest.mark.parametrize(
        "target",
        [
            "file:///etc/passwd",
            "ftp://127.0.0.1/x",
            "gopher://127.0.0.1:70/_x",
            "http://user:word@127.0.0.1/",
            "http://[/",
        ],
    )
    async def test_to_what_would_not_be_fetched_is_refused(self, target: str) -> None:
        async with receiving(answer(302, Location=target)) as receiver:
            with pytest.raises(InvalidRequest):
                await fetcher().fetch(receiver.url)
        assert receiver.connections == 1

    async def test_to_nowhere_is_refused(self) -> None:
        async with receiving(answer(302)) as receiver:
            with pytest.raises(InvalidRequest, match="where to"):
                await fetcher().fetch(receiver.url)

    async def test_carry_no_cookies(self) -> None:
        async with receiving(answer(302, 200, body=FILE, Location="/next", Set_Cookie="a=b; Path=/")) as receiver:
            assert await fetcher().fetch(receiver.url) == FILE
        assert "cookie" not in receiver.requests[1].headers


@pytest.mark.parametrize("status", [304, 400, 401, 404, 410, 429, 500, 503])
async def test_an_error_is_told_without_its_body(status: int) -> None:
    body = b"" if status == 304 else b"stack trace of the intranet"
    async with receiving(answer(status, body=body)) as receiver:
        with pytest.raises(InvalidRequest, match=f"answered {status}") as refusal:
            await fetcher().fetch(receiver.url)
    assert "intranet" not in str(refusal.value.__dict__)


@pytest.mark.parametrize("status", [200, 204])
async def test_nothing_is_no_file(status: int) -> None:
    async with receiving(answer(status)) as receiver:
        with pytest.raises(UnsupportedMedia, match="nothing at this address"):
            await fetcher().fetch(receiver.url)


async def test_the_largest_file_passes_and_one_byte_more_does_not() -> None:
    async with receiving(answer(200, body=b"x" * 1_000)) as receiver:
        assert len(await fetcher(max_bytes=1_000).fetch(receiver.url)) == 1_000
        with pytest.raises(BodyTooLarge, match="999 bytes"):
            await fetcher(max_bytes=999).fetch(receiver.url)


async def test_an_announced_size_is_enough_to_refuse() -> None:
    async with receiving(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", pause=30)) as receiver:
        with pytest.raises(BodyTooLarge):
            await fetcher().fetch(receiver.url)


async def test_more_than_was_announced_is_not_read() -> None:
    async with receiving(saying(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n", b"x" * 100_000)) as receiver:
        assert await fetcher().fetch(receiver.url) == b"xxxx"


async def test_a_body_without_an_end_ends_at_the_limit() -> None:
    async with receiving(saying(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 65_536] * 1_000)) as receiver:
        with pytest.raises(BodyTooLarge):
            await fetcher().fetch(receiver.url)


async def test_an_endless_chunked_body_ends_at_the_limit() -> None:
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    taken = 0

    async def behave(_: asyncio.StreamReader, writer: asyncio.StreamWriter, __: Received) -> None:
        nonlocal taken
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while taken < 1 << 30:
            writer.write(chunk)
            await writer.drain()
            taken += len(chunk)

    async with receiving(behave) as receiver:
        with pytest.raises(BodyTooLarge):
            await fetcher().fetch(receiver.url)
    assert taken < 20_000_000


async def test_a_packed_body_is_refused_before_it_is_unpacked() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    async with receiving(answer(200, body=bomb, Content_Encoding="gzip")) as receiver:
        tracemalloc.start()
        with pytest.raises(UnsupportedMedia, match="packed"):
            await fetcher().fetch(receiver.url)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 10_000_000


async def test_a_packed_body_that_does_not_say_so_stays_packed() -> None:
    bomb = gzip.compress(bytes(1_000_000))
    async with receiving(answer(200, body=bomb)) as receiver:
        assert await fetcher(max_bytes=10_000).fetch(receiver.url) == bomb


@pytest.mark.parametrize(
    "said",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nx",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nxxxxxx",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\nxx\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
        b"HTTP/1.1 200 OK\r\n" + b"X-Flood: " + b"x" * 300_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-Flood: x\r\n" * 30_000 + b"\r\n",
        b"HTTP/1.1 999999 What\r\n\r\n",
        b"\x16\x03\x01\x02\0\x01\0" * 100,
    ],
)
async def test_an_answer_that_is_none_is_refused_in_plain_words(said: bytes) -> None:
    async with receiving(saying(said)) as receiver:
        with pytest.raises(InvalidRequest, match="cannot be reached, or broke off"):
            await fetcher().fetch(receiver.url)


async def test_what_cannot_be_reached_is_refused_in_plain_words() -> None:
    async with receiving(never_answer) as receiver:
        pass
    with pytest.raises(InvalidRequest, match="cannot be reached"):
        await fetcher().fetch(receiver.url)
    with pytest.raises(InvalidRequest, match="cannot be reached"):
        await fetcher().fetch("https://no-such-name.invalid/voice.wav")


async def test_a_server_without_tls_is_refused_in_plain_words() -> None:
    server = await asyncio.start_server(
        lambda _, writer: writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n"), "127.0.0.1", 0
    )
    async with server:
        with pytest.raises(InvalidRequest, match="cannot be reached"):
            await fetcher().fetch(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/voice.wav")


class TestTime:
    async def test_silence_ends(self) -> None:
        async with receiving(never_answer) as receiver:
            with pytest.raises(InvalidRequest, match="in time") as refusal:
                await fetcher(seconds=0.2).fetch(receiver.url)
        assert refusal.value.status == 400

    async def test_a_slow_drip_ends(self) -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        async with receiving(saying(head, *[b"x"] * 1_000, pause=0.05)) as receiver:
            with pytest.raises(InvalidRequest, match="in time"):
                await fetcher(seconds=0.5).fetch(receiver.url)

    async def test_slow_headers_end(self) -> None:
        lines = [b"HTTP/1.1 200 OK\r\n", *[b"X-Slow: 1\r\n"] * 1_000]
        async with receiving(saying(*lines, pause=0.05)) as receiver:
            with pytest.raises(InvalidRequest, match="in time"):
                await fetcher(seconds=0.5).fetch(receiver.url)

    async def test_promises_without_end_end(self) -> None:
        async with receiving(saying(*[b"HTTP/1.1 100 Continue\r\n\r\n"] * 1_000, pause=0.01)) as receiver:
            with pytest.raises(InvalidRequest, match="in time"):
                await fetcher(seconds=0.5).fetch(receiver.url)

    async def test_a_chain_of_slow_redirects_shares_one_deadline(self) -> None:
        async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Received) -> None:
            await asyncio.sleep(0.3)
            await answer(302, Location="/again")(reader, writer, request)

        async with receiving(behave) as receiver:
            with pytest.raises(InvalidRequest, match="in time"):
                await fetcher(seconds=0.5).fetch(receiver.url)
        assert receiver.connections == 2

    async def test_a_slow_name_server_ends(self) -> None:
        async def slow(_: str, __: int) -> list[str]:
            await asyncio.sleep(60)
            return []

        with pytest.raises(InvalidRequest, match="in time"):
            await fetcher(seconds=0.1, guard=Guard(LOOPBACK, resolver=slow)).fetch("http://slow.example/")


async def test_only_so_many_are_fetched_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "_PLACES", 1)
    monkeypatch.setattr(fetching, "_WAITING", 1)
    few = fetcher(seconds=0.3)
    async with receiving(never_answer) as receiver:
        tasks = [asyncio.create_task(few.fetch(receiver.url)) for _ in range(2)]
        await asyncio.sleep(0.05)
        assert receiver.connections == 1
        with pytest.raises(Unavailable, match="Too many"):
            await few.fetch(receiver.url)
        assert all(isinstance(result, MynaError) for result in await asyncio.gather(*tasks, return_exceptions=True))
        assert receiver.connections == 2
    await few.close()


class TestLook:
    """The beginning of what is fetched later."""

    async def test_it_reads_no_more_than_it_needs(self) -> None:
        held: list[Receiver] = []
        async with receiving(endless(held, 200)) as receiver:
            held.append(receiver)
            begin = await fetcher().look(receiver.url, max_bytes=1 << 40, seconds=5)
        assert 65_536 <= len(begin) < 200_000
        assert receiver.sent < 1 << 25

    async def test_who_is_slow_passes(self) -> None:
        async with receiving(never_answer) as receiver:
            assert await fetcher().look(receiver.url, max_bytes=1_000, seconds=0.2) == b""

    async def test_what_is_wrong_is_said(self, private: Receiver) -> None:
        strict = fetcher(guard=Guard(AddressRule()))
        with pytest.raises(AddressRefused):
            await strict.look(private.url, max_bytes=1_000, seconds=5)
        assert private.connections == 0
        async with receiving(answer(404)) as receiver:
            with pytest.raises(InvalidRequest, match="404"):
                await fetcher().look(receiver.url, max_bytes=1_000, seconds=5)


class TestToDisk:
    """The same door, for files that are too large for memory; nothing of what is refused is left."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        return tmp_path / "source"

    @staticmethod
    async def fetch(
        url: str, path: Path, *, max_bytes: int = 1_000_000, seconds: float = 5.0, guard: Guard | None = None
    ) -> int:
        few = fetcher(max_bytes=10, seconds=0.001, guard=guard)  # its own limits are for what is kept in memory
        try:
            return await few.fetch_to(url, path, max_bytes=max_bytes, seconds=seconds, field="init_video")
        finally:
            await few.close()

    async def test_a_file_comes_whole(self, path: Path) -> None:
        film = bytes(range(256)) * 20_000
        async with receiving(leading()) as receiver:
            receiver.behave = leading("/moved")
            assert await self.fetch(receiver.url, path) == len(FILE)
            assert path.read_bytes() == FILE
            receiver.behave = answer(200, body=film)
            assert await self.fetch(receiver.url, path, max_bytes=len(film)) == len(film)
        assert path.read_bytes() == film
        assert path.stat().st_mode & 0o077 == 0, "for its owner alone"

    @pytest.mark.parametrize("address", FORBIDDEN)
    async def test_no_forbidden_address_is_asked(self, address: str, path: Path) -> None:
        guard = Guard(AddressRule(), resolver=Names(evil_example=[[address]]))
        with pytest.raises(AddressRefused) as refusal:
            await self.fetch("http://evil.example/film.mp4", path, guard=guard)
        assert refusal.value.field == "init_video"
        assert address not in refusal.value.message
        assert not path.exists()

    @pytest.mark.parametrize("url", ["file:///etc/passwd", "data:video/mp4;base64,AAAA", "", "http://a:b@example.org/"])
    async def test_what_is_no_address_is_refused(self, url: str, path: Path) -> None:
        with pytest.raises(InvalidRequest) as refusal:
            await self.fetch(url, path)
        assert refusal.value.field == "init_video"
        assert not path.exists()

    async def test_a_name_that_changes_its_address_leads_nowhere(self, private: Receiver, path: Path) -> None:
        names = Names(evil_example=[["127.0.0.2"], ["127.0.0.1"]])
        guard = Guard(AddressRule.parse("127.0.0.2/32"), resolver=names)
        async with receiving(leading("/again")) as evil:
            server = await asyncio.start_server(evil.serve, "127.0.0.2", private.port)
            async with server:
                with pytest.raises(AddressRefused):
                    await self.fetch(f"http://evil.example:{private.port}/", path, guard=guard)
        assert (evil.connections, private.connections) == (1, 0)
        assert not path.exists()

    @pytest.mark.parametrize(
        ("target", "connections"),
        [
            ("http://169.254.169.254/latest", 1),
            ("http://[::1]/", 1),
            ("file:///etc/passwd", 1),
            ("gopher://x/", 1),
            ("/again", 4),
        ],
    )
    async def test_redirects_are_checked_one_by_one(self, target: str, connections: int, path: Path) -> None:
        guard = Guard(AddressRule.parse("127.0.0.1/32"))
        async with receiving(answer(302, Location=target)) as receiver:
            with pytest.raises(InvalidRequest):
                await self.fetch(receiver.url, path, guard=guard)
        assert receiver.connections == connections
        assert not path.exists()

    async def test_one_byte_too_many_is_refused(self, path: Path) -> None:
        async with receiving(saying(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 65_536] * 100)) as receiver:
            with pytest.raises(BodyTooLarge, match="6,553,599 bytes"):
                await self.fetch(receiver.url, path, max_bytes=6_553_599)
            assert not path.exists()
            assert await self.fetch(receiver.url, path, max_bytes=6_553_600) == 6_553_600

    @pytest.mark.parametrize(
        ("behave", "words"),
        [
            (answer(200), "nothing at this address"),
            (answer(404, body=b"secret"), "answered 404"),
            (answer(200, body=gzip.compress(bytes(1_000_000)), Content_Encoding="gzip"), "packed"),
            (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort"), "broke off"),
            (saying(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n", *[b"x"] * 99, pause=0.05), "at most 0.5 seconds"),
        ],
    )
    async def test_what_is_no_whole_file_leaves_nothing(self, behave: Behave, words: str, path: Path) -> None:
        async with receiving(behave) as receiver:
            with pytest.raises(MynaError, match=words):
                await self.fetch(receiver.url, path, seconds=0.5)
        assert not path.exists()

    async def test_memory_does_not_grow_with_the_file(self, path: Path) -> None:
        async with receiving(saying(b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * (1 << 20)] * 40)) as receiver:
            tracemalloc.start()
            size = await self.fetch(receiver.url, path, max_bytes=1 << 30, seconds=30)
            _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert size == path.stat().st_size == 40 << 20
        assert peak < 12_000_000

    async def test_a_full_disk_is_no_fault_of_the_address(self, path: Path) -> None:
        resource = pytest.importorskip("resource")
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        async with receiving(answer(200, body=bytes(3_000_000))) as receiver:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1_500_000, before[1]))
            try:
                with pytest.raises(StorageFull):
                    await self.fetch(receiver.url, path, max_bytes=1 << 30)
            finally:
                resource.setrlimit(resource.RLIMIT_FSIZE, before)
        assert not path.exists()

    async def test_canceling_leaves_nothing(self, path: Path) -> None:
        async with receiving(never_answer) as receiver:
            task = asyncio.create_task(self.fetch(receiver.url, path))
            while not path.exists():
                await asyncio.sleep(0.01)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert not path.exists()
