"""Decodes what users send, in a process of its own for each file.

A decoder that is led astray then harms nothing: the process (`child.py`) has little memory and time, opens no files,
reaches no network, knows no secrets and ends with its one file. However it ends, the caller gets sound or a refusal.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from myna.errors import Unavailable, UnsupportedMedia
from myna.media.child import BLOCK_BYTES, DONE, HEAD, READY, REFUSED, SOUND, TRACK
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


@dataclass(frozen=True, slots=True)
class Limits:
    """What reading one file may take."""

    memory_bytes: int = 300 * 1024 * 1024
    """Of address space, besides the file itself."""
    cpu_seconds: int = 20


Spawn = Callable[[list[str]], Awaitable[Process]]
"""Starts the process with these arguments, and pipes for standard input and output."""


async def spawn_child(arguments: list[str]) -> Process:
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
        async with self._place(timeout), self._process(len(data), max_seconds, timeout) as process:
            try:
                async with asyncio.timeout(timeout):
                    await _hand_over(process, data)
                    return await _listen(process, max_seconds)
            except TimeoutError:
                raise UnsupportedMedia(
                    f"This file could not be read within {timeout:g} seconds. Send it as WAV, or a shorter part.",
                    reason="wall time",
                ) from None

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
    async def _process(self, size: int, max_seconds: float, timeout: float) -> AsyncIterator[Process]:
        limits = self._limits
        numbers = (size, max_seconds, limits.memory_bytes + size, limits.cpu_seconds, timeout, os.getpid())
        try:
            process = await self._spawn([str(number) for number in numbers])
        except OSError as error:
            raise Unavailable("No process to read this file could be started. Try again in a moment.") from error
        try:
            yield process
        finally:
            _kill(process)
            await asyncio.shield(_bury(process))


_sandboxes: WeakKeyDictionary[asyncio.AbstractEventLoop, Sandbox] = WeakKeyDictionary()


async def decode_untrusted(data: bytes, *, max_seconds: float, timeout: float = DECODE_SECONDS) -> Decoded:
    """`Sandbox.decode` with the places of this process: one for each processor, and 16 that wait."""
    sandbox = _sandboxes.setdefault(asyncio.get_running_loop(), Sandbox())
    return await sandbox.decode(data, max_seconds=max_seconds, timeout=timeout)


async def _hand_over(process: Process, data: bytes) -> None:
    """Send the file. A process that ended meanwhile says why, or does not, in its answer."""
    assert process.stdin is not None
    with contextlib.suppress(ConnectionError):
        for start in range(0, len(data), BLOCK_BYTES):
            process.stdin.write(memoryview(data)[start : start + BLOCK_BYTES])
            await process.stdin.drain()
    process.stdin.close()


async def _listen(process: Process, max_seconds: float) -> Decoded:
    assert process.stdout is not None
    track: Track | None = None
    sound = bytearray()
    kind = b""
    while True:
        try:
            kind, payload = await _frame(process.stdout)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise await _sudden_end(process, started=bool(kind)) from None
        if kind == REFUSED:
            raise UnsupportedMedia(**json.loads(payload))
        if kind == TRACK:
            track = Track(**json.loads(payload))
        elif kind == SOUND and track:
            sound += payload
            if len(sound) > (max_seconds + _SPARE_SECONDS) * track.sample_rate * _SAMPLE_BYTES:
                raise _astray("more sound than was asked for")
        elif kind == DONE and track:
            return _decoded(track, sound)
        elif kind != READY:
            raise _astray("an answer that is not understood")


async def _frame(output: asyncio.StreamReader) -> tuple[bytes, bytes]:
    kind, length = HEAD.unpack(await output.readexactly(HEAD.size))
    if length > _LONGEST_FRAME:
        raise _astray("an answer that is too long")
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


async def _sudden_end(process: Process, *, started: bool) -> Exception:
    """A process that had begun to read was ended by a limit or a fault; one that had not is no fault of the file."""
    code = await process.wait()
    if not started:
        return Unavailable("The process that reads files did not start. `myna doctor` says what is missing.")
    return _astray(f"signal {-code}" if code < 0 else f"exit status {code}")


def _astray(reason: str) -> UnsupportedMedia:
    return UnsupportedMedia(
        "Reading this file failed: it is damaged, or takes more memory or time than a recording does. "
        "Send it as WAV or FLAC.",
        reason=reason,
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
