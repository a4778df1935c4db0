"""Object storage through obstore: a local folder, S3 and what speaks its protocol, or memory."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, MemoryStore, S3Store

from myna.errors import InvalidRequest, MynaError, NotFound, StartupError, StorageFull, Unavailable
from myna.kit import ids
from myna.kit.finishing import waited_for
from myna.storage.base import ObjectStorage, StoredObject
from myna.storage.feed import Feed

if TYPE_CHECKING:
    from obstore.store import S3Config

_PART = 5 * 1024 * 1024
"""Bytes; the least that S3 takes as a part of a multipart upload."""
_PARTS_AT_ONCE = 3
_BLOCK = 1024 * 1024
"""Bytes of one step of a stream. Each is a request of its own, so a slow reader keeps no connection open."""
_LONGEST_KEY = 500
_SEGMENT = re.compile(r"[^\x00-\x1f\x7f\ud800-\udfff\\/]{1,200}")
_FULL = re.compile(r"os error (27|28|122)\b|StorageFull|QuotaExceeded|InsufficientStorage")
"""ENOSPC, EFBIG and EDQUOT of a folder; what S3 servers say."""
_RETRIES = 6
_RETRY_SECONDS = 20


def open_storage(url: str, endpoint: str = "") -> ObjectStorage:
    """The storage at `file:///path`, `s3://bucket/prefix` or `memory://`.

    A folder is made when it is missing. `endpoint` is the address of an S3 server that is not AWS. Access keys and
    region come from the usual `AWS_*` environment. Raises `StartupError`.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "file" and rest.startswith("/"):
        return ObjectStoreStorage(_open_folder(rest), folder=Path(rest))
    if scheme == "s3" and (parts := urlsplit(url)).netloc:
        return ObjectStoreStorage(_open_s3(parts.netloc, parts.path.strip("/"), endpoint))
    if scheme == "memory":
        return ObjectStoreStorage(MemoryStore())
    raise StartupError("The storage URL must look like file:///path, s3://bucket/prefix or memory://.")


class ObjectStoreStorage:
    """One store. Writes are whole or not at all; requests to S3 are repeated for 20 seconds before they fail."""

    def __init__(self, store: LocalStore | S3Store | MemoryStore, *, folder: Path | None = None) -> None:
        self._store = store
        self._folder = folder

    async def put(self, key: str, data: bytes | AsyncIterator[bytes]) -> int:
        path = checked_key(key)
        if isinstance(data, bytes):
            await waited_for(self._upload(path, data, multipart=len(data) > _PART))  # it cannot be called back
            return len(data)
        return await Feed().run(data, lambda feed: self._upload(path, feed, multipart=True))

    async def get(self, key: str) -> bytes:
        with _translated_errors():
            found = await obstore.get_async(self._store, checked_key(key))
            return bytes(await found.bytes_async())

    async def stream(self, key: str, start: int = 0, end: int | None = None) -> AsyncIterator[bytes]:
        path, size = checked_key(key), (await self.head(key)).size
        end = size if end is None else min(end, size)
        while start < end:
            length = min(_BLOCK, end - start)
            with _translated_errors():
                block = await obstore.get_range_async(self._store, path, start=start, length=length)
            yield bytes(block)
            start += length

    async def head(self, key: str) -> StoredObject:
        with _translated_errors():
            found = await obstore.head_async(self._store, checked_key(key))
        return StoredObject(found["path"], found["size"], found["last_modified"])

    async def delete(self, *keys: str) -> None:
        paths = [checked_key(key) for key in keys]
        if isinstance(self._store, S3Store):
            with _translated_errors():
                await obstore.delete_async(self._store, paths)
            return
        for path in paths:
            try:
                with _translated_errors():
                    await obstore.delete_async(self._store, path)
            except NotFound:
                continue

    async def list(self, prefix: str) -> AsyncIterator[StoredObject]:
        pages = obstore.list(self._store, prefix.strip("/") or None)
        while True:
            try:
                with _translated_errors():
                    page = await anext(pages)
            except StopAsyncIteration:
                return
            for found in page:
                yield StoredObject(found["path"], found["size"], found["last_modified"])

    async def check(self) -> None:
        key, content = f"check/{ids.new_uuid()}", os.urandom(16)
        try:
            await self.put(key, content)
            kept = await self.get(key)
            await self.delete(key)
        except Unavailable:
            raise
        except MynaError as error:
            raise Unavailable(f"The storage does not keep files: {error.message}") from error
        if kept != content:
            raise Unavailable("The storage does not return what was stored.")

    async def _upload(self, path: str, data: bytes | Feed, *, multipart: bool) -> None:
        with _translated_errors(writing=True):
            await obstore.put_async(
                self._store, path, data, use_multipart=multipart, chunk_size=_PART, max_concurrency=_PARTS_AT_ONCE
            )
            if self._folder is not None:
                await asyncio.to_thread(_flush_to_disk, self._folder / path)


def checked_key(key: str) -> str:
    """The key, when it is a plain relative path. Raises `InvalidRequest`."""
    segments = key.split("/")
    plain = all(_SEGMENT.fullmatch(segment) and segment.strip(".") for segment in segments)
    if not plain or len(key.encode()) > _LONGEST_KEY or re.search(r"#\d+$", key):
        raise InvalidRequest("This is not a name under which a file can be stored.")
    return key


def _open_folder(path: str) -> LocalStore:
    try:
        return LocalStore(prefix=path, mkdir=True, automatic_cleanup=True)  # folders go with their last file
    except (BaseError, OSError) as error:
        raise StartupError(f"The folder {path} cannot be used as storage: {_reason(error)}.") from error


def _open_s3(bucket: str, prefix: str, endpoint: str) -> S3Store:
    config: S3Config = {"virtual_hosted_style_request": False}
    if endpoint:
        config["endpoint"] = endpoint
    if endpoint and not os.environ.keys() & {"AWS_REGION", "AWS_DEFAULT_REGION"}:
        config["region"] = "us-east-1"
    try:
        return S3Store(
            bucket,
            prefix=prefix or None,
            config=config,
            client_options={"allow_http": endpoint.startswith("http://"), "connect_timeout": "5s", "timeout": "60s"},
            retry_config={
                "max_retries": _RETRIES,
                "retry_timeout": timedelta(seconds=_RETRY_SECONDS),
                "backoff": {
                    "init_backoff": timedelta(milliseconds=100),
                    "max_backoff": timedelta(seconds=3),
                    "base": 2,
                },
            },
        )
    except (BaseError, ValueError) as error:
        raise StartupError(f"The storage s3://{bucket} cannot be used: {_reason(error)}.") from error


def _flush_to_disk(path: Path) -> None:
    """A file that was acknowledged survives a power cut, as the database does."""
    for name in (path, path.parent):
        descriptor = os.open(name, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextmanager
def _translated_errors(*, writing: bool = False) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        if writing:
            raise Unavailable("The storage's folder or bucket is gone.") from error
        raise NotFound("There is no such file. It may have been deleted.") from error
    except (BaseError, OSError) as error:
        if "os error 20)" in str(error) and not writing:  # a file stands where a folder was asked for
            raise NotFound("There is no such file. It may have been deleted.") from error
        if _FULL.search(str(error)):
            raise StorageFull from error
        # Where the storage is, and how it is reached, is for the operator: messages of errors reach customers.
        raise Unavailable("The storage is not available just now. Try again.", reason=_reason(error)) from error


def _reason(error: Exception) -> str:
    """The first line of what obstore says; its debug output follows after it."""
    return str(error).strip().partition("\n")[0].rstrip(".: ")
