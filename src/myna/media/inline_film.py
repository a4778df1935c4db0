"""A film within JSON: its data URL is decoded into a file as it is read, so that it never is in memory whole."""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import IO

from myna.errors import BodyTooLarge, InvalidRequest

_BLOCK = 1 << 20
_URL = re.compile(rb'"url"\s*:\s*"\Z')
_MARK = re.compile(rb'["\\]')
_BEGIN = b"data:"
_LONGEST_HEAD = 256
_LONGEST_ESCAPE = 6
_GROUP = 4
_HEAD = re.compile(r"\s*data:[^,]{0,200};base64,", re.IGNORECASE)
_WHITE = dict.fromkeys(map(ord, " \t\r\n"))


class FilmInJson:
    """Takes a JSON document piece by piece, and parts the data URL of its field `url` from all else."""

    def __init__(self, film: IO[bytes], *, max_bytes: int, max_rest: int) -> None:
        self._film = film
        self._max_bytes = max_bytes
        self._max_rest = max_rest
        self._rest = bytearray()
        self._in_string = self._in_film = False
        self._string_began = 0
        self._escape = b""
        self._head: str | None = ""
        self._letters = ""
        self.size = 0
        """Bytes of the film so far."""

    def feed(self, block: bytes) -> None:
        """Raises `BodyTooLarge` and `InvalidRequest`."""
        at = 0
        while at < len(block):
            at = self._through_film(block, at) if self._in_film else self._through_rest(block, at)
        if len(self._rest) > self._max_rest:
            raise BodyTooLarge(f"What this request says besides the film is longer than {self._max_rest:,} bytes.")

    def complete(self) -> bytes:
        """The document with no more than `data:` in place of the film. Raises `InvalidRequest`."""
        if self._head:
            raise _no_data_url()
        self._decode(self._letters + "=" * (-len(self._letters) % _GROUP))
        return bytes(self._rest)

    def _through_rest(self, block: bytes, at: int) -> int:
        if self._escape:
            self._escape, self._rest = b"", self._rest + block[at : at + 1]
            return at + 1
        found = _MARK.search(block, at)
        end = found.start() if found else len(block)
        if self._in_string and (film_at := self._film_begins(block[at:end])):
            self._in_film, self._head = True, _BEGIN.decode()
            return at + film_at
        self._rest += block[at:end]
        if found and found[0] == b"\\":
            self._escape = b"\\"
            self._rest += b"\\"
        elif found:
            self._rest += b'"'
            self._in_string = not self._in_string
            self._string_began = len(self._rest)
        return end + 1

    def _film_begins(self, more: bytes) -> int:
        """How many bytes of the block complete the beginning of a data URL; 0 when this is none."""
        begun = bytes(self._rest[self._string_began :])
        if len(begun) >= len(_BEGIN) or (begun + more)[: len(_BEGIN)].lower() != _BEGIN:
            return 0
        before = self._rest[max(0, self._string_began - _LONGEST_HEAD) : self._string_began]
        if not _URL.search(before):
            return 0
        if self._head != "":
            raise InvalidRequest("There are two files in this request. Send one.", field="url")
        self._rest += _BEGIN[len(begun) :]
        return len(_BEGIN) - len(begun)

    def _through_film(self, block: bytes, at: int) -> int:
        end = block.find(b'"', at)
        piece = self._escape + block[at : end if end >= 0 else len(block)]
        held = piece.rfind(b"\\", max(0, len(piece) - _LONGEST_ESCAPE + 1)) if end < 0 else -1
        self._escape = piece[held:] if held >= 0 else b""
        self._take(_unescaped(piece[:held] if held >= 0 else piece))
        if end < 0:
            return len(block)
        self._in_film = False
        return end

    def _take(self, text: str) -> None:
        if self._head is not None:
            text, self._head = self._head + text, None
            head = _HEAD.match(text)
            if head is None and "," not in text and len(text) < _LONGEST_HEAD:
                self._head = text
                return
            if head is None:
                raise _no_data_url()
            text = text[head.end() :]
        letters = self._letters + text.translate(_WHITE).replace("-", "+").replace("_", "/")
        whole = 0 if letters.endswith("=") else len(letters) // _GROUP * _GROUP
        self._letters = letters[whole:]
        if len(self._letters) > 2 * _BLOCK:
            raise _no_base64()
        self._decode(letters[:whole])

    def _decode(self, letters: str) -> None:
        try:
            decoded = base64.b64decode(letters, validate=True)
        except (binascii.Error, ValueError):
            raise _no_base64() from None
        self.size += len(decoded)
        if self.size > self._max_bytes:
            raise BodyTooLarge(
                f"A film within JSON has at most {self._max_bytes:,} bytes. Send a larger one in a form or its address."
            )
        self._film.write(decoded)


def part_film(document: IO[bytes], film: IO[bytes], *, max_bytes: int, max_rest: int) -> bytes:
    """Write the film of a JSON document into a file, and return the document with `data:` in its place.

    Memory: a few blocks. Raises `BodyTooLarge` and `InvalidRequest`.
    """
    parted = FilmInJson(film, max_bytes=max_bytes, max_rest=max_rest)
    document.seek(0)
    while block := document.read(_BLOCK):
        parted.feed(block)
    return parted.complete()


def _unescaped(piece: bytes) -> str:
    """Some encoders write `\\/` for a slash, or `\\u002B` for a plus."""
    try:
        return str(json.loads(b'"' + piece + b'"', strict=False)) if b"\\" in piece else piece.decode("ascii")
    except ValueError:
        raise _no_base64() from None


def _no_base64() -> InvalidRequest:
    return InvalidRequest("This is neither base64 nor a data URL in base64.", field="url")


def _no_data_url() -> InvalidRequest:
    return InvalidRequest("Only data URLs in base64 are read: data:video/mp4;base64,…", field="url")
