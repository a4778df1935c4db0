"""Which speech servers are well: a board that all processes of the engine read and write, and the server's metrics.

A circuit breaker for each server: so many failures in a row open it, and the server is left alone for a while. Then
one request is let through; its outcome closes the breaker, or opens it again. The board is a small file in the
temporary folder that belongs to one `myna serve`; where it cannot be had, each process keeps a board of its own.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

_PROBE_SECONDS = 120.0
"""A probe that has said nothing for so long is lost, and another request may be one."""


@dataclass(slots=True)
class Health:
    """What is known of one server. Times are of the machine's steady clock, which all processes share."""

    failures: int = 0
    """In a row."""
    open_until: float = 0.0
    probe_until: float = 0.0
    busy_until: float = 0.0
    """It has asked not to be asked until then."""
    last_failure: str = ""
    answered: int = 0
    """Requests that it answered, ever."""
    failed: int = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """When a server is left alone."""

    failures: int
    rest: float
    """Seconds."""


class Board:
    """The health of all servers, and whose turn it is."""

    def __init__(self, path: Path | None, rules: Rules, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._rules = rules
        self._clock = clock
        self._lock = threading.Lock()
        self._own = "{}"

    @classmethod
    def of_server(cls, pid: int, rules: Rules) -> Board:
        """The board of the `myna serve` with this process id."""
        return cls(_place(pid), rules)

    def choose(self, names: Sequence[str], tried: Collection[str] = ()) -> str | None:
        """The server whose turn it is among those that may be asked, preferably one that was not tried.

        None when all are open or busy. One that has rested is given out once, as a probe.
        """
        with self._open() as board:
            turn, now = board.get("turn", 0), self._clock()
            board["turn"] = turn + 1
            in_turn = [names[(turn + place) % len(names)] for place in range(len(names))]
            able = [name for name in in_turn if self._may_be_asked(_health(board, name), now)]
            chosen = next((name for name in able if name not in tried), able[0] if able else None)
            if chosen is not None:
                health = _health(board, chosen)
                if health.failures >= self._rules.failures:
                    health.probe_until = now + _PROBE_SECONDS
                    _keep(board, chosen, health)
            return chosen

    def succeeded(self, name: str) -> None:
        with self._changed(name) as health:
            health.answered += 1
            health.failures, health.open_until, health.probe_until, health.last_failure = 0, 0.0, 0.0, ""

    def failed(self, name: str, reason: str) -> None:
        with self._changed(name) as health:
            health.failed += 1
            health.failures += 1
            health.probe_until, health.last_failure = 0.0, reason
            if health.failures >= self._rules.failures:
                health.open_until = self._clock() + self._rules.rest

    def busy(self, name: str, seconds: float) -> None:
        """It works, and asks not to be asked for a while."""
        with self._changed(name) as health:
            health.probe_until = 0.0
            health.busy_until = max(health.busy_until, self._clock() + seconds)

    def given_up(self, name: str) -> None:
        """Whoever asked went away before there was an outcome."""
        with self._changed(name) as health:
            health.probe_until = 0.0

    def wait(self, names: Sequence[str]) -> float:
        """Seconds until the first of them may be asked; 0 when one may now."""
        with self._open() as board:
            now = self._clock()
            return min(max(0.0, _until(_health(board, name)) - now) for name in names)

    def rest(self, names: Sequence[str]) -> float:
        """Seconds until the first of those that are left alone is tried again; one that is being tried counts as 0."""
        with self._open() as board:
            now = self._clock()
            return min(max(0.0, _health(board, name).open_until - now) for name in names)

    def is_open(self, name: str) -> bool:
        """Whether it is left alone, or about to be tried again."""
        with self._open() as board:
            return _health(board, name).failures >= self._rules.failures

    def health(self) -> dict[str, Health]:
        """Of each server that was ever asked."""
        with self._open() as board:
            return {name: _health(board, name) for name in board.get("servers", {})}

    def _may_be_asked(self, health: Health, now: float) -> bool:
        return _until(health) <= now

    @contextlib.contextmanager
    def _changed(self, name: str) -> Iterator[Health]:
        with self._open() as board:
            health = _health(board, name)
            yield health
            _keep(board, name, health)

    @contextlib.contextmanager
    def _open(self) -> Iterator[dict[str, Any]]:
        """The board, for this thread and this process alone."""
        with self._lock:
            if self._path is None:
                board = json.loads(self._own)
                yield board
                self._own = json.dumps(board)
                return
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
            with open(descriptor, "r+", encoding="utf-8") as file:
                fcntl.flock(file, fcntl.LOCK_EX)
                board = _read(file.read())
                yield board
                file.seek(0)
                file.truncate()
                json.dump(board, file)


def _until(health: Health) -> float:
    return max(health.open_until, health.probe_until, health.busy_until)


def _health(board: dict[str, Any], name: str) -> Health:
    return Health(**board.get("servers", {}).get(name, {}))


def _keep(board: dict[str, Any], name: str, health: Health) -> None:
    board.setdefault("servers", {})[name] = asdict(health)


def _read(text: str) -> dict[str, Any]:
    """A board that somebody cut in the middle is a new one."""
    try:
        board = json.loads(text)
    except ValueError:
        return {}
    return board if isinstance(board, dict) else {}


def _place(pid: int) -> Path | None:
    """Where the board of a process lies; None where nobody else must be able to write cannot be had.

    Removes the boards of processes that are gone.
    """
    folder = Path(tempfile.gettempdir()) / f"myna-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.is_symlink() or folder.stat().st_uid != os.getuid():
            return None
        began = round(psutil.Process(pid).create_time())
        for board in folder.glob("upstreams-*.json"):
            owner = board.name.split("-")[1]
            if owner.isdecimal() and not psutil.pid_exists(int(owner)):
                board.unlink(missing_ok=True)
    except (OSError, psutil.Error):
        return None
    return folder / f"upstreams-{pid}-{began}.json"
