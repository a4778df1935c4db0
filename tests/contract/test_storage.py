"""What every storage promises: a folder, memory, and S3."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from myna.errors import InvalidRequest, NotFound
from myna.storage.base import ObjectStorage
from myna.storage.objects import open_storage

PART = 5 * 1024 * 1024


async def chunks(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def read(stream: AsyncIterator[bytes]) -> bytes:
    return b"".join([block async for block in stream])


async def keys(storage: ObjectStorage, prefix: str = "") -> list[str]:
    return sorted([found.key async for found in storage.list(prefix)])


async def test_what_is_put_is_got(storage: ObjectStorage) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)

    assert await storage.put("folder/file.mp3", b"sound") == 5

    assert await storage.get("folder/file.mp3") == b"sound"
    found = await storage.head("folder/file.mp3")
    assert (found.key, found.size) == ("folder/file.mp3", 5)
    assert before < found.modified_at < datetime.now(UTC) + timedelta(seconds=2)


async def test_an_empty_file_is_a_file(storage: ObjectStorage) -> None:
    assert await storage.put("empty", b"") == 0
    assert await storage.put("empty-stream", chunks()) == 0
    for key in ("empty", "empty-stream"):
        assert await storage.get(key) == b""
        assert await read(storage.stream(key)) == b""
        assert (await storage.head(key)).size == 0


async def test_the_later_file_replaces_the_earlier(storage: ObjectStorage) -> None:
    await storage.put("file", b"a long first version")
    await storage.put("file", b"second")
    assert await storage.get("file") == b"second"
    await storage.put("file", chunks(b"th", b"", b"ird"))
    assert await storage.get("file") == b"third"


async def test_files_larger_than_a_part_arrive_whole(storage: ObjectStorage) -> None:
    content = bytes(range(256)) * (PART // 128)

    assert await storage.put("whole", content) == len(content)
    pieces = [content[start : start + 700_001] for start in range(0, len(content), 700_001)]
    assert await storage.put("streamed", chunks(*pieces)) == len(content)

    assert await storage.get("whole") == content
    assert await read(storage.stream("streamed")) == content


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        (0, None, b"0123456789"),
        (3, 7, b"3456"),
        (7, 100, b"789"),
        (9, 10, b"9"),
        (5, 5, b""),
        (10, None, b""),
        (50, 60, b""),
    ],
)
async def test_a_range_is_read_alone(storage: ObjectStorage, start: int, end: int | None, expected: bytes) -> None:
    await storage.put("ten", b"0123456789")
    assert await read(storage.stream("ten", start, end)) == expected


async def test_a_long_stream_comes_in_blocks(storage: ObjectStorage) -> None:
    content = bytes(range(251)) * 10_000
    await storage.put("long", content)

    blocks = [block async for block in storage.stream("long", 1, len(content) - 1)]

    assert b"".join(blocks) == content[1:-1]
    assert max(len(block) for block in blocks) <= 1024 * 1024


async def test_what_is_not_there_is_not_found(storage: ObjectStorage) -> None:
    await storage.put("folder/file", b"x")
    for key in ("missing", "folder", "folder/file/below"):
        with pytest.raises(NotFound):
            await storage.get(key)
        with pytest.raises(NotFound):
            await storage.head(key)
        with pytest.raises(NotFound):
            await anext(storage.stream(key))


async def test_deleting_is_repeatable(storage: ObjectStorage) -> None:
    for key in ("a", "b", "c"):
        await storage.put(key, b"x")

    await storage.delete("a", "missing", "b")
    await storage.delete("a")
    await storage.delete()

    assert await keys(storage) == ["c"]


async def test_a_folder_is_listed_with_what_is_below(storage: ObjectStorage) -> None:
    for key in ("a/1", "a/b/2", "ab/3", "c"):
        await storage.put(key, key.encode())

    assert await keys(storage) == ["a/1", "a/b/2", "ab/3", "c"]
    assert await keys(storage, "a") == ["a/1", "a/b/2"]
    assert await keys(storage, "a/") == ["a/1", "a/b/2"]
    assert await keys(storage, "nothing") == []
    assert {found.key: found.size async for found in storage.list("a")} == {"a/1": 3, "a/b/2": 5}


async def test_names_may_have_any_letters(storage: ObjectStorage) -> None:
    for key in ("Grüße an 你好.mp3", "a b+c&d=e%20f.wav", "quote'\"and#hash?"):
        await storage.put(f"names/{key}", key.encode())
        assert await storage.get(f"names/{key}") == key.encode()
        assert (await storage.head(f"names/{key}")).key == f"names/{key}"


@pytest.mark.parametrize(
    "key",
    [
        *("", "/", "/etc/passwd", "../up", "a/../b", "a/./b", "a//b", "a/", "a\\b", "nul\x00", "line\nbreak"),
        *("staged#1", "x" * 201, "/".join(["x" * 100] * 6), "half\ud800"),
    ],
)
async def test_unsafe_names_are_refused(storage: ObjectStorage, key: str) -> None:
    with pytest.raises(InvalidRequest):
        await storage.put(key, b"x")
    with pytest.raises(InvalidRequest):
        await storage.get(key)
    with pytest.raises(InvalidRequest):
        await storage.head(key)
    with pytest.raises(InvalidRequest):
        await storage.delete("fine", key)
    with pytest.raises(InvalidRequest):
        await anext(storage.stream(key))
    assert await keys(storage) == []


async def test_a_source_that_fails_leaves_nothing(storage: ObjectStorage) -> None:
    async def failing(size: int) -> AsyncIterator[bytes]:
        yield b"x" * size
        await asyncio.sleep(0)
        raise ConnectionResetError("the client went away")

    for size in (0, 10, PART * 2 + 1):
        with pytest.raises(ConnectionResetError):
            await storage.put("upload", failing(size))
    assert await keys(storage) == []


async def test_a_source_that_fails_keeps_the_earlier_file(storage: ObjectStorage) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"new"
        raise ValueError

    await storage.put("file", b"old")
    with pytest.raises(ValueError):  # noqa: PT011
        await storage.put("file", failing())
    assert await storage.get("file") == b"old"


async def test_a_file_is_there_or_not_when_its_putting_is_cancelled(storage: ObjectStorage) -> None:
    for number in range(12):
        putting = asyncio.create_task(storage.put(f"file-{number}", b"x" * 1_000_000))
        await asyncio.sleep(number / 4_000)
        putting.cancel()
        await asyncio.wait({putting})
    there = await keys(storage)
    await asyncio.sleep(0.1)
    assert await keys(storage) == there


async def test_a_cancelled_upload_leaves_nothing(storage: ObjectStorage) -> None:
    sent = asyncio.Event()

    async def endless() -> AsyncIterator[bytes]:
        yield b"x" * (PART + 1)
        sent.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(storage.put("upload", endless()))
    await asyncio.wait_for(sent.wait(), 10)
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert await keys(storage) == []


async def test_an_abandoned_upload_to_s3_is_cleaned_up(s3_bucket: str, s3_endpoint: str) -> None:
    async def failing() -> AsyncIterator[bytes]:
        yield b"x" * (PART * 2)
        raise ValueError

    storage = open_storage(f"s3://{s3_bucket}", s3_endpoint)
    with pytest.raises(ValueError):  # noqa: PT011
        await storage.put("upload", failing())

    listed = httpx.get(f"{s3_endpoint}/{s3_bucket}?uploads").text
    assert "ListMultipartUploadsResult" in listed
    assert not re.search(r"<UploadId>", listed)


async def test_many_writers_of_one_file_leave_one_whole_version(storage: ObjectStorage) -> None:
    versions = [bytes([number]) * 100_000 for number in range(20)]
    await asyncio.gather(*(storage.put("contested", version) for version in versions))
    assert await storage.get("contested") in versions


async def test_the_check_leaves_nothing(storage: ObjectStorage) -> None:
    await storage.check()
    assert await keys(storage) == []
