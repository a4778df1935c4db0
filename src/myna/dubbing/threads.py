"""Work in threads that open files: it is never left behind, so that nobody closes a file under its hands."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import Self, TypeVar

from myna.engines.base import Samples
from myna.errors import Canceled
from myna.kit.finishing import waited_for
from myna.kit.threads import run_in_thread
from myna.media.soundfiles import SoundReader

Result = TypeVar("Result")


async def in_thread(work: Callable[[], Result]) -> Result:
    """What `work` gives. When the caller is canceled, the thread is waited for: give it little to do at a time."""
    return await waited_for(run_in_thread(work))


class SharedSound:
    """A mono sound file that other parts read from their own threads, even when its owner has let go of it."""

    def __init__(self, path: Path) -> None:
        self._reader = SoundReader(path)
        self._lock = Lock()
        self._closed = False
        self.seconds = self._reader.seconds

    def read(self, start: float, end: float) -> Samples:
        """The sound between two moments, in seconds; less of it at the end. Raises `Canceled` after the end."""
        rate = self._reader.sample_rate
        first = max(0, round(start * rate))
        with self._lock:
            if self._closed:
                raise Canceled
            return self._reader.read(first, max(0, round(end * rate) - first))[:, 0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._closed = True
            self._reader.close()
