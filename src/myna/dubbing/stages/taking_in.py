"""The first stages: get the source, look what it is, and take its sound out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from myna.dubbing import pricing
from myna.dubbing.files import SOURCE, DubFiles
from myna.dubbing.sources import Sources
from myna.dubbing.steps import Report
from myna.dubbing.store import DubStore, Work
from myna.errors import InvalidRequest, NotFound, UnsupportedMedia
from myna.jobs.service import JobService
from myna.media.extract import extract_sound, extract_subtitles
from myna.media.fetch import Fetcher
from myna.media.probe import MediaInfo
from myna.settings import Settings

ORIGINAL, SPEECH, SUBTITLES = "original.flac", "speech.flac", "subtitles.srt"
SOUND_RATE, SPEECH_RATE = 48_000, 16_000
_LEAST_EXTRACT_SECONDS = 60.0


class Fetch:
    """The source, from its address, unless it was sent."""

    def __init__(self, settings: Settings, files: DubFiles, fetcher: Fetcher) -> None:
        self._settings = settings
        self._files = files
        self._fetcher = fetcher

    async def __call__(self, work: Work, report: Report) -> None:
        if await self._files.has(*work.place, SOURCE):
            return
        url = work.dub.request.source_url
        if url is None:
            raise NotFound("The source of this dub is gone from this server. Send it again as a new dub.")
        path = self._files.scratch(work.dub.id)
        try:
            limits = self._settings.max_dub_bytes, self._settings.dub_fetch_seconds
            await self._fetcher.fetch_to(url, path, max_bytes=limits[0], seconds=limits[1], field="source_url")
            report(0.8)
            await self._files.keep(*work.place, SOURCE, path)
        finally:
            path.unlink(missing_ok=True)


class Probe:
    """What the source is made of, and with its length the price."""

    def __init__(self, files: DubFiles, sources: Sources, store: DubStore, jobs: JobService) -> None:
        self._files = files
        self._sources = sources
        self._store = store
        self._jobs = jobs

    async def __call__(self, work: Work, report: Report) -> None:
        dub, source = work.dub, work.dub.source
        if not source:
            source = await self._looked_at(work)
            await self._store.keep_source(dub.id, source)
        if not any(target.files for target in dub.targets):
            price = pricing.first_price(source["duration"], dub.request, dub.price_per_second)
            await self._jobs.reprice(work.job.id, price)

    async def _looked_at(self, work: Work) -> dict[str, Any]:
        """What is refused is not kept: who wants to try again has it fetched again."""
        path = await self._files.local(*work.place, SOURCE)
        try:
            return await self._sources.look_at(path, work.dub.request)
        except (UnsupportedMedia, InvalidRequest):
            await self._files.remove(*work.place, SOURCE)
            raise


class Extract:
    """The sound of the source: as it is, and small for those who analyse it."""

    def __init__(self, settings: Settings, files: DubFiles) -> None:
        self._max_seconds = settings.max_dub_seconds
        self._files = files

    async def __call__(self, work: Work, report: Report) -> None:
        source = await self._files.local(*work.place, SOURCE)
        seconds = work.dub.duration or 0.0
        await self._once(work, ORIGINAL, lambda path: self._sound(source, path, SOUND_RATE, False, seconds))
        report(0.6)
        if work.dub.lines:
            return  # all is known that can be heard in it
        await self._once(work, SPEECH, lambda path: self._sound(source, path, SPEECH_RATE, True, seconds))
        report(0.95)
        if work.dub.request.use_subtitles and not await self._files.has(*work.place, SUBTITLES):
            track = MediaInfo.from_json(dict(work.dub.source)).subtitles[0]
            text = await extract_subtitles(source, track.index)
            await self._files.put(*work.place, SUBTITLES, text.encode())

    async def _once(self, work: Work, name: str, make: Callable[[Path], Awaitable[None]]) -> None:
        """Unless a run before this one did it."""
        if await self._files.has(*work.place, name):
            return
        path = self._files.scratch(work.dub.id)
        try:
            await make(path)
            await self._files.keep(*work.place, name, path)
        finally:
            path.unlink(missing_ok=True)

    async def _sound(self, source: Path, target: Path, rate: int, mono: bool, at_least: float) -> None:
        timeout = max(_LEAST_EXTRACT_SECONDS, at_least)
        await extract_sound(
            source,
            target,
            sample_rate=rate,
            mono=mono,
            max_seconds=self._max_seconds,
            timeout=timeout,
            at_least=at_least,
        )
