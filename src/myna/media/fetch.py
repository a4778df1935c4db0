"""Files at addresses that users name.

Every address, also that of a redirect, goes through the guard when the connection is made (`network.py`). A body is
counted as it comes and asked for uncompressed, so neither a header nor a packed body can lie about its size. What an
address answered besides a file is never shown.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import httpx

from myna.errors import AddressRefused, BodyTooLarge, InvalidRequest, StorageFull, Unavailable, UnsupportedMedia
from myna.kit.finishing import waited_for
from myna.media.network import Guard, guarded_client

MOST_REDIRECTS = 3
_LONGEST_ADDRESS = 8_192
_HIGHEST_PORT = 65_535
_IDLE_SECONDS = 15.0
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_PLACES = 16
_WAITING = 64
_BLOCK_BYTES = 1 << 20
_LOOKED_AT = 1 << 16

Keep = Callable[[bytes], Awaitable[None]]
"""Takes a piece of a body."""
Heed = Callable[[Mapping[str, str]], None]
"""Takes the headers of an answer."""


class Fetcher:
    """Fetches files of up to `max_bytes`, each within `seconds`."""

    def __init__(self, guard: Guard, *, max_bytes: int, seconds: float) -> None:
        self._client = guarded_client(guard, timeout=_IDLE_SECONDS)
        self._max_bytes = max_bytes
        self._seconds = seconds
        self._places = asyncio.Semaphore(_PLACES)
        self._waiting = 0

    async def fetch(self, url: str, *, field: str = "url") -> bytes:
        """The file at an http or https address, after up to three redirects.

        Raises `InvalidRequest` with this field for an address that is none, cannot be reached or has no file to give,
        `AddressRefused` when it is not a public one, `BodyTooLarge`, `UnsupportedMedia` for a body that is empty or
        packed, `Unavailable` when too many fetches wait.
        """
        body = bytearray()

        async def keep(chunk: bytes) -> None:
            body.extend(chunk)

        await self._fetch(_address(url, field), _Body(keep, self._max_bytes), self._seconds, field)
        return bytes(body)

    async def fetch_to(self, url: str, path: Path, *, max_bytes: int, seconds: float, field: str = "url") -> int:
        """As `fetch`, into this file, and returns its size in bytes. Memory: a few blocks.

        Raises `StorageFull` besides. Unless it ends well, there is no such file afterwards.
        """
        address = _address(url, field)
        with _new_file(path) as file:
            target = _ToDisk(file)
            await self._fetch(address, _Body(target.keep, max_bytes), seconds, field)
            return await target.complete()

    async def look(
        self, url: str, *, max_bytes: int, seconds: float, field: str = "url", heed: Heed | None = None
    ) -> bytes:
        """The first bytes of a file that is to be fetched later, so that what is wrong with its address is said now.

        `heed` is shown the headers of the answer. Empty when it does not begin to come within `seconds`, which is no
        error. Raises what `fetch` raises.
        """
        begin = bytearray()

        async def keep(chunk: bytes) -> None:
            begin.extend(chunk)
            if len(begin) >= _LOOKED_AT:
                raise _Enough

        try:
            async with asyncio.timeout(seconds):
                await self._fetch(_address(url, field), _Body(keep, max_bytes, heed), 2 * seconds, field)
        except (_Enough, TimeoutError):
            pass
        return bytes(begin)

    async def _fetch(self, address: httpx.URL, body: _Body, seconds: float, field: str) -> None:
        async with self._place():
            try:
                async with asyncio.timeout(seconds):
                    await self._follow(address, body, field)
            except (TimeoutError, httpx.TimeoutException):
                message = f"The address did not send the whole file in time (at most {seconds:g} seconds)."
                raise InvalidRequest(message, field=field) from None
            except AddressRefused as refusal:
                refusal.field = field
                raise
            except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, ValueError):
                message = "The address cannot be reached, or broke off in the middle. Open it in a browser to check it."
                raise InvalidRequest(message, field=field) from None

    async def close(self) -> None:
        await self._client.aclose()

    async def _follow(self, address: httpx.URL, body: _Body, field: str) -> None:
        for _ in range(MOST_REDIRECTS + 1):
            async with self._client.stream("GET", address) as response:
                if response.status_code not in _REDIRECTS:
                    await body.take(response, field)
                    return
                target = response.headers.get("location", "")
            if not target:
                raise InvalidRequest("The address redirects, but does not say where to.", field=field)
            address = _address(str(address.join(target)), field)
        raise InvalidRequest(f"The address redirects more than {MOST_REDIRECTS} times.", field=field)

    @contextlib.asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        if self._places.locked() and self._waiting >= _WAITING:
            raise Unavailable("Too many files are being fetched. Try again in a moment.")
        self._waiting += 1
        try:
            await self._places.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._places.release()


class _Enough(Exception):
    """No more of a body is wanted."""


class _Body:
    """Hands on the body of an answer, and counts it."""

    def __init__(self, keep: Keep, max_bytes: int, heed: Heed | None = None) -> None:
        self._keep = keep
        self._max_bytes = max_bytes
        self._heed = heed

    async def take(self, response: httpx.Response, field: str) -> None:
        if not response.is_success:
            raise InvalidRequest(f"The address answered {response.status_code} instead of a file.", field=field)
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise UnsupportedMedia("The address sends the file packed, although it was asked for as it is.")
        announced = response.headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > self._max_bytes:
            raise self._too_large()
        if self._heed:
            self._heed(response.headers)
        size = 0
        async for chunk in response.aiter_raw():
            size += len(chunk)
            if size > self._max_bytes:
                raise self._too_large()
            await self._keep(chunk)
        if not size:
            raise UnsupportedMedia("There is nothing at this address.")

    def _too_large(self) -> BodyTooLarge:
        return BodyTooLarge(f"The file at this address is larger than {self._max_bytes:,} bytes.")


class _ToDisk:
    """Writes in threads, a large block at a time."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._block = bytearray()
        self._size = 0

    async def keep(self, chunk: bytes) -> None:
        self._block += chunk
        if len(self._block) >= _BLOCK_BYTES:
            await self._flush()

    async def complete(self) -> int:
        await self._flush()
        return self._size

    async def _flush(self) -> None:
        block, self._block = self._block, bytearray()
        try:
            await waited_for(asyncio.to_thread(_write_whole, self._file, block))  # nobody closes the file meanwhile
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
                raise StorageFull from None
            raise Unavailable("The file could not be kept. Try again in a moment.") from error
        self._size += len(block)


def _write_whole(file: BinaryIO, block: bytearray) -> None:
    """A disk that is nearly full takes a part first."""
    rest = memoryview(block)
    while rest:
        rest = rest[file.write(rest) :]


@contextlib.contextmanager
def _new_file(path: Path) -> Iterator[BinaryIO]:
    """For its owner alone, and only if all goes well."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
    try:
        with os.fdopen(descriptor, "wb", buffering=0) as file:
            yield file
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _address(url: str, field: str) -> httpx.URL:
    """Raises `InvalidRequest` when it is not an http or https address, or has credentials in it."""
    if len(url) > _LONGEST_ADDRESS:
        raise InvalidRequest(f"The address is longer than {_LONGEST_ADDRESS:,} characters.", field=field)
    address = _parsed(url.strip())
    if address is None or (address.port or 80) > _HIGHEST_PORT or "%" in address.host:
        raise InvalidRequest("This is not an address of a file: https://example.org/voice.wav is.", field=field)
    if address.scheme not in ("http", "https") or not address.host:
        raise InvalidRequest("Only addresses that begin with https:// or http:// are fetched.", field=field)
    if address.userinfo:
        raise InvalidRequest("An address with a user name or password in it is not fetched.", field=field)
    return address.copy_with(fragment=None)


def _parsed(url: str) -> httpx.URL | None:
    try:
        return httpx.URL(url)
    except (httpx.InvalidURL, ValueError):
        return None
