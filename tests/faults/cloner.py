"""Makes or deletes a voice and dies on the way. Without a moment it lives, and prints how many there were."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from myna.accounts.schemas import Account
from myna.db.session import Database
from myna.storage.base import ObjectStorage
from myna.storage.objects import open_storage
from myna.voices.cloning import new_voice_id
from myna.voices.schemas import NewVoice
from tests.fixtures.cloning import Studio, hum, studio_settings

VOICE_ID = new_voice_id("the request that is repeated")


class FatalStorage:
    """Kills the process at a moment: before its first operation, after it, before its second one, and so on."""

    def __init__(self, storage: ObjectStorage, death: int | None) -> None:
        self._storage = storage
        self._death = death
        self.moments = 0

    def _pass(self) -> None:
        if self.moments == self._death:
            os.kill(os.getpid(), signal.SIGKILL)
        self.moments += 1

    async def put(self, key: str, data: bytes | AsyncIterator[bytes]) -> int:
        self._pass()
        size = await self._storage.put(key, data)
        self._pass()
        return size

    async def delete(self, *keys: str) -> None:
        for key in keys:
            self._pass()
            await self._storage.delete(key)
            self._pass()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._storage, name)


async def open_node(database_url: str, folder: Path) -> Studio:
    """What a node that starts after the crash works with."""
    return Studio(Database(database_url), open_storage(f"file://{folder}/files"), studio_settings(folder))


async def make(studio: Studio, account: Account, storage: ObjectStorage | None = None) -> str:
    made = await studio.service(storage).create(
        account, studio.prepared(), NewVoice("Myna"), api="native", voice_id=VOICE_ID, preview=(hum(24_000), 24_000)
    )
    return made.id


def run(database_url: str, folder: Path, work: str, death: int | None) -> None:
    asyncio.run(_run(database_url, folder, work, death))


async def _run(database_url: str, folder: Path, work: str, death: int | None) -> None:
    studio = await open_node(database_url, folder)
    account = (await studio.accounts.list_accounts())[0]
    storage = FatalStorage(studio.storage, death)
    if work == "make":
        await make(studio, account, storage)
    else:
        await studio.service(storage).delete(account.id, VOICE_ID)
    print(storage.moments, flush=True)
    await studio.database.close()
