"""Reads what users send, in a process of its own for each file.

A decoder that is led astray then harms nothing: the process (`child.py`) has little memory and time, opens no files,
reaches no network, knows no secrets and ends with its one file. However it ends, the caller gets what was asked for or
a refusal.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from myna.errors import StorageFull, Unavailable, UnsupportedMedia
from myna.kit.finishing import to_the_end
from myna.media.child import BLOCK_BYTES, DONE, FOUND, HEAD, LENGTH, NO_ROOM, READY, REFUSED, SOUND
from myna.media.decode import Decoded, Track, as_samples
from myna.media.sniff import refuse_what_is_no_sound

DECODE_SECONDS = 30.0
"""How long reading one file may take."""
_LONGEST_FRAME = 1 << 20
_SPARE_SECONDS = 1.0
"""A block more than `max_seconds` may be under way when the process notices."""
_KEPT = ("LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "SYSTEMROOT")
"""What Python needs to find its libraries; of the rest of the environment the process knows nothing."""
_SAMPLE_BYTES = 4
_RECORDING = "a recording does. Send it as WAV or FLAC."
_FILM = "a film does. Send it as MP4 with H.264 and AAC, or only the sound as WAV or MP3."


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one file may take."""

    memory_bytes: int = 300 * 1024 * 1024
    """Of address space, besides the file itself."""
    cpu_seconds: int = 20
    written_bytes: int = 0
    """How large the file may become that the process was given to write."""


class Spawn(Protocol):
    """Starts the process with these arguments, pipes for standard input and output, and these descriptors."""

    def __call__(self, arguments: list[str], /, *, descriptors: Sequence[int] = ()) -> Awaitable[Process]: ...


class Found:
    """Takes what a process answers: here, one document."""

    def __init__(self) -> None:
        self.document: dict[str, Any] = {}

    def found(self, document: dict[str, Any]) -> None:
        self.document = document

    async def sound(self, block: bytes) -> None:
        raise _astray("an answer that is not understood", _FILM)


async def spawn_child(arguments: list[str], /, *, descriptors: Sequence[int] = ()) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-P", "-m", "myna.media.child"),
        *arguments,
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        limit=BLOCK_BYTES,
        env={name: os.environ[name] for name in _KEPT if name in os.environ},
        cwd="/",
        start_new_session=True,
        pass_fds=tuple(descriptors),
    )


class Sandbox:
    """A few places for processes that read one file each, and a short queue."""

    def __init__(
        self,
        *,
        places: int = os.cpu_count() or 1,
        waiting: int = 16,
        limits: Limits = Limits(),
        spawn: Spawn = spawn_child,
    ) -> None:
        self._places = asyncio.Semaphore(places)
        self._most_waiting = waiting
        self._waiting = 0
        self._limits = limits
        self._spawn = spawn

    async def decode(self, data: bytes, *, max_seconds: float, timeout: float = DECODE_SECONDS) -> Decoded:
        """The first sound track of a file, mixed down to mono, at most 48 kHz.

        Raises `UnsupportedMedia` when it is no sound, has none, has too much, or cannot be read within the limits;
        `Unavailable` when too many files wait to be read. When canceled, the process is ended at once.
        """
        refuse_what_is_no_sound(data)
        limits = Limits(self._limits.memory_bytes + len(data), self._limits.cpu_seconds)
        gathered = _Gathered(max_seconds)
        details = {"size": len(data), "max_seconds": max_seconds}
        async with self._place(timeout), self._process("decode", limits, (), timeout) as process:
            await _converse(process, details, data, gathered, timeout, _RECORDING)
        return gathered.decoded()

    async def run(
        self,
        task: str,
        details: dict[str, Any],
        *,
        descriptors: Sequence[int],
        timeout: float,
        limits: Limits | None = None,
        listener: Found | None = None,
    ) -> dict[str, Any]:
        """Do one of the tasks of `child.py` with files that are open here, and return what was found.

        Raises as `decode`, and `StorageFull` when there is no room for what is written.
        """
        listener = listener or Found()
        async with (
            self._place(timeout),
            self._process(task, limits or self._limits, descriptors, timeout) as process,
        ):
            await _converse(process, details, b"", listener, timeout, _FILM)
        return listener.document

    @contextlib.asynccontextmanager
    async def _place(self, timeout: float) -> AsyncIterator[None]:
        if self._places.locked() and self._waiting >= self._most_waiting:
            raise Unavailable("Too many files wait to be read. Try again in a moment.")
        self._waiting += 1
        try:
            async with asyncio.timeout(timeout):
                await self._places.acquire()
        except TimeoutError:
            raise Unavailable("Too many files wait to be read. Try again in a moment.") from None
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._places.release()

    @contextlib.asynccontextmanager
    async def _process(
        self, task: str, limits: Limits, descriptors: Sequence[int], timeout: float
    ) -> AsyncIterator[Process]:
        numbers = (limits.memory_bytes, limits.cpu_seconds, limits.written_bytes, timeout, os.getpid())
        try:
            process = await self._spawn([task, *map(str, numbers)], descriptors=descriptors)
        except OSError as error:
            raise Unavailable("No process to read this file could be started. Try again in a moment.") from error
        try:
            yield process
        finally:
            _kill(process)
            await to_the_end(_bury(process))


_sandboxes: WeakKeyDictionary[asyncio.AbstractEventLoop, Sandbox] = WeakKeyDictionary()
_film_sandboxes: WeakKeyDictionary[asyncio.AbstractEventLoop, Sandbox] = WeakKeyDictionary()


async def decode_untrusted(data: bytes, *, max_seconds: float, timeout: float = DECODE_SECONDS) -> Decoded:
    """`Sandbox.decode` with the places of this process: one for each processor, and 16 that wait."""
    sandbox = _sandboxes.setdefault(asyncio.get_running_loop(), Sandbox())
    return await sandbox.decode(data, max_seconds=max_seconds, timeout=timeout)


def film_sandbox() -> Sandbox:
    """Places of their own for films, so nobody who sends a short recording waits for an hour of video."""
    return _film_sandboxes.setdefault(asyncio.get_running_loop(), Sandbox(waiting=64))


async def _converse(
    process: Process, details: dict[str, Any], data: bytes, listener: Found, timeout: float, remedy: str
) -> None:
    try:
        async with asyncio.timeout(timeout):
            await _hand_over(process, json.dumps(details).encode(), data)
            await _listen(process, listener, remedy)
    except TimeoutError:
        raise UnsupportedMedia(
            f"This file could not be read within {timeout:g} seconds. Send a shorter part of it, or try WAV.",
            reason="wall time",
        ) from None


async def _hand_over(process: Process, details: bytes, data: bytes) -> None:
    """Say what to do and send the file. A process that ended meanwhile says why, or does not, in its answer."""
    assert process.stdin is not None
    with contextlib.suppress(ConnectionError):
        process.stdin.write(LENGTH.pack(len(details)) + details)
        await process.stdin.drain()
        for start in range(0, len(data), BLOCK_BYTES):
            process.stdin.write(memoryview(data)[start : start + BLOCK_BYTES])
            await process.stdin.drain()
    process.stdin.close()


async def _listen(process: Process, listener: Found, remedy: str) -> None:
    assert process.stdout is not None
    kind = b""
    while True:
        try:
            kind, payload = await _frame(process.stdout, remedy)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise await _sudden_end(process, remedy, started=bool(kind)) from None
        if kind == REFUSED:
            raise _refusal(json.loads(payload))
        if kind == FOUND:
            listener.found(json.loads(payload))
        elif kind == SOUND:
            await listener.sound(payload)
        elif kind == DONE:
            return
        elif kind != READY:
            raise _astray("an answer that is not understood", remedy)


class _Gathered(Found):
    """The sound of a recording, as far as it was asked for."""

    def __init__(self, max_seconds: float) -> None:
        super().__init__()
        self._most_seconds = max_seconds + _SPARE_SECONDS
        self._sound = bytearray()

    async def sound(self, block: bytes) -> None:
        self._sound += block
        if len(self._sound) > self._most_seconds * self._track().sample_rate * _SAMPLE_BYTES:
            raise _astray("more sound than was asked for", _RECORDING)

    def decoded(self) -> Decoded:
        return _decoded(self._track(), self._sound)

    def _track(self) -> Track:
        if not self.document:
            raise _astray("an answer that is not understood", _RECORDING)
        return Track(**self.document)


async def _frame(output: asyncio.StreamReader, remedy: str) -> tuple[bytes, bytes]:
    kind, length = HEAD.unpack(await output.readexactly(HEAD.size))
    if length > _LONGEST_FRAME:
        raise _astray("an answer that is too long", remedy)
    return kind, await output.readexactly(length)


def _decoded(track: Track, sound: bytearray) -> Decoded:
    return Decoded(
        samples=as_samples(sound),
        sample_rate=track.sample_rate,
        container=track.container,
        codec=track.codec,
        channels=track.channels,
        source_rate=track.source_rate,
    )


async def _sudden_end(process: Process, remedy: str, *, started: bool) -> Exception:
    """A process that had begun to read was ended by a limit or a fault; one that had not is no fault of the file."""
    code = await process.wait()
    if not started:
        return Unavailable("The process that reads files did not start. `myna doctor` says what is missing.")
    return _astray(f"signal {-code}" if code < 0 else f"exit status {code}", remedy)


def _refusal(document: dict[str, str]) -> Exception:
    if document["kind"] == NO_ROOM:
        return StorageFull()
    return UnsupportedMedia(document["message"], reason=document["reason"])


def _astray(reason: str, remedy: str) -> UnsupportedMedia:
    return UnsupportedMedia(
        f"Reading this file failed: it is damaged, or takes more memory or time than {remedy}", reason=reason
    )


def _kill(process: Process) -> None:
    """End the process and what it may have started."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


async def _bury(process: Process) -> None:
    """Read its pipe to the end, without which asyncio never sees it closed, and take its exit status."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    with contextlib.suppress(ConnectionError):
        while await process.stdout.read(BLOCK_BYTES):
            pass
    await process.wait()
