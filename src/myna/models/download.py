"""One file from the network to this disk: carried on where it stopped, tried again, checked."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx

import myna
from myna.errors import BrokenResult, StartupError, Unavailable
from myna.models.answers import Extent, Interrupted, Spoiled, extent
from myna.models.hub import Hub, Source, Told
from myna.models.room import room

PART = ".part"
_MOST_REDIRECTS = 5
_CONNECT_SECONDS = 15.0
_LONGEST_PAUSE = 60.0


class Progress(Protocol):
    """Is told how a download goes."""

    def begin(self, name: str, done: int, total: int | None) -> None:
        """A file is on its way, or goes on after an interruption: `done` of `total` bytes are here."""

    def advance(self, count: int) -> None:
        """So many more bytes are here."""

    def say(self, words: str) -> None:
        """Something that whoever waits should know."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How often and how soon it is tried again."""

    tries: int = 5
    """In a row without a single byte that is new."""
    spoiled: int = 3
    """Whole files whose checksum is wrong."""
    first_pause: float = 1.0
    """Seconds; each further pause is twice as long."""
    silence: float = 30.0
    """Seconds without a byte after which a connection counts as broken."""


class Downloader:
    """Fetches files, one after the other, over connections that it keeps. Close it after use."""

    def __init__(self, hub: Hub, progress: Progress, patience: Patience | None = None) -> None:
        self._hub = hub
        self._progress = progress
        self._patience = patience or Patience()
        self._client = _client(self._patience.silence)
        self._signs: dict[Path, str] = {}
        """By which the file is known whose first bytes are here."""

    def close(self) -> None:
        self._client.close()

    def fetch(self, source: Source, target: Path) -> Told:
        """Bring a file, or what is missing of it. It appears under its name when it is whole and right, not before.

        Raises `NotFound`, `Forbidden` (terms to agree to, or a token to send), `Unavailable` (no network, or a server
        that fails again and again), `BrokenResult` (not the file that it should be) and `StorageFull`.
        """
        part = target.with_name(target.name + PART)
        part.parent.mkdir(parents=True, exist_ok=True)
        for _ in range(self._patience.spoiled):
            try:
                told = self._bring(source, part)
                if wrong := told.mismatch(part, source):
                    raise Spoiled(wrong)
            except Spoiled as error:
                wrong = str(error)
                if not error.keeps_part:
                    part.unlink(missing_ok=True)
                self._progress.say(f"`{target.name}` came with {wrong}. It is fetched anew.")
                continue
            part.replace(target)
            if not source.sha256 and not told.checksum:
                self._progress.say(f"Nobody says the checksum of `{target.name}`. It is recorded as it came.")
            return told
        raise BrokenResult(
            f"`{source.url}` is not the file that it should be: {wrong}. It may have been changed there, or somebody "
            "on the way changes it. Nothing of it was kept."
        )

    def _bring(self, source: Source, part: Path) -> Told:
        """All bytes, however often the connection breaks."""
        tries, pause, most = 0, self._patience.first_pause, _size(part)
        while not (source.sha256 and _size(part) == source.size_bytes):  # else only its end was not noted
            try:
                return self._carry_on(source, part, _size(part))
            except Interrupted as error:
                if _size(part) > most:
                    tries, pause, most = 0, self._patience.first_pause, _size(part)
                tries += 1
                if tries >= self._patience.tries:
                    raise Unavailable(f"`{source.url}` cannot be fetched: {error}.") from error
                wait = min(max(pause, error.pause), _LONGEST_PAUSE)
                self._progress.say(f"{error}. Next try in {wait:.0f} s.")
                time.sleep(wait)
                pause *= 2
        return Told()

    def _carry_on(self, source: Source, part: Path, had: int) -> Told:
        answers: list[httpx.Response] = []
        try:
            response = self._open(source, had, answers)
            try:
                told = self._hub.told(source, ((str(answer.url), answer.headers) for answer in answers))
                self._take(source, told, response, part, had)
            finally:
                response.close()
        except httpx.UnsupportedProtocol as error:
            raise BrokenResult(f"`{source.url}` leads to an address that cannot be fetched: {error}.") from error
        except httpx.InvalidURL as error:
            raise BrokenResult(f"`{source.url}` leads to what is no address: {error}.") from error
        except httpx.TransportError as error:
            raise Interrupted(_in_words(error)) from error
        return told

    def _open(self, source: Source, had: int, answers: list[httpx.Response]) -> httpx.Response:
        """The answer at the end of the redirects. The token stays with the hub; encryption is never given up."""
        url = httpx.URL(source.url)
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={had}-"} if had else {})
        for _ in range(_MOST_REDIRECTS + 1):
            token = self._hub.token_for(source, str(url))
            shown = {"Authorization": f"Bearer {token}"} if token else {}
            response = self._client.send(self._client.build_request("GET", url, headers=headers | shown), stream=True)
            answers.append(response)
            if not response.has_redirect_location:
                return response
            response.close()
            target = url.join(response.headers["location"])
            if url.scheme == "https" and target.scheme != "https":
                raise BrokenResult(f"`{source.url}` leads to an unencrypted address, `{target.host}`.")
            url = target
        raise BrokenResult(f"`{source.url}` redirects again and again.")

    def _take(self, source: Source, told: Told, response: httpx.Response, part: Path, had: int) -> None:
        """Raises `Interrupted`, with what came kept, `Spoiled`, or one of the errors of `fetch`."""
        coming = extent(response, had)
        sign = told.checksum or response.headers.get("etag", "")
        if coming.start and not self._is_same(source, told, sign, part):
            part.unlink()
            raise Interrupted("The file on the server may be another one than before. It is fetched from its beginning")
        self._signs[part] = sign
        if coming.is_there:
            if coming.total == had:
                return
            part.unlink()
            raise Interrupted("The file on the server is shorter than what is here of it")
        expected = source.size_bytes or told.size_bytes
        if coming.total is not None and expected is not None and coming.total != expected:
            raise Spoiled(f"{coming.total} bytes instead of {expected}", keeps_part=True)
        self._progress.begin(part.name.removesuffix(PART), coming.start, coming.total)
        with room(part.parent, "What came is kept: free some space, and pull again."):
            self._write(response.iter_raw(), part, coming, expected)
        if coming.total is not None and _size(part) < coming.total:
            raise Interrupted("The connection ended early")

    def _is_same(self, source: Source, told: Told, sign: str, part: Path) -> bool:
        """Whether what is here may be the beginning of what the server has now. Where a checksum will tell at the end,
        it may, unless it is known to have changed; else only the same server's word will do.
        """
        before = self._signs.get(part, "")
        return bool(source.sha256) or (sign == before if before else bool(told.checksum))

    def _write(self, blocks: Iterable[bytes], part: Path, coming: Extent, expected: int | None) -> None:
        """Raises `Spoiled` when there are more than there should be: a stream without an end would fill the disk."""
        limit = coming.total if coming.total is not None else expected
        with part.open("r+b" if coming.start else "wb") as file:
            if at := coming.start:
                file.seek(at)
                file.truncate()
            for block in blocks:
                at += len(block)
                if limit is not None and at > limit:
                    raise Spoiled(f"more than {limit} bytes")
                file.write(block)
                self._progress.advance(len(block))
            file.flush()
            os.fsync(file.fileno())


def _client(silence: float) -> httpx.Client:
    """Raises `StartupError` when the environment names a proxy or certificates that cannot be used."""
    timeout = httpx.Timeout(silence, connect=min(_CONNECT_SECONDS, silence))
    try:
        return httpx.Client(timeout=timeout, headers={"User-Agent": f"myna/{myna.__version__}"})
    except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:
        raise StartupError(
            f"The network cannot be used as the environment says: {error}. Look at HTTPS_PROXY, HTTP_PROXY, ALL_PROXY "
            "and SSL_CERT_FILE."
        ) from error


def _in_words(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "The server says nothing"
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        return f"No connection ({error})"
    return f"The connection broke ({error})" if str(error) else "The connection broke"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
