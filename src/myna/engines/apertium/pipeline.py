"""The programs of one mode, kept running: starting them takes 200 ms, a sentence 1 ms.

apertium is GPL; it runs in processes of its own and is never linked. A line ends with NUL, and so does its answer.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from myna.engines.apertium.modes import commands
from myna.engines.apertium.text import LINE_END

_READ = 65_536
_MILLISECONDS = 1_000


class PipelineBroken(Exception):
    """The programs ended, or said nothing for too long."""


class Pipeline:
    """Answers lines in the stream format, in order."""

    def __init__(self, path: Path) -> None:
        """Start the programs of a mode."""
        self._programs: list[subprocess.Popen[bytes]] = []
        environment = os.environ | {"LC_ALL": "C.UTF-8"}
        source: int = subprocess.PIPE
        try:
            for command in commands(path):
                program = subprocess.Popen(command, stdin=source, stdout=subprocess.PIPE, env=environment)
                if self._programs:
                    os.close(source)
                assert program.stdout is not None
                source = os.dup(program.stdout.fileno())
                program.stdout.close()
                self._programs.append(program)
        except (OSError, ValueError) as error:
            self._close_output(source)
            self.close()
            raise PipelineBroken(str(error)) from None
        self._output = source

    def ask(self, lines: Sequence[str], seconds: float) -> Iterator[str]:
        """An answer for each line, as it comes. Raises `PipelineBroken` after `seconds` without one."""
        writer = threading.Thread(target=self._write, args=(lines,), daemon=True)
        writer.start()
        waiting = bytearray()
        for _ in lines:
            yield self._answer(waiting, seconds)
        writer.join(seconds)

    def close(self) -> None:
        """End the programs: they have nothing to tidy up."""
        for program in self._programs:
            program.kill()
        for program in self._programs:
            program.wait()
            if program.stdin:
                with contextlib.suppress(OSError):
                    program.stdin.close()
        if self._programs:
            self._close_output(getattr(self, "_output", -1))
        self._programs = []

    @staticmethod
    def _close_output(descriptor: int) -> None:
        if descriptor >= 0:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _write(self, lines: Sequence[str]) -> None:
        """In a thread of its own: the programs answer while they read."""
        stdin = self._programs[0].stdin
        assert stdin is not None
        with contextlib.suppress(OSError, ValueError):  # whoever reads the answers notices
            for line in lines:
                stdin.write(f"{line}{LINE_END}\0".encode())
            stdin.flush()

    def _answer(self, waiting: bytearray, seconds: float) -> str:
        until = time.monotonic() + seconds
        while (end := waiting.find(b"\0")) < 0:
            waiting += self._read(until - time.monotonic())
        answer = bytes(waiting[:end]).decode(errors="replace")
        del waiting[: end + 1]
        if not answer.endswith(LINE_END):
            raise PipelineBroken("one of its programs ended in the middle")
        return answer

    def _read(self, seconds: float) -> bytes:
        ready = select.poll()
        ready.register(self._output, select.POLLIN)
        if seconds <= 0 or not ready.poll(seconds * _MILLISECONDS):
            raise PipelineBroken("it said nothing in time")
        if not (read := os.read(self._output, _READ)):
            raise PipelineBroken("one of its programs ended")
        return read
