"""kill -9 while a voice is made or deleted: nothing half-made is seen, and nothing is left behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from myna.accounts.schemas import Account
from myna.errors import VoiceNotFound
from tests.faults import cloner
from tests.faults.cloner import VOICE_ID, make, open_node
from tests.fixtures.cloning import Studio
from tests.fixtures.forks import Fork
from tests.fixtures.server import ServerFactory, ServerProcess

pytestmark = [pytest.mark.fault, pytest.mark.timeout(300)]

KILLED = -9
FILES = ["prepared.json", "preview.wav", "reference.flac"]


class Scene:
    """The node that is there after the other one died."""

    def __init__(self, url: str, folder: Path, studio: Studio, account: Account) -> None:
        self._url = url
        self._folder = folder
        self.studio = studio
        self.account = account

    def run(self, work: str, moment: int | None = None) -> int | None:
        """Another process does the work. Returns how many moments there were, None when it died."""
        process = Fork(cloner.run, self._url, self._folder, work, moment, log=self._folder / "said")
        status = process.wait(120)
        if moment is not None and status == KILLED:
            return None
        assert status == 0, process.said
        return int(process.said.splitlines()[-1])

    async def assert_nothing_is_seen(self) -> None:
        assert await self.studio.cloning.list(self.account.id) == []
        for attempt in (
            self.studio.cloning.get(self.account.id, VOICE_ID),
            self.studio.voices.get(VOICE_ID, self.account.id),
            self.studio.voices.resolve("native", "Myna", self.account.id),
            self.studio.cloning.delete(self.account.id, VOICE_ID),
        ):
            with pytest.raises(VoiceNotFound):
                await attempt

    async def assert_whole(self) -> None:
        assert [voice.id for voice in await self.studio.cloning.list(self.account.id)] == [VOICE_ID]
        assert (await self.studio.voices.get(VOICE_ID, self.account.id)).settings["format"] == "fake/1"
        assert [key.rsplit("/", 1)[1] for key in await self.studio.files()] == FILES

    async def clean(self) -> None:
        """The chores of later: nothing remains."""
        await self.studio.grow_old()
        await self.studio.cloning.remove_unfinished()
        await self.studio.grow_old()
        await self.studio.cloning.remove_deleted()
        assert (await self.studio.rows(), await self.studio.files()) == (0, [])


@pytest.fixture
async def scene(database_url: str, tmp_path: Path) -> AsyncIterator[Scene]:
    studio = await open_node(database_url, tmp_path)
    yield Scene(database_url, tmp_path, studio, await studio.accounts.create_account("Ada"))
    await studio.database.close()


async def test_killed_while_it_makes_a_voice(scene: Scene) -> None:
    moments = scene.run("make")
    await scene.assert_whole()
    await scene.studio.cloning.delete(scene.account.id, VOICE_ID)
    await scene.clean()
    assert moments == 6
    assert scene.run("make", moments - 1) is None
    await scene.clean()
    for moment in range(moments):
        assert scene.run("make", moment) is None
        await scene.assert_nothing_is_seen()
        assert await make(scene.studio, scene.account) == VOICE_ID
        await scene.assert_whole()
        assert await scene.studio.cloning.remove_unfinished() == 0
        await scene.studio.cloning.delete(scene.account.id, VOICE_ID)
        await scene.clean()


async def test_killed_while_it_deletes_a_voice(scene: Scene) -> None:
    await make(scene.studio, scene.account)
    moments = scene.run("delete")
    await scene.clean()
    assert moments == 6
    for moment in range(moments):
        await make(scene.studio, scene.account)
        assert scene.run("delete", moment) is None
        await scene.assert_nothing_is_seen()
        await scene.studio.cloning.remove_deleted()
        assert await scene.studio.files() == [], "files go at once, the row when nobody can be writing any more"
        await scene.clean()


def test_a_killed_server_makes_one_voice_of_a_repeated_request(make_server: ServerFactory, low_voice: bytes) -> None:
    server = make_server(MYNA_DEAD_AFTER_SECONDS="2")
    key, port = server.new_key(), int(server.url.rsplit(":", 1)[1])
    with pytest.raises(httpx.TransportError):
        post_and_kill(server, key, low_voice)
    server.start(port)
    made = [post(server, key, low_voice, timeout=120) for _ in range(2)]
    assert [answer.status_code for answer in made] == [201, 201], made[0].text
    assert made[0].json() == made[1].json()
    listed = httpx.get(f"{server.url}/myna/v1/voices", headers={"Authorization": f"Bearer {key}"}).json()["data"]
    assert [voice["id"] for voice in listed if voice["kind"] == "cloned"] == [made[0].json()["id"]]


def post(server: ServerProcess, key: str, recording: bytes, timeout: float) -> httpx.Response:
    return httpx.post(
        f"{server.url}/myna/v1/voices",
        headers={"Authorization": f"Bearer {key}", "Idempotency-Key": "the same"},
        data={"name": "Myna", "consent": "true"},
        files={"file": ("voice.wav", recording)},
        timeout=timeout,
    )


def post_and_kill(server: ServerProcess, key: str, recording: bytes) -> None:
    """Long enough to arrive, too short to be done."""
    try:
        post(server, key, recording, timeout=0.3)
    finally:
        server.kill()
