"""Sources of dubs that want to lead Myna elsewhere: playlists, private addresses, names that change, bombs.

Every door is tried: uploads, addresses, redirects, data URLs, base64. All is refused with 4xx or fails in plain words;
nobody connects to the private server, nothing is charged, and nothing stays on the disk.
"""

from __future__ import annotations

import asyncio
import base64
import shutil
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from myna.app import Node, build_node
from myna.errors import AddressRefused
from myna.settings import Settings
from tests.fixtures.canary import Canary
from tests.fixtures.dubs import FAKES, SCRIPT, SECONDS_TO_DUB, new_caller, request_for
from tests.fixtures.files import FileServer, file_server
from tests.fixtures.hostile_films import bombs
from tests.fixtures.receivers import Behave, Received, Receiver, answer
from tests.fixtures.server import ServerFactory, ServerProcess
from tests.unit.kit.test_addresses import FORBIDDEN
from tests.unit.media.test_decode import ATTACKS

pytestmark = pytest.mark.fault

OUTSIDE = "127.0.0.2"
"""Stands for an address of the internet: the only one that the server under attack may fetch from."""
UPLOADS = {
    "a1": ("film.mp4", "a1/a5 HLS to http"),
    "a2": ("film.mp4", "a2/a6 HLS to an absolute path"),
    "a3": ("film.mp4", "a3 HLS to a file URL"),
    "a4": ("film.mp4", "a4 HLS to a text file"),
    "a5": ("film.m3u8", "a1/a5 HLS to http"),
    "a6": ("film.m3u8", "a2/a6 HLS to an absolute path"),
    "a7": ("film.mp4", "a7 ffconcat, absolute"),
    "a8": ("film.mp4", "a8 ffconcat, relative"),
    "a9": ("film.m3u8", "a9 HLS, relative"),
    "b1": ("film.m3u8", "b1 HLS of HLS"),
    "b2": ("film.sdp", "b2 SDP"),
    "b3": ("film.mpd", "b3 DASH"),
}
"""The twelve: the name of the file, and what is in it."""
DISGUISES = (b"\x1aE\xdf\xa3\n", b"\0\0\0\x08free\n", b"\0\n")
"""Beginnings that look like a film, so that the cheap first look lets them pass and the sandbox has to refuse them."""
FORMS = (
    "127.0.0.1",
    "localhost",
    "LOCALHOST.",
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
    "user@127.0.0.1",
    f"{OUTSIDE}@127.0.0.1",
)


class Door:
    """An account of the server under attack, and all ways in which a source of a dub comes in."""

    def __init__(self, server: ServerProcess, canary: Canary) -> None:
        self.server = server
        self.canary = canary
        self.key = server.new_key(credits=1_000)
        self.http = httpx.Client(base_url=server.url, headers={"Authorization": f"Bearer {self.key}"}, timeout=60)
        self.before = server.balance(self.key)

    def upload(self, name: str, content: bytes) -> httpx.Response:
        options = {"target_languages": "es", "source_language": "en", "transcript": SCRIPT}
        return self.http.post("/myna/v1/dubs", data=options, files={"file": (name, content, "video/mp4")})

    def address(self, url: str) -> httpx.Response:
        """Also a data URL."""
        body = {"target_languages": ["es"], "source_language": "en", "transcript": SCRIPT, "url": url}
        return self.http.post("/myna/v1/dubs", json=body)

    def modelslab(self, video: str, **fields: Any) -> httpx.Response:
        body = {"key": self.key, "init_video": video, "output_lang": "es", **fields}
        return self.http.post("/api/v6/voice/create_dubbing", json=body)

    def everywhere(self, name: str, content: bytes, outside: FileServer) -> dict[str, httpx.Response]:
        """By the way in which it was sent."""
        packed = base64.b64encode(content).decode()
        url = outside.put(f"/{name}", content)
        detour = outside.put(f"/to/{name}", url)
        return {
            "upload": self.upload(name, content),
            "address": self.address(url),
            "redirect": self.address(detour),
            "data URL": self.address(f"data:video/mp4;base64,{packed}"),
            "ModelsLab, address": self.modelslab(url),
            "ModelsLab, redirect": self.modelslab(detour),
            "ModelsLab, base64": self.modelslab(packed, base64=True),
            "ModelsLab, data URL": self.modelslab(f"data:video/mp4;base64,{packed}"),
        }

    def failed(self) -> list[dict[str, Any]]:
        """All dubs of the account, once all of them have ended: none was made."""
        deadline = time.monotonic() + SECONDS_TO_DUB
        dubs = self._dubs()
        while any(dub["status"] in ("queued", "running") for dub in dubs):
            assert time.monotonic() < deadline, dubs
            time.sleep(0.1)
            dubs = self._dubs()
        assert {dub["status"] for dub in dubs} <= {"failed"}
        return dubs

    def _dubs(self) -> list[dict[str, Any]]:
        return list(self.http.get("/myna/v1/dubs", params={"limit": 100}).json()["data"])

    def check_nothing_happened(self) -> None:
        """Besides the canaries' own files, nothing lies on the disk, as soon as the work of the jobs has ended."""
        own = {self.canary.wav.name, self.canary.stream.name, self.canary.text.name}
        deadline = time.monotonic() + 60
        while left := {path.name for path in files_of(self.server)} - own:
            assert time.monotonic() < deadline, left
            time.sleep(0.1)
        assert self.canary.connections == 0
        assert self.canary.requests == []
        assert self.server.balance(self.key) == self.before
        assert all(dub["charged"] == 0 for dub in self._dubs())
        assert self.http.get("/healthz").status_code == 200
        assert "Traceback" not in self.server.log()


def files_of(server: ServerProcess) -> list[Path]:
    folders = [server.data_dir / name for name in ("files", "work", "temporary")]
    return [path for folder in folders for path in folder.rglob("*") if path.is_file()]


def refused(response: httpx.Response, *codes: str) -> None:
    """With 4xx, in the form of the API that was asked, and without a word of what was read."""
    assert 400 <= response.status_code < 500, response.text
    assert "secret" not in response.text
    body = response.json()
    if response.request.url.path.startswith("/api/"):
        assert body["status"] == "error"
        assert body["message"]
    else:
        assert body["code"] in codes, body


@pytest.fixture(scope="module")
def attacked(make_module_server: ServerFactory, tmp_path_factory: pytest.TempPathFactory) -> ServerProcess:
    data = tmp_path_factory.mktemp("attacked")
    server = make_module_server(
        MYNA_ENGINES=",".join(FAKES),
        MYNA_RATE_LIMITS="off",
        MYNA_FETCH_ALLOW=f"{OUTSIDE}/32",
        TMPDIR=str(data),
    )
    (server.data_dir / "temporary").symlink_to(data)
    return server


@pytest.fixture
def outside() -> Iterator[FileServer]:
    """A server of the attacker, somewhere in the internet."""
    with file_server(OUTSIDE) as server:
        yield server


@pytest.fixture
def door(attacked: ServerProcess, canary: Canary) -> Iterator[Door]:
    """The canaries lie where the server runs, and where it keeps sources."""
    places = (attacked.data_dir, attacked.data_dir / "work")
    for folder in places:
        folder.mkdir(exist_ok=True)
        for secret in (canary.wav, canary.stream, canary.text):
            shutil.copy(secret, folder)
    door = Door(attacked, canary)
    yield door
    door.http.close()


@pytest.mark.timeout(300)
def test_the_twelve_playlists_are_refused_at_every_door(door: Door, outside: FileServer) -> None:
    for number, (name, attack) in UPLOADS.items():
        content = ATTACKS[attack](door.canary)
        for way, response in door.everywhere(f"{number}-{name}", content, outside).items():
            print(number, way, response.status_code)
            refused(response, "unsupported_media")
    assert door.failed() == []
    door.check_nothing_happened()


@pytest.mark.timeout(300)
def test_the_twelve_playlists_are_refused_behind_a_beginning_that_looks_like_a_film(
    door: Door, outside: FileServer
) -> None:
    """Sent, they are refused at once. At an address they are fetched by the job, which then fails."""
    fetched = 0
    for turn, (number, (name, attack)) in enumerate(UPLOADS.items()):
        content = DISGUISES[turn % len(DISGUISES)] + ATTACKS[attack](door.canary)
        refused(door.upload(name, content), "unsupported_media")
        packed = base64.b64encode(content).decode()
        url = outside.put(f"/{number}-{name}", content)
        accepted = [door.address(url)]
        if turn < len(DISGUISES):
            refused(door.address(f"data:video/mp4;base64,{packed}"), "unsupported_media")
            refused(door.modelslab(packed, base64=True))
            accepted.append(door.modelslab(url))
        assert {response.status_code for response in accepted} <= {200, 202}
        fetched += len(accepted)
    failed = door.failed()
    assert len(failed) == fetched == len(UPLOADS) + len(DISGUISES)
    for dub in failed:
        assert dub["error"]["code"] == "unsupported_media"
        assert "Send" in dub["error"]["message"]
        assert "secret" not in dub["error"]["message"]
    door.check_nothing_happened()


@pytest.mark.timeout(300)
def test_no_form_of_a_private_address_is_a_source(door: Door, outside: FileServer) -> None:
    """Named by the client, and by a redirect of a server that may be asked."""
    port = door.canary.server.server_port
    hosts = [*FORMS, *(f"[{address}]" if ":" in address else address for address in FORBIDDEN)]
    own = door.server.url.removeprefix("http://")
    for host in (*(f"{host}:{port}" for host in hosts), own):
        url = f"http://{host}/film.mp4"
        refused(door.address(url), "address_refused", "invalid_request")
        refused(door.modelslab(url))
        refused(door.address(outside.put("/film.mp4", url)), "address_refused", "invalid_request")
        refused(door.modelslab(f"{outside.url}/film.mp4"))
    assert len(outside.asked) == 2 * (len(hosts) + 1)
    assert door.failed() == []
    door.check_nothing_happened()


@pytest.mark.timeout(300)
def test_redirects_lead_nowhere_else(door: Door, outside: FileServer) -> None:
    secret = door.canary.url
    chains = {
        "to a private address": [secret],
        "in two hops": [f"{outside.url}/two", secret],
        "in three hops": [f"{outside.url}/one", f"{outside.url}/two", secret],
        "to a file": [door.canary.wav.as_uri()],
        "to gopher": [f"gopher://127.0.0.1:{door.canary.server.server_port}/_GET%20/"],
        "to ftp": [f"ftp://127.0.0.1:{door.canary.server.server_port}/film.mp4"],
        "to a data URL": ["data:video/mp4;base64,AAAA"],
        "to itself": [f"{outside.url}/start"],
        "in twenty hops": [f"{outside.url}/{number}" for number in range(20)],
    }
    for name, targets in chains.items():
        outside.files.clear()
        paths = ["/start", *(target.removeprefix(outside.url) for target in targets[:-1])]
        for path, target in zip(paths, targets, strict=True):
            outside.put(path, target)
        for response in (door.address(f"{outside.url}/start"), door.modelslab(f"{outside.url}/start")):
            print(name, response.status_code)
            refused(response, "address_refused", "invalid_request")
    assert door.failed() == []
    door.check_nothing_happened()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["picture", "frames", "sound tracks", "subtitles", "too long"])
def test_a_bomb_is_no_source(door: Door, kind: str, tmp_path: Path) -> None:
    refused(door.upload("film.mp4", bombs(tmp_path)[kind]().read_bytes()), "unsupported_media")
    assert door.failed() == []
    door.check_nothing_happened()


# Names whose addresses change: the system's resolver is replaced, so the node runs in the test's process.


class Resolver:
    """Answers for one name what it is told to, in turn; the last answer stays. All else the system answers."""

    NAME = "film.example"

    def __init__(self, *answers: list[str]) -> None:
        self._answers = list(answers)
        self._system = socket.getaddrinfo
        self.asked = 0

    def __call__(self, host: str | bytes | None, port: Any, *others: Any, **more: Any) -> list[Any]:
        name = host.decode() if isinstance(host, bytes) else host
        if name != self.NAME:
            return self._system(host, port, *others, **more)
        self.asked += 1
        found = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]


class Street:
    """The same port of an address outside, where the attacker listens, and of a private one, where nobody may go."""

    def __init__(self) -> None:
        self.evil = Receiver(answer(404))
        self.private = Receiver(answer(200, body=b"secret"))

    @property
    def url(self) -> str:
        return f"http://{Resolver.NAME}:{self.private.port}/film.mp4"


@pytest.fixture
async def street() -> AsyncIterator[Street]:
    street = Street()
    private = await asyncio.start_server(street.private.serve, "127.0.0.1", 0)
    street.private.port = street.evil.port = private.sockets[0].getsockname()[1]
    evil = await asyncio.start_server(street.evil.serve, OUTSIDE, street.evil.port)
    async with private, evil:
        yield street


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    node = build_node(
        Settings(
            data_dir=tmp_path / "data",
            engines=FAKES,
            engine_processes=1,
            queue_poll_seconds=0.05,
            fetch_allow=f"{OUTSIDE}/32",
        )
    )
    await node.start()
    yield node
    await node.stop()


Rebind = Callable[..., Resolver]


@pytest.fixture
def rebind(monkeypatch: pytest.MonkeyPatch) -> Rebind:
    def install(*answers: list[str]) -> Resolver:
        resolver = Resolver(*answers)
        monkeypatch.setattr(socket, "getaddrinfo", resolver)
        return resolver

    return install


def in_turn(*answers: Behave) -> Behave:
    """Each request is answered by the next one, the last one stays."""
    left = list(answers)

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Received) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(reader, writer, request)

    return behave


async def test_a_name_that_changes_its_address_is_no_source(
    node: Node, street: Street, rebind: Rebind, film: Path, canary: Canary
) -> None:
    services, dubbing = node.services, node.services.dubbing
    ada = await new_caller(node, 100_000)

    async def create() -> str:
        wanted = request_for(source_url=street.url)
        return (await dubbing.create(ada, wanted, api="native", base_url="")).id

    # Private at once, in one of several addresses, and after a redirect to itself: refused before it is a job.
    for answers, behave in (
        ([["127.0.0.1"]], answer(404)),
        ([[OUTSIDE, "127.0.0.1"]], answer(404)),
        ([[OUTSIDE], ["127.0.0.1"]], answer(302, Location="/again")),
    ):
        resolver, street.evil.behave = rebind(*answers), behave
        with pytest.raises(AddressRefused) as refusal:
            await create()
        assert refusal.value.status in range(400, 500)
        assert resolver.asked == len(answers)
    assert street.evil.connections == 1

    # Outside for the first look, and private when the job fetches it; and the same, but the content changes.
    resolver, street.evil.behave = rebind([OUTSIDE], ["127.0.0.1"]), answer(200, body=film.read_bytes())
    moved = await dubbing.wait(ada.account.id, await create(), SECONDS_TO_DUB)
    assert (moved.job.status, moved.job.error_code, moved.job.charged) == ("failed", "address_refused", 0)
    assert (resolver.asked, street.evil.connections) == (2, 2)
    rebind([OUTSIDE])
    for attack in ATTACKS.values():
        playlist = answer(200, body=attack(canary))
        street.evil.behave = in_turn(answer(200, body=film.read_bytes()), playlist)
        changed = await dubbing.wait(ada.account.id, await create(), SECONDS_TO_DUB)
        assert (changed.job.status, changed.job.error_code, changed.job.charged) == ("failed", "unsupported_media", 0)

    assert street.private.connections == canary.connections == 0
    assert await services.credits.check() == []
    assert await services.credits.balance(ada.account.id) == 100_000
    async with asyncio.timeout(60):
        while (await services.backlog())["dubs"]:
            await asyncio.sleep(0.05)
    assert [found.key async for found in services.storage.list("")] == []
    assert [path for path in (node.settings.data_dir / "work").rglob("*") if path.is_file()] == []
