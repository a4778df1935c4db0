"""Runs engines in processes of their own: one that crashes, hangs or grows is replaced, and nobody else notices.

All of it belongs to one event loop. The parts: `process.py` (one process), `pool.py` (the processes of one engine),
`waiting.py` (whose turn it is), `residency.py` (which engines are in memory at once), `protocol.py` (what is said),
`child.py` (the program of a process).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from myna.engines.base import AudioChunk, Samples, SynthesisRequest
from myna.engines.elsewhere import Program
from myna.engines.pool import EngineCounters, EnginePool, PoolLimits
from myna.engines.process import READ_AHEAD, EngineProcess
from myna.engines.protocol import (
    block_header,
    block_payload,
    chunk_from,
    payload_of,
    recognised_from,
    recognition_header,
    request_to_json,
    samples_of,
    translation_header,
)
from myna.engines.recognition import Recognised, RecognitionRequest
from myna.engines.registry import EngineRegistry
from myna.engines.residency import Residency
from myna.engines.separation import Stems, Stereo
from myna.engines.translation import TranslationRequest
from myna.errors import BadAudio, EngineFailed, EngineUnavailable, InvalidRequest
from myna.settings import Settings

Spawn = Callable[[str], Awaitable[Process]]
"""Starts the process of an engine, with pipes for standard input, output and error."""

_BLOCK_SECONDS = 5.0
"""Of a recording that is denoised; between two of them it can be canceled."""
_TIME_ERROR = 0.1
"""Seconds by which a word may seem to end after the sound."""


async def spawn_engine(engine: str, python: Path | None = None) -> Process:
    """Start an engine, by its name or as `module:Class`, with this Python or with that of another environment."""
    program = Program(engine, python)
    return await asyncio.create_subprocess_exec(
        *program.command(engine, str(os.getpid())),
        stdin=PIPE,
        stdout=PIPE,
        stderr=PIPE,
        limit=READ_AHEAD,
        env=program.environment(),
        start_new_session=True,
    )


class EngineHost:
    """All engines of this node."""

    def __init__(self, settings: Settings, registry: EngineRegistry, spawn: Spawn | None = None) -> None:
        """Without `spawn`, processes are started with the Python that the registry knows for the engine."""
        self._registry = registry
        self._spawn = spawn or self._spawn_registered
        self._silence = settings.engine_silence_seconds
        self._preparing = settings.engine_prepare_seconds
        self._hearing = settings.engine_recognise_seconds
        self._translating = settings.engine_translate_seconds
        self._block = settings.engine_block_seconds
        self._limits = PoolLimits(
            processes=settings.engine_processes,
            queue=settings.engine_queue,
            start=settings.engine_start_seconds,
            growth_bytes=settings.engine_memory_mb * 1_000_000,
            idle=settings.engine_idle_seconds,
        )
        self._residency = Residency(settings.engines_at_once)
        self._pools: dict[str, EnginePool] = {}

    @property
    def processes(self) -> int:
        """How many an engine may have, unless it wants another number."""
        return self._limits.processes

    @property
    def counters(self) -> dict[str, EngineCounters]:
        """What each engine does, for metrics. Engines that were never used are missing."""
        return {name: pool.counters for name, pool in self._pools.items()}

    @property
    def memory_bytes(self) -> dict[str, int]:
        """Resident memory of the processes of each engine that was used."""
        return {name: pool.memory_bytes() for name, pool in self._pools.items()}

    async def synthesize(self, engine: str, request: SynthesisRequest) -> list[AudioChunk]:
        """The sound of the whole text, at least one chunk. Raises what `stream` raises."""
        async with contextlib.aclosing(self.stream(engine, request)) as chunks:
            return [chunk async for chunk in chunks]

    async def stream(self, engine: str, request: SynthesisRequest) -> AsyncGenerator[AudioChunk, None]:
        """The sound as it comes. Closing the generator stops the engine's work within a second.

        The samples are read-only. Raises `EngineUnavailable`, `Unavailable` (queue full), `EngineCrashed`,
        `EngineTimeout`, `BadAudio`, `EngineFailed`, and what else the engine says is wrong with the request.
        """
        rate = self._registry.describe(engine).sample_rate
        header = {"type": "synthesize", "request": request_to_json(request)}
        total = 0
        async with self._pool(engine).lend() as process:
            await process.send(header)
            while process.in_flight:
                answer, payload = await process.receive(self._silence)
                if payload:
                    chunk = chunk_from(answer, payload)
                    _check(chunk, rate, process)
                    total += len(chunk.samples)
                    yield chunk
        if not total:
            raise BadAudio(f"The engine `{engine}` made no sound of this text.")

    async def prepare_voice(
        self,
        engine: str,
        reference: Samples,
        sample_rate: int,
        transcript: str | None = None,
        language: str | None = None,
    ) -> dict[str, Any]:
        """Make a voice from a recording; the result becomes `voice_settings`. Raises `Unsupported` and as `stream`."""
        self._registry.describe(engine)
        header = {"type": "prepare", "sample_rate": sample_rate, "transcript": transcript, "language": language}
        async with self._pool(engine).lend() as process:
            await process.send(header, payload_of(reference))
            answer, _ = await process.receive(self._preparing)
        made: dict[str, Any] = answer["settings"]
        return made

    async def recognise(
        self, engine: str, samples: Samples, sample_rate: int, request: RecognitionRequest
    ) -> Recognised:
        """The words in mono sound of up to a minute or so, in order, or where those of a known text are.

        Raises `EngineUnavailable`, `Unavailable` (queue full), `EngineCrashed`, `EngineTimeout`, `EngineFailed`, and
        what else the engine says is wrong with the request.
        """
        self._registry.describe_recogniser(engine)
        async with self._pool(engine).lend() as process:
            await process.send(recognition_header(sample_rate, request), payload_of(samples))
            answer, _ = await process.receive(self._hearing)
        return _in_order(recognised_from(answer), len(samples) / sample_rate, engine)

    async def translate(self, engine: str, request: TranslationRequest) -> tuple[str, ...]:
        """As many lines as were given, in order, none of them empty unless it was. Raises as `recognise`."""
        self._registry.describe_translator(engine)
        async with self._pool(engine).lend() as process:
            await process.send(translation_header(request))
            answer, _ = await process.receive(self._translating)
        return _matching(answer["lines"], request, engine)

    async def separate(
        self, engine: str, blocks: AsyncIterable[Stereo], stems: Sequence[str]
    ) -> AsyncGenerator[Stems, None]:
        """Some stems of a stereo sound at the engine's rate: `[stems, n, 2]` for each block.

        All together are as long as the sound, of which nothing is kept here. Closing the generator stops the engine's
        work within a second.

        The blocks are best as long as `block_seconds`. Raises as `stream`; `InvalidRequest` for a stem of no such name.
        """
        able = self._registry.describe_separator(engine)
        if unknown := set(stems) - set(able.stems):
            raise InvalidRequest(f"The engine `{engine}` knows no stem called `{', '.join(sorted(unknown))}`.")
        taken = given = 0
        async with self._pool(engine).lend() as process:
            first = True
            async for block, last in _with_last(blocks, np.zeros((0, 2), np.float32)):
                header = block_header("separate", first=first, last=last, stems=list(stems), of=list(able.stems))
                made = await self._worked(process, header, block_payload(block, (None, 2)))
                parts = made.reshape(len(stems), -1, 2)
                taken, given, first = taken + len(block), given + parts.shape[1], False
                yield parts
        _check_length(engine, taken, given)

    async def denoise(self, engine: str, samples: Samples) -> Samples:
        """Mono sound at the engine's rate without its noise, as long as before. Raises as `stream`."""
        rate = self._registry.describe_denoiser(engine).sample_rate
        size = round(_BLOCK_SECONDS * rate)
        clean: list[Samples] = []
        async with self._pool(engine).lend() as process:
            for start in range(0, max(1, len(samples)), size):
                last = start + size >= len(samples)
                header = block_header("denoise", first=start == 0, last=last)
                clean.append(await self._worked(process, header, payload_of(samples[start : start + size])))
        _check_length(engine, len(samples), sum(map(len, clean)))
        return np.concatenate(clean)

    async def _worked(self, process: EngineProcess, header: dict[str, Any], payload: memoryview) -> Samples:
        """What an engine made of one block."""
        await process.send(header, payload)
        _, answer = await process.receive(self._block)
        made = samples_of(answer)
        if len(made):
            _check_numbers(made, process)
        return made

    async def warm(self, engine: str) -> None:
        """Have a process of this engine, of any kind, ready. Raises why it cannot start."""
        self._registry.check(engine)
        async with self._pool(engine).lend():
            pass

    async def close(self) -> None:
        """End all processes: those at rest tidily, those at work by force after two seconds."""
        await asyncio.gather(self._residency.close(), *(pool.close() for pool in self._pools.values()))

    def _pool(self, engine: str) -> EnginePool:
        if engine not in self._pools:
            limits = replace(self._limits, processes=self._at_once(engine))
            self._pools[engine] = EnginePool(engine, limits, lambda: self._start(engine), self._residency)
        return self._pools[engine]

    def _at_once(self, engine: str) -> int:
        """Processes that an engine may have: as many as it wants when the cores of this machine do not matter to it."""
        wanted = self._registry.describe(engine).at_once if engine in self._registry.names else None
        return wanted or self.processes

    async def _spawn_registered(self, engine: str) -> Process:
        program = self._registry.program(engine)
        return await spawn_engine(program.target, program.python)

    async def _start(self, engine: str) -> EngineProcess:
        try:
            return EngineProcess(engine, await self._spawn(engine))
        except OSError as error:
            raise EngineUnavailable(f"No process for the engine `{engine}` can be started: {error}") from error


def _check(chunk: AudioChunk, rate: int, process: EngineProcess) -> None:
    """Raises `BadAudio`, and has the process replaced, when the sound cannot be used."""
    if chunk.sample_rate != rate:
        process.broken = "bad_audio"
        raise BadAudio(f"The engine `{process.engine}` returned {chunk.sample_rate} Hz instead of {rate} Hz.")
    _check_numbers(chunk.samples, process)


def _check_numbers(samples: Samples, process: EngineProcess) -> None:
    lowest, highest = samples.min(), samples.max()  # both are NaN when one sample is
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        process.broken = "bad_audio"
        raise BadAudio(f"The engine `{process.engine}` returned sound that is not a number.")


def _check_length(engine: str, taken: int, given: int) -> None:
    if taken != given:
        raise BadAudio(f"The engine `{engine}` returned {given} samples for {taken}.")


async def _with_last(blocks: AsyncIterable[Stereo], nothing: Stereo) -> AsyncIterator[tuple[Stereo, bool]]:
    """Each block, and at the end one without sound that is the last."""
    async for block in blocks:
        yield block, False
    yield nothing, True


def _in_order(found: Recognised, seconds: float, engine: str) -> Recognised:
    """Raises `EngineFailed` when words lie outside the sound, or run backwards."""
    reached = 0.0
    for word in found.words:
        if not (word.text.strip() and reached <= word.start <= word.end <= seconds + _TIME_ERROR):
            raise EngineFailed(f"The engine `{engine}` heard a word where none can be: {word}.")
        reached = word.start
    return found


def _matching(lines: list[Any], request: TranslationRequest, engine: str) -> tuple[str, ...]:
    """Raises `EngineFailed` unless each line has its translation."""
    if len(lines) != len(request.lines):
        raise EngineFailed(f"The engine `{engine}` returned {len(lines)} lines for {len(request.lines)}.")
    for given, line in zip(request.lines, lines, strict=True):
        if not isinstance(line, str) or (given.strip() and not line.strip()):
            raise EngineFailed(f"The engine `{engine}` did not translate a line: {given[:80]}")
    return tuple(lines)
