"""The engine: asks in a thread of its own, so that nobody has to wait for a server before a request can be canceled."""

from __future__ import annotations

import asyncio
import os
import queue
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import aclosing, suppress
from typing import Any, ClassVar

import numpy as np

from myna.engines.base import AudioChunk, Capabilities, Engine, Samples, StockVoice, SynthesisRequest
from myna.engines.remote.board import Board, Rules
from myna.engines.remote.calling import PATH, Answer, Caller, Patience, Server
from myna.engines.remote.sound import (
    MOST_BYTES,
    RATE,
    PcmReader,
    channels_of,
    check_length,
    chunks,
    is_file,
    longest,
    rate_of,
    read_file,
)
from myna.engines.remote.voices import keys_of, known_languages, remote_voices
from myna.engines.upstream import endpoint, server_of
from myna.errors import BadAudio, EngineUnavailable, Unsupported
from myna.settings import Settings

_LOOK_SECONDS = 0.1
"""How often it is looked whether a request was canceled while nothing comes."""
_CLOSE_SECONDS = 0.8
"""An engine's process has a second to tidy up."""
_NOTHING: Samples = np.zeros(0, np.float32)

_Part = Answer | bytes | Exception | None
"""Of an answer: how it begins, more bytes, why it broke off, its end."""


class RemoteEngine(Engine):
    """Speech by any server with OpenAI's `/v1/audio/speech`."""

    name: ClassVar[str] = "remote"

    def __init__(self, settings: Settings | None = None, board: Board | None = None) -> None:
        self._settings = settings or Settings()
        self._board = board or board_of(os.getppid(), self._settings)
        self._servers = servers_of(self._settings)
        self._languages = known_languages(self._settings)
        self._calling = _Calling(self._caller)

    @classmethod
    def available(cls) -> tuple[bool, str]:
        settings = Settings()
        if not settings.remote_url:
            return (
                False,
                "MYNA_REMOTE_URL names no speech server, such as http://127.0.0.1:8880/v1 (docs/engines/remote.md)",
            )
        try:
            servers_of(settings)
            voices = remote_voices(settings)
        except EngineUnavailable as error:
            return False, error.message
        return bool(voices), "" if voices else "the speech server has no voices"

    @classmethod
    def describe(cls) -> Capabilities:
        settings = Settings()
        languages = dict.fromkeys([*(voice.language for voice in cls.voices()), *settings.remote_languages])
        return Capabilities(
            name=cls.name,
            description="Speech by other servers with OpenAI's API, as MYNA_REMOTE_URL names them.",
            version=settings.remote_model or "1",
            licence="Apache-2.0; the servers' own",
            languages=tuple(languages),
            sample_rate=RATE,
            streaming=settings.remote_format == "pcm",
            options=frozenset(settings.remote_options),
            device="remote",
            passes_on=settings.remote_format == "pcm",
            at_once=settings.remote_at_once,
        )

    @classmethod
    def voices(cls) -> tuple[StockVoice, ...]:
        settings = Settings()
        return remote_voices(settings) if settings.remote_url else ()

    def synthesize(self, request: SynthesisRequest) -> Iterator[AudioChunk]:
        """Empty chunks mean that nothing has come yet.

        Raises as `Caller.speak`, `Unsupported` for a language that no voice speaks, `BadAudio` for what is no speech.
        """
        if self._languages and request.language.split("-")[0].lower() not in self._languages:
            raise Unsupported(f"The speech servers do not speak `{request.language}`.", field="language")
        parts: queue.SimpleQueue[_Part] = queue.SimpleQueue()
        work = self._calling.begin(self._body(request), request.hops, parts)
        arriving = _Arriving(parts)
        try:
            yield from self._checked(request, arriving)
        except BadAudio as error:
            if arriving.server and not arriving.failed:
                self._board.failed(arriving.server, error.message)
            raise
        except GeneratorExit:
            if arriving.server and arriving.ended:
                self._board.given_up(arriving.server)
            raise
        finally:
            work.cancel()  # closes the connection when there is still something to come
        self._board.succeeded(arriving.server)
        if request.pause_after:
            yield AudioChunk(np.zeros(round(request.pause_after * RATE), np.float32), RATE)

    def _checked(self, request: SynthesisRequest, arriving: _Arriving) -> Iterator[AudioChunk]:
        """Raises `BadAudio` for sound that is no speech of this text."""
        done = 0
        for samples in _sound(arriving, self._settings.remote_pcm_rate, longest(request.text, request.speed)):
            done += len(samples)
            check_length(request.text, request.speed, done / RATE, ended=False)
            yield AudioChunk(samples, RATE)
        check_length(request.text, request.speed, done / RATE, ended=True)

    def close(self) -> None:
        self._calling.close()

    def _body(self, request: SynthesisRequest) -> dict[str, Any]:
        text = request.text.encode(errors="ignore").decode().replace("\0", " ")
        fields = {name: _filled(value, request.language) for name, value in self._settings.remote_fields.items()}
        body = {"model": self._settings.remote_model, "input": text, "voice": request.voice_settings["voice"], **fields}
        if "speed" in self._settings.remote_options and request.speed != 1.0:
            body["speed"] = request.speed
        if "seed" in self._settings.remote_options:
            body["seed"] = request.seed
        if "temperature" in self._settings.remote_options:
            body["temperature"] = request.temperature
        return body

    def _caller(self) -> Caller:
        settings = self._settings
        patience = Patience(
            settings.remote_connect_seconds,
            settings.remote_first_byte_seconds,
            settings.remote_idle_seconds,
            settings.remote_whole_seconds,
            settings.remote_attempts,
        )
        return Caller(self._servers, patience, self._board, settings.remote_format)


class _Calling:
    """A thread with the event loop in which requests run and connections are kept."""

    def __init__(self, make: Callable[[], Caller]) -> None:
        self._make = make
        self._caller: Caller | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def begin(self, body: dict[str, Any], hops: int, parts: queue.SimpleQueue[_Part]) -> Future[None]:
        """Ask; what comes is put into `parts`. Canceling the result closes the connection."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="calling", daemon=True)
            self._thread.start()
        return asyncio.run_coroutine_threadsafe(self._call(body, hops, parts), self._loop)

    def close(self) -> None:
        """Close all connections, and end the thread."""
        if self._loop is None or self._thread is None:
            return
        with suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(_CLOSE_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLOSE_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()
        self._loop = self._thread = None

    async def _call(self, body: dict[str, Any], hops: int, parts: queue.SimpleQueue[_Part]) -> None:
        if self._caller is None:
            self._caller = self._make()
        try:
            async with aclosing(self._caller.speak(body, hops)) as answer:
                async for part in answer:
                    parts.put(part)
            parts.put(None)
        except Exception as error:  # raised where the engine reads
            parts.put(error)

    async def _close(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        if self._caller is not None:
            await self._caller.close()
            self._caller = None


def servers_of(settings: Settings) -> tuple[Server, ...]:
    """The servers of the settings. Raises `EngineUnavailable` for addresses and keys that cannot be."""
    servers: dict[str, Server] = {}
    for url, key in zip(settings.remote_url, keys_of(settings), strict=True):
        if not re.fullmatch(r"https?://[^\s/]+(/\S*)?", url):
            raise EngineUnavailable(f"MYNA_REMOTE_URL has an address that is none: {server_of(url)}")
        name = server_of(url)
        name = name if name not in servers else f"{name} ({len(servers) + 1})"
        servers[name] = Server(name, endpoint(url, PATH), key)
    return tuple(servers.values())


def board_of(server_pid: int, settings: Settings) -> Board:
    """The board of a `myna serve`, by its process id."""
    return Board.of_server(server_pid, Rules(settings.remote_failures, settings.remote_rest_seconds))


def _filled(value: Any, language: str) -> Any:
    return value.replace("{language}", language) if isinstance(value, str) else value


class _Arriving:
    """What comes; nothing, now and then, while nothing does. Raises what went wrong."""

    def __init__(self, parts: queue.SimpleQueue[_Part]) -> None:
        self._parts = parts
        self.server = ""
        """Whose answer it is, once it has begun."""
        self.failed = False
        """What went wrong is noted on the board."""
        self.ended = False

    def __iter__(self) -> Iterator[Answer | bytes]:
        while True:
            try:
                part = self._parts.get(timeout=_LOOK_SECONDS)
            except queue.Empty:
                yield b""
                continue
            if part is None:
                self.ended = True
                return
            if isinstance(part, Exception):
                self.failed = True
                raise part
            if isinstance(part, Answer):
                self.server = part.server
            yield part


def _sound(arriving: Iterable[Answer | bytes], pcm_rate: int, longest: float) -> Iterator[Samples]:
    """The samples, as soon as they can be had; of a file no more than `longest` seconds. Raises `BadAudio`."""
    parts = iter(arriving)
    for part in parts:
        if isinstance(part, Answer):
            whole = is_file(part.format, part.content_type, part.beginning)
            rest = (more for more in parts if isinstance(more, bytes))
            yield from _of_file(part, rest, longest) if whole else _of_pcm(part, rest, pcm_rate)
        else:
            yield _NOTHING


def _of_file(answer: Answer, rest: Iterator[bytes], longest: float) -> Iterator[Samples]:
    data = bytearray(answer.beginning)
    for part in rest:
        data += part
        if len(data) > MOST_BYTES:
            raise BadAudio(f"The speech server returned more than {MOST_BYTES // 1_000_000} MB for one sentence.")
        if not part:
            yield _NOTHING
    yield from chunks(read_file(bytes(data), longest))


def _of_pcm(answer: Answer, rest: Iterator[bytes], pcm_rate: int) -> Iterator[Samples]:
    reader = PcmReader(rate_of(answer.content_type, pcm_rate), channels_of(answer.content_type))
    yield from chunks(reader.read(answer.beginning))
    for part in rest:
        if part:
            yield from chunks(reader.read(part))
        else:
            yield _NOTHING
    yield from chunks(reader.finish())
