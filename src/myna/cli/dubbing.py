"""What `myna dub` does: a node of this process dubs a film and answers nobody."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from myna.accounts.schemas import Account
from myna.app import Node, build_node
from myna.cli.local import open_data
from myna.cli.workshop import owner_named
from myna.dubbing.schemas import Dub, DubRequest
from myna.errors import MynaError
from myna.kit.finishing import waited_for
from myna.settings import Settings

_BETWEEN_LOOKS = 0.2
_PIECE = 1 << 20

Show = Callable[[str, float], None]
"""Called with the stage of the work, and how far all of it is, 0 to 1."""


@dataclass(frozen=True)
class Order:
    """What was asked for."""

    video: Path
    request: DubRequest
    voice: str | None
    output: Path | None
    account: str | None
    as_json: bool

    async def work(self, settings: Settings, show: Show) -> list[dict[str, Any]]:
        """Dub, and write the files. Returns what was written."""
        async with _node(settings) as node:
            owner = await self._owner(settings)
            dub = await self._order(node, owner)
            finished = await _followed(node, dub, show)
            return [await self._write(node, finished, target.language) for target in finished.targets]

    async def _owner(self, settings: Settings) -> Account:
        data = open_data(settings)
        try:
            return await owner_named(data, self.account)
        finally:
            await data.database.close()

    async def _order(self, node: Node, owner: Account) -> Dub:
        request = self.request
        if self.voice is not None:
            choice = node.services.voices.chosen(request.engine) if request.engine else None
            chosen = await node.services.voices.resolve("native", self.voice, owner.id, choice)
            request = replace(request, voice_id=chosen.id)
        return await node.services.dubbing.create(
            owner, request, api="cli", base_url="", source=_pieces(self.video), price_per_second=0
        )

    async def _write(self, node: Node, dub: Dub, language: str) -> dict[str, Any]:
        file = await node.services.dubbing.file(dub.account_id, dub.id, language, "result")
        ending = Path(file.file_name).suffix or self.video.suffix
        path = self.output or self.video.with_name(f"{self.video.stem}.{language}{ending}")
        with path.open("wb") as target:
            async for piece in node.services.storage.stream(file.object_key):
                await asyncio.to_thread(target.write, piece)
        lines = await node.services.dubbing.lines(dub.account_id, dub.id, language)
        marked = [line.number for line in lines if line.fit in ("overflow", "failed")]
        if not self.as_json:
            print(f"{path} ({dub.duration or 0:.1f} s, {len(lines)} lines{_and_marked(marked)})")
        return {"language": language, "path": str(path), "dub": dub.id, "lines": len(lines), "marked": marked}


def _and_marked(numbers: list[int]) -> str:
    return f"; look at {', '.join(map(str, numbers))}: too long, or not spoken" if numbers else ""


@contextlib.asynccontextmanager
async def _node(settings: Settings) -> AsyncIterator[Node]:
    """A node of this process, which answers nobody."""
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    node = build_node(settings)
    await node.start()
    try:
        yield node
    finally:
        await node.stop()


async def _followed(node: Node, dub: Dub, show: Show) -> Dub:
    """The finished dub. Raises what went wrong; when nobody waits any more, the work is canceled."""
    dubbing = node.services.dubbing
    try:
        while not dub.job.finished:
            await asyncio.sleep(_BETWEEN_LOOKS)
            dub = await dubbing.get(dub.account_id, dub.id)
            show(dub.job.stage, dub.job.progress)
    except asyncio.CancelledError:
        await waited_for(_cancel(dubbing.cancel(dub.account_id, dub.id)))
        raise
    if dub.job.status != "succeeded":
        raise MynaError(dub.job.error_message or f"The dub was {dub.job.status}.")
    return dub


async def _cancel(canceling: Awaitable[object]) -> None:
    with contextlib.suppress(MynaError):
        await canceling


async def _pieces(path: Path) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        while piece := await asyncio.to_thread(file.read, _PIECE):
            yield piece
