"""The sound and the subtitles of a film, with times that count from where the film begins."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np

from myna.errors import UnsupportedMedia
from myna.media.probe import open_descriptor, refuse_other_files
from myna.media.sandbox import Found, Limits, film_sandbox
from myna.media.soundfiles import SoundWriter

_CPU_SHARE = 0.25
"""Of the length of a film: what decoding its sound may take, and some more."""
_LEAST_CPU_SECONDS = 20
_SUBTITLE_SECONDS = 60.0
_SPARE_SECONDS = 2.0
_PADDING_BLOCK = 480_000


async def extract_sound(
    source: Path,
    target: Path,
    *,
    sample_rate: int = 48_000,
    mono: bool = False,
    max_seconds: float,
    timeout: float,
    index: int | None = None,
    at_least: float = 0.0,
) -> float:
    """Write a sound track of a film as FLAC, and return its length in seconds.

    Sample 0 is where the film begins: a track that begins late begins with silence, and gaps are filled. `index` is
    the track's of `MediaInfo`, by default the one that players choose. `at_least` adds silence up to this length,
    such as that of the pictures. Mono stays mono, more channels than two are mixed down.

    Memory: a few blocks, however long the film is. Raises `UnsupportedMedia` when there is no sound, more than
    `max_seconds`, or it cannot be read within `timeout` seconds, and `StorageFull`; then nothing is left on disk.
    """
    await asyncio.to_thread(refuse_other_files, source)
    details = {"index": index, "sample_rate": sample_rate, "mono": mono, "max_seconds": max_seconds}
    limits = Limits(cpu_seconds=round(_LEAST_CPU_SECONDS + _CPU_SHARE * max_seconds))
    listener = _ToDisk(target, max_seconds)
    try:
        with open_descriptor(source) as descriptor:
            await film_sandbox().run(
                "sound",
                {"source": descriptor, **details},
                descriptors=(descriptor,),
                timeout=timeout,
                limits=limits,
                listener=listener,
            )
        return await asyncio.to_thread(listener.complete, at_least)
    except BaseException:
        listener.give_up()
        raise


async def extract_subtitles(source: Path, index: int) -> str:
    """A subtitle track as SRT, without its styles; `index` is the track's of `MediaInfo`.

    Raises `UnsupportedMedia` when there is no such track, or it has pictures instead of text.
    """
    await asyncio.to_thread(refuse_other_files, source)
    with open_descriptor(source) as descriptor:
        found = await film_sandbox().run(
            "subtitles",
            {"source": descriptor, "index": index},
            descriptors=(descriptor,),
            timeout=_SUBTITLE_SECONDS,
            limits=Limits(),
        )
    return "\n".join(_cue(number, *cue) for number, cue in enumerate(found["cues"], 1))


def _cue(number: int, start: float, end: float, text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"{number}\n{_time(start)} --> {_time(end)}\n" + "\n".join(lines) + "\n"


def _time(seconds: float) -> str:
    minutes, thousandths = divmod(round(1_000 * max(0.0, seconds)), 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{thousandths // 1_000:02},{thousandths % 1_000:03}"


class _ToDisk(Found):
    """Writes sound as it comes, in a thread, so nothing else waits."""

    def __init__(self, target: Path, max_seconds: float) -> None:
        super().__init__()
        self._target = target
        self._most_seconds = max_seconds + _SPARE_SECONDS
        self._writer: SoundWriter | None = None

    def found(self, document: dict[str, Any]) -> None:
        super().found(document)
        self._writer = SoundWriter(self._target, document["sample_rate"], document["channels"])

    async def sound(self, block: bytes) -> None:
        if self._writer is None or self._writer.seconds > self._most_seconds:
            raise UnsupportedMedia("Reading this file failed.", reason="more sound than was asked for")
        samples = np.frombuffer(block, np.int16).reshape(-1, self._writer.channels)
        await asyncio.to_thread(self._writer.write, samples)

    def complete(self, at_least: float) -> float:
        assert self._writer is not None
        writer = self._writer
        while (missing := round(at_least * writer.sample_rate) - writer.frames) > 0:
            writer.write(np.zeros((min(missing, _PADDING_BLOCK), writer.channels), np.int16))
        writer.close()
        return writer.seconds

    def give_up(self) -> None:
        if self._writer is not None:
            self._writer.discard()
