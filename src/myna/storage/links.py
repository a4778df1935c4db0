"""Links to stored files that work without an API key, until they expire."""

from __future__ import annotations

import unicodedata
from datetime import datetime
from urllib.parse import quote

from myna.kit.signatures import sign, verify

_LONGEST_NAME, _LONGEST_EXTENSION = 180, 12
"""Bytes. Most file systems take 255."""
_DOWNLOAD, _UPLOAD = "download", "upload"


class LinkSigner:
    """Makes and opens signed links. The expiry and the signature are in the path, so that a link ends with the real
    name of its file."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def download(self, base_url: str, key: str, file_name: str, expires_at: datetime | None) -> str:
        """An address to GET the object from; for ever when `expires_at` is None."""
        return self._link(f"{base_url}/files", _DOWNLOAD, key, file_name, expires_at)

    def upload(self, base_url: str, key: str, file_name: str, expires_at: datetime | None) -> str:
        """An address to PUT the object to."""
        return self._link(f"{base_url}/uploads", _UPLOAD, key, file_name, expires_at)

    def open_download(self, token: str) -> str:
        """The object key of a download token. Raises `NotFound` when it was altered or has expired."""
        return verify(self._secret, _DOWNLOAD, token)

    def open_upload(self, token: str) -> str:
        """The object key of an upload token. Raises `NotFound` when it was altered or has expired."""
        return verify(self._secret, _UPLOAD, token)

    def _link(self, base: str, purpose: str, key: str, file_name: str, expires_at: datetime | None) -> str:
        token = sign(self._secret, purpose, key, expires_at)
        return f"{base}/{token}/{quote(safe_file_name(file_name), safe='')}"


def safe_file_name(text: str) -> str:
    """A name under which any system can keep a file: no folders, no control characters, not hidden, not too long.

    The extension survives the cut of a long name.
    """
    text = unicodedata.normalize("NFC", text.encode("utf-8", "replace").decode())
    kept = "".join("_" if _is_unsafe(character) else character for character in text).strip(" ._")
    stem, _, extension = kept.rpartition(".")
    if not stem or len(extension.encode()) > _LONGEST_EXTENSION:
        return _cut(kept, _LONGEST_NAME) or "file"
    return f"{_cut(stem, _LONGEST_NAME - _LONGEST_EXTENSION) or 'file'}.{extension}"


def _cut(text: str, length: int) -> str:
    return text.encode()[:length].decode(errors="ignore").strip(" ._")


def _is_unsafe(character: str) -> bool:
    return character in '/\\:*?"<>|' or unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")
