"""Files in requests: addresses, base64 and data URLs, and links that this server gave out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from myna.accounts.schemas import Caller
from myna.errors import BodyTooLarge, InvalidRequest, MynaError, NotFound
from myna.http.modelslab.fields import Fields
from myna.kit import ids
from myna.media.inline import decode_base64, is_data_url

if TYPE_CHECKING:
    from myna.http.services import Services

_FILES = "/files/"
_LOOK_SECONDS = 5.0
"""How long a client is kept waiting for the first bytes at an address."""
_DOCUMENT_TYPE = 64
"""Among these first bytes Matroska says whether it is WebM."""
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
    """Where the file behind `url` lies, which then need not be fetched."""

    @property
    def shown(self) -> str:
        """As it is sent back: an address, else nothing."""
        return self.url or ""


async def read_sent(services: Services, fields: Fields, base_url: str, *names: str) -> Sent:
    """Raises `InvalidRequest`, also for a link of this server that no longer works, and `BodyTooLarge`."""
    given, limit = fields.required(*names).strip(), services.settings.max_reference_bytes
    if (fields.flag("base64") or is_data_url(given)) and not is_address(given):
        return Sent(data=await asyncio.to_thread(decode_base64, given, limit, field=names[0]))
    if not is_address(given):
        raise InvalidRequest(f"{names[0]} must be an http(s) URL, or base64 with base64 set to true", field=names[0])
    token = _own_token(given, base_url)
    return Sent(url=given, object_key=await _stored(services, token, names[0]) if token else None)


async def keep(services: Services, caller: Caller, data: bytes, extension: str = "bin") -> str:
    """Keep bytes as long as any upload; returns where."""
    key = f"uploads/{caller.account.id}/{ids.cuid()}.{extension}"
    await services.storage.put(key, data)
    return key


@asynccontextmanager
async def as_reference(services: Services, caller: Caller, sent: Sent) -> AsyncIterator[dict[str, str]]:
    """Where a job finds it. When the job is refused, what was kept for it is removed."""
    if sent.data is None:
        yield {"object_key": sent.object_key} if sent.object_key else {"url": sent.url or ""}
        return
    key = await keep(services, caller, sent.data)
    try:
        yield {"object_key": key}
    except MynaError:
        await services.storage.delete(key)
        raise


async def announce(services: Services, sent: Sent, field: str, max_bytes: int) -> None:
    """Look whether there is a file at an address that a job is to fetch. Raises what fetching raises, in the vendor's
    words; an address that is slow to answer passes."""
    if sent.url and not sent.object_key:
        with unreachable("audio", field):
            await services.fetcher.look(sent.url, max_bytes=max_bytes, seconds=_LOOK_SECONDS, field=field)


@contextmanager
def unreachable(what: str, field: str, known_as: str | None = None) -> Iterator[None]:
    """What is wrong with an address, in the vendor's words. `known_as` is our name of the field."""
    try:
        yield
    except InvalidRequest as error:
        if type(error) is not InvalidRequest or error.field != (known_as or field):
            raise
        raise InvalidRequest(f"Unable to fetch {what} from provided URL: {error.message}", field=field) from None


async def load(services: Services, sent: Sent, field: str) -> bytes:
    """The bytes now. Raises what fetching raises, in the vendor's words."""
    if sent.data is not None:
        return sent.data
    if sent.object_key:
        limit = services.settings.max_reference_bytes
        if (await services.storage.head(sent.object_key)).size > limit:
            raise BodyTooLarge(f"The file is larger than {limit:,} bytes.")
        return await services.storage.get(sent.object_key)
    with unreachable("audio", field):
        return await services.fetcher.fetch(sent.url or "", field=field)


def extension_of(data: bytes) -> str | None:
    """By the first bytes; None for what is neither sound nor a picture nor a video."""
    return next((kind for place, mark, kind in _KINDS if data[place : place + len(mark)] == mark), None)


def dubbed_as(begin: bytes) -> tuple[str, str]:
    """As what a dub of a file that begins so comes back: `video` or `audio`, and the container."""
    kind = extension_of(begin) or "mp4"
    if kind == "webm":
        return _dubbed_matroska(begin)
    if kind in ("mp4", "mov"):
        sounds_only = b"moov" in begin and b"vide" not in begin
        return ("audio", "m4a") if sounds_only else ("video", kind)
    return "audio", kind


def _dubbed_matroska(begin: bytes) -> tuple[str, str]:
    is_webm = b"webm" in begin[:_DOCUMENT_TYPE]
    if b"A_" in begin and b"V_" not in begin:
        return "audio", "ogg" if is_webm else "m4a"
    return "video", "webm" if is_webm else "mkv"


async def _stored(services: Services, token: str, field: str) -> str:
    try:
        return (await services.storage.head(services.links.open_download(token))).key
    except NotFound as error:
        what = field.removeprefix("init_")
        raise InvalidRequest(f"Unable to fetch {what} from provided URL: {error.message}", field=field) from None


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
