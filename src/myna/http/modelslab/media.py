"""Files in requests: addresses, base64 and data URLs, and links that this server gave out."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from myna.accounts.schemas import Caller
from myna.errors import AddressRefused, BodyTooLarge, InvalidRequest
from myna.http.modelslab.fields import Fields
from myna.kit import ids
from myna.media.inline import decode_base64, is_data_url

if TYPE_CHECKING:
    from myna.http.services import Services

_FILES = "/files/"
_KINDS: tuple[tuple[int, bytes, str], ...] = (
    (8, b"WAVE", "wav"),
    (8, b"WEBP", "webp"),
    (0, b"ID3", "mp3"),
    (0, b"\xff\xfb", "mp3"),
    (0, b"\xff\xf3", "mp3"),
    (0, b"\xff\xf2", "mp3"),
    (0, b"fLaC", "flac"),
    (0, b"OggS", "ogg"),
    (0, b"\x1aE\xdf\xa3", "webm"),
    (4, b"ftypM4A", "m4a"),
    (4, b"ftypqt", "mov"),
    (4, b"ftyp", "mp4"),
    (0, b"\x89PNG", "png"),
    (0, b"\xff\xd8\xff", "jpg"),
    (0, b"GIF8", "gif"),
    (0, b"glTF", "glb"),
)
"""Where in a file what stands, and its extension."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A file: its bytes, an address to fetch, or where it lies in the storage already."""

    data: bytes | None = None
    url: str | None = None
    object_key: str | None = None
    shown: str = ""
    """As it may be shown again: an address without what may be a secret, or nothing."""


async def read_sent(services: Services, fields: Fields, base_url: str, *names: str) -> Sent:
    """Raises `InvalidRequest`, `BodyTooLarge`, and `NotFound` for a link of this server that no longer works."""
    given, limit = fields.required(*names).strip(), services.settings.max_reference_bytes
    if (fields.flag("base64") or is_data_url(given)) and not is_address(given):
        return Sent(data=await asyncio.to_thread(decode_base64, given, limit, field=names[0]))
    if not is_address(given):
        raise InvalidRequest(f"{names[0]} must be an http(s) URL, or base64 with base64 set to true", field=names[0])
    shown = given.partition("?")[0]
    if token := _own_token(given, base_url):
        return Sent(object_key=services.links.open_download(token), shown=shown)
    return Sent(url=given, shown=shown)


async def keep(services: Services, caller: Caller, data: bytes, extension: str = "bin") -> str:
    """Keep bytes as long as any upload; returns where."""
    key = f"uploads/{caller.account.id}/{ids.cuid()}.{extension}"
    await services.storage.put(key, data)
    return key


async def as_reference(services: Services, caller: Caller, sent: Sent) -> dict[str, str]:
    """Where a job finds it."""
    if sent.url:
        return {"url": sent.url}
    return {"object_key": sent.object_key or await keep(services, caller, sent.data or b"")}


async def load(services: Services, sent: Sent, field: str) -> bytes:
    """The bytes now. Raises what fetching raises, in the vendor's words."""
    if sent.data is not None:
        return sent.data
    if sent.object_key:
        limit = services.settings.max_reference_bytes
        if (await services.storage.head(sent.object_key)).size > limit:
            raise BodyTooLarge(f"The file is larger than {limit:,} bytes.")
        return await services.storage.get(sent.object_key)
    try:
        return await services.fetcher.fetch(sent.url or "", field=field)
    except AddressRefused:
        raise
    except InvalidRequest as error:
        raise InvalidRequest(f"Unable to fetch audio from provided URL: {error.message}", field=field) from None


def extension_of(data: bytes) -> str | None:
    """By the first bytes; None for what is neither sound nor a picture nor a video."""
    return next((kind for place, mark, kind in _KINDS if data[place : place + len(mark)] == mark), None)


def is_address(text: str) -> bool:
    return text[:8].lower().startswith(("http://", "https://"))


def _own_token(url: str, base_url: str) -> str | None:
    try:
        parts, here = urlsplit(url), urlsplit(base_url)
    except ValueError:
        return None
    if parts.netloc.lower() != here.netloc.lower() or not parts.path.startswith(_FILES):
        return None
    return PurePosixPath(parts.path.removeprefix(_FILES)).parts[0] if parts.path != _FILES else None
