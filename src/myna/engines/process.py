"""One engine's process, seen from the server."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
from asyncio.subprocess import Process
from collections import deque
from typing import Any

import psutil

from myna.engines.protocol import LENGTHS, ProtocolError, frame, lengths, parse_header
from myna.errors import (
    BadAudio,
    EngineCrashed,
    EngineFailed,
    EngineKilled,
    EngineTimeout,
    EngineUnavailable,
    InvalidRequest,
    MynaError,
    ReferenceRefused,
    TextTooLong,
    Unavailable,
    Unsupported,
)
from myna.kit.installing import without_folders

Frame = tuple[dict[str, Any], bytes]

READ_AHEAD = 256 * 1024
"""Bytes that are kept for a slow listener; then the engine has to wait."""
_CONFIRM_SECONDS = 1.0
_STOP_SECONDS = 2.0
_KEPT_LINES = 20
_REPORTED = {
    kind.code: kind
    for kind in (EngineFailed, EngineUnavailable, BadAudio, InvalidRequest, ReferenceRefused, TextTooLong, Unsupported)
}
"""Errors that an engine may report under their own name."""

_log = logging.getLogger(__name__)


class EngineProcess:
    """Sends requests to one process and reads its answers; one request at a time."""

    def __init__(self, engine: str, process: Process) -> None:
        self.engine = engine
        self.broken = ""
        """Why the process cannot be used any more; empty while it can."""
        self._process = process
        self._number = 0
        self._in_flight = False
        self._reading = asyncio.Lock()
        self._lengths: tuple[int, int] | None = None
        """Of the frame that whoever was canceled has begun to read."""
        self._last_words: deque[str] = deque(maxlen=_KEPT_LINES)
        self._memory = psutil.Process(process.pid) if psutil.pid_exists(process.pid) else None
        self._first_bytes: int | None = None
        self._listening = asyncio.create_task(self._listen())

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        output = self._process.stdout
        return not self.broken and self._process.returncode is None and output is not None and not output.at_eof()

    @property
    def in_flight(self) -> bool:
        """Whether an answer is still to come."""
        return self._in_flight

    def memory_bytes(self) -> int:
        """Resident memory; 0 when the process is gone."""
        try:
            return self._memory.memory_info().rss if self._memory else 0
        except psutil.Error:
            return 0

    def grown_bytes(self) -> int:
        """Resident memory beyond what it had when this was first asked."""
        now = self.memory_bytes()
        if self._first_bytes is None:
            self._first_bytes = now
        return now - self._first_bytes

    async def wait_ready(self, seconds: float) -> None:
        """Raises `EngineUnavailable` when the engine cannot start, `EngineCrashed`, `EngineTimeout`."""
        header, _ = await self._next_frame(seconds)
        if header["type"] != "ready":
            self.broken = "start"
            reason = without_folders(str(header.get("message") or ""))
            raise EngineUnavailable(reason or f"The engine `{self.engine}` did not start.")

    async def send(self, header: dict[str, Any], payload: bytes | memoryview = b"") -> None:
        """Send a request. Its answer is read with `receive` until nothing is in flight."""
        self._number += 1
        self._in_flight = True
        self._write(header | {"id": self._number}, payload)
        if self._process.stdin:
            with contextlib.suppress(ConnectionError):  # the next `receive` says what happened
                await self._process.stdin.drain()

    async def receive(self, silence: float) -> Frame:
        """The next frame of the answer.

        Raises what the engine reports; `EngineCrashed`; `EngineTimeout` after `silence` seconds without a frame.
        """
        answer = await self._next_frame(silence)
        self._check(answer[0])
        return answer

    async def cancel(self) -> None:
        """Stop the request in flight. Marks the process as broken when it does not confirm within a second."""
        self._write({"type": "cancel", "id": self._number})
        with contextlib.suppress(MynaError):
            try:
                async with asyncio.timeout(_CONFIRM_SECONDS):
                    while self._in_flight:
                        await self.receive(2 * _CONFIRM_SECONDS)
            except TimeoutError:
                self.broken = "cancel"

    async def stop(self) -> None:
        """End the process: at once when it is broken, else after it has tidied up, by force if need be."""
        if not self.broken and self._process.stdin:
            self._process.stdin.close()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_STOP_SECONDS):
                    await self._drain()
        self.kill()
        await self._drain()
        await self._process.wait()
        await self._listening

    def kill(self) -> None:
        """End the process and what it has started."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def last_words(self) -> str:
        """The end of what it wrote to standard error."""
        return "\n".join(self._last_words)

    def _check(self, header: dict[str, Any]) -> None:
        if header.get("id") != self._number:
            self.broken = "protocol"
            raise EngineCrashed(f"The engine `{self.engine}` answered another request than the one it was asked.")
        self._in_flight = header["type"] == "chunk"
        if header["type"] == "canceled":  # whoever canceled does not look at this
            raise Unavailable(f"The engine `{self.engine}` was stopped before it had spoken.")
        if header["type"] == "error":
            kind = _REPORTED.get(header.get("code", ""), EngineFailed)
            raise kind(str(header.get("message", "")) or None)

    async def _next_frame(self, seconds: float) -> Frame:
        output = self._process.stdout
        assert output is not None
        try:
            async with asyncio.timeout(seconds), self._reading:
                if self._lengths is None:
                    self._lengths = lengths(await output.readexactly(LENGTHS.size))
                header_length, payload_length = self._lengths
                whole = await output.readexactly(header_length + payload_length)
                self._lengths = None
                return parse_header(whole[:header_length]), whole[header_length:]
        except TimeoutError:
            self.broken = "silence"
            raise EngineTimeout(f"The engine `{self.engine}` said nothing for {seconds:g} seconds.") from None
        except (asyncio.IncompleteReadError, ConnectionError):
            self.broken = "crash"
            raise await self._ended() from None
        except ProtocolError as error:
            self.broken = "protocol"
            raise EngineCrashed(f"The engine `{self.engine}` cannot be understood: {error}") from None

    async def _ended(self) -> EngineCrashed:
        """What to say of a process that has closed its end."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CONFIRM_SECONDS):
                await self._process.wait()
        if self._process.returncode == -signal.SIGKILL:
            return EngineKilled(f"The process of the engine `{self.engine}` was killed in the middle of its work.")
        return EngineCrashed(f"The process of the engine `{self.engine}` ended in the middle of its work.")

    def _write(self, header: dict[str, Any], payload: bytes | memoryview = b"") -> None:
        pipe = self._process.stdin
        if pipe is not None and not pipe.is_closing():
            pipe.writelines(part for part in frame(header, payload) if len(part))

    async def _drain(self) -> None:
        """Throw away what is still in the pipe, until its end."""
        output = self._process.stdout
        with contextlib.suppress(ConnectionError):
            async with self._reading:
                while output is not None and await output.read(READ_AHEAD):
                    pass

    async def _listen(self) -> None:
        """Keep the last lines of standard error, and log them."""
        errors = self._process.stderr
        assert errors is not None
        with contextlib.suppress(ConnectionError, ValueError):
            while line := await errors.readline():
                text = line.decode(errors="replace").rstrip()
                self._last_words.append(text)
                _log.debug("%s[%d]: %s", self.engine, self.pid, text)
