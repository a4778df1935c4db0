"""Asks speech servers for sound: in turn, with time-outs, again at another one while nothing has come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx

from myna.engines.remote.board import Board
from myna.engines.remote.sound import is_text
from myna.engines.upstream import PASSING, asked_pause, authorization, error_text, pause, said
from myna.errors import BadAudio, EngineFailed, EngineUnavailable, MynaError

PATH = "/audio/speech"
_REFUSED = frozenset({400, 415, 422})
_KEPT_SECONDS = 30.0
"""How long a connection without work is kept."""
_ENOUGH_OF_AN_ERROR = 4_096


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
    attempts: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server began to say."""

    format: str
    """What it was asked for."""
    content_type: str
    beginning: bytes


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

    async def speak(self, body: Mapping[str, Any]) -> AsyncGenerator[Answer | bytes, None]:
        """How the answer begins, then the rest of its bytes. Closing it, or canceling its task, ends the request.

        Raises `EngineUnavailable` when no server can, `EngineFailed` with a server's own words when it refuses, and
        `BadAudio` when what comes is no sound, or breaks off.
        """
        tried: set[str] = set()
        delay = 0.0
        for attempt in range(1, self._patience.attempts + 1):
            server = await self._next_server(tried)
            try:
                async with aclosing(self._from_server(server, body, delay if server.name in tried else 0.0)) as answer:
                    async for part in answer:
                        yield part
                return
            except _Failed as failed:
                self._note(server.name, failed)
                if attempt == self._patience.attempts:
                    raise failed.error from None
                delay = pause(attempt - 1) if failed.pause is None else 0.0
                tried.add(server.name)

    async def close(self) -> None:
        await self._client.aclose()

    def _note(self, name: str, failed: _Failed) -> None:
        if failed.counts:
            self._board.failed(name, failed.error.message)
        if failed.pause is not None:
            self._board.busy(name, failed.pause)

    async def _next_server(self, tried: set[str]) -> Server:
        """Raises `EngineUnavailable` when all of them are left alone."""
        names = tuple(self._servers)
        name = self._board.choose(names, tried)
        if name is None:
            healthy = [each for each in names if not self._board.is_open(each)]
            if healthy:  # they have asked for a moment
                await asyncio.sleep(self._board.wait(healthy))
                name = self._board.choose(names, tried)
        if name is None:
            raise EngineUnavailable(self._all_open())
        return self._servers[name]

    def _all_open(self) -> str:
        wait, known = self._board.wait(tuple(self._servers)), self._board.health()
        last = " ".join(dict.fromkeys(known[name].last_failure for name in self._servers if name in known))
        return f"All speech servers are left alone for {max(1, round(wait))} s, after failures in a row. {last}".strip()

    async def _from_server(
        self, server: Server, body: Mapping[str, Any], delay: float
    ) -> AsyncGenerator[Answer | bytes, None]:
        """Raises `_Failed` while nothing has come, then `BadAudio`."""
        begun = False
        try:
            await asyncio.sleep(delay)
            async with aclosing(self._in_a_form_it_takes(server, body)) as answer:
                async for part in answer:
                    begun = True
                    yield part
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, TimeoutError) as error:
            what = _problem(error, server.name, begun=begun, patience=self._patience)
            if not begun:
                raise _Failed(EngineUnavailable(what)) from None
            self._board.failed(server.name, what)
            raise BadAudio(what) from None
        except (asyncio.CancelledError, GeneratorExit):
            self._board.given_up(server.name)
            raise
        self._board.succeeded(server.name)

    async def _in_a_form_it_takes(
        self, server: Server, body: Mapping[str, Any]
    ) -> AsyncGenerator[Answer | bytes, None]:
        first = ""
        for form in range(self._forms.get(server.name, 0), len(self._formats)):
            try:
                async with aclosing(self._asked(server, body, self._formats[form])) as answer:
                    async for part in answer:
                        self._forms[server.name] = form
                        yield part
                return
            except _FormatRefused as refused:
                first = first or str(refused)
        raise EngineFailed(first)

    async def _asked(
        self, server: Server, body: Mapping[str, Any], format: str
    ) -> AsyncGenerator[Answer | bytes, None]:
        asked = dict(body) | {"response_format": format}
        if format == "pcm" and "speed" not in body:
            asked |= {"stream_format": "audio"}  # vLLM-Omni streams for who says so, at the usual speed alone
        headers = authorization(server.key) | {"Accept": "audio/*, application/octet-stream"}
        async with asyncio.timeout(self._patience.first_byte) as clock:
            async with self._client.stream("POST", server.url, json=asked, headers=headers) as response:
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
                clock.reschedule(self._soon())
                yield Answer(format, content_type, beginning)
                async for part in parts:
                    clock.reschedule(self._soon())
                    yield part

    def _soon(self) -> float:
        return asyncio.get_running_loop().time() + self._patience.idle

    async def _refuse(self, response: httpx.Response, name: str) -> None:
        """Raises what an answer means that is none."""
        body = b""
        async for part in response.aiter_bytes():
            body += part
            if len(body) > _ENOUGH_OF_AN_ERROR:
                break
        status, words = response.status_code, error_text(body[:_ENOUGH_OF_AN_ERROR], self._secrets)
        message = f"The speech server {name} answered {status}: {words}"
        asks = asked_pause(response.headers)
        if status == httpx.codes.TOO_MANY_REQUESTS:
            raise _Failed(EngineUnavailable(message), pause=pause(0) if asks is None else asks, counts=False)
        if status in PASSING or status >= 500:
            raise _Failed(EngineUnavailable(message), pause=asks)
        self._board.succeeded(name)  # it works: what it was asked is wrong
        if status in _REFUSED and any(word in body.lower() for word in (b"format", b"pcm")):
            raise _FormatRefused(message)
        raise EngineFailed(message)


async def _first(parts: AsyncIterator[bytes]) -> bytes:
    """The first bytes that are any."""
    async for part in parts:
        if part:
            return part
    return b""


def _problem(error: Exception, name: str, *, begun: bool, patience: Patience) -> str:
    if begun:
        why = f"nothing came for {patience.idle:g} s" if isinstance(error, TimeoutError) else type(error).__name__
        return f"The sound of the speech server {name} broke off ({why})."
    if isinstance(error, TimeoutError):
        return f"The speech server {name} sent no sound within {patience.first_byte:g} s."
    return f"The speech server {name} cannot be reached ({type(error).__name__}: {said(str(error))})."
