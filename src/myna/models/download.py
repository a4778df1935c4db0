"""One file from the network to this disk: carried on where it stopped, tried again, checked."""

from __future__ import annotations

import errno
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import httpx

import myna
from myna.errors import BrokenResult, Forbidden, NotFound, StorageFull, Unavailable
from myna.models.hub import Hub, Source, Told

PART = ".part"
_MOST_REDIRECTS = 5
_TIMEOUT = httpx.Timeout(30.0, connect=15.0)
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


class _Interrupted(Exception):
    """It did not come whole, and may well do so next time."""

    def __init__(self, words: str, pause: float = 0.0) -> None:
        super().__init__(words)
        self.pause = pause


class Downloader:
    """Fetches files, one after the other, over connections that it keeps. Close it after use."""

    def __init__(self, hub: Hub, progress: Progress, patience: Patience | None = None) -> None:
        self._hub = hub
        self._progress = progress
        self._patience = patience or Patience()
        self._client = httpx.Client(timeout=_TIMEOUT, headers={"User-Agent": f"myna/{myna.__version__}"})

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
            told = self._bring(source, part)
            if not (wrong := told.mismatch(part, source)):
                part.replace(target)
                return told
            part.unlink()
            self._progress.say(f"`{target.name}` came with {wrong}. It is fetched anew.")
        raise BrokenResult(
            f"`{source.url}` is not the file that it should be: {wrong}. It may have been changed there, or somebody "
            f"on the way changes it. Nothing of it was kept."
        )

    def _bring(self, source: Source, part: Path) -> Told:
        """All bytes, however often the connection breaks."""
        tries, pause = 0, self._patience.first_pause
        while True:
            had = _size(part)
            try:
                return self._carry_on(source, part, had)
            except _Interrupted as error:
                if _size(part) > had:
                    tries, pause = 0, self._patience.first_pause
                tries += 1
                if tries >= self._patience.tries:
                    raise Unavailable(f"`{source.url}` cannot be fetched: {error}.") from error
                wait = min(max(pause, error.pause), _LONGEST_PAUSE)
                self._progress.say(f"{error}. Next try in {wait:.0f} s.")
                time.sleep(wait)
                pause *= 2

    def _carry_on(self, source: Source, part: Path, had: int) -> Told:
        answers: list[httpx.Response] = []
        try:
            response = self._open(source, had, answers)
            told = self._hub.told(source, ((str(answer.url), answer.headers) for answer in answers))
            try:
                self._read(response, part, had)
            finally:
                response.close()
        except httpx.TransportError as error:
            raise _Interrupted(_in_words(error)) from error
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

    def _read(self, response: httpx.Response, part: Path, had: int) -> None:
        """Raises `_Interrupted`, with what came kept, or one of the errors of `fetch`."""
        _refuse(response)
        start, total = _extent(response, had)
        if response.status_code == 416:
            if total == had:
                return
            part.unlink()
            raise _Interrupted("The file on the server is shorter than what is here of it")
        self._progress.begin(part.name.removesuffix(PART), start, total)
        try:
            with part.open("r+b" if start else "wb") as file:
                if start:
                    file.seek(start)
                    file.truncate()
                for block in response.iter_raw():
                    file.write(block)
                    self._progress.advance(len(block))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise StorageFull(
                f"The disk with `{part.parent}` is full. What came of `{part.name.removesuffix(PART)}` is kept: free "
                "some space, and pull again."
            ) from error
        if total is not None and _size(part) < total:
            raise _Interrupted("The connection ended early")


def _refuse(response: httpx.Response) -> None:
    """Raises what an answer without a file means."""
    status, reason = response.status_code, response.headers.get("x-error-message", "")
    if status in (200, 206, 416):
        return
    if status in (401, 403):
        raise Forbidden(f"`{response.url}` is not given to everybody ({status}). {reason}".rstrip())
    if status in (404, 410):
        raise NotFound(f"`{response.url}` is not there ({status}). {reason}".rstrip())
    if status in (408, 429) or status >= 500:
        after = response.headers.get("retry-after", "")
        raise _Interrupted(f"{response.url.host} answers {status}", float(after) if after.isdigit() else 0.0)
    raise BrokenResult(f"`{response.url}` answers {status}. {reason}".rstrip())


def _extent(response: httpx.Response, had: int) -> tuple[int, int | None]:
    """Where the bytes of an answer begin in the file, and how many the whole file has, when that is said."""
    ranged = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", response.headers.get("content-range", ""))
    if ranged and response.status_code in (206, 416):
        start = int(ranged[1]) if ranged[1] else had
        if start > had:
            raise BrokenResult(f"`{response.url}` answers with another part of the file than asked for.")
        return start, int(ranged[2]) if ranged[2] != "*" else None
    length = response.headers.get("content-length", "")
    return 0, int(length) if length.isdigit() and response.status_code == 200 else None


def _in_words(error: httpx.TransportError) -> str:
    if isinstance(error, httpx.TimeoutException):
        return "The server says nothing"
    if isinstance(error, httpx.ConnectError):
        return f"No connection ({error})"
    return "The connection broke"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
