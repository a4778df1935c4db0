"""The files of dubs: kept in the storage, and worked on in a folder of this node.

A name within a dub always means the same content, so what lies in the folder already need not be fetched again.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from pathlib import Path

import structlog

from myna.db.session import Database
from myna.dubbing.repository import DubRepository
from myna.dubbing.schemas import Dub
from myna.errors import BodyTooLarge, Conflict, MynaError, NotFound
from myna.jobs.service import JobService
from myna.kit import clock, ids
from myna.settings import Settings
from myna.storage.base import ObjectStorage

log = structlog.get_logger()

FOLDER = "dubs"
SOURCE, TAKES = "source", "takes"
_RESULTS = ("video.", "audio.")
"""How the files begin that are outputs: who deletes an output deletes its file."""
_BLOCK = 1 << 20
_AT_ONCE = 100
_ORPHANED_AFTER = timedelta(hours=1)
_OWN_PARTS = 3
"""Of a key: after folder, account and dub come the names within the dub."""


class DubFiles:
    """All files of all dubs. A file is whole or not there, in the storage as in the folder."""

    def __init__(self, settings: Settings, storage: ObjectStorage, database: Database, jobs: JobService) -> None:
        self._storage = storage
        self._database = database
        self._jobs = jobs
        self._folder = settings.data_dir.absolute() / "work"
        self._max_bytes = settings.max_dub_bytes
        self._failed_kept = timedelta(days=settings.upload_days)

    def key(self, account_id: str, dub_id: str, name: str) -> str:
        """Where a file lies in the storage."""
        return f"{FOLDER}/{account_id}/{dub_id}/{name}"

    def scratch(self, dub_id: str) -> Path:
        """A path in the folder of the dub under which nothing lies yet."""
        return self._place(dub_id, f"new-{ids.new_uuid()}")

    async def has(self, account_id: str, dub_id: str, name: str) -> bool:
        try:
            await self._storage.head(self.key(account_id, dub_id, name))
        except NotFound:
            return False
        return True

    async def size(self, account_id: str, dub_id: str, name: str) -> int:
        """Bytes. Raises `NotFound`."""
        return (await self._storage.head(self.key(account_id, dub_id, name))).size

    async def local(self, account_id: str, dub_id: str, name: str) -> Path:
        """The file in the folder of this node, fetched from the storage when it is not there. Raises `NotFound`."""
        path = self._place(dub_id, name)
        if not path.exists():
            arriving = self.scratch(dub_id)
            try:
                await _write(arriving, self._storage.stream(self.key(account_id, dub_id, name)))
                await asyncio.to_thread(os.replace, arriving, path)
            finally:
                arriving.unlink(missing_ok=True)
                _remove_if_empty(arriving.parent)
        return path

    async def keep(self, account_id: str, dub_id: str, name: str, path: Path) -> Path:
        """Store a file that was written to `scratch`. Returns where it lies in the folder from now on."""
        await self._storage.put(self.key(account_id, dub_id, name), _blocks(path))
        place = self._place(dub_id, name)
        await asyncio.to_thread(os.replace, path, place)
        return place

    async def put(self, account_id: str, dub_id: str, name: str, data: bytes) -> None:
        """Store a small file."""
        await self._storage.put(self.key(account_id, dub_id, name), data)

    async def get(self, account_id: str, dub_id: str, name: str) -> bytes:
        """A small file. Raises `NotFound`."""
        return await self._storage.get(self.key(account_id, dub_id, name))

    async def receive(self, dub_id: str, source: bytes | AsyncIterator[bytes]) -> Path:
        """What a client sends, in the folder of this node. Raises `BodyTooLarge`."""
        path = self.scratch(dub_id)
        try:
            await _write(path, _once(source) if isinstance(source, bytes) else source, self._max_bytes)
        except BaseException:
            path.unlink(missing_ok=True)
            _remove_if_empty(path.parent)
            raise
        return path

    async def require_source(self, dub: Dub) -> None:
        """Raises `Conflict` when the source, or a chance to fetch it again, is gone."""
        if dub.job.status == "canceled" and dub.job.id == dub.id:
            raise Conflict("This dub was canceled before it was finished. Send its source again as a new dub.")
        if dub.request.source_url is None and not await self.has(dub.account_id, dub.id, SOURCE):
            raise Conflict("The source of this dub is gone from this server. Send it again as a new dub.")

    async def remove(self, account_id: str, dub_id: str, *names: str) -> None:
        """Remove single files. One that is not there is no error."""
        await self._storage.delete(*(self.key(account_id, dub_id, name) for name in names))

    async def keep_takes(self, account_id: str, dub_id: str, names: Iterable[str]) -> None:
        """Remove all takes but these. Only for the job that works on the dub: another may count on what it finds."""
        folder = f"{FOLDER}/{account_id}/{dub_id}/{TAKES}"
        kept = {f"{folder}/{name}.flac" for name in names}
        await self._delete([found.key async for found in self._storage.list(folder) if found.key not in kept])

    async def remove_replaced(self, account_id: str, dub_id: str) -> None:
        """Remove the tracks that jobs before the last one made, unless a language still has them. Results stay, as
        long as their outputs do."""
        found = [item.key async for item in self._storage.list(f"{FOLDER}/{account_id}/{dub_id}")]
        async with self._database.reading() as connection:
            dub = await DubRepository(connection).live(account_id, dub_id)
        if dub is None:
            return
        shown = {file.object_key for target in dub.targets for file in target.files.values()}
        places = [(key, key.split("/")[_OWN_PARTS:]) for key in found if key not in shown]
        languages = {target.language for target in dub.targets}
        await self._delete(
            key
            for key, (first, *rest) in places
            if first in languages and rest[0] != dub.job.id and not rest[-1].startswith(_RESULTS)
        )

    async def remove_job(self, account_id: str, dub_id: str, job_id: str) -> None:
        """Remove what one job alone has made. Takes stay: the next job may need them."""
        found = [item.key async for item in self._storage.list(f"{FOLDER}/{account_id}/{dub_id}")]
        await self._delete(key for key in found if job_id in key.split("/")[_OWN_PARTS:])

    async def remove_all(self, account_id: str, dub_id: str) -> int:
        """Remove all files of a dub, in the storage and on this node. Returns how many the storage had."""
        await self.forget_local(dub_id)
        return await self._remove_folder(f"{FOLDER}/{account_id}/{dub_id}")

    async def remove_unrecorded(self, account_id: str, dub_id: str) -> None:
        """As `remove_all`, unless the dub was recorded after all. What cannot be done now is left to `remove_left`."""
        try:
            async with self._database.reading() as connection:
                recorded = await DubRepository(connection).find(dub_id)
            if recorded is None:
                await self.remove_all(account_id, dub_id)
        except MynaError as error:
            log.warning("dubbing.files_left", dub=dub_id, reason=error.message)

    async def forget_local(self, dub_id: str) -> None:
        """Remove the folder of a dub on this node."""
        await asyncio.to_thread(shutil.rmtree, self._folder / dub_id, ignore_errors=True)

    async def remove_deleted(self) -> None:
        """Remove the files and rows of deleted dubs. While the storage is away this is left to `remove_left`."""
        try:
            await self._remove_deleted()
        except MynaError as error:
            log.warning("dubbing.files_left", reason=error.message)

    async def remove_left(self) -> int:
        """Remove what nobody needs any more. Returns how many files of the storage."""
        count = await self._remove_deleted()
        async with self._database.reading() as connection:
            repository = DubRepository(connection)
            failed = await repository.given_up(clock.now() - self._failed_kept, _AT_ONCE)
            canceled = await repository.canceled(_AT_ONCE)
        for dub in {dub.id: dub for dub in (*failed, *canceled)}.values():
            count += await self.remove_all(dub.account_id, dub.id)
            async with self._database.transaction() as connection:
                await DubRepository(connection).change(dub.id, clock.now(), files_kept=False)
        await self._remove_idle_folders()
        return count + await self._remove_orphans()

    async def _remove_deleted(self) -> int:
        count = 0
        async with self._database.reading() as connection:
            deleted = await DubRepository(connection).deleted(_AT_ONCE)
        for dub in deleted:
            count += await self.remove_all(dub.account_id, dub.id)
            async with self._database.transaction() as connection:
                await DubRepository(connection).remove(dub.id)
        return count

    async def _remove_folder(self, prefix: str) -> int:
        return await self._delete([found.key async for found in self._storage.list(prefix)])

    async def _delete(self, keys: Iterable[str]) -> int:
        """How many there were."""
        wanted = list(keys)
        for start in range(0, len(wanted), _AT_ONCE):
            await self._storage.delete(*wanted[start : start + _AT_ONCE])
        return len(wanted)

    async def _remove_idle_folders(self) -> None:
        """Folders of this node whose dub no job works on."""
        folders = await asyncio.to_thread(lambda: list(self._folder.glob("*")) if self._folder.exists() else [])
        before = clock.now().timestamp() - _ORPHANED_AFTER.total_seconds()
        for folder in folders:
            async with self._database.reading() as connection:
                dub = await DubRepository(connection).find(folder.name)
            if (dub and dub.job.finished) or (dub is None and folder.stat().st_mtime < before):
                await self.forget_local(folder.name)

    async def _remove_orphans(self) -> int:
        """Files of sources that were sent by a client to a process that died before it recorded the dub."""
        before = clock.now() - _ORPHANED_AFTER
        old: dict[str, str] = {}
        async for found in self._storage.list(FOLDER):
            parts = found.key.split("/")
            if len(parts) > _OWN_PARTS - 1 and found.modified_at < before:
                old.setdefault(parts[2], parts[1])
        async with self._database.reading() as connection:
            known = await DubRepository(connection).known(old)
        count = 0
        for dub_id in old.keys() - known:
            count += await self.remove_all(old[dub_id], dub_id)
        return count

    def _place(self, dub_id: str, name: str) -> Path:
        folder = self._folder / dub_id
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name.replace("/", "+")


def _remove_if_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):
        folder.rmdir()


async def _once(data: bytes) -> AsyncIterator[bytes]:
    yield data


async def _blocks(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while block := await asyncio.to_thread(file.read, _BLOCK):
            yield block


async def _write(path: Path, blocks: AsyncIterator[bytes], max_bytes: int | None = None) -> None:
    written = 0
    with path.open("wb") as file:
        async for block in blocks:
            written += len(block)
            if max_bytes is not None and written > max_bytes:
                raise BodyTooLarge(f"The file is larger than {max_bytes:,} bytes, which is the limit.")
            await asyncio.to_thread(file.write, block)
