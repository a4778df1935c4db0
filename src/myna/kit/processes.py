"""What a process asks of its system."""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

LESS_URGENT = 10
"""Steps of niceness for work that nobody waits for at this moment."""

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG
_MOST_ARENAS = -8  # M_ARENA_MAX
_LEAST_MAPPED = -3  # M_MMAP_THRESHOLD
_LEAST_RETURNED = -1  # M_TRIM_THRESHOLD


def die_with(parent: int) -> None:
    """Have the kernel end this process when the one that started it ends, however that happens."""
    with contextlib.suppress(OSError, AttributeError):  # Linux only; elsewhere the closed pipe is what ends it
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


@contextlib.contextmanager
def ended_at_once() -> Iterator[None]:
    """Have this process end with the status of what runs within, but without taking the interpreter apart.

    Python still waits for its own threads and calls what was registered with `atexit` since. Threads of libraries in
    Rust it cannot wait for: one that hands a result over while the interpreter is taken apart is ended by Python in
    the middle of Rust code, which aborts the process, though all its work was done (pyo3-async-runtimes issue 40).
    """
    status = 1

    def end() -> None:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):  # nobody reads any more
                stream.flush()
        os._exit(status)

    atexit.register(end)
    try:
        yield
        status = 0
    except SystemExit as ending:
        code = ending.code or 0
        status = code & 0xFF if isinstance(code, int) else 1
        raise


def give_way() -> None:
    """Leave the processor to what is more urgent. Call it once, in a process that began a session of its own.

    Where Linux gives each session an equal share of it (sched_autogroup), niceness counts within a session only, and
    the session has one of its own.
    """
    os.nice(LESS_URGENT)
    if os.getsid(0) == os.getpid():
        with contextlib.suppress(OSError):
            Path("/proc/self/autogroup").write_text(str(LESS_URGENT))


def keep_little_memory(arenas: int = 1, mapped: int = 128 * 1024, kept: int = 2048 * 1024) -> None:
    """Have glibc keep free memory in one place for all threads, not in up to eight for each processor; give back at
    once pieces of `mapped` bytes or more, and what is free beyond `kept` bytes at the end of a place.

    Sound comes and goes in large pieces on many threads; what each keeps for itself looks like growth. Where no sizes
    are set, glibc raises its own up to 64 MiB, and large pieces leave holes between small ones that stay. With smaller
    sizes the system is asked so often that answers take longer.
    """
    with contextlib.suppress(OSError, AttributeError):  # glibc only
        library = ctypes.CDLL(None)
        library.mallopt(_MOST_ARENAS, arenas)
        library.mallopt(_LEAST_MAPPED, mapped)
        library.mallopt(_LEAST_RETURNED, kept)
