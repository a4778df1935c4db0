"""What is heard besides speech: the bed on which the new dialogue lies; and, where an engine can, speech without it."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from functools import partial
from pathlib import Path

import numpy as np

from myna.audio.activity import Segment
from myna.audio.bed import bed_blocks
from myna.audio.ramps import Ramps, joined
from myna.audio.resample import StereoResampler, StreamResampler
from myna.dubbing.files import DubFiles
from myna.dubbing.stages.taking_in import ORIGINAL, SOUND_RATE, SPEECH_RATE
from myna.dubbing.steps import Report
from myna.dubbing.store import Work
from myna.dubbing.threads import in_thread
from myna.engines.forgiving import Forgiveness
from myna.engines.host import EngineHost
from myna.engines.registry import EngineRegistry
from myna.engines.separation import Stereo
from myna.errors import EngineFailed
from myna.media.soundfiles import SoundReader, SoundWriter

SEGMENTS, BED, VOICE = "segments.json", "bed.flac", "voice.flac"
BED_MAKER = "bed.json"
"""Which engine made the bed; there is none when it was made without one."""
_CONTEXT_SECONDS = 1.0
"""Before and after speech, which the engine hears too, so that it knows what else there is."""
_RAMP_SECONDS = 0.25
"""Around speech, from the source to what the engine leaves of it: as long as the end of a word goes on in a room."""
_GRID = SOUND_RATE // 100
"""Stretches begin at multiples of 10 ms, which are whole samples at all the rates that are in use."""
_COPIED = 10 * SOUND_RATE


class Separate:
    """The background. An engine that takes sound apart makes it, if there is one; else the pauses in the speech do."""

    def __init__(self, files: DubFiles, engines: EngineHost, registry: EngineRegistry) -> None:
        self._files = files
        self._engines = engines
        self._registry = registry

    async def __call__(self, work: Work, report: Report) -> Sequence[str]:
        if not work.dub.request.background:
            return ()
        if not await self._files.has(*work.place, BED):
            await self._make(work, report)
        return list(filter(None, [await bed_maker(self._files, work)]))

    async def _make(self, work: Work, report: Report) -> None:
        original = await self._files.local(*work.place, ORIGINAL)
        segments = await read_segments(self._files, work)
        bed, voice = self._files.scratch(work.dub.id), self._files.scratch(work.dub.id)
        try:
            if engine := work.dub.request.separator or self._registry.preferred("separation"):
                await self._by_engine(engine, original, (bed, voice), segments, report)
                await self._files.keep(*work.place, VOICE, voice)
                await self._files.put(*work.place, BED_MAKER, json.dumps({"engine": engine}).encode())
            else:
                await _by_pauses(original, bed, segments, report)
            await self._files.keep(*work.place, BED, bed)
        finally:
            bed.unlink(missing_ok=True)
            voice.unlink(missing_ok=True)

    async def _by_engine(
        self, engine: str, original: Path, targets: tuple[Path, Path], segments: Sequence[Segment], report: Report
    ) -> None:
        """Only where somebody speaks: elsewhere the source itself is the bed, so that a song keeps its singer."""
        with (
            SoundReader(original) as sound,
            SoundWriter(targets[0], SOUND_RATE, 2) as bed,
            SoundWriter(targets[1], SPEECH_RATE, 1) as voice,
        ):
            writer = _Writer(sound, bed, voice, segments)
            for start, end in stretches(segments, sound.frames):
                await self._copy(writer, start, report)
                async with aclosing(self._voices(engine, sound, start, end)) as voices:
                    async for block in voices:
                        await in_thread(partial(writer.write, block))
                        report(writer.share)
                await in_thread(partial(writer.fill, end))
            await self._copy(writer, sound.frames, report)

    async def _copy(self, writer: _Writer, end: int, report: Report) -> None:
        while await in_thread(partial(writer.copy, end)):
            report(writer.share)

    async def _voices(self, engine: str, sound: SoundReader, start: int, end: int) -> AsyncGenerator[Stereo, None]:
        """What is said in a stretch, at the source's rate. After a crash what was given already is not given again."""
        given, forgiveness = 0, Forgiveness(engine)
        while True:
            passed = 0
            try:
                async with aclosing(self._once(engine, sound, start, end)) as blocks:
                    async for block in blocks:
                        passed += len(block)
                        if passed > given:
                            yield block[-(passed - given) :]
                            given = passed
                return
            except EngineFailed as error:
                if not forgiveness.forgives(error):
                    raise

    async def _once(self, engine: str, sound: SoundReader, start: int, end: int) -> AsyncGenerator[Stereo, None]:
        able = self._registry.describe_separator(engine)
        back = StereoResampler(able.sample_rate, SOUND_RATE)
        size = max(_GRID, round(able.block_seconds * SOUND_RATE))
        blocks = _blocks(sound, start, end, size, able.sample_rate)
        async with aclosing(self._engines.separate(engine, blocks, (able.speech,))) as parts:
            async for stems in parts:
                yield back.process(stems[0])
        yield back.process(np.zeros((0, 2), np.float32), last=True)


class _Writer:
    """Writes bed and voices from the beginning of a source to its end, in step with it."""

    def __init__(self, sound: SoundReader, bed: SoundWriter, voice: SoundWriter, segments: Sequence[Segment]) -> None:
        self._sound = sound
        self._bed = bed
        self._voice = voice
        self._down = StreamResampler(SOUND_RATE, SPEECH_RATE)
        spans = [(segment.start * SOUND_RATE, segment.end * SOUND_RATE) for segment in segments]
        self._ramps = Ramps(spans, _RAMP_SECONDS * SOUND_RATE)

    @property
    def share(self) -> float:
        """Of the source, 0 to 1."""
        return self._bed.frames / max(1, self._sound.frames)

    def write(self, voices: Stereo) -> None:
        """The next part of the source: voices into the one file, what is left of the source into the other."""
        start = self._bed.frames
        source = _stereo(self._sound.read(start, len(voices)))
        if not len(source):
            return
        weights = self._ramps.between(start, start + len(source))[:, None]
        self._bed.write(np.where(weights > 0, source - weights * voices[: len(source)], source))
        last = self._bed.frames >= self._sound.frames
        self._voice.write(self._down.process(voices[: len(source)].mean(axis=1), last=last)[:, None])

    def copy(self, end: int) -> bool:
        """Some more of the source, in which nobody speaks, up to `end`; False when that is reached."""
        count = min(_COPIED, end - self._bed.frames)
        if count > 0:
            self.write(np.zeros((count, 2), np.float32))
        return count > 0

    def fill(self, end: int) -> None:
        """Up to the end of a stretch, by which a change of the rate may miss a sample."""
        self.copy(min(end, self._bed.frames + _GRID))


def stretches(segments: Sequence[Segment], total: int) -> list[tuple[int, int]]:
    """What the engine is to hear: from when to when, in samples, in order and apart."""
    margin = _CONTEXT_SECONDS * SOUND_RATE
    wide = joined(((each.start * SOUND_RATE - margin, each.end * SOUND_RATE + margin) for each in segments), _GRID)
    found = ((max(0, _down_to_grid(start)), min(total, _down_to_grid(end) + _GRID)) for start, end in wide)
    return [(start, end) for start, end in found if end > start]


async def read_segments(files: DubFiles, work: Work) -> list[Segment]:
    """Where somebody speaks, as `Listen` has found."""
    return [Segment(*span) for span in json.loads(await files.get(*work.place, SEGMENTS))]


async def bed_maker(files: DubFiles, work: Work) -> str:
    """The engine that made the bed; empty when none did."""
    if not await files.has(*work.place, BED_MAKER):
        return ""
    return str(json.loads(await files.get(*work.place, BED_MAKER))["engine"])


async def _by_pauses(original: Path, target: Path, segments: Sequence[Segment], report: Report) -> None:
    with SoundReader(original) as sound, SoundWriter(target, SOUND_RATE, 2) as bed:
        beds: Iterator[Stereo] = bed_blocks(map(_stereo, sound.blocks()), SOUND_RATE, segments, sound.frames)

        def some() -> bool:
            """False at the end."""
            block = next(beds, None)
            if block is not None:
                bed.write(block)
            return block is not None

        while await in_thread(some):
            report(bed.frames / max(1, sound.frames))


async def _blocks(sound: SoundReader, start: int, end: int, size: int, rate: int) -> AsyncIterator[Stereo]:
    """A stretch of the source in stereo, at the engine's rate."""
    change = StereoResampler(SOUND_RATE, rate)

    def block(at: int) -> Stereo:
        count = min(size, end - at)
        return change.process(_stereo(sound.read(at, count)), last=at + count >= end)

    for at in range(start, end, size):
        yield await in_thread(partial(block, at))


def _down_to_grid(place: float) -> int:
    return int(place // _GRID) * _GRID


def _stereo(block: Stereo) -> Stereo:
    return np.repeat(block, 2, axis=1) if block.shape[1] == 1 else block
