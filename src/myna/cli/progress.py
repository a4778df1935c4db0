"""How `myna models pull` shows that something comes: bars on a terminal, a line for each file elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from myna.models.catalogue import in_words

if TYPE_CHECKING:
    from rich.progress import TaskID


class DownloadBars:
    """Is told of a download (`myna.models.download.Progress`) and shows it on standard error."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
        from rich.progress import TransferSpeedColumn as SpeedColumn

        console = Console(stderr=True, highlight=False, markup=False)
        self._terminal = sys.stderr.isatty()
        self._bars = Progress(
            TextColumn("  {task.description}", markup=False),
            BarColumn(),
            DownloadColumn(),
            SpeedColumn(),
            TimeRemainingColumn(),
            console=console,
            disable=not self._terminal,
        )
        self._task: TaskID | None = None
        self._name = ""

    def __enter__(self) -> DownloadBars:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def begin(self, name: str, done: int, total: int | None) -> None:
        """One bar for each file; one that goes on after an interruption keeps its bar."""
        if self._task is None or name != self._name:
            self._task, self._name = self._bars.add_task(name, total=total), name
            if not self._terminal:
                of = f" of {in_words(total)}" if total else ""
                print(f"  {name}: {in_words(done)}{of} are here" if done else f"  {name}{of}", file=sys.stderr)
        self._bars.update(self._task, total=total, completed=done)

    def advance(self, count: int) -> None:
        """So many more bytes are here."""
        if self._task is not None:
            self._bars.advance(self._task, count)

    def say(self, words: str) -> None:
        """Above the bars."""
        print(f"  {words}", file=sys.stderr) if not self._terminal else self._bars.console.print(f"  {words}")
