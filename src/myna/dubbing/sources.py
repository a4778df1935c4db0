"""Sources of dubs: received, looked at, stored."""

from __future__ import annotations

from collections.abc import AsyncIterator
from email.message import Message
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from myna.dubbing.files import SOURCE, DubFiles
from myna.dubbing.schemas import DubRequest
from myna.errors import InvalidRequest
from myna.kit.finishing import to_the_end
from myna.media.fetch import Fetcher
from myna.media.probe import MediaLimits, probe_untrusted
from myna.media.sniff import refuse_what_is_no_film
from myna.settings import Settings

_LOOK_SECONDS = 10.0
"""How long a client is kept waiting for the first bytes at an address."""


class Sources:
    """Takes in what clients send, and says what it is."""

    def __init__(self, settings: Settings, files: DubFiles, fetcher: Fetcher) -> None:
        self._limits = MediaLimits.from_settings(settings)
        self._max_bytes = settings.max_dub_bytes
        self._files = files
        self._fetcher = fetcher

    async def receive(
        self, account_id: str, dub_id: str, source: bytes | AsyncIterator[bytes], request: DubRequest
    ) -> dict[str, Any]:
        """Store a file that a client sends. Returns what it is made of.

        Raises `BodyTooLarge`, `UnsupportedMedia`, `InvalidRequest`; then nothing stays stored.
        """
        path = await self._files.receive(dub_id, source)
        try:
            known = await self.look_at(path, request)
            await self._files.keep(account_id, dub_id, SOURCE, path)
        except BaseException:
            path.unlink(missing_ok=True)
            await to_the_end(self._files.remove_unrecorded(account_id, dub_id))
            raise
        return known

    async def announce(self, url: str) -> str:
        """Look whether a film or a recording begins at this address. It is fetched later, by the job.

        Returns the name of the file, as the answer says, else as the address ends. Raises what `Fetcher.fetch` raises;
        an address that is slow to answer passes.
        """
        headers: dict[str, str] = {}
        begin = await self._fetcher.look(
            url, max_bytes=self._max_bytes, seconds=_LOOK_SECONDS, field="source_url", heed=headers.update
        )
        if begin:
            refuse_what_is_no_film(begin)
        return _said_name(headers.get("content-disposition", "")) or _last_part(url)

    async def look_at(self, path: Path, request: DubRequest) -> dict[str, Any]:
        """What a source is made of, as `MediaInfo.as_json`. Raises `UnsupportedMedia`, and `InvalidRequest` when its
        subtitles are wanted and it has none."""
        info = await probe_untrusted(path, limits=self._limits)
        if request.use_subtitles and not info.subtitles:
            raise InvalidRequest("This source has no subtitles of its own.", field="use_subtitles")
        return info.as_json()


def _said_name(disposition: str) -> str:
    """The `filename` of a Content-Disposition (RFC 6266), also one that is encoded."""
    message = Message()
    message["content-disposition"] = "".join(letter for letter in disposition if letter.isprintable())
    return message.get_filename("")


def _last_part(url: str) -> str:
    return unquote(urlsplit(url).path).rpartition("/")[2]
