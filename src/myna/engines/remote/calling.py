"""Asks speech servers for sound: in turn, with time-outs, again at another one while nothing has come."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx

from myna.engines.remote.board import Board
from myna.engines.remote.sound import is_text
from myna.engines.upstream import PASSING, asked_pause, authorization, error_text, pause, said
from myna.errors import BadAudio, EngineFailed, EngineUnavailable, InvalidRequest, MynaError
from myna.kit.hops import HEADER

PATH = "/audio/speech"
_REFUSED = frozenset({400, 415, 422})
_ADVICE = {
    401: "Is MYNA_REMOTE_KEY right?",
    403: "Is MYNA_REMOTE_KEY right?",
    404: "Are MYNA_REMOTE_URL and MYNA_REMOTE_MODEL right?",
}
_NO_REDIRECTS = "It is not followed elsewhere: MYNA_REMOTE_URL has to name the address itself."
_KEPT_SECONDS = 30.0
"""How long a connection without work is kept."""
_ENOUGH_OF_AN_ERROR = 4_096
_ACCEPTED = "audio/*, application/octet-stream"


@dataclass(frozen=True, slots=True)
class Server:
    """One speech server."""

    name: str
    """Host and port, for people."""
    url: str
    """Of its speech endpoint."""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Patience:
    """Times in seconds, and how often to try."""

    connect: float
    first_byte: float
    idle: float
    whole: float
    attempts: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server began to say."""

    server: str
    format: str
    """What it was asked for."""
    content_type: str
    beginning: bytes


@dataclass(frozen=True, slots=True)
class _Asking:
    """A request, but for the form of sound."""

    body: Mapping[str, Any]
    headers: Mapping[str, str]


class _Failed(Exception):
    """One attempt failed in a way that another may not."""

    def __init__(self, error: MynaError, *, pause: float | None = None, counts: bool = True) -> None:
        super().__init__(error.message)
        self.error = error
        self.pause = pause
        """Seconds that the server asks to wait."""
        self.counts = counts
        """It speaks against the server's health."""


class _FormatRefused(Exception):
    """The server does not make what it was asked for; the text says how it says so."""


class Caller:
    """Keeps connections to the servers, and knows which form of a request each takes. Of one event loop."""

    def __init__(self, servers: tuple[Server, ...], patience: Patience, board: Board, format: str) -> None:
        self._servers = {server.name: server for server in servers}
        self._patience = patience
        self._board = board
        self._forms: dict[str, int] = {}
        """The form that a server takes, by its place in `_formats`."""
        self._formats = tuple(dict.fromkeys((format, "wav", "mp3")))
        self._secrets = tuple(server.key for server in servers)
        self._client = httpx.AsyncClient(
            timeout=httpx.Timeout(None, connect=patience.connect),
            limits=httpx.Limits(keepalive_expiry=_KEPT_SECONDS),
            follow_redirects=False,
        )

    async def speak(self, body: Mapping[str, Any], hops: int = 0) -> AsyncGenerator[Answer | bytes, None]:
        """How the answer begins, then the rest of its bytes. Closing it, or canceling its task, ends the request.

        Whoever reads the sound notes on the board that it was good. Raises `EngineUnavailable` when no server can,
        `InvalidRequest` or `EngineFailed` with a server's own words when it refuses, and `BadAudio` when what comes is
        no sound, or breaks off.
        """
        tried: set[str] = set()
        delay = 0.0
        for attempt in range(1, self._patience.attempts + 1):
            server = await self._next_server(tried)
            asking = _Asking(body, {**authorization(server.key), "Accept": _ACCEPTED, HEADER: str(hops + 1)})
            try:
                async with aclosing(
                    self._from_server(server, asking, delay if server.name in tried else 0.0)
                ) as answer:
                    async for part in answer:
                        yield part
                return
            except _Failed as failed:
                self._note(server.name, failed)
                if attempt == self._patience.attempts:
                    raise failed.error from None
                delay = 0.0 if failed.pause else pause(attempt - 1)
                tried.add(server.name)

    async def close(self) -> None:
        await self._client.aclose()

    def _note(self, name: str, failed: _Failed) -> None:
        if failed.counts:
            self._board.failed(name, failed.error.message)
        if failed.pause is not None:
            self._board.busy(name, failed.pause)

    async def _next_server(self, tried: set[str]) -> Server:
        """Waits for one that has asked for a moment. Raises `EngineUnavailable` when all of them are left alone, or
        have asked for more moments than there is time for."""
        names = tuple(self._servers)
        now = asyncio.get_running_loop().time
        latest = now() + self._patience.first_byte
        while (name := self._board.choose(names, tried)) is None:
            healthy = [each for each in names if not self._board.is_open(each)]
            if not healthy:
                raise EngineUnavailable(self._all_open())
            wait = self._board.wait(healthy) * random.uniform(1.0, 1.2)  # so that not all who wait come at once
            if now() + wait > latest:
                raise EngineUnavailable(f"All speech servers are busy: {', '.join(healthy)}. Try again later.")
            await asyncio.sleep(wait)
        return self._servers[name]

    def _all_open(self) -> str:
        wait, known = self._board.rest(tuple(self._servers)), self._board.health()
        last = " ".join(dict.fromkeys(known[name].last_failure for name in self._servers if name in known))
        return f"All speech servers are left alone for {max(1, round(wait))} s, after failures in a row. {last}".strip()

    async def _from_server(self, server: Server, asking: _Asking, delay: float) -> AsyncGenerator[Answer | bytes, None]:
        """Raises `_Failed` while nothing has come, then `BadAudio`."""
        begun = False
        now = asyncio.get_running_loop().time
        try:
            await asyncio.sleep(delay)
            began = now()
            async with aclosing(self._in_a_form_it_takes(server, asking)) as answer:
                async for part in answer:
                    begun = True
                    yield part
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TimeoutError) as error:
            seconds = now() - began
            what = self._broke_off(error, server.name, seconds) if begun else self._did_not_begin(error, server.name)
            if not begun:
                raise _Failed(EngineUnavailable(what)) from None
            self._board.failed(server.name, what)
            raise BadAudio(what) from None
        except (asyncio.CancelledError, GeneratorExit):
            self._board.given_up(server.name)
            raise

    async def _in_a_form_it_takes(self, server: Server, asking: _Asking) -> AsyncGenerator[Answer | bytes, None]:
        first = ""
        for form in range(self._forms.get(server.name, 0), len(self._formats)):
            try:
                async with aclosing(self._asked(server, asking, self._formats[form])) as answer:
                    async for part in answer:
                        self._forms[server.name] = form
                        yield part
                return
            except _FormatRefused as refused:
                first = first or str(refused)
        raise EngineFailed(first)

    async def _asked(self, server: Server, asking: _Asking, format: str) -> AsyncGenerator[Answer | bytes, None]:
        asked = dict(asking.body) | {"response_format": format}
        if format == "pcm" and "speed" not in asking.body:
            asked |= {"stream_format": "audio"}  # vLLM-Omni streams for who says so, at the usual speed alone
        began = asyncio.get_running_loop().time()
        async with asyncio.timeout(self._patience.first_byte) as clock:
            async with self._client.stream("POST", server.url, json=asked, headers=asking.headers) as response:
                if response.status_code != httpx.codes.OK:
                    await self._refuse(response, server.name)
                parts = response.aiter_bytes()
                beginning = await _first(parts)
                content_type = response.headers.get("content-type", "")
                if not beginning:
                    raise _Failed(BadAudio(f"The speech server {server.name} returned no sound."))
                if is_text(content_type, beginning):
                    words = error_text(beginning, self._secrets)
                    raise _Failed(BadAudio(f"The speech server {server.name} returned text, not sound: {words}"))
                clock.reschedule(self._next_deadline(began))
                yield Answer(server.name, format, content_type, beginning)
                async for part in parts:
                    clock.reschedule(self._next_deadline(began))
                    yield part

    def _next_deadline(self, began: float) -> float:
        now = asyncio.get_running_loop().time()
        return max(now, min(now + self._patience.idle, began + self._patience.whole))

    async def _refuse(self, response: httpx.Response, name: str) -> None:
        """Raises what an answer means that is none."""
        body = b""
        async for part in response.aiter_bytes():
            body += part
            if len(body) > _ENOUGH_OF_AN_ERROR:
                break
        status = response.status_code
        words = error_text(body[:_ENOUGH_OF_AN_ERROR], self._secrets) or response.reason_phrase
        advice = _NO_REDIRECTS if 300 <= status < 400 else _ADVICE.get(status, "")
        message = f"The speech server {name} answered {status}: {words} {advice}".rstrip()
        asks = asked_pause(response.headers)
        if status == httpx.codes.TOO_MANY_REQUESTS:
            raise _Failed(EngineUnavailable(message), pause=pause(0) if asks is None else asks, counts=False)
        if status in PASSING or status >= 500:
            raise _Failed(EngineUnavailable(message), pause=asks)
        self._board.succeeded(name)  # it works: what it was asked is wrong
        if status in _REFUSED and any(word in body.lower() for word in (b"format", b"pcm")):
            raise _FormatRefused(message)
        raise InvalidRequest(message) if status in _REFUSED else EngineFailed(message)

    def _broke_off(self, error: Exception, name: str, seconds: float) -> str:
        why = type(error).__name__
        if isinstance(error, TimeoutError):
            late = seconds >= self._patience.whole
            why = "it took longer than" if late else "nothing came for"
            why += f" {self._patience.whole if late else self._patience.idle:g} s"
        return f"The sound of the speech server {name} broke off ({why})."

    def _did_not_begin(self, error: Exception, name: str) -> str:
        if isinstance(error, TimeoutError):
            return f"The speech server {name} sent no sound within {self._patience.first_byte:g} s."
        why = said(str(error), self._secrets)
        return f"The speech server {name} cannot be reached ({type(error).__name__}: {why})."


async def _first(parts: AsyncIterator[bytes]) -> bytes:
    """The first bytes that are any."""
    async for part in parts:
        if part:
            return part
    return b""
