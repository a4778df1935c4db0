"""The dub's sound: spoken lines in their places over what was heard besides speech."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from myna.audio.mixing import Mixer, Placed
from myna.audio.stretch import fit_take
from myna.audio.waveform import waveform
from myna.dubbing.files import DubFiles
from myna.dubbing.schemas import DubbedLine
from myna.dubbing.stages.separating import BED
from myna.dubbing.stages.taking_in import ORIGINAL, SOUND_RATE
from myna.dubbing.steps import Report, share
from myna.dubbing.store import DubStore, Part, Work
from myna.dubbing.takes import Takes
from myna.dubbing.threads import in_thread
from myna.engines.base import Samples
from myna.kit.threads import run_in_thread
from myna.media.soundfiles import SoundReader, SoundWriter, read_sound

_BLOCKS_AT_ONCE = 20
"""Blocks that are mixed in one go in a thread; between them the stage can be canceled."""
_POINTS, _PER_POINT = 50, 3


class Mix:
    """A track of dialogue, and the whole sound."""

    def __init__(self, files: DubFiles, store: DubStore, takes: Takes) -> None:
        self._files = files
        self._store = store
        self._takes = takes

    async def __call__(self, work: Work, report: Report) -> None:
        for number, part in enumerate(work.parts):
            await self._part(work, part, share(report, number, len(work.parts)))

    async def _part(self, work: Work, part: Part, report: Report) -> None:
        names = dialogue_name(work, part.language), mix_name(work, part.language)
        if part.draft.waveform and all([await self._files.has(*work.place, name) for name in names]):
            return
        total = await self._total(work)
        placed = [await self._placed(work, line) for line in part.draft.lines if line.take]
        mixer = await run_in_thread(lambda: Mixer(SOUND_RATE, placed, total, levels=_levels(part)))
        paths = self._files.scratch(work.dub.id), self._files.scratch(work.dub.id)
        try:
            picture = await self._write(work, mixer, paths, total, report)
            for name, path in zip(names, paths, strict=True):
                await self._files.keep(*work.place, name, path)
        finally:
            for path in paths:
                path.unlink(missing_ok=True)
        draft = replace(part.draft, levels=mixer.levels, waveform=picture.levels())
        await self._store.keep_draft(work.dub.id, replace(part, draft=draft))

    async def _total(self, work: Work) -> int:
        """Samples: as long as the source."""
        seconds = work.dub.duration
        if seconds is not None:
            return round(seconds * SOUND_RATE)
        with SoundReader(await self._files.local(*work.place, ORIGINAL)) as original:
            return original.frames

    async def _placed(self, work: Work, line: DubbedLine) -> Placed:
        start = round(line.start * SOUND_RATE)
        length = round(line.end * SOUND_RATE) - start
        return Placed(start, length, _loader(await self._takes.path(work, line.take), line), line.speaker)

    async def _write(self, work: Work, mixer: Mixer, paths: tuple[Path, Path], total: int, report: Report) -> _Picture:
        bed = await self._files.local(*work.place, BED) if work.dub.request.background else None
        picture = _Picture(total)
        done = 0
        with SoundWriter(paths[0], SOUND_RATE, 1) as dialogue, SoundWriter(paths[1], SOUND_RATE, 2) as whole:
            blocks = mixer.blocks(_bed_blocks(bed) if bed else None)

            def some() -> int | None:
                """Frames that were mixed; None at the end."""
                mixed = 0
                taken = list(islice(blocks, _BLOCKS_AT_ONCE))
                for block in taken:
                    dialogue.write(block.dialogue)
                    whole.write(block.mix)
                    picture.add(block.mix.mean(axis=1))
                    mixed += len(block.dialogue)
                return mixed if taken else None

            while (mixed := await in_thread(some)) is not None:
                done += mixed
                report(done / max(1, total))
        return picture


def dialogue_name(work: Work, language: str) -> str:
    return f"{language}/{work.job.id}/dialogue.flac"


def mix_name(work: Work, language: str) -> str:
    return f"{language}/{work.job.id}/mix.flac"


def _levels(part: Part) -> dict[str, float]:
    """Those of speakers of whom some line stays as it is."""
    staying = {line.speaker for line in part.target.lines if not part.is_open(line)}
    return {speaker: level for speaker, level in part.target.levels.items() if speaker in staying}


def _loader(path: Path, line: DubbedLine) -> Callable[[], Samples]:
    def load() -> Samples:
        samples, rate = read_sound(path)
        return fit_take(samples, rate, SOUND_RATE, factor=line.stretch, seconds=line.end - line.start)

    return load


def _bed_blocks(path: Path) -> Iterator[Samples]:
    with SoundReader(path) as bed:
        yield from bed.blocks()


class _Picture:
    """The waveform of a sound that comes in blocks: only the samples that it looks at are kept."""

    def __init__(self, total: int) -> None:
        places = (np.arange(_POINTS)[:, None] + np.array([0.25, 0.5, 0.75])) * total / _POINTS
        self._places = places.astype(np.int64).reshape(-1)
        self._picked = np.zeros(_POINTS * _PER_POINT, np.float32)
        self._at = 0

    def add(self, block: Samples) -> None:
        inside = (self._places >= self._at) & (self._places < self._at + len(block))
        self._picked[inside] = block[self._places[inside] - self._at]
        self._at += len(block)

    def levels(self) -> tuple[float, ...]:
        return waveform(self._picked, _POINTS)
