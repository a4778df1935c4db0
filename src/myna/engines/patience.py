"""For engines whose library gives nothing before the whole sentence is done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import numpy as np

from myna.engines.base import AudioChunk, Samples

_BEAT = 1.0
"""Seconds between two signs of life, far below what the server waits for."""
_CHUNK_SECONDS = 0.5


def patiently(work: Callable[[], Samples], rate: int) -> Iterator[AudioChunk]:
    """The sound that `work` makes, in pieces; empty pieces while it works, so that the engine does not seem to hang.

    Closing the iterator waits until `work` has ended: have it end soon. Raises what `work` raises.
    """
    made: list[Samples] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            made.append(work())
        except BaseException as error:
            failed.append(error)

    worker = threading.Thread(target=run, name="sentence", daemon=True)
    worker.start()
    try:
        while worker.is_alive():
            worker.join(_BEAT)
            if worker.is_alive():
                yield AudioChunk(np.zeros(0, np.float32), rate)
    finally:
        worker.join()
    if failed:
        raise failed[0]
    yield from in_pieces(made[0], rate)


def in_pieces(samples: Samples, rate: int) -> Iterator[AudioChunk]:
    """Mono sound in chunks of half a second."""
    size = round(_CHUNK_SECONDS * rate)
    for begin in range(0, len(samples), size):
        yield AudioChunk(samples[begin : begin + size], rate)
