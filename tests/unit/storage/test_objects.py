"""What storages do when something is wrong with them."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from myna.errors import StartupError, StorageFull, Unavailable
from myna.storage import objects
from myna.storage.objects import open_storage


@pytest.mark.parametrize(
    "url", ["", "files", "/var/files", "file://relative", "file:", "s3://", "s3:bucket", "ftp://host", "http://host/x"]
)
def test_a_storage_url_says_where(url: str) -> None:
    with pytest.raises(StartupError, match=r"file:///path"):
        open_storage(url)


def test_a_folder_that_cannot_be_made_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StartupError, match="cannot be used"):
        open_storage(f"file://{tmp_path}/file/files")


async def test_the_folder_may_be_used_by_people(tmp_path: Path) -> None:
    await open_storage(f"file://{tmp_path}").put("outputs/1/hello.mp3", b"sound")
    assert (tmp_path / "outputs" / "1" / "hello.mp3").read_bytes() == b"sound"


async def test_readers_never_see_half_a_file(tmp_path: Path) -> None:
    storage = open_storage(f"file://{tmp_path}")
    await storage.put("file", b"a" * 1_000_000)
    done = asyncio.Event()

    async def watch() -> set[bytes]:
        seen = set()
        while not done.is_set():
            content = await asyncio.to_thread((tmp_path / "file").read_bytes)
            seen.add(content[:1] + str(len(set(content))).encode() + str(len(content)).encode())
        return seen

    watching = asyncio.create_task(watch())
    for letter in b"bcdefgh":
        await storage.put("file", bytes([letter]) * 1_000_000)
    done.set()

    assert all(version[1:] == b"11000000" for version in await watching)


async def test_a_folder_that_is_taken_away_is_unavailable(tmp_path: Path) -> None:
    storage = open_storage(f"file://{tmp_path}/files")
    (tmp_path / "files").rmdir()
    (tmp_path / "files").write_text("in the way")
    with pytest.raises(Unavailable):
        await storage.put("a/b", b"x")
    with pytest.raises(Unavailable):
        await storage.check()


def test_a_full_disk_is_said_to_be_full(tmp_path: Path) -> None:
    """The limit on the size of a file stands in for a full disk: the system refuses the write in the same place."""
    program = f"""
import asyncio, resource, signal
from myna.errors import StorageFull
from myna.storage.objects import open_storage

async def chunks():
    for _ in range(20):
        yield bytes(100_000)

async def main():
    storage = open_storage("file://{tmp_path}")
    await storage.put("earlier", b"kept")
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
    for data in (bytes(2_000_000), chunks()):
        try:
            await storage.put("late", data)
        except StorageFull:
            print("full")
    assert [found.key async for found in storage.list("")] == ["earlier"]
    await storage.put("small", b"fits again")

asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["full", "full"]
    assert sorted(os.listdir(tmp_path)) == ["earlier", "small"]


class Unsteady(ThreadingHTTPServer):
    """An S3 server that answers as told: each answer is a status and a body, the last one for ever."""

    def __init__(self, *answers: tuple[int, bytes]) -> None:
        self.answers = list(answers)
        self.requests = 0
        super().__init__(("127.0.0.1", 0), _Answer)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Answer(BaseHTTPRequestHandler):
    server: Unsteady

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.server.requests += 1
        status, body = self.server.answers.pop(0) if len(self.server.answers) > 1 else self.server.answers[0]
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.send_header("etag", '"1"')
        self.send_header("last-modified", "Sat, 21 Nov 2026 00:00:00 GMT")
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = answer

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def s3_answers(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Unsteady]]:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    monkeypatch.setattr(objects, "_RETRIES", 2)
    started: list[Unsteady] = []

    def start(*answers: tuple[int, bytes]) -> Unsteady:
        server = Unsteady(*answers)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        started.append(server)
        return server

    yield start  # type: ignore[misc]
    for server in started:
        server.shutdown()
        server.server_close()


async def test_a_short_fault_of_s3_is_survived(s3_answers: type[Unsteady]) -> None:
    server = s3_answers((503, b""), (500, b""), (200, b""))
    assert await open_storage("s3://bucket", server.url).put("key", b"sound") == 5
    assert server.requests == 3


async def test_a_lasting_fault_of_s3_is_unavailable(s3_answers: type[Unsteady]) -> None:
    server = s3_answers((503, b"SlowDown"))
    storage = open_storage("s3://bucket", server.url)
    for attempt in (storage.put("key", b"x"), storage.get("key"), storage.head("key"), storage.check()):
        with pytest.raises(Unavailable):
            await attempt
    assert server.requests == 4 * 3


async def test_an_upload_ends_when_s3_goes_away(s3_answers: type[Unsteady]) -> None:
    server = s3_answers((503, b""))
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        while True:
            taken += 1
            yield bytes(1024 * 1024)

    with pytest.raises(Unavailable):
        await open_storage("s3://bucket", server.url).put("key", endless())
    assert taken < 100


async def test_a_full_s3_server_is_said_to_be_full(s3_answers: type[Unsteady]) -> None:
    server = s3_answers((507, b"<Error><Code>XMinioStorageFull</Code></Error>"))
    with pytest.raises(StorageFull):
        await open_storage("s3://bucket", server.url).put("key", b"x")


@pytest.mark.parametrize("status", [401, 403])
async def test_wrong_access_keys_of_s3_are_not_a_missing_file(s3_answers: type[Unsteady], status: int) -> None:
    server = s3_answers((status, b"<Error><Code>AccessDenied</Code></Error>"))
    storage = open_storage("s3://bucket", server.url)
    with pytest.raises(Unavailable):
        await storage.get("key")
    with pytest.raises(Unavailable):
        await storage.check()


async def test_a_missing_bucket_is_unavailable(s3_endpoint: str) -> None:
    storage = open_storage("s3://no-such-bucket", s3_endpoint)
    with pytest.raises(Unavailable):
        await storage.put("key", b"x")
    with pytest.raises(Unavailable):
        await storage.check()


async def test_a_storage_that_returns_something_else_fails_the_check(s3_answers: type[Unsteady]) -> None:
    server = s3_answers(
        (200, b""), (200, b"something else"), (200, b"<DeleteResult><Deleted><Key>x</Key></Deleted></DeleteResult>")
    )
    with pytest.raises(Unavailable, match="does not return"):
        await open_storage("s3://bucket", server.url).check()


async def test_a_folder_goes_with_its_last_file(tmp_path: Path) -> None:
    storage = open_storage(f"file://{tmp_path}")
    for key in ("dubs/a/one/x", "dubs/a/two/x"):
        await storage.put(key, b"x")
    await storage.delete("dubs/a/one/x")
    assert [path.name for path in (tmp_path / "dubs" / "a").iterdir()] == ["two"]
    await storage.delete("dubs/a/two/x")
    assert list(tmp_path.iterdir()) == []
    await storage.put("dubs/a/one/x", b"y")
    assert await storage.get("dubs/a/one/x") == b"y"
