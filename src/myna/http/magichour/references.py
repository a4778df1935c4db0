"""Where the recording to clone is: what `assets.audio_file_path` of the voice cloner may say. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import SplitResult, parse_qs, urlsplit

from myna.errors import InvalidRequest, NotFound
from myna.http.magichour.errors import UnprocessableEntity
from myna.http.magichour.mapping import check_extension, is_project_id, upload_key

FIELD = "assets.audio_file_path"

_UPLOADS, _SAVED_ITEMS = "api-assets/", "saved-items/"
_LIBRARY = "/my-library"
_LIBRARY_HOSTS = ("magichour.ai", "www.magichour.ai")
_PREFIX = "/magichour"
_FILES = "/files/"


@dataclass(frozen=True, slots=True)
class Address:
    """To be fetched."""

    url: str


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that this account has sent."""

    object_key: str


@dataclass(frozen=True, slots=True)
class Project:
    """The sound of an earlier project of this account."""

    project_id: str


@dataclass(frozen=True, slots=True)
class OwnLink:
    """A download link of this server; it carries its own permission, so it is opened instead of fetched."""

    token: str


Reference = Address | Upload | Project | OwnLink


def read_reference(path: str, account_id: str, base_url: str) -> Reference:
    """What a path means to this account, on the server that its client sees as `base_url`.

    Raises `InvalidRequest` for what is no path of any kind, `NotFound` for one that was never given out, and
    `UnprocessableEntity` for files of other kinds than sound.
    """
    if path.startswith(_UPLOADS):
        return _upload(path, account_id)
    if path.startswith(_SAVED_ITEMS):
        raise UnprocessableEntity(
            "Saved items are not offered by this server. Upload the recording with POST /v1/files/upload-urls, or give "
            "its URL."
        )
    return _address(path, base_url)


def _upload(path: str, account_id: str) -> Upload:
    key = upload_key(account_id, path)
    check_extension("audio", _extension(path))
    return Upload(key)


def _address(path: str, base_url: str) -> Reference:
    try:
        url = urlsplit(path)
        host = url.hostname
    except ValueError:
        raise _no_path() from None
    if url.scheme.lower() not in ("http", "https") or not host:
        raise _no_path()
    if "@" in url.netloc:
        raise InvalidRequest(f"{FIELD}: a name and a password in an address are not used", field=FIELD)
    is_here = url.netloc.lower() == urlsplit(base_url).netloc.lower()
    if _is_library(url, is_here):
        return _project(url)
    if is_here and url.path.startswith(_FILES):
        return OwnLink(url.path.removeprefix(_FILES).partition("/")[0])
    check_extension("audio", _extension(url.path))
    return Address(path)


def _no_path() -> InvalidRequest:
    return InvalidRequest(
        f"{FIELD}: must be an http(s) URL, or the `file_path` of an upload, which starts with `{_UPLOADS}`",
        field=FIELD,
    )


def _is_library(url: SplitResult, is_here: bool) -> bool:
    if is_here:
        return url.path.removeprefix(_PREFIX) == _LIBRARY
    return url.hostname in _LIBRARY_HOSTS and url.path == _LIBRARY


def _project(url: SplitResult) -> Project:
    wanted = parse_qs(url.query).get("audioId", [])
    if len(wanted) != 1:
        raise InvalidRequest(f"{FIELD}: an address of the library needs one `audioId`", field=FIELD)
    if not is_project_id(wanted[0]):
        raise NotFound
    return Project(wanted[0])


def _extension(path: str) -> str:
    return PurePosixPath(path).suffix.removeprefix(".").lower()
